import { setMaxListeners } from 'node:events';
import { type Finding, type Host, missing, type Programs, RootTree, type RunOptions } from '@csm/host';
import type { Clock } from '@csm/tree';

/** A file or directory that is being read, or a program that runs. */
export interface Waiting {
  readonly what: string;
  readonly since: ReturnType<Clock['now']>;
}

/**
 * The reads and programs under way. A read of a file system that does not answer cannot be called off: it holds one of
 * the few threads of the process for good, though whoever wanted it has long given it up.
 */
export class Outstanding {
  readonly #clock: Clock;
  readonly #all = new Set<Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The one that takes longest. */
  get oldest(): Waiting | undefined {
    return this.#all.values().next().value;
  }

  get size(): number {
    return this.#all.size;
  }

  /** `host`, noted here. Once `signal` has fired its programs are ended, and nothing more of it is begun. */
  watched({ tree, programs }: Host, signal: AbortSignal): Host {
    // Each program listens while it runs, and a collection runs many at a time.
    setMaxListeners(0, signal);
    const noted = <T>(what: string, begin: () => Promise<Finding<T>>) => this.#noted(what, signal, begin);
    return { tree: new WatchedTree(tree, noted), programs: watchedPrograms(programs, signal, noted) };
  }

  async #noted<T>(what: string, signal: AbortSignal, begin: () => Promise<Finding<T>>): Promise<Finding<T>> {
    if (signal.aborted) return missing(`${what} was called off`);
    const waiting = { what, since: this.#clock.now() };
    this.#all.add(waiting);
    try {
      return await begin();
    } finally {
      this.#all.delete(waiting);
    }
  }
}

type Noted = <T>(what: string, begin: () => Promise<Finding<T>>) => Promise<Finding<T>>;

const watchedPrograms = (programs: Programs, signal: AbortSignal, noted: Noted): Programs => ({
  run: (argv, options: RunOptions = {}) =>
    noted(argv[0], () =>
      programs.run(argv, {
        ...options,
        signal: options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]),
      }),
    ),
});

/** The other reads of a tree go through these. */
class WatchedTree extends RootTree {
  readonly #tree: RootTree;
  readonly #noted: Noted;

  constructor(tree: RootTree, noted: Noted) {
    super(tree.root);
    this.#tree = tree;
    this.#noted = noted;
  }

  override text(path: string, limit?: number): Promise<Finding<string>> {
    return this.#noted(path, () => this.#tree.text(path, limit));
  }

  override names(path: string): Promise<Finding<readonly string[]>> {
    return this.#noted(path, () => this.#tree.names(path));
  }

  override link(path: string): Promise<Finding<string>> {
    return this.#noted(path, () => this.#tree.link(path));
  }

  override bytes(path: string, limit?: number): Promise<Finding<Buffer>> {
    return this.#noted(path, () => this.#tree.bytes(path, limit));
  }
}
