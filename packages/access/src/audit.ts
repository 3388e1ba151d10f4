/**
 * The audit record at the master that leads. A call that changes something or needs privilege has its row before it is
 * begun, and its outcome soon after it has ended; where the master dies in between, the outcome stays open. Refusals are
 * folded. Outcomes that cannot be written at once are kept and written later.
 */
import type { Guard, GuardedCall, MasterPorts } from '@csm/feature';
import { type Problem, toProblem } from '@csm/model';
import { type Folded, RefusalFold } from './fold.ts';
import { auditInput } from './mask.ts';
import type { Begun, Ended, Refused } from './store/audit.ts';
import type { TokenMemory } from './token-memory.ts';

/** Outcomes and refusals that wait for the database; more are lost, and told in the log. */
const WAITING_MAX = 10_000;
const BATCH = 200;
/** After the database has refused, ms. */
const RETRY_MS = 1000;
/** At a stop the rest is waited for so long, ms. */
const STOP_MS = 2000;

type Ports = Pick<MasterPorts, 'store' | 'clock' | 'log'>;
type Row = { readonly kind: 'ended'; readonly row: Ended } | { readonly kind: 'refused'; readonly row: Refused };

export class Audit implements Guard {
  readonly #ports: Ports;
  readonly #tokens: TokenMemory;
  readonly #fold = new RefusalFold();
  readonly #waiting: Row[] = [];
  #writing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #minute: NodeJS.Timeout | undefined;
  #lost = 0;
  #stopped = false;

  constructor(ports: Ports, tokens: TokenMemory) {
    this.#ports = ports;
    this.#tokens = tokens;
  }

  judge({ caller, row, access }: GuardedCall): Problem | undefined {
    return this.#tokens.judge(caller, row.name, access, this.#ports.clock.now().wall);
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

  /** Resolves when all that has ended until now is written, or cannot be at present. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#minute);
    clearTimeout(this.#retry);
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
    if (this.#waiting.length >= WAITING_MAX) this.#lost += 1;
    else this.#waiting.push(row);
    if (this.#retry === undefined) this.#writing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    const { store, log } = this.#ports;
    try {
      while (this.#waiting.length > 0) {
        const rows = this.#waiting.slice(0, BATCH);
        const ended = rows.flatMap((one) => (one.kind === 'ended' ? [one.row] : []));
        const refused = rows.flatMap((one) => (one.kind === 'refused' ? [one.row] : []));
        // In this order a repetition after half of it doubles no row: outcomes may be written twice.
        if (ended.length > 0) await store.call('access.ended', { calls: ended });
        if (refused.length > 0) await store.call('access.refusals', { calls: refused });
        this.#waiting.splice(0, rows.length);
      }
      if (this.#lost > 0) log.error('rows of the audit record were lost', { rows: this.#lost });
      this.#lost = 0;
    } catch (error) {
      log.warn('the audit record could not be written; it is tried again', { error: toProblem(error).detail });
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
}
