import { expect } from 'chai';
import { CallRelay, LINK_CALLS_MAX, RELAY_MAX } from '../src/calls/relay.ts';

describe('call relay', () => {
  it('remembers where a call came from, until its end', () => {
    const relay = new CallRelay();
    expect(relay.enter('c1', 1)).to.equal(true);
    expect(relay.owns('c1', 1)).to.equal(true);
    expect(relay.owns('c1', 2)).to.equal(false);
    expect(relay.down({ kind: 'data', id: 'c1', items: [], bytes: 0 })).to.equal(1);
    expect(relay.down({ kind: 'piece', id: 'c1', text: '' })).to.equal(1);
    expect(relay.open).to.equal(1);
    expect(relay.down({ kind: 'end', id: 'c1' })).to.equal(1);
    expect(relay.down({ kind: 'end', id: 'c1' }), 'twice').to.equal(undefined);
    expect(relay.open).to.equal(0);
  });

  it('`lost` from above ends it, too', () => {
    const relay = new CallRelay();
    relay.enter('c1', 1);
    expect(relay.down({ kind: 'lost', id: 'c1' })).to.equal(1);
    expect(relay.open).to.equal(0);
  });

  it('the same call again on its link may pass, on another it is a forgery', () => {
    const relay = new CallRelay();
    relay.enter('c1', 1);
    expect(relay.enter('c1', 1)).to.equal(true);
    expect(relay.enter('c1', 2)).to.equal(false);
    expect(relay.open).to.equal(1);
    expect(relay.owns('c1', 1)).to.equal(true);
  });

  it('a link may have so many open calls, and its own again also at the limit', () => {
    const relay = new CallRelay();
    for (let i = 0; i < LINK_CALLS_MAX; i++) expect(relay.enter(`c${i}`, 1)).to.equal(true);
    expect(relay.enter('more', 1)).to.equal(false);
    expect(relay.enter('c5', 1)).to.equal(true);
    expect(relay.enter('other', 2)).to.equal(true);
    relay.leave('c5');
    expect(relay.enter('more', 1)).to.equal(true);
  });

  it('all links together may have so many', () => {
    const relay = new CallRelay();
    for (let i = 0; i < RELAY_MAX; i++) expect(relay.enter(`c${i}`, i % 100)).to.equal(true);
    expect(relay.enter('more', 500)).to.equal(false);
    relay.linkLost(7);
    expect(relay.enter('more', 500)).to.equal(true);
  });

  it('a link is lost: its calls are named once, others stay', () => {
    const relay = new CallRelay();
    relay.enter('c1', 1);
    relay.enter('c2', 1);
    relay.enter('d1', 2);
    expect(relay.linkLost(1)).to.deep.equal(['c1', 'c2']);
    expect(relay.linkLost(1)).to.deep.equal([]);
    expect(relay.down({ kind: 'end', id: 'c1' })).to.equal(undefined);
    expect(relay.owns('d1', 2)).to.equal(true);
  });

  it('the trunk is lost: everybody is named, nothing is kept', () => {
    const relay = new CallRelay();
    relay.enter('c1', 1);
    relay.enter('d1', 2);
    expect(relay.trunkLost()).to.deep.equal([
      { id: 'c1', link: 1 },
      { id: 'd1', link: 2 },
    ]);
    expect(relay.open).to.equal(0);
    expect(relay.enter('c1', 3), 'the id is free again').to.equal(true);
  });
});
