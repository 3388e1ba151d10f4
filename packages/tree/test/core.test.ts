import { mono, type Now, wall } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Message, MessageOf } from '@csm/protocol';
import { expect } from 'chai';
import { Core, type CoreEffect } from '../src/core.ts';

const EPOCH = 1_760_000_000_000;
const at = (ms: number): Now => ({ mono: mono(ms), wall: wall(EPOCH + ms) });
const A = 1;

const about = { session: 's', address: '10.0.0.1:1', version: '1.1' };
const roster: MessageOf<'roster'> = {
  kind: 'roster',
  session: 's',
  sequence: 1,
  more: false,
  entries: [
    {
      ref: 1,
      role: 'compute',
      node: 'n1',
      session: 'x',
      version: '1.1',
      address: '10.0.0.2:2',
      since: EPOCH,
      bounced: 0,
      claim: { term: 3, incarnation: 'i' },
    },
  ],
};
const reports: MessageOf<'reports'> = {
  kind: 'reports',
  batches: [
    {
      daemon: 'compute/n1',
      term: 3,
      incarnation: 'i',
      first: 11,
      bytes: 500,
      items: [{ kind: 'k', time: EPOCH, body: 1 }],
    },
  ],
};

const sent = (effects: readonly CoreEffect[]): Message[] =>
  effects.flatMap((e) => (e.kind === 'send' ? [e.message] : []));
const kinds = (effects: readonly CoreEffect[]): string[] => sent(effects).map((m) => m.kind);

function linked(): Core {
  const core = new Core([], [], 1000, at(0));
  core.hubUp(A, 'agg-A', about, at(0));
  core.hubMessage(A, roster, at(1));
  return core;
}

describe('core', () => {
  it('tells a cursor that was read earlier before an acknowledgement that was made later', () => {
    const core = linked();
    expect(core.flush(at(2)).map((e) => e.kind)).to.include('record');
    core.hubMessage(A, reports, at(3));
    expect(core.flush(at(4)).map((e) => e.kind)).to.include('commit');
    // Both answers come in one turn, as they do when the database took both in one batch.
    core.recorded({ claims: [{ daemon: 'compute/n1', incarnation: 'i', cursor: 10, inventory: null }] });
    core.committed([{ daemon: 'compute/n1', incarnation: 'i', cursor: 11, gap: false }]);
    expect(kinds(core.flush(at(5)))).to.deep.equal(['verdicts', 'acks', 'credit']);
  });

  it('finds the main daemon of a node for an order, and that of a role where one is asked for', () => {
    const core = new Core([], [], 1000, at(0));
    const [entry] = roster.entries;
    const on = (role: 'aggregator' | 'compute') => ({ ...roster, entries: [{ ...entry, role, node: 'agg-A' }] });
    core.hubUp(A, 'agg-A', about, at(0));
    core.hubUp(2, 'agg-B', about, at(0));
    core.hubMessage(A, on('aggregator') as typeof roster, at(1));
    core.hubMessage(2, on('compute') as typeof roster, at(1));
    core.flush(at(2));
    const claims = ['aggregator/agg-A', 'compute/agg-A'].map((daemon) => {
      return { daemon, incarnation: 'i', cursor: 0, inventory: null };
    });
    core.recorded({ claims });
    core.flush(at(3));
    const goesTo = (id: string, more: { readonly role?: 'aggregator' }) => {
      core.order({ id, command: 'drain', input: {}, nodes: NodeSet.of(['agg-A']), within: 1000, ...more }, at(4));
      return core.flush(at(4)).flatMap((e) => (e.kind === 'send' && e.message.kind === 'command' ? [e.link] : []));
    };
    expect(goesTo('to the node', {})).to.deep.equal([2]);
    expect(goesTo('to the aggregator', { role: 'aggregator' })).to.deep.equal([A]);
  });

  it('asks again for a call whose voucher is not linked to the hub it came through', () => {
    const core = linked();
    core.flush(at(2));
    const call = (vouchedBy: string): MessageOf<'call'> => ({
      kind: 'call',
      id: `by-${vouchedBy.replace('/', '-')}`,
      call: 'run',
      input: {},
      caller: { user: 'root', uid: 0, gid: 0, groups: [], pid: 1, vouchedBy },
      trace: 't',
      remaining: 1000,
      window: 1000,
    });
    core.hubMessage(A, call('utility/login1'), at(3));
    core.hubMessage(A, call('compute/n1'), at(3));
    const effects = core.flush(at(4));
    expect(sent(effects)).to.deep.include({ kind: 'lost', id: 'by-utility-login1' });
    expect(effects.flatMap((e) => (e.kind === 'serve' ? [e.call.id] : []))).to.deep.equal(['by-compute-n1']);
  });

  it('keeps what the database would not take, newest state and claim of each daemon, and tries again', () => {
    const core = linked();
    const first = core.flush(at(2)).find((e) => e.kind === 'record');
    core.recordFailed(at(3));
    expect(core.flush(at(4)).some((e) => e.kind === 'record')).to.equal(false);
    expect(core.wakeAt()).to.equal(503);
    core.tick(at(503));
    const again = core.flush(at(503)).find((e) => e.kind === 'record');
    expect(again).to.deep.equal(first);
  });

  it('knows after a restart whom it misses', () => {
    const known = {
      daemon: 'compute/n1' as const,
      told: 0,
      term: 3,
      incarnation: 'i',
      incarnationSince: wall(EPOCH),
      lastSeen: wall(EPOCH),
      primary: 'agg-A',
      hubs: ['agg-A', 'agg-B'],
    };
    const core = new Core([known], ['agg-A'], 1000, at(0));
    core.roster.missed([{ hub: 'agg-B', since: wall(EPOCH - 5000) }]);
    expect([...core.roster.hubs()].map(({ hub, link, reason }) => ({ hub, link, reason }))).to.deep.equal([
      { hub: 'agg-A', link: undefined, reason: 'not linked since this master started' },
      { hub: 'agg-B', link: undefined, reason: 'lost before this master started' },
    ]);
    expect([...(core.roster.daemon('compute/n1')?.lost ?? [])]).to.deep.equal(['agg-A', 'agg-B']);
    core.hubUp(A, 'agg-A', about, at(1));
    core.hubMessage(A, roster, at(2));
    expect([...(core.roster.daemon('compute/n1')?.lost ?? [])]).to.deep.equal(['agg-B']);
    expect(core.roster.hub('agg-A')).to.include({ link: A, bounced: 0 });
    const record = core.flush(at(3)).flatMap((e) => (e.kind === 'record' ? [e.record] : []))[0];
    expect(
      record?.tellings.map((t) => t.what),
      'the loss of A was never told, nor is its return',
    ).to.deep.equal(['up']);
  });
});
