/** A bare program of a site, ordered about by lines of JSON. */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DaemonProcess } from '../../site/daemon-process.ts';
import type { Site } from '../../site/site.ts';
import type { BareAnswer } from './orders.ts';

export type BareProgram = 'server' | 'clients' | 'pages' | 'asker' | 'answerers' | 'subscribers';

export class BareProcess {
  readonly process: DaemonProcess;
  readonly #asked: { done: (answer: BareAnswer) => void; failed: (error: Error) => void }[] = [];

  /** `program`: one of this folder; `argument` is given to it as JSON. */
  constructor(site: Site, name: string, program: BareProgram, argument: object) {
    const file = fileURLToPath(new URL(`./${program}.js`, import.meta.url));
    this.process = site.process({ name, kind: 'bare', argv: [file, JSON.stringify(argument)], piped: true });
    const { stdout } = this.process;
    if (stdout === null) throw new Error(`${name} has no output`);
    const lines = createInterface({ input: stdout });
    lines.on('line', (line) => this.#asked.shift()?.done(JSON.parse(line) as BareAnswer));
    lines.once('close', () => {
      for (const { failed } of this.#asked.splice(0)) failed(new Error(`${name} has ended: ${this.process.tail(5)}`));
    });
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Rejects when the program ends. */
  ask(order: object): Promise<BareAnswer> {
    const { stdin, running, name } = this.process;
    if (!running || stdin === null) return Promise.reject(new Error(`${name} is not running: ${this.process.tail(5)}`));
    return new Promise((done, failed) => {
      this.#asked.push({ done, failed });
      stdin.write(`${JSON.stringify(order)}\n`);
    });
  }

  end(): Promise<string | undefined> {
    return this.process.end();
  }
}
