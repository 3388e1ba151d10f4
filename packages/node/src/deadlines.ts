/**
 * Carries out what is due: contact that was lost or has been back for long enough, windows that begin or end.
 *
 * The database holds every deadline in an index, and is the heap: one look at it tells the nearest, and after a start or
 * a change of leader it is all there. It is looked at when that time has come, and soon after a commit that may have made
 * a nearer one. Nothing here goes over all nodes.
 *
 * Who is lost is believed when database and roster say so; not while the master is settling, nor when this process has
 * just slept: whoever is back may stand in a socket that has yet to be read.
 */
import type { MasterPorts } from '@csm/feature';
import { type DaemonId, daemonId, isRole, toProblem } from '@csm/model';
import type { Spans } from './states/contact.ts';

/** Nodes judged in one transaction. */
const AT_ONCE = 500;
/** After a commit the deadlines are looked at again within this, ms. */
const SOON_MS = 250;
/** What could not be judged yet, or failed, is tried again after this, ms. */
const AGAIN_MS = 1000;
/** Clocks are set: a deadline that is further away is looked at again after this, ms. */
const LONGEST_MS = 60_000;

interface DueRow {
  readonly node_name: string;
  readonly type: string;
  readonly what: 'lost' | 'orphaned' | 'back';
}

export interface DeadlineOptions extends Spans {
  /** Failures by lost contact heal. */
  readonly heal: boolean;
  /** What a reboot that nobody announced is: for the procedure that learns of it. */
  readonly unexpectedReboot: string;
  /** Heartbeat interval, ms. */
  readonly interval: number;
}

export class Deadlines {
  readonly #ports: Pick<MasterPorts, 'store' | 'clock' | 'log' | 'tree'>;
  readonly #options: DeadlineOptions;
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is to fire, mono ms. */
  #at = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #hasRules = false;
  /** Until then nobody is judged, mono ms. */
  #distrustUntil = 0;

  constructor(ports: Pick<MasterPorts, 'store' | 'clock' | 'log' | 'tree'>, options: DeadlineOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#unsubscribe = ports.store.changes.subscribe(() => this.#wakeIn(SOON_MS));
    this.#wakeIn(AGAIN_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    clearTimeout(this.#timer);
    await this.#running;
  }

  #wakeIn(ms: number): void {
    const { mono } = this.#ports.clock.now();
    const at = mono + Math.min(Math.max(0, ms), LONGEST_MS);
    if (this.#stopped || at >= this.#at) return;
    this.#at = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#wake(), at - mono).unref();
  }

