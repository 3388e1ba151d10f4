/** One machine in one file: greeting, beats and the end of a link. It is long because its cases share one way to drive it. */
import type { MessageOf } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { beatDue, type Identity, isStall, type Link, lostDue, owesAnswer } from '../src/link/link.ts';
import { type Above, type Admission, type LinkEffect, LinkTable, type Self } from '../src/link/table.ts';
import { at, EPOCH, kinds, monoAt } from './support.ts';

const INTERVAL = 1000;
const YES: Admission = { ok: true, way: 'leaf>hub', leader: true, credit: 77 };

/** A hub's table, with whatever the room above answers. */
function hub(self: Partial<Self> = {}, above: Partial<Above> = {}): LinkTable {
  return new LinkTable(
    {
      role: 'aggregator',
      node: 'agg-A',
      session: 's-agg',
      version: '1.1',
      interval: INTERVAL,
      greetingTimeout: 5000,
      ...self,
    },
    { admit: () => YES, leads: () => true, incarnation: () => 'i-agg', ...above },
  );
}

const leaf = (self: Partial<Self> = {}): LinkTable =>
  hub({ role: 'compute', node: 'n1', session: 's-n1', ...self }, { incarnation: () => 'i-n1' });

function open(
  t: LinkTable,
  link: number,
  ms: number,
  identity: Identity = { role: 'compute', node: 'n1' },
  address = `10.0.0.1:${link}`,
) {
  return t.step({ kind: 'opened', link, side: 'listener', tag: 5, address, identity, way: 'leaf>hub' }, at(ms));
}

function dial(t: LinkTable, link: number, ms: number, identity: Identity = { role: 'aggregator', node: 'agg-A' }) {
  return t.step(
    { kind: 'opened', link, side: 'dialer', tag: 2, address: '10.9.0.1:9', identity, way: 'hub>leaf' },
    at(ms),
  );
}

const hello = (change: Partial<MessageOf<'hello'>> = {}): MessageOf<'hello'> => ({
  kind: 'hello',
  version: '1.1',
  role: 'compute',
  node: 'n1',
  incarnation: 'i1',
  session: 's1',
  interval: INTERVAL,
  clock: EPOCH + 250,
  ...change,
});

const welcome = (change: Partial<MessageOf<'welcome'>> = {}): MessageOf<'welcome'> => ({
  kind: 'welcome',
  version: '1.1',
  node: 'agg-A',
  session: 's-agg',
  interval: INTERVAL,
  leader: true,
  credit: 0,
  ...change,
});

const frame = (t: LinkTable, link: number, value: unknown, ms: number): LinkEffect[] =>
  t.step({ kind: 'frame', link, value, bytes: 50 }, at(ms));
const tick = (t: LinkTable, ms: number, lateBy = 0): LinkEffect[] => t.step({ kind: 'tick', lateBy }, at(ms));

/** Runs the timer as a shell would, to `until`; gives all effects with their moments. */
function run(t: LinkTable, until: number): { ms: number; effect: LinkEffect }[] {
  const out: { ms: number; effect: LinkEffect }[] = [];
  for (let next = t.wakeAt(); next !== undefined && next <= until; next = t.wakeAt()) {
    for (const effect of tick(t, next)) out.push({ ms: next, effect });
    expect(t.wakeAt() ?? Number.POSITIVE_INFINITY, 'a timer never stands still').to.be.above(next);
  }
  return out;
}

function linked(self: Partial<Self> = {}): LinkTable {
  const t = hub(self);
  open(t, 1, 0);
  frame(t, 1, hello(), 0);
  return t;
}

