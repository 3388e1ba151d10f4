/** A database with nodes whose contact and states tests change as the master does. */
import { type DaemonId, type Role, wall } from '@csm/model';
import type { Bench } from '@csm/sim';
import { openMemoryStore, type Store } from '@csm/store';
import type { DaemonRecord, RosterRecord, Telling } from '@csm/tree';
import * as nodeStore from '../../src/store/index.ts';

export const MODULE = new URL('../../src/store/index.js', import.meta.url).href;
const IN_MEMORY: Pick<Bench, 'open'> = {
  open: (module, _url, options) => openMemoryStore({ modules: [module], ...options }),
};
export const START = 1_800_000_000_000;
export const SPANS = { grace: 60_000, orphanGrace: 900_000, stableFor: 30_000 };

export interface HistoryRow {
  readonly node_name: string;
  readonly from_state: string | null;
  readonly to_state: string | null;
  readonly cause: string;
  readonly reason: string | null;
  readonly who: string | null;
}

export class States {
  readonly store: Store;
  readonly #clock: { now: number };

  private constructor(store: Store, clock: { now: number }) {
    this.store = store;
    this.#clock = clock;
  }

  static async open({ open }: Pick<Bench, 'open'> = IN_MEMORY): Promise<States> {
    const clock = { now: START };
    return new States(await open(nodeStore, MODULE, { clock: () => wall(clock.now) }), clock);
  }

  get now(): number {
    return this.#clock.now;
  }

  pass(seconds: number): void {
    this.#clock.now += seconds * 1000;
  }

  record(more: Partial<RosterRecord>): Promise<unknown> {
    return this.store.call('node.record', { daemons: [], tellings: [], claims: [], hubs: [], ...more });
  }

  /** First contact of daemons. */
  async meet(nodes: readonly string[], role: Role = 'compute'): Promise<void> {
    const daemons = nodes.map(
      (node): DaemonRecord => ({
        daemon: `${role}/${node}` as DaemonId,
        told: 1,
        connected: true,
        primary: 'agg-A',
        secondary: null,
        term: 1,
        incarnation: 'i',
        incarnationSince: this.now,
        lastSeen: this.now,
        address: null,
        version: null,
        session: null,
      }),
    );
    await this.record({ daemons });
  }

  tell(
    what: Telling['what'],
    nodes: readonly string[],
    more: Partial<Telling> = {},
    role: Role = 'compute',
  ): Promise<unknown> {
    const daemons = nodes.map((node) => `${role}/${node}` as DaemonId);
    const telling: Telling = { what, daemons, cause: 'silence', planned: false, at: wall(this.now), ...more };
    return this.record({ tellings: [telling] });
  }

  hubBack(hub: string): Promise<unknown> {
    return this.record({ hubs: [{ hub, linked: true }] });
  }

  move(nodes: readonly string[], state: string, reason: string | null = 'a test') {
    return this.store.call<{ updated: number; failed: readonly { nodes: string; code: number; text: string }[] }>(
      'node.update',
      { nodes, set: {}, state, reason, by: 'root' },
    );
  }

  /** Judges whom the master's look into the database would find. */
  async judge(): Promise<void> {
    const due = await this.store.query<{ node_name: string }>(
      `SELECT node_name FROM node_contact WHERE (what = 'lost' AND judge_from <= $1) OR (what = 'back' AND judge_from <= $2)
         OR (what = 'orphaned' AND judge_from <= $3)`,
      [this.now - SPANS.grace, this.now - SPANS.stableFor, this.now - SPANS.orphanGrace],
    );
    const nodes = due.map(({ node_name }) => node_name);
    await this.store.call('node.judge', { ...SPANS, nodes, linked: [], lost: [] });
  }

  async turnWindows(): Promise<void> {
    const due = await this.store.query<{ id: number }>(
      `SELECT id FROM node_window WHERE (phase = 'waiting' AND begin_at <= $1) OR (phase = 'open' AND end_at <= $1) ORDER BY begin_at, id`,
      [this.now],
    );
    for (const { id } of due) await this.store.call('node.turnWindow', { id });
  }

  async stateOf(node: string): Promise<string | undefined> {
    return (await this.states())[node];
  }

  async states(): Promise<Record<string, string>> {
    const rows = await this.store.query<{ node_name: string; state: string }>('SELECT node_name, state FROM node');
    return Object.fromEntries(rows.map(({ node_name, state }) => [node_name, state]));
  }

  history(): Promise<HistoryRow[]> {
    return this.store.query<HistoryRow>(
      'SELECT node_name, from_state, to_state, cause, reason, who FROM node_state_history ORDER BY seq',
    );
  }

  /** `IN_SERVICE → SOFT_FAILURE contact`, of one node, oldest first. */
  async told(node: string): Promise<string[]> {
    const rows = (await this.history()).filter(({ node_name }) => node_name === node);
    return rows.map(({ from_state, to_state, cause }) => `${from_state ?? '-'} → ${to_state ?? '-'} ${cause}`);
  }
}
