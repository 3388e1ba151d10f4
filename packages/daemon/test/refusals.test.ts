/**
 * Who is refused what at the master, whatever an entry daemon lets through: every call of the table in every class, by
 * every role of entry, for every kind of user, owner or not, with and without tokens. What is expected stands in a table
 * of words here, which knows nothing of the code that decides.
 */
import { access } from '@csm/access';
import { type Access, type ApiRow, ApiTable, type Caller, DEFAULT_POLICY, type Handler, type Policy } from '@csm/api';
import type { Guard, MasterPart, MasterPorts } from '@csm/feature';
import { systemClock } from '@csm/kit';
import { CsmError, code, fail, type JsonObject, type Problem, problem, ROLES, type Role } from '@csm/model';
import { openMemoryStore, type Store, type StoreModule } from '@csm/store';
import { expect } from 'chai';
import { masterServe } from '../src/calls.ts';
import { apiTable, FEATURES } from '../src/features.ts';

type Kind = 'ordinary' | 'privileged';

const base = { pid: 7, vouchedBy: '' };
const USERS: readonly (readonly [words: string, kind: Kind, caller: Caller])[] = [
  ['root', 'privileged', { ...base, user: 'root', uid: 0, gid: 0, groups: ['root'] }],
  ['uid 0 by another name', 'privileged', { ...base, user: 'toor', uid: 0, gid: 50, groups: [] }],
  ['privileged by name', 'privileged', { ...base, user: 'admin', uid: 2000, gid: 50, groups: ['users'] }],
  ['privileged by number', 'privileged', { ...base, user: 'x', uid: 2001, gid: 50, groups: ['users'] }],
  [
    'privileged by a supplementary group',
    'privileged',
    { ...base, user: 'y', uid: 3, gid: 50, groups: ['users', 'ops'] },
  ],
  ['privileged by the number of its group', 'privileged', { ...base, user: 'z', uid: 4, gid: 77, groups: [] }],
  ['ordinary', 'ordinary', { ...base, user: 'bob', uid: 1000, gid: 1000, groups: ['users'] }],
  ['named like a group', 'ordinary', { ...base, user: 'ops', uid: 1001, gid: 1001, groups: ['ops2'] }],
  ['named like a number', 'ordinary', { ...base, user: 'u0', uid: 1002, gid: 1002, groups: ['2000', '77x'] }],
  ['nobody', 'ordinary', { ...base, user: 'nobody', uid: 65_534, gid: 65_534, groups: [], via: 'certificate' }],
];
const POLICY = { ...DEFAULT_POLICY, privilegedUsers: ['admin', '2001'], privilegedGroups: ['ops', '77'] };

const EVERYWHERE = 'master aggregator utility compute';
const NOT_ON_NODES = 'master aggregator utility';
/** By which roles a call of a class comes in, of those its row names. */
const LET_IN: Readonly<Record<Access, Readonly<Record<'ordinary' | 'owner' | 'privileged', string>>>> = {
  public: { ordinary: EVERYWHERE, owner: EVERYWHERE, privileged: EVERYWHERE },
  private: { ordinary: '', owner: EVERYWHERE, privileged: NOT_ON_NODES },
  privileged: { ordinary: '', owner: '', privileged: NOT_ON_NODES },
};

function isLetIn(row: ApiRow, access: Access, role: Role, kind: Kind, owns: boolean): boolean {
  // Nobody is an admin on a node: there a private call is its owner's alone.
  const who = kind === 'privileged' && role !== 'compute' ? 'privileged' : owns ? 'owner' : 'ordinary';
  return row.enters.includes(role) && LET_IN[access][who].split(' ').includes(role);
}

