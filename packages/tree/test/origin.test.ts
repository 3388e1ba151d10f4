import { NodeSet } from '@csm/nodeset';
import type { MessageOf, ResultPart } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  COMMANDS_MAX,
  type Order,
  Origin,
  type OriginEffect,
  RESULT_BYTES,
  RESULT_NODE_MAX,
  type Whereabouts,
} from '../src/fanout/origin.ts';
import { at, wallAt } from './support.ts';

type At = Extract<Whereabouts, { kind: 'at' }>;
const on = (hub: string, incarnation = 'i1', since = 0): At => ({ kind: 'at', hub, incarnation, since: wallAt(since) });

const order = (nodes: string, change: Partial<Order> = {}): Order => ({
  id: 'c1',
  command: 'run',
  input: { argv: ['date'] },
  nodes: NodeSet.parse(nodes),
  within: 10_000,
  ...change,
});
const from =
  (map: Readonly<Record<string, Whereabouts>>) =>
  (node: string): Whereabouts =>
    map[node] ?? { kind: 'unknown' };
const result = (nodes: string, text = '', change: Partial<ResultPart> = {}): MessageOf<'result'> => ({
  kind: 'result',
  id: 'c1',
  parts: [{ nodes, code: 0, text, ...change }],
  done: false,
});
const away = (nodes: string) => result(nodes, 'left', { code: 22, away: true });
const brief = (effects: readonly OriginEffect[]): string[] =>
  effects.flatMap((e) => {
    if (e.kind === 'toHub') return [`${e.hub} ← ${e.message.nodes} ${e.message.remaining}`];
    if (e.kind === 'ended') return ['ended'];
    return e.parts.map((p) => `${p.nodes} ${p.code} ${p.text}`);
  });
const take = (o: Origin): string[] => brief(o.takeEffects());
const NOBODY = from({});