  #wake(): void {
    const { mono } = this.#ports.clock.now();
    if (mono - this.#at > this.#options.interval / 2) this.#distrustUntil = mono + this.#options.interval;
    this.#at = Number.POSITIVE_INFINITY;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#running = this.#turn()
      .catch((error: unknown) => {
        if (!this.#stopped)
          this.#ports.log.warn('states of nodes could not be judged', { error: toProblem(error).detail });
        return AGAIN_MS;
      })
      .then((next) => {
        this.#running = undefined;
        this.#wakeIn(this.#again ? SOON_MS : next);
        this.#again = false;
      });
  }

  /** Does all that is due; gives how long there is nothing to do, ms. */
  async #turn(): Promise<number> {
    if (!this.#hasRules) {
      await this.#ports.store.call('node.rules', { unexpected_reboot: this.#options.unexpectedReboot });
      this.#hasRules = true;
    }
    const windows = await this.#windows();
    const mayJudge = !this.#settling() && this.#ports.clock.now().mono >= this.#distrustUntil;
    const judged = mayJudge && (await this.#judge());
    if (windows || judged) return 0;
    const next = await this.#next();
    return mayJudge && next > 0 ? next : Math.max(next, AGAIN_MS);
  }

  /** Whether any window was turned. */
  async #windows(): Promise<boolean> {
    const { store, clock } = this.#ports;
    const { wall } = clock.now();
    const due = await store.query<{ id: number }>(
      `SELECT id FROM node_window WHERE (phase = 'waiting' AND begin_at <= $1) OR (phase = 'open' AND end_at <= $1)
       ORDER BY begin_at, id LIMIT 100`,
      [wall],
    );
    let turned = 0;
    for (const { id } of due) {
      if (this.#stopped) break;
      // One that cannot be turned must not hold up the others.
      await store.call('node.turnWindow', { id }).then(
        () => turned++,
        (error: unknown) =>
          this.#ports.log.error(`window ${id} could not be turned`, { error: toProblem(error).detail }),
      );
    }
    return turned > 0;
  }

  /** Whether there may be more that is due. */
  async #judge(): Promise<boolean> {
    const { store, clock } = this.#ports;
    const { grace, orphanGrace, stableFor, heal } = this.#options;
    const { wall } = clock.now();
    const due = await store.query<DueRow>(
      `SELECT c.node_name, c.what, n.type FROM node_contact c JOIN node n ON n.node_name = c.node_name
       WHERE (c.what = 'lost' AND c.judge_from <= $1) OR (c.what = 'back' AND c.judge_from <= $2)
         OR (c.what = 'orphaned' AND c.judge_from <= $3)
       ORDER BY c.judge_from LIMIT ${AT_ONCE}`,
      [wall - grace, heal ? wall - stableFor : -1, wall - orphanGrace],
    );
    if (due.length === 0 || this.#stopped || this.#settling()) return false;
    const linked = due.filter((row) => this.#isLinked(row));
    const lost = due.filter((row) => !linked.includes(row));
    const names = (rows: readonly DueRow[], isBack: boolean) =>
      rows.filter((row) => (row.what === 'back') === isBack).map(({ node_name }) => node_name);
    await store.call('node.judge', {
      grace,
      orphanGrace,
      stableFor,
      nodes: [...names(linked, true), ...names(lost, false)],
      linked: names(linked, false),
      lost: names(lost, true),
    });
    return due.length === AT_ONCE;
  }

  /** How long until the nearest deadline, ms. */
  async #next(): Promise<number> {
    const { store, clock } = this.#ports;
    const { grace, orphanGrace, stableFor, heal } = this.#options;
    const [row] = await store.query<{
      lost: number | null;
      orphaned: number | null;
      back: number | null;
      begins: number | null;
      ends: number | null;
    }>(
      `SELECT (SELECT min(judge_from) FROM node_contact WHERE what = 'lost') AS lost,
        (SELECT min(judge_from) FROM node_contact WHERE what = 'orphaned') AS orphaned,
        (SELECT min(judge_from) FROM node_contact WHERE what = 'back') AS back,
        (SELECT min(begin_at) FROM node_window WHERE phase = 'waiting') AS begins,
        (SELECT min(end_at) FROM node_window WHERE phase = 'open') AS ends`,
    );
    const at = [
      row?.lost == null ? undefined : row.lost + grace,
      row?.orphaned == null ? undefined : row.orphaned + orphanGrace,
      row?.back == null || !heal ? undefined : row.back + stableFor,
      row?.begins ?? undefined,
      row?.ends ?? undefined,
    ].filter((time) => time !== undefined);
    return at.length === 0 ? LONGEST_MS : Math.min(...at) - clock.now().wall;
  }

  #settling(): boolean {
    try {
      return this.#ports.tree().core.roster.settling;
    } catch {
      return true; // the tree stands only once this master leads
    }
  }

  #isLinked({ type, node_name }: DueRow): boolean {
    const id: DaemonId | undefined = isRole(type) ? daemonId(type, node_name) : undefined;
    const view = id === undefined ? undefined : this.#ports.tree().core.roster.daemon(id);
    return view !== undefined && (view.links.size > 0 || view.limboUntil !== undefined);
  }
}
