import { code, type Problem, problem } from '@csm/model';
import type { Holder } from './door.ts';
import { ROOT_RESERVE } from './limits.ts';

/**
 * Counts what is open, in all and per holder (a user, an address), and says no when there is no room. Used once for connections and once
 * for calls. Root is bound only by the total, which is larger for root.
 */
export class Admission {
  readonly #noun: string;
  readonly #total: number;
  readonly #each: number;
  readonly #holders = new Map<string, number>();
  #open = 0;

  /** `noun` in the plural, for the refusal. */
  constructor(noun: string, total: number, each: number) {
    this.#noun = noun;
    this.#total = total;
    this.#each = each;
  }

  get open(): number {
    return this.#open;
  }

  /** Takes one place for a holder, or says why not (code 13). The place is given back by `leave`. */
  enter({ key, words, isRoot }: Holder): Problem | undefined {
    const mine = this.#holders.get(key) ?? 0;
    const total = isRoot ? this.#total + ROOT_RESERVE : this.#total;
    if (this.#open >= total) return this.#full(`${this.#open} ${this.#noun} are open`, total);
    if (!isRoot && mine >= this.#each) return this.#full(`${words} has ${mine} ${this.#noun} open`, this.#each);
    this.#open++;
    this.#holders.set(key, mine + 1);
    return undefined;
  }

  leave({ key }: Holder): void {
    this.#open--;
    const mine = (this.#holders.get(key) ?? 1) - 1;
    if (mine === 0) this.#holders.delete(key);
    else this.#holders.set(key, mine);
  }

  #full(what: string, limit: number): Problem {
    return problem(code.MEMORY, `${what}, more are not accepted now`, { allowed: `${limit} ${this.#noun} at a time` });
  }
}