describe('a link is greeted', () => {
  it('listener: hello → welcome, up with the peer and its clock', () => {
    const t = hub();
    expect(open(t, 1, 0)).to.deep.equal([]);
    expect(t.get(1)?.phase).to.equal('greeting');
    const effects = frame(t, 1, hello({ interval: 400 }), 0);
    expect(kinds(effects)).to.deep.equal(['send', 'up']);
    expect(effects[0]).to.deep.include({
      message: welcome({ interval: 400, credit: 77, clock: EPOCH }),
    });
    const [, up] = effects;
    expect(up).to.deep.include({ kind: 'up', link: 1, tag: 5 });
    if (up?.kind === 'up')
      expect(up.peer).to.include({
        daemon: 'compute/n1',
        incarnation: 'i1',
        session: 's1',
        clockOffset: 250,
        since: EPOCH,
      });
    expect(t.get(1)).to.include({ phase: 'up', interval: 400 });
    expect(t.counters.accepted).to.equal(1);
  });

  it('listener: a leading master tells its term, and the dialer reads it', () => {
    const master = hub({ role: 'master', node: 'm1' }, { admit: () => ({ ...YES, term: 12 }) });
    open(master, 1, 0);
    const [sent] = frame(master, 1, hello(), 0);
    if (sent?.kind !== 'send') throw new Error('no welcome');
    expect(sent.message).to.include({ kind: 'welcome', leader: true, term: 12 });
    const t = leaf();
    dial(t, 1, 0, { role: 'master', node: 'm1' });
    const [up] = frame(t, 1, sent.message, 10);
    expect(up).to.have.nested.property('peer.term', 12);
  });

  it('listener: whoever admits is told the version of the newcomer', () => {
    const asked: unknown[] = [];
    const admit: Above['admit'] = (peer) => {
      asked.push(peer);
      return YES;
    };
    const t = hub({}, { admit });
    open(t, 1, 0);
    frame(t, 1, hello({ version: '1.0' }), 0);
    expect(asked).to.deep.equal([{ role: 'compute', node: 'n1', version: '1.0', tag: 5 }]);
  });

  it('dialer: hello at once; welcome → up, with what the hub said', () => {
    const t = leaf();
    const [first] = dial(t, 1, 0);
    expect(first).to.deep.equal({
      kind: 'send',
      link: 1,
      message: { ...hello({ clock: EPOCH, incarnation: 'i-n1', session: 's-n1' }) },
    });
    const [up] = frame(t, 1, welcome({ leader: false, credit: 9, interval: 300, version: '1.0' }), 40);
    expect(up).to.deep.include({ kind: 'up', link: 1, tag: 2 });
    if (up?.kind === 'up') {
      expect(up.peer).to.include({ daemon: 'aggregator/agg-A', leader: false, credit: 9, version: '1.0' });
      expect(up.peer).not.to.have.property('clockOffset');
    }
    expect(t.get(1)?.interval).to.equal(300);
  });

  it('both ends use the shorter interval, and a hub cannot ask for beats without end', () => {
    const t = leaf({ interval: 500 });
    dial(t, 1, 0);
    frame(t, 1, welcome({ interval: 9000 }), 0);
    expect(t.get(1)?.interval).to.equal(500);
    dial(t, 2, 0, { role: 'aggregator', node: 'agg-B' });
    frame(t, 2, welcome({ interval: 0, node: 'agg-B' }), 0);
    expect(t.get(2)?.interval).to.equal(200);
  });

  it('dialer: a faulty certificate of the hub ends it before a word is said', () => {
    const t = leaf();
    const effects = dial(t, 1, 0, { role: 'aggregator', node: 'agg-A', fault: 'the certificate is revoked' });
    expect(kinds(effects)).to.deep.equal(['close', 'down']);
    expect(effects[1]).to.deep.include({
      refusal: { code: 'certificate', reason: 'the certificate is revoked' },
      wasUp: false,
    });
  });

  it('dialer: `refused` ends it with the reason', () => {
    const t = leaf();
    dial(t, 1, 0);
    const effects = frame(t, 1, { kind: 'refused', code: 'duplicate', reason: 'linked already' }, 1);
    expect(kinds(effects)).to.deep.equal(['close', 'down']);
    expect(effects[1]).to.deep.include({ refusal: { code: 'duplicate', reason: 'linked already' } });
    expect(t.wakeAt()).to.equal(undefined);
  });

  it('dialer: a welcome that does not hold is refused here', () => {
    const t = leaf();
    dial(t, 1, 0);
    const effects = frame(t, 1, welcome({ node: 'agg-B' }), 1);
    expect(kinds(effects)).to.deep.equal(['close', 'down']);
    expect(effects[1]).to.have.nested.property('refusal.code', 'identity');
  });

  it('listener: a hello that does not hold is answered `refused`, then closed', () => {
    const t = hub();
    open(t, 1, 0);
    const effects = frame(t, 1, hello({ node: 'n2' }), 1);
    expect(kinds(effects)).to.deep.equal(['send', 'close', 'down']);
    expect(effects[0]).to.have.nested.property('message.kind', 'refused');
    expect(t.counters.refused).to.equal(1);
    expect(t.get(1)).to.equal(undefined);
  });

  it('listener: a refusal that is not told ends the link without a word', () => {
    const refusal = { code: 'standby', reason: 'stands by' } as const;
    const t = hub({}, { admit: () => ({ ok: false, refusal, untold: true }) });
    open(t, 1, 0);
    const effects = frame(t, 1, hello(), 1);
    expect(kinds(effects)).to.deep.equal(['close', 'down']);
    expect(effects[1]).to.deep.include({ refusal, wasUp: false });
    expect(t.counters.refused).to.equal(1);
  });

  it('listener: the room above may refuse, with its own words', () => {
    const t = hub({}, { admit: () => ({ ok: false, refusal: { code: 'node', reason: 'not one of ours' } }) });
    open(t, 1, 0);
    const effects = frame(t, 1, hello(), 1);
    expect(effects[0]).to.have.deep.property('message', { kind: 'refused', code: 'node', reason: 'not one of ours' });
  });

  for (const [what, value] of [
    ['a beat', { kind: 'beat' }],
    ['a probe', { kind: 'probe' }],
    ['a claim', { kind: 'claim', term: 1, incarnation: 'i' }],
    ['an unknown kind', { kind: 'x-next' }],
    ['nonsense', [1, 2]],
    ['a hello with a hole', { kind: 'hello' }],
  ] as const) {
    it(`${what} before the greeting breaks the link`, () => {
      const t = hub();
      open(t, 1, 0);
      expect(kinds(frame(t, 1, value, 1))).to.deep.equal(['close', 'down']);
      expect(t.wakeAt()).to.equal(undefined);
    });
  }

  it('ends when no greeting comes in time', () => {
    const t = hub();
    open(t, 1, 0);
    expect(t.wakeAt()).to.equal(5000);
    expect(tick(t, 4999)).to.deep.equal([]);
    const effects = tick(t, 5000);
    expect(kinds(effects)).to.deep.equal(['close', 'down']);
    expect(effects[1]).to.deep.include({ reason: 'no greeting within 5000 ms', wasUp: false, planned: false });
  });
});

