import type { Wall } from '@csm/model';
import { ITEMS, type Item } from '../items.ts';

/** How an item went in a round, once its rates were reckoned. */
export type Went =
  /** `faults`: part that gave nothing → why. */
  | { readonly kind: 'read'; readonly faults: ReadonlyMap<string, string> }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly reason: string };

interface Trouble {
  readonly reason: string;
  readonly since: Wall;
}

export type Turn = { readonly item: Item; readonly now: 'failing' | 'well'; readonly reason?: string };

/** What fails now, and since when: whole items, and parts of items that otherwise answer. */
export class Troubles {
  readonly #items = new Map<Item, Trouble>();
  readonly #parts = new Map<Item, ReadonlyMap<string, Trouble>>();

  /** Notes how an item went; gives what turned, for the log. */
  note(item: Item, went: Went, wall: Wall): Turn | undefined {
    const before = this.#items.get(item);
    if (went.kind === 'failed') {
      this.#items.set(item, { reason: went.reason, since: before?.since ?? wall });
      this.#parts.delete(item);
      return before === undefined ? { item, now: 'failing', reason: went.reason } : undefined;
    }
    this.#items.delete(item);
    this.#noteParts(item, went.kind === 'read' ? went.faults : new Map(), wall);
    return before === undefined ? undefined : { item, now: 'well' };
  }

  #noteParts(item: Item, faults: ReadonlyMap<string, string>, wall: Wall): void {
    const before = this.#parts.get(item);
    if (faults.size === 0) {
      this.#parts.delete(item);
      return;
    }
    const now = new Map<string, Trouble>();
    for (const [part, reason] of faults) now.set(part, { reason, since: before?.get(part)?.since ?? wall });
    this.#parts.set(item, now);
  }

  /** A sentence each. */
  sentences(): readonly string[] {
    const out: string[] = [];
    for (const item of ITEMS) {
      const trouble = this.#items.get(item);
      if (trouble !== undefined) out.push(`the item ${item} gives nothing since ${iso(trouble)}: ${trouble.reason}`);
      const parts = this.#parts.get(item);
      const first = parts?.entries().next().value;
      if (parts === undefined || first === undefined) continue;
      const others = parts.size > 1 ? ` and ${parts.size - 1} more` : '';
      out.push(`the item ${item} lacks ${first[0]}${others} since ${iso(first[1])}: ${first[1].reason}`);
    }
    return out;
  }
}

const iso = ({ since }: Trouble): string => new Date(since).toISOString();
