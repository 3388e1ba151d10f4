/**
 * The service while it leads: it owns the tracker, the clock, the one timer and the way into the database, and starts
 * and stops whoever tells others. Doors (HTTP, the API's calls, the tree) feed the tracker and nudge.
 *
 * | it is…  | enters                                          | leaves                                             |
 * |---------|-------------------------------------------------|----------------------------------------------------|
 * | at work | what the database has is restored                | stopped                                             |
 * | turning | a nudge, or the timer: what is due is done, 1,000 | nothing more is due → at work                       |
 * |         | deadlines at a time, and requests between         |                                                     |
 * | awake   | a turn that comes late by more than a quarter of  | at once: all begin a grace, as after a restart       |
 * | again   | the warn time, and a second: the process slept    |                                                     |
 * | holding | everybody fell silent and this machine is cut off | it is not any more → all begin a grace               |
 *
 * The timer never judges by itself: it lets the loop turn once, so that what waits in the sockets is heard first.
 */
import { code, fail, type Wall, wall } from '@csm/model';
import type { OnceKey, Store } from '@csm/store';
import { paramsAtStart } from './configured.ts';
import type { CutOff } from './cut-off.ts';
import { LookOut } from './look-out.ts';
import { telemetryTarget } from './params/telemetry.ts';
import { type Bus, type Kept, type Log, limitsOf, type Notifications, type Sender, type Tellers } from './ports.ts';
import { Recorder } from './recorder.ts';
import type {
  Incident,
  Params,
  Restored,
  ServiceHealth,
  ServicePort,
  Thresholds,
  TimePort,
  TrackerPort,
} from './types.ts';

/** Deadlines of one turn: a mass death must not hold up requests. */
const SLICE = 1_000;
/** The timer comes at least so often, ms: how late it comes tells whether the process slept. */
const TICK_MS = 500;
/** Late by no more than this is no sleep, ms, whatever the thresholds are. */
const SLEEP_MS = 1_000;
const PRUNE_MS = 3_600_000;
/** What is not in the database by then waits for nobody, ms. */
const STOP_MS = 3_000;
/** How long a component that is forgotten waits for what was to be written before, ms. */
const DRAIN_MS = 5_000;
/** Whoever was away for less has not been missed, ms: hbtd's mark of life lasts so long. */
const LIFE_MS = 10_000;
/** How long a time of blindness is told in health, ms. */
const BLIND_TOLD_MS = 3_600_000;

export interface ServiceOptions {
  readonly store: Store;
  readonly time: TimePort;
  readonly log: Log;
  readonly tracker: TrackerPort;
  readonly kept: Kept;
  /** Reads what the database has of them, for a change that was made before under its key. */
  readonly readKept: () => Promise<Pick<Kept, 'params' | 'special'>>;
  /** What the configuration says. */
  readonly configured: Params;
  /** Beside the built-in state manager, this is one: components that beat and are unknown there are made. */
  readonly discover: boolean;
  /** Milliseconds between two writings of arrivals, and how long history is kept. */
  readonly flushMs: number;
  readonly historyKeepMs: number;
  readonly cutOff: CutOff;
  readonly tellers: Tellers;
  /** After a time without anybody watching, everything is forgotten. */
  readonly clearOnGap?: boolean;
}

