import { MAX_REPORT_BYTES } from '@csm/protocol';
import type { Item, Values } from '../items.ts';
import type { SampleBody } from '../report.ts';

/** What a report has around its body, and the reasons of all items in their longest form. */
const ROOM = MAX_REPORT_BYTES - 32 * 1024;
/** Quotes, colon, comma and a number. */
const AROUND_NAME = 28;

/** Values of a round, made into bodies of reports. An item never stands in two of them. */
export class BodyMaker {
  readonly #parts: { items: { [I in Item]?: Values }; bytes: number }[] = [];
  readonly #failed: { [I in Item]?: string } = {};

  /** Throws when the values are more than a report can hold. */
  add(item: Item, values: Values): void {
    const names = Object.keys(values);
    if (names.length === 0) return;
    let bytes = AROUND_NAME;
    for (const name of names) bytes += name.length + AROUND_NAME;
    if (bytes > ROOM)
      throw new Error(`the ${names.length} values of ${item} take ${bytes} bytes, at most ${ROOM} go into a report`);
    let part = this.#parts.at(-1);
    if (part === undefined || part.bytes + bytes > ROOM) {
      part = { items: {}, bytes: 0 };
      this.#parts.push(part);
    }
    part.items[item] = values;
    part.bytes += bytes;
  }

  fail(item: Item, reason: string): void {
    this.#failed[item] = reason;
  }

  /** One body as a rule; none when nothing was read and nothing failed. What failed stands in the first. */
  bodies(): readonly SampleBody[] {
    const failed = this.#failed;
    if (this.#parts.length === 0) return Object.keys(failed).length === 0 ? [] : [{ items: {}, failed }];
    return this.#parts.map(({ items }, i) => ({ items, failed: i === 0 ? failed : {} }));
  }
}
