import koffi from 'koffi';
import { groupNames, LOOKUP_MS } from './account-names.ts';
import { NOBODY_ID } from './row.ts';

/**
 * Accounts by name, for callers whom no kernel vouches for: asked of the C library as names are, on a worker thread,
 * kept for a minute (no more than 1,024), failures for five seconds.
 */

const KEEP_MS = 60_000;
const KEEP_FAILURE_MS = 5_000;
const KEEP_MAX = 1_024;
const ERANGE = 34;
const RECORD_BYTES = 128;
const TEXT_BYTES = [4_096, 65_536, 1_048_576];
/** Where `struct passwd` has its uid and gid: behind two pointers (passwd.h of glibc and musl, 64 bit). */
const UID_AT = 16;
const GID_AT = 20;
const GROUPS_MAX = 65_536;

export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Names of the primary and the supplementary groups. */
  readonly groups: readonly string[];
}

/** Who is no user of this machine: he owns nothing here and is in no group. */
export const NOBODY: Account = Object.freeze({ uid: NOBODY_ID, gid: NOBODY_ID, groups: [] });

type Async<A extends unknown[]> = { async(...args: [...A, (error: unknown, result: number) => void]): void };
type GetPwNam = Async<[name: string, record: Uint8Array, text: Uint8Array, size: number, found: [unknown]]>;
type GetGroupList = Async<[name: string, gid: number, groups: Uint32Array, count: [number]]>;

let loaded: { readonly getpwnam: GetPwNam; readonly getgrouplist: GetGroupList } | undefined;
function libc(): NonNullable<typeof loaded> {
  if (loaded === undefined) {
    const lib = koffi.load(null);
    const passwd = 'const char *name, void *record, void *text, size_t size, _Out_ void **found';
    const groups = 'const char *name, uint32_t gid, _Out_ uint32_t *groups, _Inout_ int *count';
    loaded = {
      getpwnam: lib.func(`int getpwnam_r(${passwd})`) as unknown as GetPwNam,
      getgrouplist: lib.func(`int getgrouplist(${groups})`) as unknown as GetGroupList,
    };
  }
  return loaded;
}

function run<A extends unknown[]>(call: Async<A>, ...args: A): Promise<number> {
  return new Promise((resolve) => {
    call.async(...args, (error, result) => resolve(error ? -1 : result));
  });
}

const kept = new Map<string, { readonly account: Promise<Account | undefined>; until: number }>();

/**
 * The account of a user on this machine. Never rejects: a user unknown here, or whose lookup takes more than
 * `LOOKUP_MS`, is nobody.
 */
export async function accountOf(name: string): Promise<Account> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LOOKUP_MS);
  });
  const account = await Promise.race([get(name, performance.now()), late]);
  clearTimeout(timer);
  return account ?? NOBODY;
}

function get(name: string, now: number): Promise<Account | undefined> {
  const hit = kept.get(name);
  if (hit !== undefined && hit.until > now) return hit.account;
  kept.delete(name);
  // The oldest makes room; a Map keeps the order of insertion.
  const oldest = kept.size >= KEEP_MAX ? kept.keys().next().value : undefined;
  if (oldest !== undefined) kept.delete(oldest);
  const entry = { account: Promise.resolve<Account | undefined>(undefined), until: now + KEEP_MS };
  entry.account = ask(name)
    .catch(() => undefined)
    .then((found) => {
      if (found === undefined) entry.until = now + KEEP_FAILURE_MS;
      return found;
    });
  kept.set(name, entry);
  return entry.account;
}

async function ask(name: string): Promise<Account | undefined> {
  const ids = await idsOf(name);
  if (ids === undefined) return undefined;
  const { uid, gid } = ids;
  return { uid, gid, groups: await groupNames(await gidsOf(name, gid)) };
}

async function idsOf(name: string): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  for (const size of TEXT_BYTES) {
    const record = new Uint8Array(RECORD_BYTES);
    const text = new Uint8Array(size);
    const found: [unknown] = [null];
    const status = await run(libc().getpwnam, name, record, text, size, found);
    if (status === 0) {
      if (found[0] === null) return undefined;
      const view = new DataView(record.buffer);
      const isLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
      return { uid: view.getUint32(UID_AT, isLittle), gid: view.getUint32(GID_AT, isLittle) };
    }
    if (status !== ERANGE) return undefined;
  }
  return undefined;
}

async function gidsOf(name: string, gid: number): Promise<readonly number[]> {
  for (const room of [64, GROUPS_MAX]) {
    const groups = new Uint32Array(room);
    const count: [number] = [room];
    if ((await run(libc().getgrouplist, name, gid, groups, count)) >= 0) {
      return [...new Set([gid, ...groups.subarray(0, count[0])])];
    }
  }
  return [gid];
}
