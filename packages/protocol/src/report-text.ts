/**
 * A `report` as its node writes it: each body was made into JSON when the report was accepted, and the journal and every
 * frame take that text. To make it anew each time was a quarter of what a report costs its node.
 */
import type { MessageOf } from './message.ts';

/** A report whose body is JSON already. */
export interface WrittenItem {
  readonly kind: string;
  readonly time: number;
  /** The body. */
  readonly text: string;
}

/** The message `report`, of written items. */
export type WrittenReport = Omit<MessageOf<'report'>, 'items'> & { readonly items: readonly WrittenItem[] };

/** The message as JSON. */
export function reportText({ kind, term, incarnation, first, bytes, items }: WrittenReport): string {
  const head = JSON.stringify({ kind, term, incarnation, first, bytes });
  let text = `${head.slice(0, -1)},"items":[`;
  let comma = '';
  for (const { kind, time, text: body } of items) {
    text += `${comma}{"kind":${kindText(kind)},"time":${time},"body":${body}}`;
    comma = ',';
  }
  return `${text}]}`;
}

/** Kinds whose JSON is remembered: more than all features have. */
const KINDS_KEPT = 256;
const kinds = new Map<string, string>();

/** A kind as JSON. Kinds are few, and come again and again. */
export function kindText(kind: string): string {
  let text = kinds.get(kind);
  if (text === undefined) {
    text = JSON.stringify(kind);
    if (kinds.size >= KINDS_KEPT) kinds.clear();
    kinds.set(kind, text);
  }
  return text;
}
