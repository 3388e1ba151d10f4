import { type Finding, type Host, missing, type Programs, RootTree, type RunOptions } from '@csm/host';

/** What an attempt waits for, and whether it was given up. */
export interface Watch {
  waitsFor: string;
  /** Whether that is a file: such a wait holds a thread. */
  holdsThread: boolean;
  readonly signal: AbortSignal;
  /** What a program of the attempt may take at most. */
  readonly timeoutMs: number;
}

/** `host` for one attempt: it notes what is waited for, and gives nothing more once the attempt was given up. */
export const watchedHost = ({ tree, programs }: Host, watch: Watch): Host => ({
  tree: new WatchedTree(tree, watch),
  programs: new WatchedPrograms(programs, watch),
});

class WatchedTree extends RootTree {
  readonly #tree: RootTree;
  readonly #watch: Watch;

  constructor(tree: RootTree, watch: Watch) {
    super(tree.root);
    this.#tree = tree;
    this.#watch = watch;
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

  async #noted<T>(path: string, read: () => Promise<Finding<T>>): Promise<Finding<T>> {
    if (this.#watch.signal.aborted) return missing(`${path} was not read: called off`);
    this.#watch.waitsFor = path;
    this.#watch.holdsThread = true;
    return read();
  }
}

class WatchedPrograms implements Programs {
  readonly #programs: Programs;
  readonly #watch: Watch;

  constructor(programs: Programs, watch: Watch) {
    this.#programs = programs;
    this.#watch = watch;
  }

  async run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<Finding<string>> {
    if (this.#watch.signal.aborted) return missing(`${argv[0]} was not started: called off`);
    this.#watch.waitsFor = argv[0];
    this.#watch.holdsThread = false;
    return this.#programs.run(argv, { timeoutMs: this.#watch.timeoutMs, ...options });
  }
}