describe('the refusal matrix at the master', () => {
  const table = apiTable(FEATURES);
  const served = { signal: new AbortController().signal, remaining: () => 30_000, emit: async () => {} };
  let store: Store;
  let part: MasterPart;
  /** Of the rows as they would be in a permission file. */
  let as: Access | undefined;
  const policy = (): Policy => ({ ...POLICY, classOf: (row) => as ?? row.access });
  let owns = false;
  let reached = 0;
  /** Does what every handler of an owned call does: asks who owns what the call names. */
  const handler: Handler = async (_input, { grant }) => {
    reached++;
    if (grant === 'owner-check' && !owns) fail(code.PERMISSION, 'it belongs to somebody else');
    return {};
  };
  const handlers = new Map(table.rows.map(({ name }) => [name, handler as Handler<never>]));
  let serve: ReturnType<typeof masterServe>;

  before(async () => {
    const module = (await import(access.store ?? '')) as StoreModule;
    store = await openMemoryStore({ modules: [module] });
    const ports: Partial<MasterPorts> = {
      clock: systemClock,
      log: { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} },
      config: { audit: { keep: 1e12 } },
      store,
      calls: table.offered.map(({ name }) => name),
      isPrivileged: () => true,
    };
    part = (await access.onMaster?.(ports as MasterPorts)) as MasterPart;
    serve = masterServe(table, handlers, policy, part.guard);
  });
  after(async () => {
    await part.stop?.();
    await store.close();
  });
  beforeEach(() => {
    as = undefined;
    owns = false;
    reached = 0;
  });

  const inputOf = (row: ApiRow): JsonObject => row.examples?.[0]?.input ?? {};
  const call = async (row: { readonly name: string }, caller: Caller, input: unknown): Promise<number> => {
    try {
      await serve(
        {
          kind: 'call',
          id: 'q',
          call: row.name,
          input,
          caller: { ...caller, groups: [...caller.groups] },
          trace: 't',
          remaining: 1,
          window: 0,
        } as never,
        served,
      );
      return 0;
    } catch (error) {
      if (error instanceof CsmError) return error.code;
      throw error;
    }
  };
  /** A row with valid input is let in when it succeeds; one without an example when its input is what is wrong. */
  const letIn = (row: ApiRow): readonly number[] => (row.examples === undefined ? [0, 8, 9] : [0]);
  const at = (role: Role, caller: Caller): Caller => ({ ...caller, vouchedBy: `${role}/x` });

  const count = (access: string) => table.rows.filter((row) => row.access === access).length;
  it('is made of a table that has calls of all classes', () => {
    for (const access of ['public', 'private', 'privileged']) expect(count(access), access).to.be.above(2);
  });

  for (const access of ['public', 'private', 'privileged'] as const) {
    it(`holds for every call that is ${access}, by every way and user`, async () => {
      as = access;
      let tried = 0;
      for (const row of table.rows) {
        if (access === 'private' && row.owned !== true) continue;
        for (const role of ROLES) {
          for (const [words, kind, caller] of USERS) {
            for (owns of [false, true]) {
              tried++;
              const before = reached;
              const given = await call(row, at(role, caller), inputOf(row));
              const what = `${row.name} as ${access} by ${role}, ${words}${owns ? ', owner' : ''}`;
              if (isLetIn(row, access, role, kind, owns)) expect(letIn(row), what).to.include(given);
              else expect(given, what).to.equal(code.PERMISSION);
              // But for the question of who owns it, who is refused does not get to the handler.
              if (given !== 0 && access !== 'private') expect(reached, what).to.equal(before);
            }
          }
        }
      }
      expect(reached).to.be.above(tried / 4);
    });
  }

  it('holds for the rows as they are: nobody ordinary changes anything that is not his own', async () => {
    for (const row of table.rows.filter(({ changes }) => changes)) {
      for (const role of ROLES) {
        for (const [words, kind, caller] of USERS) {
          if (kind === 'privileged') continue;
          expect(await call(row, at(role, caller), inputOf(row)), `${row.name} by ${role}, ${words}`).to.equal(
            code.PERMISSION,
          );
        }
      }
    }
  });

  it('refuses who is vouched for by nobody that may', async () => {
    const row = table.row('node.list') as ApiRow;
    const root = USERS[0]?.[2] as Caller;
    for (const vouchedBy of ['', 'x', 'root/x', 'master', 'compute/', 'utility/a b', 'master/m1/x']) {
      expect(await call(row, { ...root, vouchedBy }, {}), vouchedBy).to.equal(code.PERMISSION);
    }
  });

  describe('with tokens', () => {
    const bearing = async (user: string, scopes: readonly string[], maker: Caller): Promise<string> => {
      const create = part.handlers['token.create'] as Handler<{ scopes: readonly string[]; user: string }>;
      const made = await create(
        { scopes, user },
        {
          caller: at('utility', maker),
          grant: 'granted',
          trace: 't',
          ...served,
        },
      );
      return (made as { id: string }).id;
    };
    const root = USERS[0]?.[2] as Caller;
    const admin = USERS[2]?.[2] as Caller;
    const bob = USERS[6]?.[2] as Caller;

    it('takes away what the scopes do not give, and gives nothing its user may not', async () => {
      const SCOPES = ['node.*', 'health', 'private'];
      const ids = new Map<Caller, string>();
      for (const [, , caller] of USERS) ids.set(caller, await bearing(caller.user, SCOPES, root));
      for (const row of table.rows) {
        const given = row.name.startsWith('node.') || row.name === 'health' || row.access === 'private';
        for (const role of ROLES) {
          for (const [words, kind, caller] of USERS) {
            for (owns of [false, true]) {
              const token = ids.get(caller) ?? '';
              const got = await call(row, { ...at(role, caller), via: 'token', token }, inputOf(row));
              const what = `${row.name} by ${role}, ${words} with a token${owns ? ', owner' : ''}`;
              if (given && isLetIn(row, row.access, role, kind, owns)) expect(letIn(row), what).to.include(got);
              else expect(got, what).to.equal(code.PERMISSION);
            }
          }
        }
      }
    });

    it('refuses those that are forged, of another user, revoked, or said to be none', async () => {
      const row = table.row('node.list') as ApiRow;
      const token = await bearing('bob', ['public'], bob);
      const by = (caller: Caller, more: object) => call(row, { ...at('aggregator', caller), ...more } as Caller, {});
      expect(await by(bob, { via: 'token', token })).to.equal(0);
      const wrong: [Caller, object][] = [
        [bob, { via: 'token', token: 'aaaaaaaaaaaa' }],
        [bob, { via: 'token' }],
        [bob, { token }],
        [bob, { via: 'certificate', token }],
        [root, { via: 'token', token }],
        [admin, { via: 'token', token }],
        [
          { ...bob, uid: 0 },
          { via: 'token', token },
        ],
      ];
      for (const [caller, more] of wrong) {
        expect(await by(caller, more), JSON.stringify([caller.user, caller.uid, more])).to.equal(code.PERMISSION);
      }
      const revoke = part.handlers['token.revoke'] as Handler<{ id: string }>;
      await revoke({ id: token }, { caller: at('utility', bob), grant: 'owner-check', trace: 't', ...served });
      expect(await by(bob, { via: 'token', token })).to.equal(code.PERMISSION);
    });

    it('begins no call whose token is revoked while its row is written, and denies no change that was made', async () => {
      const token = await bearing('admin', ['privileged'], admin);
      const bearer: Caller = { ...at('utility', admin), via: 'token', token };
      const order = { kind: 'call', id: 'q', call: 'run', input: inputOf(table.row('run') as ApiRow), trace: 't' };
      const remaining = { remaining: 1, window: 0, caller: { ...bearer, groups: [...bearer.groups] } };
      const outcomes: (string | undefined)[] = [];
      let gone: (problem: Problem) => void = () => undefined;
      const revoked = problem(code.PERMISSION, 'revoked');
      const guard = (revokes: boolean): Guard => ({
        judge: () => undefined,
        watch: (_caller, tell) => {
          gone = tell;
          return () => undefined;
        },
        begin: async () => {
          if (revokes) gone(revoked);
          return (outcome) => outcomes.push(outcome?.detail);
        },
        refused: () => undefined,
      });
      const done: Handler = async () => {
        reached++;
        gone(revoked);
        return {};
      };
      const all = new Map([['run', done as Handler<never>]]);
      const make = (revokes: boolean) =>
        masterServe(table, all, policy, guard(revokes))({ ...order, ...remaining } as never, served);
      expect(await make(true).catch((error: CsmError) => error.code)).to.equal(code.PERMISSION);
      expect([reached, ...outcomes]).to.deep.equal([0, 'revoked']);
      expect(await make(false)).to.deep.equal({});
      expect([reached, ...outcomes]).to.deep.equal([1, 'revoked', undefined]);
    });

    it('ends a call under way when its token is revoked', async () => {
      const token = await bearing('bob', ['public'], bob);
      const waits: Handler = async (_input, { signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        return undefined;
      };
      const guarded = masterServe(table, new Map([['node.watch', waits as Handler<never>]]), policy, part.guard);
      const caller = { ...at('utility', bob), via: 'token', token, groups: [] };
      const call = {
        kind: 'call',
        id: 'q',
        call: 'node.watch',
        input: {},
        caller,
        trace: 't',
        remaining: 1,
        window: 0,
      };
      const under = guarded(call as never, served).then(
        () => 0,
        (error: CsmError) => error.problem.detail,
      );
      const revoke = part.handlers['token.revoke'] as Handler<{ id: string }>;
      await revoke({ id: token }, { caller: at('utility', bob), grant: 'owner-check', trace: 't', ...served });
      expect(await under).to.equal(`the token ${token} was revoked`);
    });

    it('knows none where no feature does', async () => {
      const bare = masterServe(table, handlers, policy);
      const caller = { ...at('utility', root), via: 'token', token: 'x', groups: [] };
      const call = { kind: 'call', id: 'q', call: 'node.list', input: {}, caller, trace: 't', remaining: 1, window: 0 };
      const got = await bare(call as never, served).then(
        () => 0,
        (error: CsmError) => error.code,
      );
      expect(got).to.equal(code.PERMISSION);
    });
  });

  describe('and the guard', () => {
    type Told = [what: string, call: string, outcome?: number];
    const told: Told[] = [];
    const guard: Guard = {
      judge: () => undefined,
      watch: () => () => undefined,
      begin: async ({ row }) => {
        told.push(['begin', row.name]);
        return (outcome) => told.push(['end', row.name, outcome?.code ?? 0]);
      },
      refused: ({ row }, problem) => told.push(['refused', row.name, problem.code]),
    };
    const rowOf = (name: string, more: Partial<ApiRow>): ApiRow => ({
      name,
      summary: 'Does something',
      access: 'public',
      method: 'POST',
      path: `/csm/v1/${name}`,
      input: { type: 'object', properties: { n: { type: 'integer' } }, additionalProperties: false } as never,
      changes: false,
      enters: ROLES,
      reach: 'master',
      ...more,
    });
    const rows = [
      rowOf('read', {}),
      rowOf('look', { access: 'privileged' }),
      rowOf('alter', { changes: true }),
      rowOf('own', { access: 'private', owned: true }),
    ];
    const broken: Handler = async () => {
      throw new TypeError('a mistake of ours');
    };
    const tell = async (
      name: string,
      input: unknown,
      caller: Caller,
      how: Handler = handler,
    ): Promise<readonly Told[]> => {
      told.length = 0;
      const own = masterServe(new ApiTable(rows), new Map([[name, how as Handler<never>]]), policy, guard);
      const call = {
        kind: 'call',
        id: 'q',
        call: name,
        input,
        caller: { ...caller, groups: [] },
        trace: 't',
        remaining: 1,
        window: 0,
      };
      await own(call as never, served).catch(() => undefined);
      return [...told];
    };

    it('is told of what changes something or needs privilege, and of nothing else that is granted', async () => {
      const root = at('utility', USERS[0]?.[2] as Caller);
      expect(await tell('read', {}, root)).to.deep.equal([]);
      expect(await tell('own', {}, root)).to.deep.equal([]);
      for (const name of ['look', 'alter']) {
        const both = [
          ['begin', name],
          ['end', name, 0],
        ];
        expect(await tell(name, {}, root)).to.deep.equal(both);
      }
      expect((await tell('alter', {}, root, broken))[1]).to.deep.equal(['end', 'alter', 1]);
    });

    it('is told once of each refusal', async () => {
      const bob = at('utility', USERS[6]?.[2] as Caller);
      const nobody = { ...bob, vouchedBy: 'x' };
      expect(await tell('look', {}, bob)).to.deep.equal([['refused', 'look', 16]]);
      expect(await tell('read', {}, nobody)).to.deep.equal([['refused', 'read', 16]]);
      expect(await tell('own', {}, bob), 'by its handler').to.deep.equal([['refused', 'own', 16]]);
      expect(await tell('alter', { n: 'x' }, bob), 'input that no entry daemon lets in').to.deep.equal([
        ['refused', 'alter', 9],
      ]);
    });

    it('keeps a call from being begun that cannot be told', async () => {
      const root = at('utility', USERS[0]?.[2] as Caller);
      const away = {
        ...guard,
        begin: () => Promise.reject(new CsmError({ code: 24, name: 'DATABASE_UNAVAILABLE', detail: '' })),
      };
      const own = masterServe(new ApiTable(rows), new Map([['alter', handler as Handler<never>]]), policy, away);
      const call = {
        kind: 'call',
        id: 'q',
        call: 'alter',
        input: {},
        caller: { ...root, groups: [] },
        trace: 't',
        remaining: 1,
        window: 0,
      };
      const got = await own(call as never, served).then(
        () => 0,
        (error: CsmError) => error.code,
      );
      expect([got, reached]).to.deep.equal([24, 0]);
    });
  });
});
