/**
 * The audit record at the master that leads. A call that changes something or needs privilege has its row before it is
 * begun, and its outcome soon after it has ended; where the master dies in between, the outcome stays open. Refusals are
 * folded. Outcomes that cannot be written at once are kept and written later.
 */
import { Buckets } from '@csm/api';
import type { Guard, GuardedCall, MasterPorts } from '@csm/feature';
import { type Code, code, type Problem, problem, toProblem } from '@csm/model';
import { type Folded, RefusalFold } from './fold.ts';
import { auditInput } from './mask.ts';
import type { Begun, Ended, Refused } from './store/audit.ts';
import type { TokenMemory } from './token-memory.ts';

/** Outcomes and refusals that wait for the database; more are lost, and told in the log and in `health`. */
const WAITING_MAX = 10_000;
const BATCH = 200;
/** With these the database says no to a row, and always will; with others it cannot take any now. */
const NEVER: readonly Code[] = [code.INVALID_PARAMETER, code.BUFFER_OVERFLOW];
/** After the database has refused, ms. */
const RETRY_MS = 1000;
/** Rows that were lost stand in `health` for so long, ms. */
const LOST_SHOWN_MS = 24 * 3_600_000;
/** At a stop the rest is waited for so long, ms. */
const STOP_MS = 2000;

/**
 * Calls with a row of their own that a user who is not privileged may make at once, and ms until he may make one more:
 * by making millions, one user could push out of the record what others did.
 */
const OWN_ROWS_MAX = 600;
const OWN_ROW_MS = 1000;
const USERS_MAX = 10_000;

type Ports = Pick<MasterPorts, 'store' | 'clock' | 'log' | 'isPrivileged'>;
type Row = { readonly kind: 'ended'; readonly row: Ended } | { readonly kind: 'refused'; readonly row: Refused };

export class Audit implements Guard {
  readonly #ports: Ports;
  readonly #tokens: TokenMemory;
  readonly #fold = new RefusalFold();
  readonly #own = new Buckets(OWN_ROWS_MAX, OWN_ROW_MS, USERS_MAX);
  readonly #waiting: Row[] = [];
  #writing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #minute: NodeJS.Timeout | undefined;
  /** Since this master leads, and what of it the log has been told. */
  #lost = 0;
  #lostTold = 0;
  #lostAt = -Infinity;
  /** Why nothing can be written at present. */
  #fault: string | undefined;
  #stopped = false;

  constructor(ports: Ports, tokens: TokenMemory) {
    this.#ports = ports;
    this.#tokens = tokens;
  }

