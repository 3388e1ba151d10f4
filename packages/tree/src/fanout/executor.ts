/**
 * Commands where they end, on a node. At most once: the id is in the journal before anything is started.
 *
 * | a command is… | enters                              | answers a repetition with       | leaves                             |
 * |---------------|-------------------------------------|---------------------------------|------------------------------------|
 * | running       | first heard, its id journalled      | nothing yet: one answer comes   | the handler returned → done         |
 * | done          | the handler returned                | the stored answer               | a minute after its deadline → past  |
 * | past          | done, or found in the journal at    | 37: nothing is run again        | a day later, or when `PAST_MAX`     |
 * |               | start                               |                                 | newer ones are past                 |
 *
 * The same id with another input is refused (9): ids are never used twice. The answer leaves on whichever link is the
 * primary when it is ready; while there is none it waits, and the leader's repetition brings it out. A repetition that
 * comes late (kept by a key, or in the socket of a node that was stopped) finds the id and is not run. How long ids are
 * kept is counted on the monotonic clock from the start of this process, so that no setting of the wall clock shortens it.
 */
import { after, type Mono, type Now } from '@csm/model';
import type { MessageOf } from '@csm/protocol';
import { Deadlines } from '../deadlines.ts';
import type { BegunCommand } from '../outbox/recovery.ts';
import type { Answer } from './merge.ts';

/** How long an answer is kept after the command's deadline, ms. */
export const KEEP_MS = 60_000;
/** Commands that run or whose answers are kept; beyond it new ones are refused with 13. */
export const REMEMBERED_MAX = 4096;
/** How long the id of a past command is kept, ms: as long as an idempotency key counts, and longer than any deadline. */
export const PAST_MS = 86_400_000 + KEEP_MS;
/** Ids of past commands. */
export const PAST_MAX = 65_536;

interface Known {
  readonly hash: string;
  readonly until: number;
  answer?: Answer;
  stage: 'running' | 'done' | 'past';
}

const RESTARTED = 'the daemon was restarted while it ran; the outcome is unknown';
const PAST = 'it was run before and its answer is not kept any more; nothing was run again';

export type ExecutorEffect =
  | { readonly kind: 'journal'; readonly id: string; readonly hash: string; readonly until: number }
  | {
      readonly kind: 'run';
      readonly id: string;
      readonly command: string;
      readonly input: unknown;
      readonly remaining: number;
      readonly room: number;
    }
  | { readonly kind: 'answer'; readonly id: string; readonly answer: Answer };

export class Executor {
  readonly #known = new Map<string, Known>();
  /** Ids of past commands, oldest first. */
  readonly #past = new Set<string>();
  readonly #deadlines = new Deadlines<string>();
  readonly #repeatable: ReadonlySet<string>;
  #out: ExecutorEffect[] = [];

  /**
   * `begun`: what the journal says was started before. `repeatable`: commands that may run any number of times, such as
   * a ping: they are neither journalled nor remembered.
   */
  constructor(begun: readonly BegunCommand[], now: Now, repeatable: ReadonlySet<string> = new Set()) {
    this.#repeatable = repeatable;
    for (const { id, hash, until } of begun) {
      this.#known.set(id, { hash, until, stage: 'past', answer: { code: 37, text: RESTARTED } });
      this.#toPast(id, now);
    }
  }

  wakeAt(): Mono | undefined {
    return this.#deadlines.next();
  }

  /** What a compacted journal must still say. */
  begun(): BegunCommand[] {
    return [...this.#known].filter(([, { until }]) => until > 0).map(([id, { hash, until }]) => ({ id, hash, until }));
  }

  get running(): number {
    let n = 0;
    for (const { stage } of this.#known.values()) if (stage === 'running') n++;
    return n;
  }

  /** `hash`: of command and input, made by the caller. */
  command(message: MessageOf<'command'>, hash: string, now: Now): void {
    const { id, command, input, remaining, room } = message;
    const known = this.#known.get(id);
    if (known !== undefined) {
      if (known.hash !== hash)
        this.#answer(id, { code: 9, text: `command id '${id}' was used before with another input` });
      else if (known.answer !== undefined) this.#answer(id, known.answer);
      return;
    }
    if (this.#known.size - this.#past.size >= REMEMBERED_MAX) {
      this.#answer(id, { code: 13, text: `this node remembers ${REMEMBERED_MAX} commands already` });
      return;
    }
    if (this.#repeatable.has(command)) this.#known.set(id, { hash, until: 0, stage: 'running' });
    else {
      const keep = remaining + KEEP_MS;
      const until = Math.ceil(now.wall + keep);
      this.#known.set(id, { hash, until, stage: 'running' });
      this.#deadlines.set(id, after(now.mono, keep));
      this.#out.push({ kind: 'journal', id, hash, until });
    }
    this.#out.push({ kind: 'run', id, command, input, remaining, room });
  }

  /** The handler is done with `id`. */
  finished(id: string, answer: Answer): void {
    const known = this.#known.get(id);
    if (known?.stage !== 'running') return;
    known.stage = 'done';
    known.answer = answer;
    if (known.until === 0) this.#known.delete(id);
    this.#answer(id, answer);
  }

  tick(now: Now): void {
    for (let id = this.#deadlines.due(now.mono); id !== undefined; id = this.#deadlines.due(now.mono)) {
      const known = this.#known.get(id);
      if (known?.stage === 'running') this.#deadlines.set(id, after(now.mono, KEEP_MS));
      else if (known?.stage === 'done') {
        known.stage = 'past';
        known.answer = { code: 37, text: PAST };
        this.#toPast(id, now);
      } else this.#forget(id);
    }
  }

  takeEffects(): ExecutorEffect[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #toPast(id: string, now: Now): void {
    this.#past.add(id);
    this.#deadlines.set(id, after(now.mono, PAST_MS));
    for (const oldest of this.#past) {
      if (this.#past.size <= PAST_MAX) break;
      this.#forget(oldest);
    }
  }

  #forget(id: string): void {
    this.#known.delete(id);
    this.#past.delete(id);
    this.#deadlines.set(id, undefined);
  }

  #answer(id: string, answer: Answer): void {
    this.#out.push({ kind: 'answer', id, answer });
  }
}
