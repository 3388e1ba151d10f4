/** A running `csm-sim`, ordered about by lines of JSON. */
import { createInterface } from 'node:readline';
import type { Order } from '../population/control.ts';
import type { PopulationStats } from '../population/population.ts';
import type { DaemonProcess, More } from './daemon-process.ts';

interface Answer {
  readonly id?: number;
  readonly event?: string;
  readonly ok?: boolean;
  readonly error?: string;
  readonly stats?: PopulationStats;
  readonly heard?: Readonly<Record<string, number>>;
}

/** Handshakes of all its nodes. */
const READY_MS = 300_000;

export class SimProcess {
  readonly process: DaemonProcess;
  readonly #asked = new Map<number, { done: (answer: Answer) => void; failed: (error: Error) => void }>();
  #next = 1;
  #ready: (() => void) | undefined;
  #isReady = false;

  constructor(process: DaemonProcess) {
    this.process = process;
    this.#attach();
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Starts it again after it was killed. */
  async restart(signal: AbortSignal): Promise<void> {
    this.start();
    await this.ready(signal);
  }

  /** The same without waiting, for one that is to die at a failpoint in its environment. */
  start(more: More = {}): void {
    this.#isReady = false;
    this.process.start(more);
    this.#attach();
  }

  /** Resolves when its nodes have started; that they are linked is the master's to say. */
  ready(signal: AbortSignal): Promise<void> {
    if (this.#isReady) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.process.name} is not ready`)), READY_MS);
      const look = setInterval(() => {
        const why = signal.aborted ? 'called off' : this.process.fault;
        if (why === undefined) return;
        clearTimeout(late);
        clearInterval(look);
        reject(new Error(`${why}: ${this.process.tail(5)}`));
      }, 100);
      this.#ready = () => {
        clearTimeout(late);
        clearInterval(look);
        resolve();
      };
    });
  }

  async order(order: Order): Promise<void> {
    await this.#ask(order);
  }

  async stats(): Promise<PopulationStats> {
    const { stats } = await this.#ask({ do: 'stats' });
    if (stats === undefined) throw new Error(`${this.process.name} answers without stats`);
    return stats;
  }

  /** When each node that has a primary last heard anything from it, wall ms. */
  async heard(): Promise<ReadonlyMap<string, number>> {
    const { heard } = await this.#ask({ do: 'heard' });
    return new Map(Object.entries(heard ?? {}));
  }

  /** Stops offering, and resolves when every outbox is empty. `until` is that of the site. */
  async drain(until: (what: string, look: () => Promise<boolean>) => Promise<number>): Promise<number> {
    await this.order({ do: 'rate', rate: 0 });
    await this.order({ do: 'settle' });
    return until(`the outboxes of ${this.process.name} are empty`, async () => {
      const { waiting, unacknowledged } = await this.stats();
      if (waiting + unacknowledged > 0) throw new Error(`${waiting} waiting, ${unacknowledged} unacknowledged`);
      return true;
    });
  }

  #attach(): void {
    const { stdout } = this.process;
    if (stdout === null) return;
    const lines = createInterface({ input: stdout });
    lines.on('line', (line) => {
      if (!line.startsWith('{')) return;
      const answer = JSON.parse(line) as Answer;
      if (answer.event === 'ready') {
        this.#isReady = true;
        this.#ready?.();
      }
      const asked = answer.id === undefined ? undefined : this.#asked.get(answer.id);
      if (asked === undefined || answer.id === undefined) return;
      this.#asked.delete(answer.id);
      if (answer.ok === true) asked.done(answer);
      else asked.failed(new Error(`${this.process.name}: ${answer.error ?? 'refused'}`));
    });
    lines.once('close', () => {
      for (const { failed } of this.#asked.values()) failed(new Error(`${this.process.name} has ended`));
      this.#asked.clear();
    });
  }

  #ask(order: Order): Promise<Answer> {
    const { stdin, running, name } = this.process;
    if (!running || stdin === null) return Promise.reject(new Error(`${name} is not running`));
    const id = this.#next++;
    return new Promise((done, failed) => {
      this.#asked.set(id, { done, failed });
      stdin.write(`${JSON.stringify({ ...order, id })}\n`);
    });
  }
}
