/** Whether an external state manager is ready: asked every five seconds under the present URL, and at once under a new one. */
import type { Log } from '../ports.ts';
import type { Params, TimePort } from '../types.ts';
import { type Answer, wordsOf } from './client.ts';

/** Milliseconds between two questions. */
export const READY_MS = 5_000;

export interface Known {
  readonly url: string;
  /** It answered 200; nothing else counts. */
  readonly isReady: boolean;
  readonly words: string;
}

export interface ReadinessPorts {
  readonly params: () => Pick<Params, 'Nosm' | 'Sm_url' | 'Sm_timeout'>;
  readonly time: TimePort;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Asks under this URL. Never rejects. */
  readonly ask: (url: string) => Promise<Answer>;
  /** After each answer; `isBack`: it was not ready before, or not known. */
  readonly told: (isBack: boolean) => void;
}

export class Readiness {
  readonly #ports: ReadinessPorts;
  #known: Known | undefined;
  #isAsking = false;
  #isOver = false;
  #cancel: () => void = () => {};

  constructor(ports: ReadinessPorts) {
    this.#ports = ports;
  }

  /** What is known of the state manager under this URL. */
  of(url: string): Known | undefined {
    return this.#known?.url === url ? this.#known : undefined;
  }

  /** Asks now, unless somebody is being asked; and from then on again and again. Never rejects. */
  async ask(): Promise<void> {
    if (this.#isAsking || this.#isOver) return;
    this.#isAsking = true;
    this.#cancel();
    const { params, time, told } = this.#ports;
    const { Nosm, Sm_url: url } = params();
    let isBack = false;
    if (Nosm !== '1') {
      const answer = await this.#ports.ask(url);
      const isReady = answer.kind === 'answer' && answer.status === 200;
      const late = `no answer within ${params().Sm_timeout} s`;
      if (!this.#isOver) isBack = this.#note({ url, isReady, words: answer.kind === 'late' ? late : wordsOf(answer) });
    }
    this.#isAsking = false;
    if (this.#isOver) return;
    this.#cancel = time.after(READY_MS, () => void this.ask());
    told(isBack);
  }

  stop(): void {
    this.#isOver = true;
    this.#cancel();
  }

  /** Gives whether it is ready and was not. */
  #note(known: Known): boolean {
    const { url, isReady, words } = known;
    const was = this.of(url)?.isReady;
    this.#known = known;
    if (was === isReady) return false;
    if (isReady) this.#ports.log.info('the state manager is ready', { url });
    else this.#ports.log.warn('the state manager is not ready', { url, words });
    return isReady;
  }
}
