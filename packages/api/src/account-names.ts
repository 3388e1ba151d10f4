import koffi from 'koffi';

/**
 * Names of users and groups, asked of the C library so that LDAP and other name services count. Lookups run on a
 * worker thread, since a name service may take long; equal ones under way are shared. Answers are kept for a minute
 * (no more than 1,024 of each kind), failures for five seconds. A number without a name, or whose lookup takes more
 * than `LOOKUP_MS`, stands as its number.
 */

const KEEP_MS = 60_000;
const KEEP_FAILURE_MS = 5_000;
const KEEP_MAX = 1_024;
export const LOOKUP_MS = 3_000;
const ERANGE = 34;
const RECORD_BYTES = 128;
const TEXT_BYTES = [4_096, 65_536, 1_048_576];
const AT_ONCE = 8;
const GROUPS_NAMED_MAX = 256;

type LookUp = {
  async(
    id: number,
    record: Uint8Array,
    text: Uint8Array,
    size: number,
    found: [unknown],
    done: (error: unknown, status: number) => void,
  ): void;
};

function load(name: string): LookUp {
  const signature = `int ${name}(uint32_t id, void *record, void *text, size_t size, _Out_ void **found)`;
  return koffi.load(null).func(signature) as unknown as LookUp;
}

/** One kind of name: `getpwuid_r` for users, `getgrgid_r` for groups. */
class Names {
  readonly #symbol: 'getpwuid_r' | 'getgrgid_r';
  readonly #kept = new Map<number, { readonly name: Promise<string>; until: number }>();
  #lookUp: LookUp | undefined;

  constructor(symbol: 'getpwuid_r' | 'getgrgid_r') {
    this.#symbol = symbol;
  }

  /** `now` in ms of a monotonic clock. */
  get(id: number, now: number): Promise<string> {
    const hit = this.#kept.get(id);
    if (hit !== undefined && hit.until > now) return hit.name;
    this.#kept.delete(id);
    // The oldest makes room; a Map keeps the order of insertion.
    const oldest = this.#kept.size >= KEEP_MAX ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    const entry = { name: Promise.resolve(''), until: now + KEEP_MS };
    const name = this.#ask(id).then((found) => {
      if (found === undefined) entry.until = now + KEEP_FAILURE_MS;
      return found ?? String(id);
    });
    this.#kept.set(id, Object.assign(entry, { name }));
    return name;
  }

  async #ask(id: number): Promise<string | undefined> {
    for (const size of TEXT_BYTES) {
      const record = new Uint8Array(RECORD_BYTES);
      const text = new Uint8Array(size);
      const found: [unknown] = [null];
      const status = await this.#run(id, record, text, found);
      // The name is the first member of both structures, a pointer into `text`.
      if (status === 0) return found[0] === null ? undefined : String(koffi.decode(record, 'const char *'));
      if (status !== ERANGE) return undefined;
    }
    return undefined;
  }

  #run(id: number, record: Uint8Array, text: Uint8Array, found: [unknown]): Promise<number> {
    this.#lookUp ??= load(this.#symbol);
    const lookUp = this.#lookUp;
    return new Promise((resolve) => {
      lookUp.async(id, record, text, text.length, found, (error, status) => resolve(error ? -1 : status));
    });
  }
}

const users = new Names('getpwuid_r');
const groups = new Names('getgrgid_r');

/** Never rejects; a name that does not come in time stands as its number. */
function inTime(id: number, name: Promise<string>): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(String(id)), LOOKUP_MS);
    const settle = (text: string): void => {
      clearTimeout(timer);
      resolve(text);
    };
    name.then(settle, () => settle(String(id)));
  });
}

export const userName = (uid: number): Promise<string> => inTime(uid, users.get(uid, performance.now()));
export const groupName = (gid: number): Promise<string> => inTime(gid, groups.get(gid, performance.now()));

/** Names of many groups, in the order given. Past 256 groups or `LOOKUP_MS` in all, the rest stand as their numbers. */
export async function groupNames(gids: readonly number[]): Promise<readonly string[]> {
  const started = performance.now();
  const out: string[] = [];
  while (out.length < Math.min(gids.length, GROUPS_NAMED_MAX) && performance.now() - started < LOOKUP_MS) {
    out.push(...(await Promise.all(gids.slice(out.length, out.length + AT_ONCE).map(groupName))));
  }
  return [...out, ...gids.slice(out.length).map(String)];
}
