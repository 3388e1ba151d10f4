import { MAX_REPORT_BYTES } from '@csm/protocol';
import type { Item, Values } from '../items.ts';
import type { SampleBody } from '../report.ts';

/** What a report has around its body, and the reasons of all items in their longest form. */
const ROOM = MAX_REPORT_BYTES - 32 * 1024;
/** Quotes, colon, comma and a number. */
const AROUND_NAME = 28;

/** Values of a round, made into bodies of reports. An item never stands in two of them. */
export class BodyMaker {
  readonly #pieces: { items: { [I in Item]?: Values }; bytes: number }[] = [];
  readonly #failed: { [I in Item]?: string } = {};
  readonly #faults: { [I in Item]?: string } = {};
  readonly #absent: Item[] = [];

  /** Throws when the values are more than a report can hold. */
  add(item: Item, values: Values): void {
    const names = Object.keys(values);
    if (names.length === 0) return;
    let bytes = AROUND_NAME;
    for (const name of names) bytes += name.length + AROUND_NAME;
    if (bytes > ROOM)
      throw new Error(`the ${names.length} values of ${item} take ${bytes} bytes, at most ${ROOM} go into a report`);
    let piece = this.#pieces.at(-1);
    if (piece === undefined || piece.bytes + bytes > ROOM) {
      piece = { items: {}, bytes: 0 };
      this.#pieces.push(piece);
    }
    piece.items[item] = values;
    piece.bytes += bytes;
  }

  fail(item: Item, reason: string): void {
    this.#failed[item] = reason;
  }

  /** What is missing of an item that gave values. */
  lack(item: Item, reason: string): void {
    this.#faults[item] = reason;
  }

  miss(item: Item): void {
    this.#absent.push(item);
  }

  /** One body as a rule; none when there is nothing to tell. What was not read stands in the first. */
  bodies(): readonly SampleBody[] {
    const failed = this.#failed;
    const parts = this.#faults;
    const absent = this.#absent;
    const more = {
      ...(Object.keys(parts).length > 0 && { parts }),
      ...(absent.length > 0 && { absent }),
    };
    const [first, ...others] = this.#pieces;
    if (first === undefined && Object.keys(failed).length + Object.keys(more).length === 0) return [];
    return [{ items: first?.items ?? {}, failed, ...more }, ...others.map(({ items }) => ({ items, failed: {} }))];
  }
}
