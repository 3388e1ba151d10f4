/** A wait that can be ended before its time; from then on none begins. */
export class Pause {
  #ended = false;
  #wake: () => void = () => {};

  /** Resolves after `ms`, or at `end`. One at a time. */
  for(ms: number): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }
}
