import { ApiTable, type CallContext, type Caller } from '@csm/api';
import type { MasterPart, MasterPorts } from '@csm/feature';
import { CsmError, type Json, JsonPages, mono, type Problem, wall } from '@csm/model';
import type { ResultPart } from '@csm/protocol';
import type { Order } from '@csm/tree';
import { expect } from 'chai';
import { api } from '../src/api.ts';
import { masterPart } from '../src/master.ts';
import { Cluster } from './cluster.ts';
import { part } from './parts.ts';

const table = new ApiTable(api);
const caller: Caller = { user: 'root', uid: 0, gid: 0, groups: ['root'], pid: 1, vouchedBy: 'utility/login1' };

describe('calls of the node feature', () => {
  let cluster: Cluster;
  let master: MasterPart;
  let orders: Order[];
  let answers: ResultPart[];
  const audits: string[] = [];
  let forgotten: string[];

  beforeEach(async () => {
    cluster = await Cluster.open();
    orders = [];
    forgotten = [];
    const order = async (given: Order, parts: (more: readonly ResultPart[]) => void) => {
      orders.push(given);
      for (const answer of answers) parts([answer]);
    };
    const note = (text: string) => audits.push(text);
    const ports = {
      self: { role: 'master', node: 'm1', version: '1' },
      store: cluster.store,
      clock: { now: () => ({ mono: mono(0), wall: wall(cluster.now) }) },
      log: { error: note, warn: note, info: note, debug: note },
      config: {
        net: { heartbeat_interval: 15_000 },
        node: { grace: 60_000, heal: true, stable_for: 60_000, unexpected_reboot: 'tell', keep_history: 86_400_000 },
        inventory: { interval: 1, hotplug_interval: 0, keep_history: 86_400_000 },
      },
      tree: () => ({
        core: { roster: { daemon: () => undefined, settling: false }, forget: (node: string) => forgotten.push(node) },
        order,
      }),
    } as unknown as MasterPorts;
    master = masterPart(ports);
    await cluster.report('n1', [part('dimm', 'A1', 'SA'), part('gpu', 'g0', 'G0')]);
    await cluster.report('n2', [part('dimm', 'A1', 'SB'), part('gpu', 'g0', 'G1')]);
    await cluster.report('n3', [part('dimm', 'A1', 'SC')]);
  });
  afterEach(async () => {
    await master.stop?.();
    await cluster.store.close();
  });

  /** The answer, or the items, of a call whose input the table accepts; both as the table describes them. */
  async function call(name: string, input: { readonly [field: string]: Json }): Promise<unknown> {
    const checked = table.validate(name, input);
    if (!checked.ok) throw new CsmError(checked.error);
    const items: Json[] = [];
    const ctx: CallContext = {
      caller,
      grant: 'granted',
      trace: '0123456789abcdef',
      signal: new AbortController().signal,
      remaining: () => 10_000,
      emit: async (item) => {
        items.push(item);
      },
    };
    const given = await master.handlers[name]?.(input as never, ctx);
    const answer = given instanceof JsonPages ? await given.read() : given;
    if (answer === undefined) {
      for (const item of items) expect(table.outputFault(name, 'item', item)).to.equal(undefined);
      return items;
    }
    expect(table.outputFault(name, 'output', answer)).to.equal(undefined);
    return answer;
  }

  const refusal = (name: string, input: { readonly [field: string]: Json }): Promise<Problem> =>
    call(name, input).then(
      () => {
        throw new Error(`${name} was not refused`);
      },
      (error: CsmError) => error.problem,
    );

  it('shows a node, and its whole document when asked to', async () => {
    const brief = (await call('node.show', { name: 'n1' })) as Record<string, unknown>;
    expect(brief).to.deep.include({
      discovered_dimms: 1,
      discovered_gpus: 1,
      discovered_nics: 0,
      comment: null,
      features: [],
    });
    expect(brief).not.to.have.property('inventory');
    const full = (await call('node.show', { name: 'n1', full: true })) as { inventory: { hardware: unknown[] } };
    expect(full.inventory.hardware).to.have.length(2);
    expect(await refusal('node.show', { name: 'n9', full: true })).to.deep.include({ code: 46, field: 'name' });
  });

  it('lists parts and their history', async () => {
    await cluster.report('n3', [part('dimm', 'A1', 'SA')]);
    expect(await call('node.hardware', { serial: 'SA' })).to.have.length(1);
    expect(await call('node.hardware', { nodes: 'n[1-3]', kind: 'gpu' })).to.have.length(2);
    expect(await call('node.history', { nodes: 'n1' })).to.have.length(1);
    expect(await call('node.history', { since: '2027-01-15' })).to.have.length(2);
    expect((await refusal('node.hardware', { kind: 'hca' })).code).to.equal(4);
    expect((await refusal('node.history', { since: '2031-01-01T00:00:00+02:00' })).code).to.equal(4);
    for (const since of ['yesterday', '2027-13-01', '2027-01-15T25:00', '1', '2027-01-15T00:00:00 Z'])
      expect(await refusal('node.history', { since })).to.deep.include({ code: 9, field: 'since' });
    expect((await refusal('node.hardware', { nodes: 'n[' })).code).to.equal(9);
    expect((await refusal('node.hardware', { kind: 'disk' })).code).to.equal(9);
    expect((await refusal('node.history', { limit: 0 })).code).to.equal(9);
  });

  it('compares nodes whose documents have fields of every name', async () => {
    const odd = JSON.parse('{"machine_model":"M","constructor":"x","toString":"y","__proto__":3}') as object;
    await cluster.take('n1', 'a', { machine_model: 'M', hardware: [], reasons: {} });
    await cluster.take('n2', 'b', { ...odd, hardware: [], reasons: {} });
    expect(await call('node.diff', { a: 'n1', b: 'n2' })).to.deep.include({
      equal: false,
      fields: [
        { field: '__proto__', a: null, b: 3 },
        { field: 'constructor', a: null, b: 'x' },
        { field: 'toString', a: null, b: 'y' },
      ],
    });
  });

  it('refuses a history that is too large to be one answer', async () => {
    const many = (value: string) =>
      Array.from({ length: 600 }, (_, i) =>
        part('nic', `p${i}`, `N${i}`, {
          details: Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`f${n}`, value.repeat(20)])),
        }),
      );
    // Each character takes six on the wire.
    for (const value of ['ä', 'ö', 'ü', 'ä', 'ö', 'ü', 'ä', 'ö', 'ü', 'ä', 'ö', 'ü']) {
      expect(await cluster.report('n1', many(value))).to.equal(0);
      cluster.now += 86_400_000;
    }
    const refused = await refusal('node.history', { limit: 10_000 });
    expect(refused).to.deep.include({ code: 30, field: 'limit' });
    expect(refused.allowed).to.match(/a limit below \d+/);
    expect(await call('node.history', { limit: 1000 })).to.have.length(1000);
  });

  it('stops listing parts when the caller goes away', async () => {
    const gone = new AbortController();
    const items: Json[] = [];
    const ctx = {
      signal: gone.signal,
      emit: async (item: Json) => {
        items.push(item);
        gone.abort();
      },
    } as unknown as CallContext;
    for (let i = 0; i < 120; i++) await cluster.report(`c${i}`, [part('dimm', 'A1', `C${i}`)]);
    await master.handlers['node.hardware']?.({} as never, ctx);
    expect(items.length).to.be.at.most(50);
  });

  it('tells in what nodes differ, and folds them by equal hardware', async () => {
    expect(await call('node.diff', { a: 'n1', b: 'n2' })).to.deep.equal({
      a: 'n1',
      b: 'n2',
      equal: true,
      fields: [],
      parts: [],
    });
    expect(await call('node.diff', { a: 'n1', b: 'n3' })).to.deep.include({
      equal: false,
      parts: [{ kind: 'gpu', what: 'Maker gpu-model, firmware 1.0', a: 1, b: 0 }],
    });
    expect(await refusal('node.diff', { a: 'n1', b: 'n9' })).to.deep.include({ code: 46, field: 'b' });
    const rows = (await call('node.profile', {})) as { nodes: string; count: number; summary: string }[];
    expect(rows.map(({ nodes, count, summary }) => [nodes, count, summary])).to.deep.equal([
      ['n[1-2]', 2, '1 dimm dimm-model; 1 gpu gpu-model'],
      ['n3', 1, '1 dimm dimm-model'],
    ]);
    expect(await call('node.profile', { nodes: 'n3' })).to.have.length(1);
    await cluster.report('n3', [part('dimm', 'A1', 'SC'), part('gpu', 'g0', 'G2')]);
    expect(await call('node.profile', {})).to.have.length(1);
    expect(await cluster.store.query('SELECT * FROM profile')).to.have.length(1);
    expect((await refusal('node.profile', { nodes: 'n9' })).code).to.equal(4);
  });

  it('keeps the profile of a node while a kind of its parts cannot be read', async () => {
    await cluster.report('n1', [part('dimm', 'A1', 'SA')], {
      reasons: { gpu: 'nvidia-smi did not end within 10000 ms' },
    });
    expect(await call('node.profile', { nodes: 'n[1-2]' })).to.have.length(1);
  });

  it('sets what admins say of nodes, and leaves alone what they do not', async () => {
    const head = await cluster.store.changes.head();
    expect(
      await call('node.update', { nodes: 'n[1-2]', comment: ' being repaired ', features: ['gpu', 'fat', 'gpu'] }),
    ).to.deep.equal({ nodes: 'n[1-2]', updated: 2, failed: [] });
    expect(await call('node.update', { nodes: 'n[1-3]', location: 'R07' })).to.deep.include({ updated: 3 });
    expect(await call('node.update', { nodes: 'n1', location: 'R07' })).to.deep.include({ updated: 0 });
    expect(await call('node.show', { name: 'n1' })).to.deep.include({
      comment: 'being repaired',
      features: ['gpu', 'fat'],
      location: 'R07',
    });
    await call('node.update', { nodes: 'n1', comment: '', features: [], location: null });
    expect(await call('node.show', { name: 'n1' })).to.deep.include({ comment: null, features: [], location: null });
    const changes = await cluster.store.changes.since(head, 100, { kinds: ['node'] });
    const said = { cause: 'user', by: 'root' };
    const none = { comment: null, features: null };
    const words = { comment: 'being repaired', features: ['gpu', 'fat'] };
    expect(changes.map(({ subject, body }) => [subject, body])).to.deep.equal([
      ['n1', { ...said, ...words, was: none }],
      ['n2', { ...said, ...words, was: none }],
      ['n1', { ...said, location: 'R07', was: { location: null } }],
      ['n2', { ...said, location: 'R07', was: { location: null } }],
      ['n3', { ...said, location: 'R07', was: { location: null } }],
      ['n1', { ...said, ...none, location: null, was: { ...words, location: 'R07' } }],
    ]);
    await cluster.report('n2', [part('dimm', 'A1', 'SB')]);
    expect(await call('node.show', { name: 'n2' })).to.deep.include({ comment: 'being repaired', location: 'R07' });
  });

  it('changes what it can, and names the rest', async () => {
    expect(await call('node.update', { nodes: 'n[1-3],x[1-2]', comment: 'yes' })).to.deep.equal({
      nodes: 'n[1-3],x[1-2]',
      updated: 3,
      failed: [{ nodes: 'x[1-2]', code: 46, text: 'not known' }],
    });
    expect(await call('node.show', { name: 'n1' })).to.deep.include({ comment: 'yes' });
    // What is not allowed of the state changes nothing else of that node.
    const both = await call('node.update', { nodes: 'n[1-2]', state: 'ADMIN_RESERVED', reason: 'mine', comment: 'no' });
    expect(both).to.deep.include({ updated: 2, failed: [] });
    expect(await call('node.show', { name: 'n1' })).to.deep.include({
      state: 'ADMIN_RESERVED',
      ready: false,
      state_cause: 'user',
      state_reason: 'mine',
      state_by: 'root',
    });
  });

  it('drains, resumes, and tells what comes next', async () => {
    const next = async () =>
      ((await call('node.show', { name: 'n1' })) as { next: { text: string; at: string | null } }).next;
    expect((await next()).text).to.contain('csm node resume');
    expect(await call('node.resume', { nodes: 'n[1-3],x1' })).to.deep.include({ updated: 3 });
    expect(await next()).to.deep.equal({ text: 'nothing', at: null });
    expect(await call('node.drain', { nodes: 'n1', reason: 'fan' })).to.deep.equal({
      nodes: 'n1',
      updated: 1,
      failed: [],
      window: null,
    });
    expect(await call('node.show', { name: 'n1' })).to.deep.include({ state: 'OUT_OF_SERVICE', state_reason: 'fan' });
    await call('node.resume', { nodes: 'n1' });
    const until = new Date(cluster.now + 60_000).toISOString();
    const { window } = (await call('node.drain', { nodes: 'n1', reason: 'w', until })) as { window: number };
    expect(await next()).to.deep.equal({ text: `window ${window} ends, and it goes to IN_SERVICE`, at: until });
    expect(await call('node.windows', { nodes: 'n[1-2]' })).to.deep.include.members([
      {
        id: window,
        phase: 'open',
        state: 'MAINTENANCE',
        from: new Date(cluster.now).toISOString(),
        until,
        nodes: 'n1',
        count: 1,
        reason: 'w',
        by: 'root',
        made: new Date(cluster.now).toISOString(),
      },
    ]);
    expect(await call('node.cancel-window', { id: window })).to.deep.equal({ window, updated: 1 });
    expect((await refusal('node.windows', {})).code).to.equal(4);
    expect(await call('node.windows', { all: true })).to.have.length(1);
  });

  it('counts states, lists their history, and adds up their time', async () => {
    await call('node.resume', { nodes: 'n[1-2]', reason: 'new' });
    expect(await call('cluster.state', {})).to.deep.equal([
      {
        nodes: 'n3',
        state: 'DISCOVERED',
        type: 'compute',
        count: 1,
        ready: false,
        since: new Date(cluster.now).toISOString(),
      },
      {
        nodes: 'n[1-2]',
        state: 'IN_SERVICE',
        type: 'compute',
        count: 2,
        ready: true,
        since: new Date(cluster.now).toISOString(),
      },
    ]);
    expect(await call('cluster.state', { state: 'DISCOVERED' })).to.have.length(1);
    expect((await refusal('cluster.state', { nodes: 'x1' })).code).to.equal(4);
    const rows = (await call('node.states', { nodes: 'n1' })) as Record<string, unknown>[];
    expect(
      rows.map(({ from, to, cause, alteration, reason, by }) => [from, to, cause, alteration, reason, by]),
    ).to.deep.equal([
      [null, 'DISCOVERED', 'inventory', 'CSM INVENTORY', 'first contact', null],
      ['DISCOVERED', 'IN_SERVICE', 'user', 'CSM API', 'new', 'root'],
    ]);
    expect(await call('node.states', { limit: 2 })).to.have.length(2);
    expect((await refusal('node.states', { nodes: 'x1' })).code).to.equal(4);
    cluster.now += 3_600_000;
    const [all] = (await call('node.availability', {})) as Record<string, unknown>[];
    expect(all).to.deep.include({ nodes: 'n[1-3]', count: 3, failures: 0, mtbf_hours: null });
    expect((all as { hours: Record<string, number> }).hours['IN_SERVICE']).to.equal(2);
    expect(await call('node.availability', { each: true })).to.have.length(3);
    expect((await refusal('node.availability', { nodes: 'x1' })).code).to.equal(4);
    expect((await refusal('node.availability', { from: '2999-01-01' })).code).to.equal(9);
  });

  it('tells health of failed nodes', async () => {
    expect(await master.problems?.()).to.deep.equal([]);
    await call('node.resume', { nodes: 'n[1-3]' });
    const sql = `SELECT node_name FROM node WHERE state <> 'IN_SERVICE'`;
    expect(await cluster.store.query(sql)).to.deep.equal([]);
    const telling = {
      what: 'down',
      daemons: ['compute/n1', 'compute/n3'],
      cause: 'silence',
      planned: false,
      at: cluster.now,
    };
    await cluster.store.call('node.record', { daemons: [], hubs: [], claims: [], tellings: [telling] });
    cluster.now += 60_000;
    const due = { grace: 60_000, stableFor: 60_000, nodes: ['n1', 'n3'], linked: [], lost: [] };
    await cluster.store.call('node.judge', due);
    expect(await master.problems?.()).to.deep.equal(['2 nodes are SOFT_FAILURE: n[1,3]']);
  });

  it('says in words that nobody knows of jobs yet', async () => {
    const { code, detail } = await refusal('node.find-job', { nodes: 'n1' });
    expect(code).to.equal(4);
    expect(detail).to.contain('allocations');
  });

  it('deletes nodes, and names those it does not know', async () => {
    expect(await call('node.delete', { nodes: 'n1,x1' })).to.deep.equal({
      nodes: 'n1,x1',
      deleted: 1,
      failed: [{ nodes: 'x1', code: 46, text: 'not known' }],
    });
    expect(forgotten).to.deep.equal(['n1', 'x1']);
    expect((await refusal('node.list', { nodes: 'n1' })).code).to.equal(4);
    expect(await call('node.reboot-expected', { nodes: 'n2,x1', within: 60 })).to.deep.include({ updated: 1 });
  });

  it('asks why a node is taken out of service', async () => {
    for (const [name, input] of [
      ['node.update', { nodes: 'n1', state: 'OUT_OF_SERVICE' }],
      ['node.update', { nodes: 'n1', state: 'OUT_OF_SERVICE', reason: ' ' }],
      ['node.drain', { nodes: 'n1' }],
      ['node.drain', { nodes: 'n1', reason: ' ' }],
    ] as const)
      expect(await refusal(name, input), JSON.stringify(input)).to.include({ code: 8, field: 'reason' });
    expect(await refusal('node.drain', { nodes: 'n1', reason: 'r', from: 'tomorrow' })).to.include({
      code: 9,
      field: 'from',
    });
    expect(await refusal('node.update', { nodes: 'n1', reason: 'r', comment: 'c' })).to.include({
      code: 9,
      field: 'reason',
    });
  });

  it('refuses an update that is none', async () => {
    const bad: readonly [{ readonly [field: string]: Json }, number][] = [
      [{ nodes: 'n1' }, 8],
      [{ comment: 'x' }, 8],
      [{ nodes: 'n1', comment: 7 }, 9],
      [{ nodes: 'n1', comment: 'two\nlines' }, 9],
      [{ nodes: 'n1', comment: 'x'.repeat(2000) }, 9],
      [{ nodes: 'n1', features: 'gpu' }, 9],
      [{ nodes: 'n1', features: ['ok', ' '] }, 9],
      ...['a,b', 'a\tb', 'a\u0000', 'a\u202eb', 'a\u200bb', '\u2066', 'a\u2028b', '\ud800'].map(
        (word): [{ nodes: string; features: string[] }, number] => [{ nodes: 'n1', features: [word] }, 9],
      ),
      [{ nodes: 'n1', features: Array.from({ length: 17 }, (_, i) => `f${i}`) }, 9],
      [{ nodes: 'n1', state: 'HARD_FAILURE' }, 9],
      [{ nodes: 'n1', state: '1' }, 9],
      [{ nodes: ',', state: 'IN_SERVICE' }, 9],
      [{ nodes: 'n[1-', comment: 'x' }, 9],
      [{ nodes: 'n1!n1', comment: 'x' }, 9],
      [{ nodes: 'n[1-30000]', comment: 'x' }, 9],
    ];
    for (const [input, code] of bad)
      expect((await refusal('node.update', input)).code, JSON.stringify(input)).to.equal(code);
  });

  it('carries a collection to the nodes and passes their answers on', async () => {
    answers = [
      { nodes: 'n1', code: 0, text: 'changed', body: { changed: true } },
      { nodes: 'n[2-3]', code: 48, text: 'down' },
    ] as unknown as ResultPart[];
    expect(await call('node.collect', { nodes: 'n[1-3]' })).to.deep.equal(answers);
    expect(orders[0]).to.deep.include({ command: 'node.collect', within: 10_000 });
    await call('node.collect', { nodes: 'n1', deadline: 5 });
    expect(orders[1]).to.deep.include({ within: 5000 });
    expect((await refusal('node.collect', { nodes: 'n1!n1' })).code).to.equal(9);
    expect((await refusal('node.collect', { nodes: 'n1', deadline: 601 })).code).to.equal(9);
  });

  it('prunes history at its start', async () => {
    await cluster.report('n3', []);
    expect(await cluster.history()).to.have.length(1);
    cluster.now += 2 * 86_400_000;
    await cluster.store.call('node.prune', { olderThan: cluster.now - 86_400_000 });
    expect(await cluster.history()).to.have.length(0);
  });
});
