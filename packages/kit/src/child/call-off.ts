/** Why a child is to end before it ends itself: its time is up, its caller gave it up, or it writes too much. */
export type CallOffReason = 'time' | 'caller' | 'flood';

/**
 * Calls a child off, from the moment its program is looked for. The first reason counts. Holds a timer and a listener
 * until it is released.
 */
export class CallOff {
  /** Resolves when the child is called off; else never. */
  readonly called: Promise<void>;
  #reason: CallOffReason | undefined;
  #tell: () => void = () => undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.call('caller');

  constructor({ timeoutMs, signal }: { readonly timeoutMs?: number; readonly signal?: AbortSignal }) {
    this.called = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.#signal = signal;
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.call('time'), timeoutMs);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.call('caller');
  }

  get reason(): CallOffReason | undefined {
    return this.#reason;
  }

  call(reason: CallOffReason): void {
    this.#reason ??= reason;
    this.#tell();
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
