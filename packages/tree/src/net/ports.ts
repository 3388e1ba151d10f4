/** What the shells of the tree need from the daemon around them, in their own words. */
import type { Now } from '@csm/model';

export interface Clock {
  now(): Now;
}

export interface Log {
  error(text: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(text: string, fields?: Readonly<Record<string, unknown>>): void;
  info(text: string, fields?: Readonly<Record<string, unknown>>): void;
  debug(text: string, fields?: Readonly<Record<string, unknown>>): void;
}
