/**
 * Orders to a population and its answers: lines of JSON. `{"id": 1, "do": "rate", "rate": 100}` is answered
 * `{"id": 1, "ok": true, …}` or `{"id": 1, "ok": false, "error": "…"}`; what comes unasked bears `event`.
 *
 * | do      | with                      | what                                                        |
 * |---------|---------------------------|-------------------------------------------------------------|
 * | rate    | rate                      | numbered reports a second of all nodes together; 0 stops     |
 * | settle  |                           | answered when all offers so far are accepted and listed      |
 * | stats   |                           | sums over all nodes                                          |
 * | poison  | node                      | one report no database takes                                 |
 * | flood   | node, on                  | offers as fast as the outbox takes                           |
 * | clock   | shift                     | moves the nodes' wall clock by so many ms                    |
 * | silence | on                        | the nodes of --silent stop where they stand, or go on        |
 * | heard   |                           | when each node last heard its primary, wall ms               |
 * | spread  |                           | each link beats at a moment of its own from here on          |
 * | stop    |                           | says goodbye and ends                                        |
 */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { PopulationStats } from './population.ts';

export type Order =
  | { readonly do: 'rate'; readonly rate: number }
  | { readonly do: 'settle' }
  | { readonly do: 'stats' }
  | { readonly do: 'poison'; readonly node: string }
  | { readonly do: 'flood'; readonly node: string; readonly on: boolean }
  | { readonly do: 'clock'; readonly shift: number }
  | { readonly do: 'silence'; readonly on: boolean }
  | { readonly do: 'heard' }
  | { readonly do: 'spread' }
  | { readonly do: 'stop' };

export type Handled =
  | { readonly stats?: PopulationStats; readonly heard?: Readonly<Record<string, number>> }
  | undefined;

export const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** Reads orders until the input ends; each is answered when `handle` has. */
export function readOrders(input: Readable, handle: (order: Order) => Promise<Handled>): void {
  createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
    if (line.trim() === '') return;
    let id: unknown = null;
    const fail = (error: unknown): void =>
      say({ id, ok: false, error: error instanceof Error ? error.message : String(error) });
    try {
      const order = JSON.parse(line) as Order & { readonly id: unknown };
      id = order.id ?? null;
      handle(order).then((answer) => say({ id, ok: true, ...answer }), fail);
    } catch (error) {
      fail(error);
    }
  });
}

/** The sum of several parts' stats. */
export function sumStats(parts: readonly PopulationStats[]): PopulationStats {
  const sum = (of: (part: PopulationStats) => number): number => parts.reduce((all, part) => all + of(part), 0);
  const primaries: Record<string, number> = {};
  for (const part of parts)
    for (const [name, count] of Object.entries(part.primaries)) primaries[name] = (primaries[name] ?? 0) + count;
  return {
    primaries,
    nodes: sum((p) => p.nodes),
    confirmed: sum((p) => p.confirmed),
    redundant: sum((p) => p.redundant),
    offered: sum((p) => p.offered),
    accepted: sum((p) => p.accepted),
    refused: sum((p) => p.refused),
    held: sum((p) => p.held),
    acknowledged: sum((p) => p.acknowledged),
    waiting: sum((p) => p.waiting),
    unacknowledged: sum((p) => p.unacknowledged),
    resent: sum((p) => p.resent),
    beats: sum((p) => p.beats),
    latencies: parts.flatMap((part) => part.latencies),
    rss: sum((p) => p.rss),
  };
}
