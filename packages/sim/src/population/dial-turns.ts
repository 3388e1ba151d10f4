/**
 * Lets the nodes of a process dial a hub a few at a time. On a real machine each node has a CPU of its own; here a
 * thousand share a thread, which would begin the handshakes of all before it reads the answer to the first, while the
 * hub waits for it, gives up, and has to be dialled again. A node that waits here takes itself for one that stands in the hub's
 * queue, also where that hub is away: of more than sixty-four in a process it looks elsewhere later than a real node.
 */

/** As many as a listener serves at once: more would wait there, as they do here. */
export const DIALS_AT_ONCE = 64;

export class DialTurns {
  readonly #atOnce: number;
  readonly #hubs = new Map<string, { underWay: number; readonly waiting: Set<() => void> }>();

  constructor(atOnce: number = DIALS_AT_ONCE) {
    this.#atOnce = atOnce;
  }

  /**
   * Carries a dial out when it is its turn at that hub; `waits` is called where that is not at once. Whoever hangs up
   * meanwhile leaves the line, and rejects with the signal's reason.
   */
  async take<T>(hub: string, dial: () => Promise<T>, waits: () => void, signal?: AbortSignal): Promise<T> {
    let line = this.#hubs.get(hub);
    if (line === undefined) {
      line = { underWay: 0, waiting: new Set() };
      this.#hubs.set(hub, line);
    }
    const { waiting } = line;
    if (line.underWay < this.#atOnce) line.underWay += 1;
    else {
      waits();
      await turnIn(waiting, signal);
    }
    try {
      return await dial();
    } finally {
      // Whoever ends hands its place on.
      const [next] = waiting;
      if (next === undefined) line.underWay -= 1;
      else next();
    }
  }
}

/** Stands in the line until a place is handed on. */
function turnIn(waiting: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      waiting.delete(go);
      reject(signal?.reason);
    };
    const go = (): void => {
      waiting.delete(go);
      signal?.removeEventListener('abort', leave);
      resolve();
    };
    waiting.add(go);
    signal?.addEventListener('abort', leave);
  });
}
