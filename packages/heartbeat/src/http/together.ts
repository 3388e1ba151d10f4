import type { ServerResponse } from 'node:http';

const AT_MOST = 256;

/**
 * Answers of one turn of the loop, which leave together when all that has come in with it is read. Written one by one
 * each would wake a client that went to sleep since the one before; many small clients on one machine, or one proxy
 * before them all, are woken once a turn so. In a herd the first ones do not wait for the last.
 */
export class Together {
  #waiting: ServerResponse[] = [];

  /** Ends an answer without a body behind what else this turn reads. */
  end(response: ServerResponse): void {
    const count = this.#waiting.push(response);
    if (count === 1) setImmediate(this.#leave);
    else if (count === AT_MOST) this.#leave();
  }

  readonly #leave = (): void => {
    const leaving = this.#waiting;
    this.#waiting = [];
    for (const response of leaving) response.end();
  };
}