  judge({ caller, row, access }: GuardedCall): Problem | undefined {
    const { clock, isPrivileged } = this.#ports;
    const { wall, mono } = clock.now();
    const wrong = this.#tokens.judge(caller, row.name, access, wall);
    if (wrong !== undefined || !(row.changes || access === 'privileged') || isPrivileged(caller)) return wrong;
    if (this.#own.take(caller.user, mono)) return undefined;
    const detail = `user ${caller.user} makes more calls that change something than the audit record has room for`;
    const allowed = `${OWN_ROWS_MAX} at once, then one every ${OWN_ROW_MS / 1000} s`;
    return problem(code.MEMORY, detail, { allowed });
  }

  watch({ token }: GuardedCall['caller'], gone: (problem: Problem) => void): () => void {
    return token === undefined ? () => undefined : this.#tokens.watch(token, gone);
  }

  async begin(call: GuardedCall): Promise<(outcome: Problem | undefined) => void> {
    const { store, clock } = this.#ports;
    const began = clock.now().mono;
    const { user, uid, vouchedBy, via = 'socket', token = null } = call.caller;
    const row: Begun = {
      user,
      uid,
      vouchedBy,
      via,
      token,
      call: call.row.name,
      input: JSON.stringify(auditInput(call.row.input, call.input)),
      term: store.term,
      trace: call.trace,
    };
    const { seq } = await store.call<{ seq: number }>('access.begin', row);
    return (outcome) => {
      const ms = Math.round(clock.now().mono - began);
      this.#write({ kind: 'ended', row: { seq, code: outcome?.code ?? 0, detail: outcome?.detail ?? null, ms } });
    };
  }

  refused(call: GuardedCall, problem: Problem): void {
    // Whoever shows a daemon a wrong token was refused there, which it tells.
    if (call.row.internal === true) return;
    const { user, uid, vouchedBy, via = 'socket', token = null } = call.caller;
    const { code, detail } = problem;
    const refusal = { user, uid, vouchedBy, via, token, call: call.row.name, code, detail };
    const told = this.#fold.note(refusal, this.#ports.clock.now());
    if (told !== undefined) {
      const input = JSON.stringify(auditInput(call.row.input, call.input));
      this.#write({ kind: 'refused', row: { ...told, input, trace: call.trace } });
    }
    this.#wakeAtMinute();
  }

  /** What is wrong with the record now, a sentence each. */
  problems(): readonly string[] {
    const { mono, wall } = this.#ports.clock.now();
    const out: string[] = [];
    if (this.#fault !== undefined) {
      out.push(`the audit record cannot be written (${this.#waiting.length} rows wait): ${this.#fault}`);
    }
    if (mono - this.#lostAt < LOST_SHOWN_MS) {
      const last = new Date(wall - (mono - this.#lostAt)).toISOString();
      out.push(`${this.#lost} rows of the audit record were lost since this master leads, the last at ${last}`);
    }
    return out;
  }

  /** Resolves when all that has ended until now is written, or cannot be at present. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#minute);
    clearTimeout(this.#retry);
    // What waits for another try gets its last one now.
    this.#retry = undefined;
    if (this.#waiting.length > 0) this.#writing ??= this.#drain();
    this.#tell(this.#fold.rest());
    const patience = new Promise((resolve) => setTimeout(resolve, STOP_MS).unref());
    await Promise.race([this.#writing, patience]);
  }

  #wakeAtMinute(): void {
    const { due } = this.#fold;
    if (due === undefined || this.#minute !== undefined || this.#stopped) return;
    const wait = Math.max(0, due - this.#ports.clock.now().mono);
    this.#minute = setTimeout(() => {
      this.#minute = undefined;
      this.#tell(this.#fold.take(this.#ports.clock.now()));
      this.#wakeAtMinute();
    }, wait).unref();
  }

  #tell(folded: readonly Folded[]): void {
    for (const one of folded) this.#write({ kind: 'refused', row: { ...one, input: null, trace: null } });
  }

  #write(row: Row): void {
    if (this.#waiting.length >= WAITING_MAX) this.#lose(1);
    else this.#waiting.push(row);
    if (this.#retry === undefined) this.#writing ??= this.#drain();
  }

  #lose(rows: number): void {
    this.#lost += rows;
    this.#lostAt = this.#ports.clock.now().mono;
  }

  async #drain(): Promise<void> {
    const { log } = this.#ports;
    try {
      while (this.#waiting.length > 0) {
        const rows = this.#waiting.slice(0, BATCH);
        await this.#store(rows);
        this.#waiting.splice(0, rows.length);
      }
      this.#fault = undefined;
      if (this.#lost > this.#lostTold) {
        log.error('rows of the audit record were lost', { rows: this.#lost - this.#lostTold });
        this.#lostTold = this.#lost;
      }
    } catch (error) {
      this.#fault = toProblem(error).detail;
      log.warn('the audit record could not be written; it is tried again', { error: this.#fault });
      if (!this.#stopped) {
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          this.#writing ??= this.#drain();
        }, RETRY_MS).unref();
      }
    } finally {
      this.#writing = undefined;
    }
  }

  /**
   * In this order a repetition after half of it doubles no row: outcomes may be written twice. What the database will
   * never take is halved until it is found, and lost alone: it must not hold up all that comes behind it.
   */
  async #store(rows: readonly Row[]): Promise<void> {
    const { store, log } = this.#ports;
    const ended = rows.flatMap((one) => (one.kind === 'ended' ? [one.row] : []));
    const refused = rows.flatMap((one) => (one.kind === 'refused' ? [one.row] : []));
    try {
      if (ended.length > 0) await store.call('access.ended', { calls: ended });
      if (refused.length > 0) await store.call('access.refusals', { calls: refused });
    } catch (error) {
      const { code: why, detail } = toProblem(error);
      if (!NEVER.includes(why)) throw error;
      if (rows.length === 1) {
        log.error('a row of the audit record cannot be kept', { error: detail });
        this.#lose(1);
        return;
      }
      const half = Math.ceil(rows.length / 2);
      await this.#store(rows.slice(0, half));
      await this.#store(rows.slice(half));
    }
  }
}
