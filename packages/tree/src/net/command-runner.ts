/** Runs a node's commands: each handler with its deadline, and an answer whatever it does. */
import { code, toProblem } from '@csm/model';
import type { Answer } from '../fanout/merge.ts';
import type { LeafEffect } from '../leaf.ts';
import type { Clock } from './ports.ts';

export interface CommandContext {
  readonly id: string;
  /** Fires at the deadline, and when the daemon stops. The handler must settle soon after. */
  readonly signal: AbortSignal;
  /** ms until the command's deadline. */
  remaining(): number;
  /** Bytes the answer may have; longer bodies are to be cut by the handler. */
  readonly room: number;
}

/** Runs a command on this node. What it throws becomes an answer with the problem's code. */
export type CommandHandler = (input: unknown, context: CommandContext) => Promise<Answer>;

/** How long a stopping daemon waits for its handlers to settle, ms: time to end what they have started. */
const STOP_MS = 3500;
/** Longest text of an answer, characters. */
const TEXT_MAX = 1000;
/** A body may be this much longer than its room, bytes: handlers cut their output, not the fields around it. */
const ROOM_GRACE = 1024;

interface Running {
  readonly abort: AbortController;
  readonly settled: Promise<void>;
}

export class CommandRunner {
  readonly #commands: Readonly<Record<string, CommandHandler>>;
  readonly #clock: Clock;
  readonly #finished: (id: string, answer: Answer) => void;
  readonly #running = new Map<string, Running>();
  #stopping = false;

  constructor(
    commands: Readonly<Record<string, CommandHandler>>,
    clock: Clock,
    finished: (id: string, answer: Answer) => void,
  ) {
    this.#commands = commands;
    this.#clock = clock;
    this.#finished = finished;
  }

  /** Starts a command, and tells its answer later, whatever becomes of it. Once stopping it starts none. */
  run(order: Extract<LeafEffect, { kind: 'run' }>): void {
    if (this.#stopping) {
      // Later, not within this call: the step that asked for it is not over yet.
      queueMicrotask(() => this.#finished(order.id, { code: code.BAD_STATE, text: 'the daemon is stopping' }));
      return;
    }
    const abort = new AbortController();
    const settled = this.#carryOut(order, abort.signal).then((answer) => {
      this.#running.delete(order.id);
      this.#finished(order.id, bounded(answer, order.room));
    });
    this.#running.set(order.id, { abort, settled });
    // Cleared by the abort itself or, unreferenced, by the end of the process.
    const deadline = setTimeout(() => abort.abort(), Math.min(order.remaining, 2 ** 31 - 1)).unref();
    settled.finally(() => clearTimeout(deadline)).catch(() => undefined);
  }

  /** Calls everything off and waits for it to settle, so that no program outlives the daemon. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { abort } of this.#running.values()) abort.abort();
    const all = Promise.all([...this.#running.values()].map(({ settled }) => settled));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([all, late]);
    clearTimeout(timer);
  }

  async #carryOut(order: Extract<LeafEffect, { kind: 'run' }>, signal: AbortSignal): Promise<Answer> {
    const { id, command, input, remaining, room } = order;
    const handler = Object.hasOwn(this.#commands, command) ? this.#commands[command] : undefined;
    if (handler === undefined)
      return { code: code.UNKNOWN_COMMAND, text: `this node does not know the command '${command}'` };
    const started = this.#clock.now().mono;
    const left = () => Math.max(0, remaining - (this.#clock.now().mono - started));
    try {
      return await handler(input, { id, signal, remaining: left, room });
    } catch (error) {
      const thrown = toProblem(error);
      return { code: thrown.code, text: thrown.detail };
    }
  }
}

/** The answer as it may leave: a long text is cut, a body that is too long or no JSON is left out in words. */
function bounded(answer: Answer, room: number): Answer {
  const { body, ...rest } = answer;
  const text = cut(answer.text);
  if (body === undefined) return { ...rest, text };
  const ended = `; it was left out. The command ended with code ${answer.code}: ${text}`;
  let bytes: number;
  try {
    bytes = Buffer.byteLength(JSON.stringify(body) ?? '');
  } catch (error) {
    return { ...rest, code: code.PACK, text: cut(`the answer is no JSON: ${toProblem(error).detail}${ended}`) };
  }
  const max = room + ROOM_GRACE;
  if (bytes <= max) return { ...rest, text, body };
  return {
    ...rest,
    code: code.BUFFER_OVERFLOW,
    text: cut(`the answer has ${bytes} bytes, allowed are ${max}${ended}`),
  };
}

/** Cut to the longest text, and not within a character. */
const cut = (text: string): string => text.slice(0, TEXT_MAX).replace(/[\uD800-\uDBFF]$/, '');
