/** Several processes of simulated nodes that are ordered about as one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { fold } from '@csm/nodeset';
import { type Handled, type Order, sumStats } from './control.ts';
import { type PopulationOptions, partArgv } from './options.ts';
import type { PopulationStats } from './population.ts';

const SIM = fileURLToPath(new URL('../../../bin/csm-sim.mjs', import.meta.url));

interface Answer {
  readonly id?: number;
  readonly event?: string;
  readonly ok?: boolean;
  readonly error?: string;
  readonly stats?: PopulationStats;
  readonly heard?: Readonly<Record<string, number>>;
}

class Part {
  readonly child: ChildProcess;
  readonly nodes: number;
  readonly isSilent: boolean;
  readonly ready: Promise<void>;
  readonly #asked = new Map<number, { done: (answer: Answer) => void; failed: (error: Error) => void }>();
  #next = 1;

  constructor(options: PopulationOptions, nodes: readonly string[], isSilent: boolean, ended: (why: string) => void) {
    this.nodes = nodes.length;
    this.isSilent = isSilent;
    this.child = spawn(process.execPath, [SIM, ...partArgv(options, fold(nodes))], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.ready = new Promise((resolve, reject) => {
      this.child.once('exit', (code, signal) => {
        const why = `a process of ${nodes.length} nodes ended with ${signal ?? code}`;
        for (const { failed } of this.#asked.values()) failed(new Error(why));
        reject(new Error(why));
        ended(why);
      });
      createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        if (!line.startsWith('{')) process.stdout.write(`${line}\n`);
        else this.#take(JSON.parse(line) as Answer, resolve);
      });
    });
    // Who waits for it hears of it; nobody else needs to.
    this.ready.catch(() => undefined);
    // A part that ends while it is written to is told of by its end.
    this.child.stdin?.on('error', () => undefined);
  }

  ask(order: Order): Promise<Answer> {
    const id = this.#next++;
    return new Promise((done, failed) => {
      this.#asked.set(id, { done, failed });
      this.child.stdin?.write(`${JSON.stringify({ ...order, id })}\n`);
    });
  }

  #take(answer: Answer, ready: () => void): void {
    if (answer.event === 'ready') ready();
    const asked = answer.id === undefined ? undefined : this.#asked.get(answer.id);
    if (asked === undefined || answer.id === undefined) return;
    this.#asked.delete(answer.id);
    if (answer.ok === true) asked.done(answer);
    else asked.failed(new Error(answer.error ?? 'refused'));
  }
}

export class Crowd {
  readonly #parts: Part[];
  #stopping = false;

  /** `ended` is told when a process ended by itself. */
  static async start(
    options: PopulationOptions,
    groups: readonly (readonly string[])[],
    ended: (why: string) => void,
  ): Promise<Crowd> {
    const crowd = new Crowd(options, groups, ended);
    await Promise.all(crowd.#parts.map(({ ready }) => ready));
    await crowd.handle({ do: 'rate', rate: options.rate });
    return crowd;
  }

  private constructor(
    options: PopulationOptions,
    groups: readonly (readonly string[])[],
    ended: (why: string) => void,
  ) {
    const tell = (why: string): void => (this.#stopping ? undefined : ended(why));
    this.#parts = groups.map((nodes) => new Part(options, nodes, nodes[0] === options.silent[0], tell));
  }

  async handle(order: Order): Promise<Handled> {
    const nodes = this.#parts.reduce((sum, part) => sum + part.nodes, 0);
    switch (order.do) {
      case 'rate':
        await Promise.all(this.#parts.map((part) => part.ask({ ...order, rate: (order.rate * part.nodes) / nodes })));
        return undefined;
      case 'stats': {
        // A silent part cannot answer, and is not waited for.
        const answers = await Promise.all(this.#speaking().map((part) => part.ask(order)));
        return { stats: sumStats(answers.map(({ stats }) => stats).filter((stats) => stats !== undefined)) };
      }
      case 'heard': {
        const answers = await Promise.all(this.#speaking().map((part) => part.ask(order)));
        return { heard: Object.assign({}, ...answers.map(({ heard }) => heard)) as Record<string, number> };
      }
      case 'silence': {
        const silent = this.#parts.filter((part) => part.isSilent);
        if (silent.length === 0) throw new Error("'silence' needs nodes given by --silent");
        for (const { child } of silent) child.kill(order.on ? 'SIGSTOP' : 'SIGCONT');
        this.#silenced = order.on;
        return undefined;
      }
      case 'stop':
        await this.stop();
        return undefined;
      case 'poison':
      case 'flood': {
        const tries = await Promise.allSettled(this.#speaking().map((part) => part.ask(order)));
        if (tries.every(({ status }) => status === 'rejected')) throw new Error(`no process has node ${order.node}`);
        return undefined;
      }
      default:
        await Promise.all(this.#speaking().map((part) => part.ask(order)));
        return undefined;
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      this.#parts.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGCONT');
        child.kill('SIGTERM');
        await gone;
      }),
    );
  }

  #silenced = false;

  #speaking(): Part[] {
    return this.#silenced ? this.#parts.filter((part) => !part.isSilent) : this.#parts;
  }
}
