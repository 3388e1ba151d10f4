import type { CallOff } from './call-off.ts';

/**
 * Looks into directories of which any may stand on a file system that does not answer, such as a dead NFS mount.
 *
 * A look that hangs cannot be called off: it keeps one of the few threads (four by default) that read files and resolve
 * names for the whole process until the kernel answers, which may be never. Therefore
 *
 * - one look at a time is under way in each directory. Whoever comes meanwhile waits for it, no longer than until it is
 *   called off itself, and is refused at once when that look has hung already;
 * - two looks at most are under way outside the system's own directories, so that several dead directories do not take
 *   all threads. The system's own are always looked into: where they hang, nothing on the machine runs.
 */

/** From when on a look that has no answer counts as hung, ms. Less refuses what is only slow, more keeps others waiting. */
export const HANGS_MS = 1_000;
const AT_ONCE = 2;

/** The search path of a child that has no PATH. */
export const PATH_DEFAULT = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const SYSTEM: ReadonlySet<string> = new Set([...PATH_DEFAULT.split(':'), '/etc/alternatives']);

/** What a look told, or why there was none, in words that name the directory. */
export type Looked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

interface Look {
  readonly directory: string;
  /** By the clock of the lookups, ms. */
  readonly since: number;
  /** Resolves when it has an answer, of whatever kind. */
  readonly ended: Promise<void>;
}

export class Lookups {
  readonly #underWay = new Map<string, Look>();
  readonly #now: () => number;

  /** `now` in ms, from any beginning. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Looks that have no answer yet. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Does `look` in `directory`; rejects only as `look` does. */
  async in<T>(directory: string, look: () => Promise<T>, callOff: CallOff): Promise<Looked<T>> {
    for (let inWay = this.#inWay(directory); inWay.length > 0; inWay = this.#inWay(directory)) {
      if (inWay.every(({ since }) => this.#now() - since >= HANGS_MS)) {
        const places = inWay.map((hung) => hung.directory).join(' and ');
        return { ok: false, why: `${directory} is not looked into while an earlier lookup in ${places} hangs` };
      }
      await Promise.race([callOff.called, ...inWay.map(({ ended }) => ended)]);
      if (callOff.reason !== undefined) break;
    }
    const late = { ok: false, why: `${directory} did not answer in time` } as const;
    if (callOff.reason !== undefined) return late;
    const answer = look();
    this.#keep(directory, answer);
    return Promise.race([answer.then((value) => ({ ok: true, value }) as const), callOff.called.then(() => late)]);
  }

  #inWay(directory: string): readonly Look[] {
    const same = this.#underWay.get(directory);
    if (same !== undefined) return [same];
    if (SYSTEM.has(directory)) return [];
    const others = [...this.#underWay.values()].filter((look) => !SYSTEM.has(look.directory));
    return others.length < AT_ONCE ? [] : others;
  }

  #keep(directory: string, answer: Promise<unknown>): void {
    const end = (): void => {
      this.#underWay.delete(directory);
    };
    // A failure that comes after the child was called off has nobody left to hear it.
    this.#underWay.set(directory, { directory, since: this.#now(), ended: answer.then(end, end) });
  }
}