describe('a link that is up', () => {
  it('a dialer beats after an interval without another frame, and only then', () => {
    const t = leaf();
    dial(t, 1, 0);
    frame(t, 1, welcome(), 0);
    for (const ms of [600, 1200, 1800, 2400]) expect(frame(t, 1, { kind: 'beat' }, ms)).to.deep.equal([]);
    t.sent(1, monoAt(900)); // a frame of the room above went out
    const beats = run(t, 3300);
    expect(beats).to.deep.equal([
      { ms: 1900, effect: { kind: 'beat', link: 1 } },
      { ms: 2900, effect: { kind: 'beat', link: 1 } },
    ]);
  });

  it('a listener beats in answer to a beat, unless a frame went out within half an interval', () => {
    const t = linked();
    const beat = [{ kind: 'beat', link: 1 }];
    expect(frame(t, 1, { kind: 'beat' }, 499)).to.deep.equal([]);
    expect(frame(t, 1, { kind: 'beat' }, 500)).to.deep.equal(beat);
    expect(frame(t, 1, { kind: 'beat' }, 999), 'nobody draws more than two an interval').to.deep.equal([]);
    t.sent(1, monoAt(1100));
    expect(frame(t, 1, { kind: 'beat' }, 1500)).to.deep.equal([]);
    expect(frame(t, 1, { kind: 'want', bytes: 5 }, 1700), 'other frames have their own answers').to.have.length(1);
    expect(frame(t, 1, { kind: 'beat' }, 1700)).to.deep.equal(beat);
    expect(t.counters).to.include({ beats: 2, beatsHeard: 5 });
  });

  it('a listener whose dialer beats has nothing left to do by its own clock', () => {
    const t = linked();
    for (let ms = 1010; ms < 20_000; ms += 1010) {
      expect(run(t, ms), 'its own clock was first').to.deep.equal([]);
      expect(frame(t, 1, { kind: 'beat' }, ms)).to.have.length(1);
    }
  });

  it('a listener whose dialer sends other frames beats by its own clock, two times at least in three intervals', () => {
    const t = linked();
    t.sent(1, monoAt(10));
    const beats: number[] = [];
    for (let ms = 100; ms <= 9000; ms += 100) {
      frame(t, 1, { kind: 'want', bytes: 5 }, ms);
      beats.push(...run(t, ms).map(({ ms: when }) => when));
    }
    expect(beats.slice(0, 3)).to.deep.equal([1250, 2375, 3500]);
    for (const [i, ms] of beats.entries()) if (i > 1) expect(ms - (beats[i - 2] as number)).to.be.at.most(2500);
  });

  it('a beat that is told unread does what a frame with it does', () => {
    const [read, unread] = [linked(), linked()];
    for (const ms of [400, 1000, 1300, 2000]) {
      const effects = frame(read, 1, { kind: 'beat' }, ms);
      expect(unread.beat(1, monoAt(ms)), `${ms}`).to.equal(effects.length === 1);
      expect(unread.get(1)).to.deep.equal(read.get(1));
    }
    expect(unread.counters).to.deep.equal(read.counters);
  });

  it('where more may follow, a beat is not taken unread, and nothing is done', () => {
    const t = linked();
    expect(t.beat(2, monoAt(10)), 'no such link').to.equal(undefined);
    open(t, 2, 100);
    expect(t.beat(2, monoAt(200)), 'not up: a beat breaks the greeting').to.equal(undefined);
    frame(t, 2, hello({ incarnation: 'i2', session: 's2' }), 300); // asks link 1 for a sign of life
    expect(t.beat(1, monoAt(400)), 'a newcomer waits for it').to.equal(undefined);
    expect(t.get(1)).to.include({ heardAt: 0 });
    expect(t.counters.beatsHeard).to.equal(0);
  });

  it('is lost after three silent intervals, not before', () => {
    const t = linked();
    const effects = run(t, 10_000);
    const lost = effects.filter(({ effect }) => effect.kind === 'down');
    expect(lost).to.have.length(1);
    expect(lost[0]).to.have.property('ms', 3000);
    const closed = effects.filter(({ effect }) => effect.kind === 'close');
    expect(
      closed.map(({ effect }) => effect),
      'nobody would take what is flushed',
    ).to.deep.equal([{ kind: 'close', link: 1, reason: 'silent for 3000 ms', abrupt: true }]);
    expect(lost[0]?.effect).to.deep.include({
      reason: 'silent for 3000 ms',
      planned: false,
      wasUp: true,
      silent: true,
    });
    expect(t.counters.silent).to.equal(1);
    expect(t.wakeAt()).to.equal(undefined);
  });

  it('any frame is a sign of life, also of an unknown kind', () => {
    const t = linked();
    run(t, 2900);
    const effects = frame(t, 1, { kind: 'x-next' }, 2900);
    expect(effects).to.deep.equal([{ kind: 'send', link: 1, message: { kind: 'unsupported', of: 'x-next' } }]);
    expect(run(t, 5899).filter(({ effect }) => effect.kind === 'down')).to.deep.equal([]);
    expect(run(t, 5900).filter(({ effect }) => effect.kind === 'down')).to.have.length(1);
    expect(t.counters.unsupported).to.equal(1);
  });

  it('answers a probe with a beat at once, swallows beats, hands the rest up', () => {
    const t = linked();
    expect(frame(t, 1, { kind: 'probe' }, 10)).to.deep.equal([{ kind: 'beat', link: 1 }]);
    expect(frame(t, 1, { kind: 'beat' }, 20)).to.deep.equal([]);
    expect(frame(t, 1, { kind: 'unsupported', of: 'x' }, 20)).to.deep.equal([]);
    const message = { kind: 'want', bytes: 5 } as const;
    expect(frame(t, 1, message, 30)).to.deep.equal([{ kind: 'message', link: 1, tag: 5, message, bytes: 50 }]);
  });

  it("dialer: hands a hub's beat up when it says whether it reaches the leader", () => {
    const t = leaf();
    dial(t, 1, 0);
    frame(t, 1, welcome(), 0);
    expect(kinds(frame(t, 1, { kind: 'beat', leader: false }, 5))).to.deep.equal(['message']);
    expect(kinds(frame(t, 1, { kind: 'beat' }, 6))).to.deep.equal([]);
  });

  for (const value of [hello(), { kind: 'refused', code: 'x', reason: 'y' }]) {
    it(`breaks when '${value.kind}' comes again`, () => {
      const t = linked();
      expect(kinds(frame(t, 1, value, 10))).to.deep.equal(['close', 'down']);
      expect(t.counters.broken).to.equal(1);
    });
  }

  it('breaks on a message of the wrong way, with words', () => {
    const t = linked();
    const effects = frame(t, 1, { kind: 'ack', incarnation: 'i', cursor: 1 }, 10);
    expect(effects[1]).to.have.property('reason').that.includes("'ack' is not a message for the way leaf>hub");
  });

  it('a bye changes no mode but makes the loss a planned one', () => {
    const t = linked();
    expect(kinds(frame(t, 1, { kind: 'bye', reason: 'maintenance' }, 10))).to.deep.equal(['message']);
    expect(t.get(1)?.phase).to.equal('up');
    const effects = t.step({ kind: 'closed', link: 1, reason: 'end of stream' }, at(20));
    expect(effects).to.deep.equal([
      { kind: 'down', link: 1, tag: 5, reason: 'maintenance', planned: true, wasUp: true },
    ]);
  });

  it('a drop with bye says so, closes, and is planned; without bye it is not', () => {
    const t = linked();
    const effects = t.step({ kind: 'drop', link: 1, reason: 'we stop', bye: true }, at(10));
    expect(kinds(effects)).to.deep.equal(['send', 'close', 'down']);
    expect(effects[0]).to.have.deep.property('message', { kind: 'bye', reason: 'we stop' });
    expect(effects[2]).to.include({ planned: true });
    const u = linked();
    expect(kinds(u.step({ kind: 'drop', link: 1, reason: 'flood', bye: false }, at(10)))).to.deep.equal([
      'close',
      'down',
    ]);
  });

  it('ignores events of a link that is gone or never was', () => {
    const t = linked();
    t.step({ kind: 'closed', link: 1, reason: 'x' }, at(1));
    expect(t.step({ kind: 'closed', link: 1, reason: 'x' }, at(2))).to.deep.equal([]);
    expect(frame(t, 1, { kind: 'probe' }, 2)).to.deep.equal([]);
    expect(t.step({ kind: 'drop', link: 1, reason: 'x', bye: true }, at(2))).to.deep.equal([]);
    expect(frame(t, 99, hello(), 2)).to.deep.equal([]);
    t.sent(99, monoAt(3));
    expect(tick(t, 1e6)).to.deep.equal([]);
  });
});