describe('origin', () => {
  it('gives an order for a role to that daemon, whatever becomes of the main one of its node', () => {
    const o = new Origin();
    o.start(order('agg-A', { role: 'aggregator' }), from({ 'agg-A': on('agg-A', 'of the aggregator') }), at(0));
    expect(take(o)).to.deep.equal(['agg-A ← agg-A 10000']);
    o.claimed('agg-A', on('agg-B', 'of the compute daemon'), at(1));
    o.down('agg-A', 'the compute daemon is down', at(2));
    expect(take(o)).to.deep.equal([]);
    o.result('agg-A', result('agg-A', 'drained'), from({ 'agg-A': on('agg-B') }), at(3));
    expect(take(o)).to.deep.equal(['agg-A 0 drained', 'ended']);
  });

  it('asks each hub once for all its nodes; who is down or unknown is answered at once, by name', () => {
    const o = new Origin();
    const where = from({
      n1: on('A'),
      n2: on('B'),
      n3: on('A'),
      n4: { kind: 'down', text: 'down since noon' },
      n5: { kind: 'moving' },
    });
    o.start(order('n[1-6]'), where, at(0));
    const effects = o.takeEffects();
    expect(brief(effects)).to.deep.equal([
      'A ← n[1,3] 10000',
      'B ← n2 10000',
      'n4 48 down since noon',
      'n6 46 no such node',
    ]);
    expect(effects[0]).to.deep.include({
      message: {
        kind: 'command',
        id: 'c1',
        command: 'run',
        nodes: 'n[1,3]',
        remaining: 10_000,
        room: RESULT_NODE_MAX,
        input: { argv: ['date'] },
      },
    });
  });

  it('ends when nobody is missing', () => {
    const o = new Origin();
    o.start(order('n[1-2]'), from({ n1: on('A'), n2: on('B') }), at(0));
    take(o);
    o.result('A', result('n1', 'x'), NOBODY, at(1));
    expect(take(o)).to.deep.equal(['n1 0 x']);
    o.result('B', result('n2', 'x'), NOBODY, at(2));
    expect(take(o)).to.deep.equal(['n2 0 x', 'ended']);
    expect(o.open).to.equal(0);
    expect(o.wakeAt()).to.equal(undefined);
    o.result('B', result('n2', 'again'), NOBODY, at(3));
    expect(take(o)).to.deep.equal([]);
  });

  it('ends at once when nobody can be asked, or nobody was', () => {
    const o = new Origin();
    o.start(order('n[1-2]'), NOBODY, at(0));
    expect(take(o)).to.deep.equal(['n[1-2] 46 no such node', 'ended']);
    o.start(order('n1', { nodes: NodeSet.of([]) }), NOBODY, at(0));
    expect(take(o)).to.deep.equal(['ended']);
  });

  it('an answer counts once, only for nodes that were asked, whichever hub brings it', () => {
    const o = new Origin();
    o.start(order('n[1-3]'), from({ n1: on('A'), n2: on('A'), n3: on('A') }), at(0));
    take(o);
    o.result('B', result('n[1,9]', 'x'), NOBODY, at(1));
    o.result('A', result('n[1-2]', 'y'), NOBODY, at(2));
    o.result('A', result('n[', 'nonsense'), NOBODY, at(2));
    expect(take(o)).to.deep.equal(['n1 0 x', 'n2 0 y']);
  });

  it('`away`: the node waits, its claim brings the command to the other hub with the time that is left', () => {
    const o = new Origin();
    o.start(order('n1'), from({ n1: on('A') }), at(0));
    take(o);
    o.result('A', away('n1'), from({ n1: on('A') }), at(1000));
    expect(take(o), 'the leader still believes it is at A').to.deep.equal([]);
    o.claimed('n1', on('B'), at(2500));
    expect(take(o)).to.deep.equal(['B ← n1 7500']);
    o.claimed('n1', on('B'), at(2600));
    expect(take(o), 'told twice').to.deep.equal([]);
  });

  it('`away` while the leader knows already where it went: sent there at once', () => {
    const o = new Origin();
    o.start(order('n1'), from({ n1: on('A') }), at(0));
    take(o);
    o.result('A', away('n1'), from({ n1: on('B') }), at(1000));
    expect(take(o)).to.deep.equal(['B ← n1 9000']);
  });

  it('`away` of a hub it is not at any more is ignored', () => {
    const o = new Origin();
    o.start(order('n1'), from({ n1: on('A') }), at(0));
    o.claimed('n1', on('B'), at(1));
    take(o);
    o.result('A', away('n1'), from({ n1: on('B') }), at(2));
    expect(take(o)).to.deep.equal([]);
  });

  it('the hub is lost: its nodes wait, and are asked again when it, or another, serves them', () => {
    const o = new Origin();
    o.start(order('n[1-2]'), from({ n1: on('A'), n2: on('B') }), at(0));
    take(o);
    o.hubLost('A');
    expect(take(o)).to.deep.equal([]);
    o.claimed('n1', on('A'), at(100));
    o.claimed('n2', on('B'), at(100));
    expect(take(o)).to.deep.equal(['A ← n1 9900']);
  });

  it('a node that was down or moving is asked when it claims', () => {
    const o = new Origin();
    o.start(order('n1'), from({ n1: { kind: 'moving' } }), at(0));
    expect(take(o)).to.deep.equal([]);
    o.claimed('n9', on('A'), at(1));
    o.claimed('n1', on('A'), at(1));
    expect(take(o)).to.deep.equal(['A ← n1 9999']);
  });

  it('told down before it was ever asked: 48; afterwards its answer may still come', () => {
    const o = new Origin();
    o.start(order('n[1-2]'), from({ n1: { kind: 'moving' }, n2: on('A') }), at(0));
    take(o);
    o.down('n1', 'the node is down', at(1));
    o.down('n2', 'the node is down', at(1));
    expect(take(o)).to.deep.equal(['n1 48 the node is down']);
    o.result('A', result('n2'), NOBODY, at(2));
    expect(take(o)).to.deep.equal(['n2 0 ', 'ended']);
  });

  it('back under another incarnation: it is not asked again, its outcome is unknown', () => {
    const o = new Origin();
    o.start(order('n1'), from({ n1: on('A', 'i1') }), at(0));
    take(o);
    o.hubLost('A');
    o.claimed('n1', on('B', 'i2'), at(1));
    expect(take(o)).to.deep.equal(['n1 37 the node lost its journal since; the outcome is unknown', 'ended']);
  });

  it('an order another master began: only nodes whose journal is as old are asked', () => {
    const o = new Origin();
    const where = from({ n1: on('A', 'i1', 50), n2: on('A', 'i2', 200), n3: { kind: 'moving' } });
    o.start(order('n[1-3]', { begunAt: wallAt(100) }), where, at(300));
    expect(take(o)).to.deep.equal(['A ← n1 10000', 'n2 37 the node lost its journal since; the outcome is unknown']);
    o.claimed('n3', on('B', 'i3', 250), at(400));
    expect(take(o)).to.deep.equal(['n3 37 the node lost its journal since; the outcome is unknown']);
  });

  it('the deadline: every missing node by name, the asked ones apart from those never reached', () => {
    const o = new Origin();
    o.start(order('n[1-4]'), from({ n1: on('A'), n2: on('A'), n3: { kind: 'moving' }, n4: on('B') }), at(0));
    take(o);
    expect(o.wakeAt()).to.equal(10_000);
    o.result('A', result('n2'), NOBODY, at(1));
    o.hubLost('B');
    take(o);
    o.tick(at(9999));
    expect(take(o)).to.deep.equal([]);
    o.tick(at(10_000));
    expect(take(o)).to.deep.equal([
      'n[1,4] 5 no answer in time; the outcome is unknown',
      'n3 5 not reached in time; nothing was run',
      'ended',
    ]);
    o.claimed('n3', on('A'), at(10_001));
    expect(take(o)).to.deep.equal([]);
  });

  it('cancelled: nothing more is said', () => {
    const o = new Origin();
    o.start(order('n1'), from({ n1: on('A') }), at(0));
    take(o);
    o.cancel('c1');
    o.cancel('c1');
    o.result('A', result('n1'), NOBODY, at(1));
    o.tick(at(20_000));
    expect(take(o)).to.deep.equal([]);
    expect(o.wakeAt()).to.equal(undefined);
  });

  it('shares the room for results among its nodes, within bounds', () => {
    const rooms = [1, 511, 1024, 40_000].map((n) => {
      const o = new Origin();
      o.start(order(`n[1-${n}]`), () => on('A'), at(0));
      const [effect] = o.takeEffects();
      return effect?.kind === 'toHub' ? effect.message.room : 0;
    });
    expect(rooms).to.deep.equal([RESULT_NODE_MAX, RESULT_NODE_MAX, Math.floor(RESULT_BYTES / 1024), 1024]);
  });

  it('too many under way: 13 for all its nodes, nothing is sent', () => {
    const o = new Origin();
    for (let i = 0; i < COMMANDS_MAX; i++) o.start(order('n1', { id: `c${i}` }), () => on('A'), at(0));
    take(o);
    o.start(order('n[1-2]', { id: 'more' }), () => on('A'), at(0));
    expect(take(o)).to.deep.equal([`n[1-2] 13 more than ${COMMANDS_MAX} commands are under way`, 'ended']);
    expect(o.open).to.equal(COMMANDS_MAX);
  });

  it('whatever happens, every node is answered exactly once and it ends exactly once', () => {
    const node = fc.nat(4);
    const hub = fc.constantFrom('A', 'B');
    const event = fc.oneof(
      fc.record({ what: fc.constant('result' as const), node, hub, away: fc.boolean() }),
      fc.record({ what: fc.constant('claimed' as const), node, hub, fresh: fc.boolean() }),
      fc.record({ what: fc.constant('down' as const), node }),
      fc.record({ what: fc.constant('hubLost' as const), hub }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60, size: 'max' }), (events) => {
        const o = new Origin();
        const places = new Map<string, Whereabouts>([
          ['n0', on('A')],
          ['n1', on('B')],
          ['n2', { kind: 'moving' }],
          ['n3', { kind: 'down', text: 'down' }],
        ]);
        const where = (n: string): Whereabouts => places.get(n) ?? { kind: 'unknown' };
        o.start(order('n[0-4]'), where, at(0));
        const answered: string[] = [];
        let ended = 0;
        const askedUnder = new Map<string, string>();
        const drain = (): void => {
          for (const e of o.takeEffects()) {
            if (e.kind === 'ended') ended++;
            else if (e.kind === 'parts') for (const p of e.parts) answered.push(...NodeSet.parse(p.nodes).names());
            else
              for (const n of NodeSet.parse(e.message.nodes)) {
                expect(answered, 'asked after its answer').not.to.include(n);
                const place = where(n) as At;
                expect(askedUnder.get(n) ?? place.incarnation, 'asked again under another journal').to.equal(
                  place.incarnation,
                );
                askedUnder.set(n, place.incarnation);
              }
          }
        };
        drain();
        for (const [i, e] of events.entries()) {
          if (e.what === 'hubLost') o.hubLost(e.hub);
          else {
            const name = `n${e.node}`;
            if (e.what === 'claimed') {
              const place = on(e.hub, e.fresh ? 'i2' : 'i1');
              places.set(name, place);
              o.claimed(name, place, at(i));
            } else if (e.what === 'down') o.down(name, 'down', at(i));
            else o.result(e.hub, e.away ? away(name) : result(name), where, at(i));
          }
          drain();
        }
        o.tick(at(10_000));
        drain();
        expect(answered.sort()).to.deep.equal(['n0', 'n1', 'n2', 'n3', 'n4']);
        expect(ended).to.equal(1);
        expect(o.open).to.equal(0);
      }),
      { numRuns: 300 },
    );
  });
});