export class HeartbeatService implements ServicePort {
  readonly tracker: TrackerPort;
  readonly time: TimePort;
  readonly #options: ServiceOptions;
  readonly #recorder: Recorder;
  #params: Params;
  #special: Thresholds['special'];
  /** A turn is to come when the loop has turned. */
  #isNudged = false;
  /** When the timer is due, and when this process was awake last; monotonic ms. */
  #due = Number.POSITIVE_INFINITY;
  #awake = Number.POSITIVE_INFINITY;
  #endTimer: () => void = () => {};
  #endPrune: () => void = () => {};
  #lastCheck: Wall | null = null;
  readonly #lookOut: LookOut;
  readonly #open = new Map<string, Incident>();
  #blind: Incident | undefined;
  #sender: Sender | undefined;
  #bus: { readonly key: string; readonly one: Bus } | undefined;
  #notifications: Notifications | undefined;
  /** Tellers are changed one after another. */
  #telling: Promise<void> = Promise.resolve();
  /** Parameters are changed one after another. */
  #changing: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(options: ServiceOptions) {
    const { store, time, tracker, log, flushMs, discover, kept, configured } = options;
    this.#options = options;
    this.tracker = tracker;
    this.time = time;
    this.#params = paramsAtStart(configured, kept.params);
    this.#special = kept.special;
    this.#lookOut = new LookOut({
      cutOff: options.cutOff,
      time,
      log,
      hold: (on) => {
        tracker.hold(on, time.now());
        this.#turnSoon();
      },
    });
    this.#recorder = new Recorder({
      store,
      tracker,
      time,
      log,
      flushMs,
      how: () => ({ manager: this.manager, discover }),
    });
  }

  /** Restores what the database has and begins; resolves when whoever tells others has been started. */
  async start(): Promise<void> {
    const { kept, log, store, clearOnGap } = this.#options;
    const now = this.time.now();
    const blindMs = kept.watchedUntil === undefined ? undefined : Math.max(0, now.wall - kept.watchedUntil);
    const isForgotten = clearOnGap === true && blindMs !== undefined && blindMs > LIFE_MS;
    if (isForgotten) {
      log.warn('nobody watched for a while: all components are forgotten, as HBTD_CLEAR_ON_GAP asks');
      await store.call('heartbeat.clear', {});
    }
    this.tracker.setThresholds(this.thresholds(), now);
    this.tracker.restore(isForgotten ? [] : this.#restored(), isForgotten ? undefined : blindMs, now);
    this.#awake = now.mono;
    if (blindMs !== undefined && blindMs > 0)
      log.info('monitoring was blind', { seconds: Math.round(blindMs / 1000), components: kept.components.length });
    // Whatever lasted then has ended with the process that saw it.
    this.#recorder.note(kept.open.map((incident) => ({ ...incident, ended: now.wall })));
    void this.#recorder.start();
    this.#arm(undefined);
    this.#turnSoon();
    this.#prune();
    this.#notifications = this.#options.tellers.notifications();
    await this.#retell();
  }

  /** What is switched off is silent without an alarm, over a restart, too. */
  #restored(): readonly Restored[] {
    const { components, off } = this.#options.kept;
    if (this.manager !== 'builtin' || off.length === 0) return components;
    const isOff = new Set(off);
    return components.map((row) => (isOff.has(row.name) ? { ...row, life: 'off' } : row));
  }

  /** Writes what waits, as far as the database takes it, and ends. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#endTimer();
    this.#endPrune();
    this.#lookOut.stop();
    await this.#changing.catch(() => undefined);
    await this.#telling;
    await Promise.all([
      this.#recorder.stop(STOP_MS),
      this.#sender?.stop(),
      this.#bus?.one.stop(),
      this.#notifications?.stop(),
    ]);
  }

  /** Which state manager is told. */
  get manager(): 'builtin' | 'external' | 'none' {
    const { Nosm, Sm_url } = this.#params;
    if (Nosm === '1') return 'none';
    return Sm_url === '' ? 'builtin' : 'external';
  }

  /** Most beats change nothing, and bring no deadline nearer: they cost no turn. */
  nudge(): void {
    if (!this.#isNudged && this.tracker.waiting.changes > 0) this.#turnSoon();
  }

  noteNid(name: string, nid: string): void {
    // Who took leave as a stranger is made nowhere.
    if (this.tracker.find(name) !== undefined) this.#recorder.noteNid(name, nid);
  }

  params(): Params {
    return this.#params;
  }

  setParams(params: Params, once?: OnceKey): Promise<void> {
    return this.#change(async () => {
      const { store, configured } = this.#options;
      await store.call('heartbeat.setParams', { params, configured }, { once });
      this.#params = once === undefined ? params : ((await this.#options.readKept()).params?.params ?? params);
      this.#applyThresholds();
      await this.#retell();
    });
  }

  thresholds(): Thresholds {
    return { global: limitsOf(this.#params), special: this.#special };
  }

  setThresholds(special: Thresholds['special'], once?: OnceKey): Promise<void> {
    return this.#change(async () => {
      await this.#options.store.call('heartbeat.setThresholds', { special }, { once });
      this.#special = once === undefined ? special : (await this.#options.readKept()).special;
      this.#applyThresholds();
    });
  }

  async forget(name: string, once?: OnceKey): Promise<boolean> {
    if (this.#stopped) return stopping();
    const wasTracked = this.tracker.forget(name, this.time.now());
    // What is told of it goes before: written after, it would make it known again.
    this.#recorder.collect();
    await this.#recorder.drained(DRAIN_MS);
    const wasKept = await this.#options.store.call<boolean>('heartbeat.forget', { name }, { once });
    return once === undefined ? wasTracked || wasKept : wasKept;
  }

  health(): ServiceHealth {
    const { store } = this.#options;
    const { away } = store;
    const why = away ?? this.#recorder.problem;
    const now = this.time.now();
    const blind = this.#blind !== undefined && now.wall - this.#blind.began < BLIND_TOLD_MS ? [this.#blind] : [];
    const manager = this.manager;
    const sender = this.#sender?.status();
    const bus = this.#bus?.one;
    const notifications = this.#notifications?.status();
    return {
      database: why === undefined ? 'open' : 'away',
      databaseWords: why?.detail ?? null,
      manager: manager === 'external' ? (sender?.manager ?? 'not initialized') : manager,
      bus: bus?.state ?? 'off',
      leads: !this.#stopped,
      lastCheck: this.#lastCheck,
      lastDelivery: sender?.lastDelivery ?? null,
      waiting: {
        store: this.#recorder.waiting,
        manager: sender?.waiting ?? 0,
        bus: bus?.waiting ?? 0,
      },
      lostHistory: this.#recorder.lost,
      counts: this.tracker.counts(),
      incidents: [...this.#open.values(), ...blind],
      problems: [
        ...this.#problems(why?.detail),
        ...(sender?.problems ?? []),
        ...(bus?.problems ?? []),
        ...(notifications?.problems ?? []),
      ],
    };
  }

  #problems(database: string | undefined): string[] {
    const { lost } = this.#recorder;
    const held = this.#lookOut.why;
    return [
      ...(database === undefined ? [] : [`heartbeats are not written: ${database}`]),
      ...(held === undefined ? [] : [`nobody is declared dead: ${held}`]),
      ...[...this.#open.values()].map(({ words }) => words),
      ...(lost === 0 ? [] : [`of ${lost} changes no history is kept`]),
    ];
  }

  #turnSoon(): void {
    if (this.#isNudged) return;
    this.#isNudged = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isNudged = false;
    if (this.#stopped) return;
    const now = this.time.now();
    const lateMs = now.mono - this.#awake - TICK_MS;
    this.#awake = now.mono;
    if (lateMs > Math.max(SLEEP_MS, limitsOf(this.#params).warnMs / 4)) this.#overslept(lateMs);
    const next = this.tracker.advance(now, SLICE);
    this.#lastCheck = now.wall;
    for (const incident of this.#recorder.collect()) this.#noticed(incident);
    if (next !== undefined && next <= now.mono) this.#turnSoon();
    else this.#arm(next);
  };

  /** One timer, for the next deadline or the next tick. */
  #arm(next: number | undefined): void {
    const now = this.time.now().mono;
    const due = Math.min(next ?? Number.POSITIVE_INFINITY, now + TICK_MS);
    // One that is due a little earlier only has to look again.
    if (this.#due > now && this.#due <= due) return;
    this.#endTimer();
    this.#due = due;
    this.#endTimer = this.time.after(Math.max(1, Math.ceil(due - now)), () => {
      // Timers may fire a little early. One that has fired is due no more: the turn sets the next one in any case.
      this.#due = Number.POSITIVE_INFINITY;
      this.#turnSoon();
    });
  }

  /** Nobody is declared dead for what was not heard: the tracker tells who is late, and all have their time again. */
  #overslept(lateMs: number): void {
    this.#options.log.warn('this process slept: nobody is declared dead for that', { late_ms: lateMs });
    if (this.#lookOut.why !== undefined) return;
    const now = this.time.now();
    // The tracker knows of its deadlines only, and the nearest may have come up just now.
    this.tracker.slept(lateMs, now);
    this.tracker.hold(true, now);
    for (let next = this.tracker.advance(now, SLICE); next !== undefined && next <= now.mono; )
      next = this.tracker.advance(now, SLICE);
    this.tracker.hold(false, now);
  }

  #noticed(incident: Incident): void {
    const { id, scope, kind, ended, words } = incident;
    if (kind === 'blind') {
      this.#blind = incident;
      return;
    }
    if (ended !== null) {
      this.#open.delete(id);
      this.#options.log.info('an incident is over', { incident: id, scope, words });
      return;
    }
    if (!this.#open.has(id)) this.#options.log.warn(words, { incident: id, scope });
    this.#open.set(id, incident);
    if (scope === 'all') this.#lookOut.look();
  }

  #applyThresholds(): void {
    this.tracker.setThresholds(this.thresholds(), this.time.now());
    this.#turnSoon();
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changing.catch(() => undefined).then(() => (this.#stopped ? stopping() : work()));
    this.#changing = done;
    return done;
  }

  /** Starts whoever is to tell others by the parameters, and stops who is not, or is told otherwise. */
  #retell(): Promise<void> {
    this.#telling = this.#telling.then(async () => {
      const { tellers, log } = this.#options;
      const { Use_telemetry, Telemetry_host } = this.#params;
      try {
        if (this.manager !== 'external') {
          await this.#sender?.stop();
          this.#sender = undefined;
        } else if (this.#sender === undefined) this.#sender = tellers.sender(() => this.#params);
        else this.#sender.paramsChanged();
        const target = Use_telemetry === '1' ? telemetryTarget(Telemetry_host) : undefined;
        const key = target === undefined ? '' : JSON.stringify(target);
        if (this.#bus?.key !== key) {
          await this.#bus?.one.stop();
          this.#bus = target === undefined ? undefined : { key, one: await tellers.bus(target) };
          if (target === undefined) await tellers.noBus();
        }
      } catch (error) {
        log.error('who tells of heartbeats could not be changed', { error });
      }
    });
    return this.#telling;
  }

  #prune(): void {
    const { store, historyKeepMs, log } = this.#options;
    const work = async (): Promise<void> => {
      const olderThan = wall(this.time.now().wall - historyKeepMs);
      while (!this.#stopped && (await store.call<number>('heartbeat.prune', { olderThan })) > 0);
    };
    work().catch((error: unknown) => log.error('old history could not be removed', { error }));
    this.#endPrune = this.time.after(PRUNE_MS, () => this.#prune());
  }
}

const stopping = (): never => fail(code.NOT_INITIALIZED, 'the heartbeat service is stopping');