describe('two connections of one daemon', () => {
  it('the same incarnation: the new one replaces the old', () => {
    const t = linked();
    open(t, 2, 100);
    const effects = frame(t, 2, hello({ session: 's2' }), 100);
    expect(kinds(effects)).to.deep.equal(['close', 'down', 'send', 'up']);
    expect(effects[1]).to.include({ kind: 'down', link: 1 });
    expect(effects[3]).to.include({ kind: 'up', link: 2 });
  });

  it('another incarnation: the older is asked, answers, and the newcomer is refused with both addresses', () => {
    const t = linked();
    open(t, 2, 100);
    const probe = frame(t, 2, hello({ session: 's2', incarnation: 'i2' }), 100);
    expect(probe).to.deep.equal([{ kind: 'send', link: 1, message: { kind: 'probe' } }]);
    expect(t.get(2)?.phase).to.equal('probing');
    const effects = frame(t, 1, { kind: 'beat' }, 150);
    expect(kinds(effects)).to.deep.equal(['send', 'close', 'down']);
    expect(effects[0]).to.have.nested.property('message.code', 'duplicate');
    expect(effects[0]).to.have.nested.property('message.reason').that.includes('10.0.0.1:1').and.includes('10.0.0.1:2');
    expect(t.get(1)?.phase).to.equal('up');
    expect(frame(t, 1, { kind: 'beat' }, 160), 'the probe is over').to.deep.equal([]);
  });

  it('another incarnation: the older stays silent and is replaced', () => {
    const t = linked();
    open(t, 2, 100);
    frame(t, 2, hello({ session: 's2', incarnation: 'i2' }), 100);
    expect(tick(t, 1099).filter((e) => e.kind !== 'beat')).to.deep.equal([]);
    const effects = tick(t, 1100);
    expect(kinds(effects)).to.deep.equal(['close', 'down', 'send', 'up']);
    expect(effects[3]).to.include({ link: 2 });
  });

  it('another incarnation: the older closes meanwhile, and the newcomer is admitted at once', () => {
    const t = linked();
    open(t, 2, 100);
    frame(t, 2, hello({ session: 's2', incarnation: 'i2' }), 100);
    const effects = t.step({ kind: 'closed', link: 1, reason: 'reset' }, at(200));
    expect(kinds(effects)).to.deep.equal(['down', 'send', 'up']);
    expect(effects[2]).to.include({ link: 2 });
  });

  it('a third while the second waits is refused', () => {
    const t = linked();
    open(t, 2, 100);
    frame(t, 2, hello({ session: 's2', incarnation: 'i2' }), 100);
    open(t, 3, 110);
    expect(kinds(frame(t, 3, hello({ session: 's3', incarnation: 'i3' }), 110))).to.deep.equal([
      'send',
      'close',
      'down',
    ]);
    expect(t.get(2)?.phase).to.equal('probing');
  });

  it("an impatient newcomer's words are ignored, of whatever kind", () => {
    const t = linked();
    open(t, 2, 100);
    frame(t, 2, hello({ session: 's2', incarnation: 'i2' }), 100);
    expect(frame(t, 2, { kind: 'claim', term: 1, incarnation: 'i2' }, 110)).to.deep.equal([]);
    expect(frame(t, 2, { kind: 'x-next' }, 120)).to.deep.equal([]);
    expect(t.get(2)?.phase).to.equal('probing');
  });

  it('the newcomer vanishes: the older notices nothing and may be asked again', () => {
    const t = linked();
    open(t, 2, 100);
    frame(t, 2, hello({ session: 's2', incarnation: 'i2' }), 100);
    expect(kinds(t.step({ kind: 'closed', link: 2, reason: 'reset' }, at(150)))).to.deep.equal(['down']);
    expect(frame(t, 1, { kind: 'beat' }, 160)).to.deep.equal([]);
    open(t, 3, 200);
    expect(kinds(frame(t, 3, hello({ session: 's3', incarnation: 'i3' }), 200))).to.deep.equal(['send']);
  });
});

