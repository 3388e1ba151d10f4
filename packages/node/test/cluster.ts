import { wall } from '@csm/model';
import type { Bench } from '@csm/sim';
import { openMemoryStore, type Store } from '@csm/store';
import type { HardwareRecord } from '../src/api-records.ts';
import { type HardwareFilter, hardwareOf, listHistory } from '../src/hardware-records.ts';
import * as nodeStore from '../src/store/index.ts';

const MODULE = new URL('../src/store/index.js', import.meta.url).href;
const IN_MEMORY: Pick<Bench, 'open'> = {
  open: (module, _url, options) => openMemoryStore({ modules: [module], ...options }),
};
const START = 1_800_000_000_000;

/** A master's database, and nodes that report to it. */
export class Cluster {
  readonly store: Store;
  now = START;
  /** By node: the number of its last report. */
  readonly cursors: Map<string, number>;

  constructor(store: Store, cursors: Map<string, number> = new Map()) {
    this.store = store;
    this.cursors = cursors;
  }

  static async open({ open }: Pick<Bench, 'open'> = IN_MEMORY): Promise<Cluster> {
    let self: Cluster | undefined;
    const store = await open(nodeStore, MODULE, { clock: () => wall(self?.now ?? START) });
    self = new Cluster(store);
    return self;
  }

  /** One report of these parts; gives how many were set aside. */
  report(
    node: string,
    hardware: unknown,
    more: { reasons?: unknown; madeAt?: number; hash?: string } = {},
  ): Promise<number | undefined> {
    const { reasons = {}, madeAt, hash = `h${this.cursors.get(node) ?? 0}` } = more;
    const document = { machine_model: 'M', ...(hardware === undefined ? {} : { hardware }), reasons };
    return this.take(node, hash, document, madeAt);
  }

  /** One report of this document. */
  async take(node: string, hash: string, document: unknown, madeAt?: number): Promise<number | undefined> {
    const first = (this.cursors.get(node) ?? 0) + 1;
    this.cursors.set(node, first);
    this.now += 1000;
    const item = { kind: 'node.inventory', time: madeAt ?? this.now, body: { hash, document } };
    const { results } = await this.store.call<{ results: readonly { rejected: number }[] }>('store.commitReports', {
      batches: [{ daemon: `compute/${node}`, incarnation: 'i', first, items: [item] }],
    });
    return results[0]?.rejected;
  }

  async hardware(filter: HardwareFilter = {}): Promise<HardwareRecord[]> {
    const parts: HardwareRecord[] = [];
    for await (const part of hardwareOf(this.store, filter)) parts.push(part);
    return parts;
  }

  /** `n1: dimm A1 S1`, by node, kind and location. */
  async parts(): Promise<string[]> {
    const rows = await this.hardware();
    return rows.map(({ node, kind, location, serial }) => `${node}: ${String(kind)} ${location} ${serial ?? '-'}`);
  }

  /** `moved S1 n1/A1>n2/A1`, oldest first. */
  async history(): Promise<string[]> {
    const rows = await listHistory(this.store, { limit: 10_000 });
    return rows.map(
      ({ event, serial, node, location, from_node, from_location }) =>
        `${String(event)} ${serial ?? '-'} ${from_node === null ? '' : `${from_node}/${from_location}>`}${node}/${location}`,
    );
  }

  /** Slice after slice until nothing is left to remove. */
  async prune(olderThan: number): Promise<void> {
    while ((await this.store.call<{ more: boolean }>('node.prune', { olderThan })).more);
  }

  async rejected(): Promise<string> {
    const [row] = await this.store.query<{ reason: string }>(
      'SELECT reason FROM rejected_report ORDER BY id DESC LIMIT 1',
    );
    return row?.reason ?? '';
  }
}
