/**
 * A master that wants to lead.
 *
 * | it is…    | enters                                    | leaves                                                       |
 * |-----------|-------------------------------------------|--------------------------------------------------------------|
 * | away      | at the start; its connection ended; it    | connected → waiting, after a pause of full jitter             |
 * |           | had the lock and could not take over      |                                                              |
 * | waiting   | connected, and another has the lock       | it has the lock → taking over                                 |
 * | taking    | it has the lock                           | it leads → elected; it cannot → away, and the lock is free    |
 * | over      |                                           |                                                              |
 * | elected   | it leads                                  | never: the engine has the lease                               |
 *
 * Whoever waited and lost the connection leaves the leader one lease of time to come back first: when a database was
 * restarted, nobody has to move.
 */
import { code, type Problem, problem } from '@csm/model';
import { fullJitter } from '../backoff.ts';
import type { Leader } from '../leader.ts';
import { Pause } from '../pause.ts';
import { asAway } from './errors.ts';
import { Lease } from './lease.ts';
import { checkFits } from './migrate.ts';
import { type EngineOptions, PostgresEngine } from './postgres-engine.ts';
import { findHolder, inUse, readLeader } from './reign.ts';
import type { Backend } from './session.ts';
import { takeOver } from './take-over.ts';

/** Milliseconds between two tries to take the lock. */
const POLL_MS = 250;
/** Each so many tries it asks who leads. */
const ASK_EACH = 4;
const BACKOFF = { firstMs: 100, maxMs: 2_000, leastMs: 50 };

export interface CandidateStatus {
  readonly why: Problem;
  readonly leader?: Leader;
}

export class Candidate {
  readonly elected: Promise<PostgresEngine>;
  readonly #options: EngineOptions;
  #elect: (engine: PostgresEngine) => void = () => {};
  #status: CandidateStatus = {
    why: problem(code.DATABASE_UNAVAILABLE, 'the database has not answered yet'),
  };
  #lease: Lease | undefined;
  #engine: PostgresEngine | undefined;
  #tries = 0;
  #failures = 0;
  #sawLeader = false;
  /** Until then it only looks whether the leader comes back. */
  #patientUntil = 0;
  #closing = false;
  readonly #pause = new Pause();
  #onTried: (isHeld: boolean) => void = () => {};
  readonly #running: Promise<void>;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.elected = new Promise((resolve) => {
      this.#elect = resolve;
    });
    this.#running = this.#run();
  }

  status(): CandidateStatus {
    return this.#status;
  }

  /** Told after each try that failed, and whether another's lock was all that stood in the way. */
  onTried(listener: (isHeld: boolean) => void): void {
    this.#onTried = listener;
  }

  /** Gives what was elected already, which is closed by itself. */
  async close(): Promise<PostgresEngine | undefined> {
    this.#closing = true;
    this.#pause.end();
    await this.#running;
    return this.#engine;
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      const outcome = await this.#try();
      if (outcome === 'elected') return;
      this.#onTried(outcome === 'held');
      await this.#pause.for(outcome === 'held' ? POLL_MS : this.#backoff());
    }
    await this.#lease?.close();
  }

  async #try(): Promise<'elected' | 'held' | 'failed'> {
    try {
      this.#lease ??= await this.#open();
      const isPatient = performance.now() < this.#patientUntil;
      const holder = await (isPatient ? findHolder(this.#lease.db) : this.#lease.take());
      if (holder !== undefined) await this.#held(this.#lease, holder);
      if (holder !== undefined || isPatient) return 'held';
      const taken = await takeOver(this.#options, this.#lease);
      if (taken.kind === 'deposed') throw taken.why;
      if (this.#closing) {
        await taken.db.close();
        return 'held';
      }
      this.#engine = new PostgresEngine(this.#options, this.#lease, taken);
      this.#elect(this.#engine);
      return 'elected';
    } catch (thrown) {
      return await this.#failed(thrown);
    }
  }

  async #open(): Promise<Lease> {
    const { server, registry, lease: ms } = this.#options;
    const lease = await Lease.open(server, ms);
    try {
      // Whoever could not lead must not keep the lock from those who can, not even for a moment.
      await checkFits(lease.db, registry.modules);
    } catch (thrown) {
      await lease.close();
      throw thrown;
    }
    if (this.#sawLeader) this.#patientUntil = performance.now() + ms;
    this.#tries = 0;
    return lease;
  }

  async #held(lease: Lease, holder: Backend): Promise<void> {
    this.#sawLeader = true;
    this.#patientUntil = 0;
    this.#failures = 0;
    if (this.#tries++ % ASK_EACH !== 0) return;
    const leader = await readLeader(lease.db);
    const { problem: why } = inUse(this.#options.server.database, holder);
    this.#status = { why, ...(leader === undefined ? {} : { leader }) };
  }

  async #failed(thrown: unknown): Promise<'failed'> {
    const { leader } = this.#status;
    const { problem: why } = asAway(thrown, 'standing for the lead');
    this.#status = { why, ...(leader === undefined ? {} : { leader }) };
    await this.#lease?.close();
    this.#lease = undefined;
    return 'failed';
  }

  #backoff(): number {
    const { firstMs, maxMs, leastMs } = BACKOFF;
    return leastMs + fullJitter(this.#failures++, firstMs, maxMs, this.#options.random());
  }
}
