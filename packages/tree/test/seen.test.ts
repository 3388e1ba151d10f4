import { expect } from 'chai';
import { Hub, type HubEffect, SEEN_MS } from '../src/hub.ts';
import { at, peerOf } from './support.ts';

/** A hub with nodes n1 and n2 on the links 1 and 2, whose roster the leader has. */
function linked(): Hub {
  const hub = new Hub('A', 's-A');
  hub.trunkUp(1e6);
  for (const link of [1, 2]) hub.leafUp(link, peerOf(`n${link}`));
  hub.flush();
  return hub;
}

const up = (effects: readonly HubEffect[]): unknown[] => effects.flatMap((e) => (e.kind === 'up' ? [e.message] : []));

describe('signs of life', () => {
  it('go to the leader in one frame, SEEN_MS after the first, whoever was heard how often', () => {
    const hub = linked();
    expect(hub.heard(2, at(1000)), 'a batch begins').to.equal(true);
    expect(hub.wakeAt()).to.equal(1000 + SEEN_MS);
    for (const [link, ms] of [
      [1, 1010],
      [2, 1000 + SEEN_MS - 1],
    ] as const)
      expect(hub.heard(link, at(ms)), 'it has begun').to.equal(false);
    hub.tick(at(1000 + SEEN_MS - 1));
    expect(up(hub.flush()), 'too early').to.deep.equal([]);
    hub.tick(at(1000 + SEEN_MS));
    expect(up(hub.flush())).to.deep.equal([{ kind: 'seen', refs: [2, 1] }]);
    expect(hub.wakeAt(), 'nothing is due while nobody is heard').to.equal(undefined);
    expect(hub.heard(1, at(2000)), 'the next begins').to.equal(true);
    expect(hub.wakeAt()).to.equal(2000 + SEEN_MS);
  });

  it('do not hold back the loss of a link, which is told at once', () => {
    const hub = linked();
    hub.trunkMessage({ kind: 'noted', sequence: 1 }, at(900));
    hub.heard(1, at(1000));
    hub.leafDown(2, 'reset', false, at(1001));
    expect(up(hub.flush())).to.deep.equal([
      { kind: 'links', sequence: 2, events: [{ event: 'lost', ref: 2, reason: 'reset', planned: false }] },
    ]);
    expect(hub.wakeAt(), 'the batch goes on').to.equal(1000 + SEEN_MS);
  });

  it('are nothing to a hub without a leader', () => {
    const hub = linked();
    hub.trunkDown();
    expect(hub.heard(1, at(1000))).to.equal(false);
    expect(hub.wakeAt()).to.equal(undefined);
  });
});
