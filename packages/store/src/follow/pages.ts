/** Pages of the table `change`, of as many rows as make a page of about one size; few are read at a time. */
import { CsmError, code } from '@csm/model';
import { oldest, readChanges, type Window } from '../changes.ts';
import type { ChangeRow, Store } from '../store.ts';
import type { SizedRow } from './ring.ts';

/** Characters a page is meant to have. */
const PAGE_SIZE = 256 * 1024;
/** What a row takes beside its body. */
const ROW_SIZE = 160;
/** Readings under way at a time; more wait. The database has other askers, and a page is parsed at once. */
const READS_MAX = 4;

export interface Page {
  readonly rows: SizedRow[];
  /** Up to here nothing else is wanted. */
  readonly through: number;
}

export class Pages {
  readonly #query: Store['query'];
  readonly #rowsMax: number;
  readonly #waiting: (() => void)[] = [];
  #reading = 0;
  /** Characters of a row, as they have been lately: it grows at once, and shrinks slowly. */
  #rowSize = ROW_SIZE;

  constructor(query: Store['query'], rowsMax: number) {
    this.#query = query;
    this.#rowsMax = rowsMax;
  }

  /** The next rows of a window, and the oldest change that was kept when they had been read. */
  read(window: Omit<Window, 'limit'> & { readonly upTo: number }): Promise<Page & { readonly oldest: number }> {
    return this.#inTurn(async () => {
      const page = await this.#page(window);
      return { ...page, oldest: await oldest(this.#query) };
    });
  }

  oldest(): Promise<number> {
    return this.#inTurn(() => oldest(this.#query));
  }

  async #page(window: Omit<Window, 'limit'> & { readonly upTo: number }): Promise<Page> {
    for (;;) {
      const limit = Math.min(this.#rowsMax, Math.max(1, Math.floor(PAGE_SIZE / this.#rowSize)));
      try {
        const found = await readChanges(this.#query, { ...window, limit });
        const rows = found.map((row) => ({ row, size: sizeOf(row) }));
        if (rows.length > 0) {
          const average = rows.reduce((sum, { size }) => sum + size, 0) / rows.length;
          this.#rowSize = Math.max(average, (this.#rowSize + average) / 2);
        }
        return { rows, through: rows.length === limit ? (rows.at(-1)?.row.seq ?? window.upTo) : window.upTo };
      } catch (thrown) {
        // Rows that are suddenly much larger are more than one answer may have.
        const isTooMuch = thrown instanceof CsmError && thrown.code === code.BUFFER_OVERFLOW;
        if (!isTooMuch || limit === 1) throw thrown;
        this.#rowSize = (2 * PAGE_SIZE) / limit;
      }
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#reading < READS_MAX) this.#reading += 1;
    // The place is handed on by whoever leaves it.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#reading -= 1;
      else next();
    }
  }
}

/** Roughly the characters of a row as JSON. Bodies are small, and measured once for all who are given them. */
const sizeOf = ({ body }: ChangeRow): number => (JSON.stringify(body)?.length ?? 0) + ROW_SIZE;
