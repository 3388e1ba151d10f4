import { code, type Problem, problem } from '@csm/model';
import { ROOT_RESERVE } from './limits.ts';

/**
 * Counts what is open, in all and per user, and says no when there is no room. Used once for connections and once
 * for calls. Root is bound only by the total, which is larger for root.
 */
export class Admission {
  readonly #noun: string;
  readonly #total: number;
  readonly #perUser: number;
  readonly #users = new Map<number, number>();
  #open = 0;

  /** `noun` in the plural, for the refusal. */
  constructor(noun: string, total: number, perUser: number) {
    this.#noun = noun;
    this.#total = total;
    this.#perUser = perUser;
  }

  get open(): number {
    return this.#open;
  }

  /** Takes one place for a user, or says why not (code 13). The place is given back by `leave`. */
  enter(uid: number): Problem | undefined {
    const mine = this.#users.get(uid) ?? 0;
    const total = uid === 0 ? this.#total + ROOT_RESERVE : this.#total;
    if (this.#open >= total) return this.#full(`${this.#open} ${this.#noun} are open`, total);
    if (uid !== 0 && mine >= this.#perUser)
      return this.#full(`uid ${uid} has ${mine} ${this.#noun} open`, this.#perUser);
    this.#open++;
    this.#users.set(uid, mine + 1);
    return undefined;
  }

  leave(uid: number): void {
    this.#open--;
    const mine = (this.#users.get(uid) ?? 1) - 1;
    if (mine === 0) this.#users.delete(uid);
    else this.#users.set(uid, mine);
  }

  #full(what: string, limit: number): Problem {
    return problem(code.MEMORY, `${what}, more are not accepted now`, { allowed: `${limit} ${this.#noun} at a time` });
  }
}
