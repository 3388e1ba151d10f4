/** `env.watch`: samples as they are stored, shown and forgotten. */
import type { CallContext } from '@csm/api';
import type { StoredReport } from '@csm/feature';
import type { Json } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { ITEMS, type Item } from '../items.ts';
import { readSample, SAMPLE_KIND } from '../report.ts';
import { compact } from '../store/figures.ts';

export interface WatchInput {
  readonly nodes?: string;
  readonly item?: Item;
}

type OnStored = (kind: string, listener: (report: StoredReport) => void) => () => void;

/** Items and values that may wait for a slow caller. */
const WAITING_ITEMS = 20_000;
const WAITING_VALUES = 1_000_000;

/** Streams until the caller goes away. */
export async function watch(onStored: OnStored, { nodes, item }: WatchInput, ctx: CallContext): Promise<void> {
  const wanted = nodes === undefined ? undefined : NodeSet.parse(nodes);
  const backlog = new Backlog(WAITING_ITEMS, WAITING_VALUES);
  let wake = () => {};
  const unsubscribe = onStored(SAMPLE_KIND, (report) => {
    if (wanted !== undefined && !wanted.has(report.node)) return;
    for (const one of itemsOf(report, item)) backlog.push(one);
    wake();
  });
  const ended = () => wake();
  ctx.signal.addEventListener('abort', ended);
  try {
    while (!ctx.signal.aborted) {
      const next = new Promise<void>((resolve) => {
        wake = resolve;
      });
      for (let one = backlog.take(); one !== undefined && !ctx.signal.aborted; one = backlog.take()) {
        await ctx.emit(one);
      }
      if (backlog.size === 0 && !ctx.signal.aborted) await next;
    }
  } finally {
    unsubscribe();
    ctx.signal.removeEventListener('abort', ended);
  }
}

export interface WatchedItem {
  readonly [field: string]: Json;
  readonly node: string;
  readonly item: string;
  readonly time: string;
  readonly values: { readonly [name: string]: number };
}

/** A report's items, with numbers as they stand in the database. */
export function itemsOf({ node, time, body }: StoredReport, only: Item | undefined): WatchedItem[] {
  const { items } = readSample(body);
  const found: WatchedItem[] = [];
  for (const item of ITEMS) {
    const values = items[item];
    if (values === undefined || (only !== undefined && item !== only)) continue;
    const entries = Object.entries(values).map(([name, value]) => [name, compact(value)] as const);
    if (entries.length > 0)
      found.push({ node, item, time: new Date(time).toISOString(), values: Object.fromEntries(entries) });
  }
  return found;
}

/** What waits for a caller: bounded, the oldest go first, and their number is told before what follows them. */
export class Backlog {
  readonly #itemsMax: number;
  readonly #valuesMax: number;
  #waiting: WatchedItem[] = [];
  /** Items before this index are taken already. */
  #from = 0;
  #values = 0;
  #lost = 0;

  constructor(itemsMax: number, valuesMax: number) {
    this.#itemsMax = itemsMax;
    this.#valuesMax = valuesMax;
  }

  get size(): number {
    return this.#waiting.length - this.#from;
  }

  push(item: WatchedItem): void {
    this.#waiting.push(item);
    this.#values += Object.keys(item.values).length;
    while (this.size > this.#itemsMax || (this.#values > this.#valuesMax && this.size > 1)) {
      this.#shift();
      this.#lost += 1;
    }
  }

  /** The next to send: how many were lost, or the oldest item; undefined when nothing waits. */
  take(): WatchedItem | { readonly lost: number } | undefined {
    if (this.#lost === 0) return this.#shift();
    const lost = this.#lost;
    this.#lost = 0;
    return { lost };
  }

  #shift(): WatchedItem | undefined {
    const item = this.#waiting[this.#from];
    if (item === undefined) return undefined;
    this.#from += 1;
    this.#values -= Object.keys(item.values).length;
    if (this.#from > 1024 && this.#from * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#from);
      this.#from = 0;
    }
    return item;
  }
}