describe('a daemon that was itself asleep declares nobody dead', () => {
  it('believes nothing for one more interval, then what is still silent is lost', () => {
    const t = linked();
    const effects = tick(t, 60_000, 59_000);
    expect(kinds(effects)).to.deep.equal(['beat']);
    expect(t.counters.stalls).to.equal(1);
    expect(run(t, 60_999).filter(({ effect }) => effect.kind === 'down')).to.deep.equal([]);
    expect(kinds(tick(t, 61_000)).filter((k) => k === 'down')).to.deep.equal(['down']);
  });

  it('what is read in that interval counts', () => {
    const t = linked();
    tick(t, 60_000, 59_000);
    frame(t, 1, { kind: 'beat' }, 60_010);
    expect(run(t, 63_000).filter(({ effect }) => effect.kind === 'down')).to.deep.equal([]);
    expect(run(t, 63_010).filter(({ effect }) => effect.kind === 'down')).to.have.length(1);
  });

  it('a stall is measured by the interval of each link, not only by our own', () => {
    const t = hub({ interval: 15_000 });
    open(t, 1, 0);
    frame(t, 1, hello({ interval: 1000 }), 0);
    // Asleep from 500 to 4500: no stall for 15 s, but four intervals of this link.
    expect(kinds(tick(t, 4500, 3500))).to.deep.equal(['beat']);
    expect(t.counters.stalls, 'not one of ours').to.equal(0);
    expect(kinds(tick(t, 5500)).filter((k) => k === 'down')).to.deep.equal(['down']);
  });

  it('a short sleep is no excuse for a long interval', () => {
    const t = linked();
    run(t, 2500);
    expect(kinds(tick(t, 3200, 200))).to.deep.equal(['close', 'down']);
  });

  it('a greeting that may wait unread is given its time again', () => {
    const t = hub();
    open(t, 1, 0);
    expect(tick(t, 60_000, 55_000)).to.deep.equal([]);
    expect(kinds(frame(t, 1, hello(), 60_005))).to.deep.equal(['send', 'up']);
    const u = hub();
    open(u, 1, 0);
    tick(u, 60_000, 55_000);
    expect(kinds(run(u, 70_000).map(({ effect }) => effect))).to.deep.equal(['close', 'down']);
  });

  it('a probe whose answer may wait unread is given its time again', () => {
    const t = linked();
    open(t, 2, 100);
    frame(t, 2, hello({ session: 's2', incarnation: 'i2' }), 100);
    const effects = tick(t, 60_000, 58_900);
    expect(effects.filter((e) => e.kind === 'up')).to.deep.equal([]);
    expect(frame(t, 1, { kind: 'beat' }, 60_001)[0]).to.have.nested.property('message.code', 'duplicate');
  });
});

