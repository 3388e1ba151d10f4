import type { Mono } from '@csm/model';
import { expect } from 'chai';
import { HubDrain } from '../src/drain.ts';
import { Hub } from '../src/hub.ts';
import type { LinkId, Peer } from '../src/link/link.ts';
import { at as nowAt } from './support.ts';

const at = (ms: number): Mono => ms as Mono;
const links = (n: number): LinkId[] => Array.from({ length: n }, (_, i) => i + 1);

/** All steps until nothing waits, each with its time, as the hub's timer would bring them. */
function all(drain: HubDrain, from = 0): string[] {
  const told: string[] = [];
  for (let ms = from, wake = drain.wakeAt(); wake !== undefined; wake = drain.wakeAt()) {
    ms = Math.max(ms, wake);
    for (const { what, link } of drain.take(at(ms))) told.push(`${ms} ${what} ${link}`);
  }
  return told;
}

describe('a hub that is drained', () => {
  it('tells its nodes at the rate that was asked for', () => {
    const drain = new HubDrain();
    drain.drain(20, links(5));
    expect(all(drain)).to.deep.equal(['0 bye 1', '0 bye 2', '100 bye 3', '100 bye 4', '200 bye 5']);
    const slow = new HubDrain();
    slow.drain(0.5, links(3));
    expect(all(slow)).to.deep.equal(['0 bye 1', '2000 bye 2', '4000 bye 3']);
  });

  it('tells whoever links meanwhile, and nobody twice', () => {
    const drain = new HubDrain();
    drain.drain(1000, links(2));
    all(drain);
    drain.drain(1000, links(2));
    expect(drain.waiting).to.equal(0);
    drain.linked(3);
    expect(all(drain, 5000)).to.deep.equal(['5000 bye 3']);
  });

  it('closes the links of those it told when it is drained no longer', () => {
    const drain = new HubDrain();
    drain.drain(10, links(3));
    drain.take(at(0));
    drain.take(at(100));
    drain.undrain();
    expect(drain.draining).to.equal(false);
    expect(all(drain, 150)).to.deep.equal(['200 close 1', '300 close 2']);
    drain.linked(9);
    expect(drain.wakeAt()).to.equal(undefined);
  });

  it('forgets links that end, and can be drained again', () => {
    const drain = new HubDrain();
    drain.drain(1000, links(2));
    all(drain);
    drain.lost(1);
    drain.undrain();
    drain.drain(1000, [2, 3]);
    expect(all(drain)).to.deep.equal(['100 bye 3']);
  });

  it('says goodbye to nodes, not to the daemon of its own process', () => {
    const hub = new Hub('agg-A', 's');
    const peer = (daemon: string) =>
      ({
        daemon,
        node: daemon.split('/')[1],
        role: daemon.split('/')[0],
        session: 's',
        version: '1',
        address: 'a',
        since: 0,
      }) as unknown as Peer;
    hub.leafUp(1, peer('aggregator/agg-A'));
    hub.leafUp(2, peer('compute/n1'));
    hub.drain(100);
    hub.leafUp(3, peer('compute/n2'));
    hub.tick(nowAt(0));
    hub.tick(nowAt(100));
    const byes = hub.flush().filter((effect) => effect.kind === 'send' && effect.message.kind === 'bye');
    expect(byes.map((effect) => 'link' in effect && effect.link)).to.deep.equal([2, 3]);
    // On a machine that has a compute daemon too, the order is for the aggregator's own.
    hub.leafUp(4, peer('compute/agg-A'));
    hub.trunkUp(0);
    const held = (link: number, daemon: string) => {
      hub.leafMessage(link, { kind: 'claim', term: 1, incarnation: 'i' }, 100, nowAt(200));
      const verdict = { daemon, verdict: 'held', term: 1, incarnation: 'i', cursor: 0 } as const;
      hub.trunkMessage({ kind: 'verdicts', list: [verdict] }, nowAt(200));
    };
    held(1, 'aggregator/agg-A');
    held(4, 'compute/agg-A');
    const to = (command: string) => {
      hub.flush();
      const order = {
        kind: 'command',
        id: command,
        command,
        nodes: 'agg-A',
        remaining: 1000,
        room: 1,
        input: {},
      } as const;
      hub.trunkMessage(order, nowAt(201));
      return hub
        .flush()
        .flatMap((effect) => (effect.kind === 'send' && effect.message.kind === 'command' ? [effect.link] : []));
    };
    expect([to('drain'), to('ping')]).to.deep.equal([[1], [4]]);
    hub.undrain();
    hub.tick(nowAt(5000));
    const closed = hub.flush().filter(({ kind }) => kind === 'close');
    expect(closed).to.have.length(2);
  });
});
