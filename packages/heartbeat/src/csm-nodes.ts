/**
 * Nodes of this cluster, by what their links say: verdicts, not beats. The rows of `change` that tell of contact are
 *
 * | kind   | body                          | verdict                                                             |
 * |--------|-------------------------------|---------------------------------------------------------------------|
 * | `link` | `event` up                    | up, where the node's main daemon is linked                          |
 * | `link` | `event` down, `planned` false | lost, where its main daemon is not linked                           |
 * | `link` | `event` down, `planned` true  | bye, where its main daemon is not linked                            |
 * | `node` | `event` rebooted              | restarted                                                           |
 * | `node` | `to` null: it was deleted     | it is forgotten                                                     |
 *
 * A row names nodes, of which each may run several daemons; so whether a node is there is asked of the roster, which is
 * never older than the row. Whatever was missed, because nobody led or rows were pruned, is made good from the roster
 * when the tree has settled.
 */
import { CsmError, code, type DaemonId, daemonId, isObject, ROLES, roleRank } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { ChangeRow, Store } from '@csm/store';
import type { Log } from './ports.ts';
import type { TimePort, TrackerPort } from './types.ts';

/** Longest list of nodes a row spells out. */
const NODES_TEXT_MAX = 128 * 1024;
/** The daemon that stands for a node comes first. */
const MAIN_FIRST = [...ROLES].sort((a, b) => roleRank(b) - roleRank(a));
/** How often it is looked whether the tree has settled, ms. */
const SETTLE_MS = 500;
/** After following has failed, ms. */
const AGAIN_MS = 1_000;

/** A daemon as the roster of the leading master has it. */
export interface LinkedDaemon {
  readonly node: string;
  /** Links that followers were told of; 0: it is down. */
  readonly told: number;
}

/** The roster as far as it is needed here. */
export interface Roster {
  daemon(id: DaemonId): LinkedDaemon | undefined;
  daemons(): Iterable<LinkedDaemon>;
}

export interface CsmNodesOptions {
  readonly store: Pick<Store, 'changes'>;
  readonly tracker: TrackerPort;
  readonly time: TimePort;
  readonly log: Log;
  /** Undefined until the tree stands and has settled. */
  readonly roster: () => Roster | undefined;
  readonly nudge: () => void;
  /** Of a node that was deleted. */
  readonly forget: (name: string) => Promise<unknown>;
}

export class CsmNodes {
  readonly #options: CsmNodesOptions;
  readonly #stop = new AbortController();
  #endTimer: () => void = () => {};
  #following: Promise<void>;

  constructor(options: CsmNodesOptions) {
    this.#options = options;
    this.#following = this.#follow();
    this.#settle();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#endTimer();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { store, log, time } = this.#options;
    const { signal } = this.#stop;
    let since: number | undefined;
    while (!signal.aborted) {
      try {
        await store.changes.follow({
          since,
          kinds: ['link', 'node'],
          signal,
          take: async (rows) => {
            this.#take(rows);
            since = rows.at(-1)?.seq ?? since;
          },
        });
      } catch (error) {
        if (signal.aborted) return;
        // What is pruned is made good from the roster.
        const isLost = error instanceof CsmError && error.code === code.CONTEXT_LOST;
        if (isLost) since = undefined;
        else log.warn('the links of nodes could not be followed', { error });
        await new Promise<void>((resolve) => {
          const end = time.after(AGAIN_MS, resolve);
          signal.addEventListener(
            'abort',
            () => {
              end();
              resolve();
            },
            { once: true },
          );
        });
        if (isLost && !signal.aborted) this.#settle();
      }
    }
  }

  #take(rows: readonly ChangeRow[]): void {
    const { tracker, time, nudge } = this.#options;
    const roster = this.#options.roster();
    for (const { kind, subject, body } of rows) {
      if (!isObject(body)) continue;
      if (kind === 'node') {
        if (body['to'] === null) this.#forget(subject);
        else if (body['event'] === 'rebooted' && tracker.find(subject)?.life === 'beating')
          tracker.verdict(subject, 'restarted', time.now());
        continue;
      }
      const { event, planned, nodes } = body;
      if ((event !== 'up' && event !== 'down') || typeof nodes !== 'string') continue;
      for (const node of namesIn(nodes)) {
        const isUp = isLinked(roster, node) ?? event === 'up';
        if (isUp === (event === 'up')) this.#tell(node, isUp ? 'up' : planned === true ? 'bye' : 'lost');
      }
    }
    nudge();
  }

  /** The roster as it is, once the tree has settled. */
  #settle(): void {
    if (this.#stop.signal.aborted) return;
    const { time, nudge, tracker } = this.#options;
    const roster = this.#options.roster();
    if (roster === undefined) {
      this.#endTimer();
      this.#endTimer = time.after(SETTLE_MS, () => this.#settle());
      return;
    }
    const nodes = new Set([...roster.daemons()].map(({ node }) => node));
    for (const node of nodes) this.#tell(node, isLinked(roster, node) === true ? 'up' : 'lost');
    const known = tracker.list({}, undefined, Number.MAX_SAFE_INTEGER, time.now());
    for (const { name, source } of known) if (source === 'csm' && !nodes.has(name)) this.#forget(name);
    nudge();
  }

  #forget(name: string): void {
    const { forget, log } = this.#options;
    forget(name).catch((error: unknown) => log.warn('a deleted node could not be forgotten', { node: name, error }));
  }

  /** What it is already is not told again. */
  #tell(node: string, what: 'up' | 'lost' | 'bye'): void {
    const { tracker, time } = this.#options;
    const life = tracker.find(node)?.life;
    if (what === 'up' ? life === 'beating' : life === 'dead' || life === 'left') return;
    // Nobody has ever seen it: there is nothing to miss.
    if (what !== 'up' && life === undefined) return;
    tracker.verdict(node, what, time.now());
  }
}

/** Whether the main daemon of a node is linked; undefined where nobody can tell. */
function isLinked(roster: Roster | undefined, node: string): boolean | undefined {
  for (const role of MAIN_FIRST) {
    const daemon = roster?.daemon(daemonId(role, node));
    if (daemon !== undefined) return daemon.told > 0;
  }
  return undefined;
}

/** A list that was cut ends in a name that may be cut, too; the settled roster has the rest. */
function namesIn(text: string): readonly string[] {
  const whole = text.endsWith('…') ? text.slice(0, text.lastIndexOf(',')) : text;
  const parsed = NodeSet.tryParse(whole, { maxText: NODES_TEXT_MAX });
  return parsed.ok ? parsed.value.names() : [];
}
