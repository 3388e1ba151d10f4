/** Pages of texts on their way from the reader's thread to whoever asked. */
import type { CsmError } from '@csm/model';
import { type TextPage, textsOf } from './text-page.ts';

interface Settle {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * One page a turn: messages of a thread are handed out all in one go, and what is made of the first page would wait
 * for the last.
 */
export class TextPages {
  readonly #take: (texts: readonly string[]) => void;
  readonly #settle: Settle;
  readonly #settled: () => void;
  readonly #waiting: TextPage[] = [];
  #running = false;
  #isRead = false;
  #over = false;

  /** `settled` is called once, with the end. */
  constructor(take: (texts: readonly string[]) => void, settle: Settle, settled: () => void) {
    this.#take = take;
    this.#settle = settle;
    this.#settled = settled;
  }

  add(page: TextPage): void {
    if (this.#over) return;
    this.#waiting.push(page);
    this.#run();
  }

  /** All have been added. */
  end(): void {
    this.#isRead = true;
    this.#run();
  }

  /** At once, whatever waits. */
  reject(error: CsmError): void {
    this.#finish(() => this.#settle.reject(error));
  }

  #run(): void {
    if (this.#running || this.#over) return;
    this.#running = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#running = false;
    if (this.#over) return;
    const page = this.#waiting.shift();
    try {
      if (page !== undefined) this.#take(textsOf(page));
    } catch (error) {
      this.#finish(() => this.#settle.reject(error));
      return;
    }
    if (this.#waiting.length > 0) this.#run();
    else if (this.#isRead) this.#finish(() => this.#settle.resolve());
  }

  #finish(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting.length = 0;
    this.#settled();
    tell();
  }
}
