/** What the threads say to each other. */
import type { Problem } from '@csm/model';
import type { CallText, Committed, QueryText } from '../engine.ts';
import type { SqlValue } from '../module.ts';
import type { TextPage } from './text-page.ts';
import type { WriterLimits } from './writer.ts';

export interface WriterData {
  readonly file: string;
  /** URLs of the modules. */
  readonly modules: readonly string[];
  readonly lock: boolean;
  readonly limits: WriterLimits;
  readonly now: number;
  /** Stands in the leader row. */
  readonly master: string;
}

export type ToWriter = { readonly kind: 'write'; readonly calls: readonly CallText[] } | { readonly kind: 'close' };

export type FromWriter =
  | { readonly kind: 'ready'; readonly procedures: readonly string[]; readonly head: number; readonly term: number }
  | { readonly kind: 'refused'; readonly problem: Problem }
  | { readonly kind: 'committed'; readonly commit: Committed }
  | { readonly kind: 'written' };

export interface ReaderData {
  readonly file: string;
  readonly queryBytes: number;
  readonly queryMs: number;
}

export type ToReader =
  | { readonly kind: 'read'; readonly id: number; readonly query: QueryText }
  /** One text a row: pages of them are answered, and `read`. */
  | { readonly kind: 'texts'; readonly id: number; readonly query: QueryText }
  | { readonly kind: 'close' };

export type FromReader =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly problem: Problem }
  | {
      readonly kind: 'rows';
      readonly id: number;
      readonly columns: readonly string[];
      /** Row by row, or the same as JSON. Buffers arrive as bare Uint8Arrays. */
      readonly values: readonly (readonly SqlValue[])[] | string;
    }
  | { readonly kind: 'texts'; readonly id: number; readonly page: TextPage }
  | { readonly kind: 'textsEnd'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly problem: Problem };
