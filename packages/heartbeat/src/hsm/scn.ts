/**
 * State change notifications: who wants which, and what one request tells. A request tells of one kind of change (state,
 * role, software status or enabled) and of all components for which it reads alike. Pure.
 */
import type { ScnBody, ScnSubscription } from '../types.ts';

/** Components in one request. */
export const COMPONENTS_MAX = 1_000;

/** The name under which the store keeps how far a subscriber was told. */
export const FOLLOWER = 'hsm.scn ';
export const followerName = (id: number): string => `${FOLLOWER}${id}`;

/** A change of a component may be of several kinds; each is told to those who want it. */
export function partsOf({ State, Flag, Role, SubRole, SoftwareStatus, Enabled }: ScnBody): readonly ScnBody[] {
  const parts: ScnBody[] = [];
  if (State !== undefined) parts.push({ State, ...(Flag === undefined ? {} : { Flag }) });
  if (Role !== undefined || SubRole !== undefined) {
    parts.push({ ...(Role === undefined ? {} : { Role }), ...(SubRole === undefined ? {} : { SubRole }) });
  }
  if (SoftwareStatus !== undefined) parts.push({ SoftwareStatus });
  if (Enabled !== undefined) parts.push({ Enabled });
  return parts;
}

/** Decided by the first of State, Role, SubRole, SoftwareStatus and Enabled that it has. */
export function wants(
  subscription: ScnSubscription,
  { State, Role, SubRole, SoftwareStatus, Enabled }: ScnBody,
): boolean {
  const { States, Roles, SubRoles, SoftwareStatus: statuses } = subscription;
  if (State !== undefined) return has(States, State);
  if (Role !== undefined) return has(Roles, Role);
  if (SubRole !== undefined) return has(SubRoles, SubRole);
  if (SoftwareStatus !== undefined) return has(statuses, SoftwareStatus);
  return Enabled !== undefined && subscription.Enabled === true;
}

const has = (words: readonly string[] | undefined, word: string): boolean =>
  words?.some((one) => one.toLowerCase() === word.toLowerCase()) ?? false;

/** One change of one component, of one kind. */
export interface Item {
  /** Tells it from all others. */
  readonly key: string;
  readonly name: string;
  readonly body: ScnBody;
}

/** One request. */
export interface Notification {
  readonly body: ScnBody;
  readonly components: readonly string[];
  readonly keys: readonly string[];
}

/** What is told of alike goes together, as far as each component's own changes stay in their order. */
export function together(items: readonly Item[]): readonly Notification[] {
  const all: { body: ScnBody; components: string[]; keys: string[] }[] = [];
  /** Where the last one stands that reads so, and the last one that names a component. */
  const lastLike = new Map<string, number>();
  const lastOf = new Map<string, number>();
  for (const { key, name, body } of items) {
    const text = JSON.stringify(body);
    const like = lastLike.get(text);
    const one = like === undefined || like <= (lastOf.get(name) ?? -1) ? undefined : all[like];
    if (one !== undefined && one.components.length < COMPONENTS_MAX) {
      one.components.push(name);
      one.keys.push(key);
    } else {
      lastLike.set(text, all.length);
      all.push({ body, components: [name], keys: [key] });
    }
    lastOf.set(name, lastLike.get(text) ?? 0);
  }
  return all;
}

/** In the order of smd's fields. */
export function payload({ body, components: Components }: Notification): string {
  const { State, Flag, Role, SubRole, SoftwareStatus, Enabled } = body;
  return JSON.stringify({ Components, Enabled, Flag, Role, SubRole, SoftwareStatus, State });
}
