/** What the service needs of the rooms around it, in its own words; `assemble.ts` brings them together. */
import type { Wall } from '@csm/model';
import type { TelemetryTarget } from './params/telemetry.ts';
import type { Incident, Limits, Params, Restored, ServiceHealth, Thresholds } from './types.ts';

export interface Log {
  error(text: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(text: string, fields?: Readonly<Record<string, unknown>>): void;
  info(text: string, fields?: Readonly<Record<string, unknown>>): void;
  debug(text: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What a process that begins finds in the database. */
export interface Kept {
  readonly components: readonly Restored[];
  /** Undefined where none were ever changed. */
  readonly params: { readonly params: Params; readonly configured: Params } | undefined;
  readonly special: Thresholds['special'];
  /** Components that the built-in state manager has as Off. */
  readonly off: readonly string[];
  /** Incidents without an end. */
  readonly open: readonly Incident[];
  /** Until when somebody watched; undefined: never before. */
  readonly watchedUntil: Wall | undefined;
}

/** What somebody who tells others says of himself. */
export interface Telling {
  /** What waits to be told. */
  readonly waiting: number;
  /** What is wrong now, a sentence each. */
  readonly problems: readonly string[];
}

/** To an external state manager; it begins when it is made, and reads the parameters as they are. */
export interface Sender {
  status(): Telling & { readonly manager: ServiceHealth['manager']; readonly lastDelivery: Wall | null };
  paramsChanged(): void;
  stop(): Promise<void>;
}

/** To the message bus; it begins when it is made. */
export interface Bus extends Telling {
  readonly state: Exclude<ServiceHealth['bus'], 'off'>;
  stop(): Promise<void>;
}

/** Notifications of the built-in state manager to its subscribers; they begin when it is made. */
export interface Notifications {
  status(): Telling;
  stop(): Promise<void>;
}

export interface Tellers {
  sender(params: () => Params): Sender;
  bus(target: TelemetryTarget): Promise<Bus>;
  /** Nothing is published any more: what was yet to be is not kept for it. */
  noBus(): Promise<void>;
  notifications(): Notifications;
}

export const limitsOf = ({ Warntime, Errtime }: Pick<Params, 'Warntime' | 'Errtime'>): Limits => ({
  warnMs: Number(Warntime) * 1000,
  errMs: Number(Errtime) * 1000,
});
