/** The access feature in a master, on a store of its own. */
import type { CallContext, Caller } from '@csm/api';
import type { MasterPart, MasterPorts } from '@csm/feature';
import { CsmError, type Json, mono, type Problem, wall } from '@csm/model';
import type { Bench } from '@csm/sim';
import type { Store } from '@csm/store';
import { masterPart } from '../src/master.ts';
import * as module from '../src/store/index.ts';

const MODULE = new URL('../src/store/index.js', import.meta.url).href;
export const START = 1_800_000_000_000;
export const CALLS = [
  'token.create',
  'token.list',
  'token.revoke',
  'audit.list',
  'node.list',
  'node.update',
  'run',
  'health',
];

export const alice: Caller = {
  user: 'alice',
  uid: 1000,
  gid: 1000,
  groups: ['users'],
  pid: 7,
  vouchedBy: 'utility/login',
};
export const root: Caller = { ...alice, user: 'root', uid: 0, gid: 0, groups: ['root'] };
/** Privileged by configuration, without being root. */
export const admin: Caller = { ...alice, user: 'admin', uid: 2000, gid: 2000 };

const silent = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

export class World {
  readonly store: Store;
  part!: MasterPart;
  now = START;

  private constructor(store: Store) {
    this.store = store;
  }

  static async open(bench: Bench): Promise<World> {
    let self: World | undefined;
    const store = await bench.open(module, MODULE, { clock: () => wall(self?.now ?? START) });
    self = new World(store);
    await self.lead();
    return self;
  }

  /** A master comes to lead on this store, as after the one before has died. */
  async lead(store: Pick<Store, 'term' | 'call' | 'query'> = this.store): Promise<void> {
    const ports: Partial<MasterPorts> = {
      self: { role: 'master', node: 'm1', version: '1.0' },
      clock: { now: () => ({ mono: mono(this.now - START), wall: wall(this.now) }) },
      log: silent,
      config: { audit: { keep: 90 * 86_400_000 } },
      store: store as Store,
      calls: CALLS,
      isPrivileged: ({ uid }) => uid === 0 || uid === admin.uid,
    };
    this.part = await masterPart(ports as MasterPorts);
  }

  async call<T = Json>(name: string, input: object, caller: Caller, more: Partial<CallContext> = {}): Promise<T> {
    const ctx: CallContext = {
      caller,
      grant: caller.uid === 0 || caller.uid === admin.uid ? 'granted' : 'owner-check',
      trace: 'abcdef0123456789',
      signal: new AbortController().signal,
      remaining: () => 30_000,
      emit: async () => {},
      ...more,
    };
    return (await this.part.handlers[name]?.(input as never, ctx)) as T;
  }

  /** The problem a call is refused with. */
  async refused(name: string, input: object, caller: Caller, more: Partial<CallContext> = {}): Promise<Problem> {
    try {
      await this.call(name, input, caller, more);
    } catch (error) {
      if (error instanceof CsmError) return error.problem;
      throw error;
    }
    throw new Error(`${name} was not refused`);
  }
}