describe('the formulas of liveness', () => {
  const link = (change: Partial<Link>): Link => ({
    id: 1,
    side: 'listener',
    tag: 0,
    address: '',
    identity: { role: 'compute', node: 'n1' },
    openedAt: monoAt(0),
    phase: 'up',
    way: 'leaf>hub',
    interval: 100,
    heardAt: monoAt(0),
    sentAt: monoAt(0),
    ...change,
  });
  it('as a table', () => {
    expect(beatDue(link({ side: 'dialer', sentAt: monoAt(50) }))).to.equal(150);
    expect(beatDue(link({ sentAt: monoAt(50) })), 'on a step of an eighth, one step later').to.equal(162.5);
    expect(beatDue(link({ sentAt: monoAt(51) }))).to.equal(175);
    expect(owesAnswer(link({ sentAt: monoAt(50) }), monoAt(99))).to.equal(false);
    expect(owesAnswer(link({ sentAt: monoAt(50) }), monoAt(100))).to.equal(true);
    expect(owesAnswer(link({ side: 'dialer' }), monoAt(100))).to.equal(false);
    expect(lostDue(link({ heardAt: monoAt(50) }))).to.equal(350);
    expect(lostDue(link({ heardAt: monoAt(50), stalledAt: monoAt(300) }))).to.equal(400);
    expect(lostDue(link({ heardAt: monoAt(250), stalledAt: monoAt(300) }))).to.equal(550);
    expect(isStall(51, 100)).to.equal(true);
    expect(isStall(50, 100)).to.equal(false);
  });

  it('never loses a peer that beats, however both timers drift within an interval', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 990 }), { minLength: 5, maxLength: 60, size: 'max' }), (gaps) => {
        const t = linked();
        let ms = 0;
        for (const gap of gaps) {
          ms += 2000 + gap; // two beats of three are lost on the way
          expect(run(t, ms).filter(({ effect }) => effect.kind === 'down')).to.deep.equal([]);
          frame(t, 1, { kind: 'beat' }, ms);
        }
      }),
    );
  });
});
