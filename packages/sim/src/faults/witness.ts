/**
 * Asks the cluster for its health all the time, as an admin would at a utility daemon, and remembers when it first said
 * that something is wrong. Questions overlap: one that hangs with a leader does not keep the next from being answered.
 */
const ASK_MS = 100;
/** Questions without an answer, at most. */
const OPEN_MAX = 50;

export interface Answer {
  /** In words; undefined when all is whole. */
  readonly wrong: string | undefined;
  /** Who leads since when; another one than before is a word of trouble, too. */
  readonly leader: string | undefined;
}

export class Witness {
  readonly #ask: () => Promise<Answer>;
  readonly #timer: NodeJS.Timeout;
  #open = 0;
  #from = 0;
  #trouble: number | undefined;
  #leader: string | undefined;
  #before: string | undefined;
  /** The newest question that was answered: when it was asked, and what is wrong. */
  #newest: { readonly asked: number; readonly why: string | undefined } = { asked: 0, why: 'nothing was asked yet' };

  /** `ask` rejects when nobody answers. */
  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask;
    this.#timer = setInterval(() => void this.#once(), ASK_MS);
  }

  /** A fault begins now. */
  begin(): void {
    this.#from = performance.now();
    this.#trouble = undefined;
    this.#before = this.#leader;
  }

  /** From `begin` until an answer said that something is wrong, ms. */
  get detected(): number | undefined {
    return this.#trouble === undefined ? undefined : this.#trouble - this.#from;
  }

  /** What was wrong at a question asked after `since` (performance.now()); undefined when nothing was. */
  wrongSince(since: number): string | undefined {
    return this.#newest.asked >= since ? this.#newest.why : 'no answer yet';
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #once(): Promise<void> {
    if (this.#open >= OPEN_MAX) return;
    this.#open++;
    const asked = performance.now();
    let why: string | undefined;
    let changed = false;
    try {
      const { wrong, leader } = await this.#ask();
      why = wrong;
      changed = leader !== undefined && this.#before !== undefined && leader !== this.#before;
      this.#leader = leader ?? this.#leader;
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    } finally {
      this.#open--;
    }
    if ((why !== undefined || changed) && asked >= this.#from) this.#trouble ??= performance.now();
    if (asked >= this.#newest.asked) this.#newest = { asked, why };
  }
}
