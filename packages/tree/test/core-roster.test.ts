/** One machine in one file: who serves whom, as the master sees it. It is long because its cases share one way to drive it. */
import { type DaemonId, daemonId } from '@csm/model';
import type { MessageOf, RosterEntry } from '@csm/protocol';
import { expect } from 'chai';
import { CoreRoster, type RosterEffect } from '../src/roster/core-roster.ts';
import type { KnownDaemon } from '../src/roster/view.ts';
import { at, EPOCH, wallAt } from './support.ts';

const GRACE = 3000;

class Rig {
  readonly r: CoreRoster;
  ms = 0;
  #sequence = new Map<string, number>();
  #link = 1;

  constructor(known: readonly Partial<KnownDaemon>[] = [], hubs: readonly string[] = []) {
    const full = known.map(
      (k): KnownDaemon => ({
        daemon: 'compute/n1',
        told: 2,
        term: 1,
        incarnation: 'i1',
        incarnationSince: wallAt(-1000),
        lastSeen: wallAt(-500),
        ...k,
      }),
    );
    this.r = new CoreRoster(full, hubs, GRACE, at(0));
  }

  hubUp(hub: string): this {
    this.#sequence.delete(hub);
    this.r.hubUp(hub, this.#link++, { session: `s-${hub}`, address: '10.0.0.9:1', version: '1.1' }, at(this.ms));
    return this;
  }

  hubDown(hub: string, planned = false): this {
    this.r.hubDown(hub, planned ? 'maintenance' : 'reset', planned, at(this.ms));
    return this;
  }

  roster(hub: string, entries: readonly RosterEntry[], more = false): this {
    this.#sequence.set(hub, 1);
    this.r.roster(hub, { kind: 'roster', session: `s-${hub}`, sequence: 1, entries: [...entries], more }, at(this.ms));
    return this;
  }

  links(hub: string, ...events: MessageOf<'links'>['events']): this {
    const sequence = (this.#sequence.get(hub) ?? 1) + 1;
    this.#sequence.set(hub, sequence);
    expect(this.r.links(hub, { kind: 'links', sequence, events }, at(this.ms))).to.equal(true);
    return this;
  }

  /** Both hubs up and settled, nothing told yet. */
  settled(): this {
    this.hubUp('A').roster('A', []).hubUp('B').roster('B', []);
    expect(this.r.settling).to.equal(false);
    this.r.takeEffects();
    this.tellings();
    return this;
  }

  tick(ms: number): this {
    this.ms = ms;
    this.r.tick(at(ms));
    return this;
  }

  /** What followers are told since the last time, as short text. */
  tellings(): string[] {
    return (this.r.takeRecord()?.tellings ?? []).map((t) => {
      expect(t.at).to.equal(EPOCH + this.ms);
      const whom = t.what.startsWith('aggregator') ? t.hub : t.daemons.map((d) => d.slice(8)).join(' ');
      return `${t.what} ${whom}${t.planned ? ' (planned)' : ''}`;
    });
  }

  claims(): string[] {
    return (this.r.takeRecord()?.claims ?? []).map((c) => `${c.daemon.slice(8)}@${c.term} ${c.hub}`);
  }

  told(node: string): number {
    return this.r.daemon(daemonId('compute', node))?.told ?? -1;
  }
}

const entry = (ref: number, node: string, term?: number, incarnation = 'i1'): RosterEntry => ({
  ref,
  role: 'compute',
  node,
  session: 's1',
  version: '1.1',
  address: '10.0.0.1:1',
  since: EPOCH,
  bounced: 0,
  ...(term === undefined ? {} : { claim: { term, incarnation } }),
});
const linked = (ref: number, node: string, term?: number) => ({
  event: 'linked' as const,
  entry: entry(ref, node, term),
});
const lost = (ref: number, planned = false) => ({ event: 'lost' as const, ref, reason: 'silent', planned });
const claim = (ref: number, term: number, incarnation = 'i1') => ({
  event: 'claim' as const,
  ref,
  claim: { term, incarnation },
});

const verdicts = (effects: readonly RosterEffect[]): string[] =>
  effects.flatMap((e) =>
    e.kind === 'verdict' ? [`${e.hub}: ${e.verdict.daemon.slice(8)} ${e.verdict.verdict} ${e.verdict.term}`] : [],
  );

describe('core roster: how many links', () => {
  it('0 → 1 → 2 → 1 → 0: each change is told once', () => {
    const rig = new Rig().settled();
    rig.links('A', linked(1, 'n1'));
    expect(rig.tellings()).to.deep.equal(['up n1']);
    rig.links('B', linked(1, 'n1'));
    expect(rig.tellings()).to.deep.equal(['full_redundancy n1']);
    rig.links('A', lost(1));
    expect(rig.tellings()).to.deep.equal(['lost_redundancy n1']);
    rig.links('B', lost(1, true));
    expect(rig.tellings()).to.deep.equal(['down n1 (planned)']);
    expect(rig.told('n1')).to.equal(0);
    expect(rig.tellings()).to.deep.equal([]);
  });

  it('both links at once: up and full_redundancy', () => {
    const rig = new Rig().hubUp('A').hubUp('B');
    rig.roster('A', [entry(1, 'n1')]);
    rig.roster('B', [entry(1, 'n1')]);
    expect(rig.tellings()).to.deep.equal(['up n1', 'full_redundancy n1']);
  });

  it('a third link is no more than two', () => {
    const rig = new Rig().settled().hubUp('C').roster('C', []);
    rig.links('A', linked(1, 'n1')).links('B', linked(1, 'n1'));
    rig.tellings();
    rig.links('C', linked(1, 'n1'));
    expect(rig.tellings()).to.deep.equal([]);
    rig.links('B', lost(1));
    expect(rig.tellings()).to.deep.equal([]);
    rig.links('A', lost(1));
    expect(rig.tellings()).to.deep.equal(['lost_redundancy n1']);
  });

  it('equal changes of many daemons are one telling', () => {
    const rig = new Rig().settled();
    rig.links('A', linked(1, 'n1'), linked(2, 'n2'), linked(3, 'n3'));
    expect(rig.tellings()).to.deep.equal(['up n1 n2 n3']);
    rig.links('A', lost(1), lost(3), lost(2, true));
    expect(rig.tellings()).to.deep.equal(['down n1 n3', 'down n2 (planned)']);
  });

  it('the same event twice, an unknown ref, a claim of an unknown ref: ignored', () => {
    const rig = new Rig().settled();
    rig.links('A', linked(1, 'n1'), linked(1, 'n1'));
    expect(rig.tellings()).to.deep.equal(['up n1']);
    rig.links('A', lost(1), lost(1), lost(77), claim(77, 5));
    expect(rig.tellings()).to.deep.equal(['down n1']);
    expect(rig.r.takeRecord()).to.equal(undefined);
  });

  it('events before the roster, and of a hub that is gone or never came, are ignored', () => {
    const rig = new Rig().settled().hubUp('C');
    rig.links('C', linked(1, 'n1'));
    rig.links('X', linked(1, 'n1'));
    rig.roster('X', [entry(1, 'n1')]);
    rig.hubDown('A').hubDown('X');
    rig.tellings();
    rig.links('A', linked(1, 'n1'));
    rig.roster('A', [entry(1, 'n1')]);
    expect(rig.r.daemon('compute/n1')).to.equal(undefined);
    expect(rig.tellings()).to.deep.equal([]);
  });

  it('notes each roster and each batch of events, a roster in parts once', () => {
    const rig = new Rig().hubUp('A');
    rig.roster('A', [entry(1, 'n1')], true);
    expect(rig.r.takeEffects()).to.deep.equal([]);
    expect(rig.tellings(), 'nothing is told of half a roster').to.deep.equal([]);
    rig.roster('A', [entry(2, 'n2')]);
    expect(rig.r.takeEffects()).to.deep.equal([{ kind: 'noted', hub: 'A', sequence: 1 }]);
    expect(rig.tellings()).to.deep.equal(['up n1 n2']);
    rig.links('A', lost(1));
    expect(rig.r.takeEffects()).to.deep.equal([{ kind: 'noted', hub: 'A', sequence: 2 }]);
  });

  it('a link that a new one of the same daemon replaced tells nothing; what was lost twice tells the last loss', () => {
    const rig = new Rig().settled().links('A', linked(1, 'n1'), linked(2, 'n2'));
    rig.tellings();
    rig.links('A', lost(1), linked(1, 'n1'));
    expect(rig.tellings()).to.deep.equal([]);
    expect(rig.r.daemon('compute/n1')?.links.size).to.equal(1);
    rig.links('A', lost(2), linked(2, 'n2'), lost(2, true));
    expect(rig.tellings()).to.deep.equal(['down n2 (planned)']);
    rig.links('A', linked(2, 'n2'), lost(2), linked(2, 'n2'));
    expect(rig.tellings()).to.deep.equal(['up n2']);
    rig.links('A', linked(3, 'n3'), lost(3));
    expect(rig.tellings(), 'never there at the end of a frame').to.deep.equal([]);
  });

  it('a hole in the numbers of link events is told to the caller, and nothing behind it is taken in', () => {
    const rig = new Rig().settled();
    const links = (sequence: number, ...events: MessageOf<'links'>['events']) =>
      rig.r.links('A', { kind: 'links', sequence, events }, at(0));
    expect(links(3, linked(1, 'n1')), 'the first after the roster').to.equal(false);
    expect(links(1, linked(1, 'n1')), "the roster's own").to.equal(false);
    expect(links(2, linked(1, 'n1'))).to.equal(true);
    expect(links(4, lost(1))).to.equal(false);
    expect(links(2, lost(1)), 'twice').to.equal(false);
    expect(rig.r.takeEffects()).to.deep.equal([{ kind: 'noted', hub: 'A', sequence: 2 }]);
    expect(rig.tellings()).to.deep.equal(['up n1']);
    rig
      .hubDown('A')
      .hubUp('A')
      .roster('A', [entry(1, 'n1')]);
    expect(links(2, lost(1))).to.equal(true);
  });

  it('`seen` moves last_seen of known refs only', () => {
    const rig = new Rig().settled().links('A', linked(1, 'n1'));
    rig.ms = 700;
    expect(rig.r.seen('A', [1, 99], at(700))).to.deep.equal(['compute/n1']);
    expect(rig.r.seen('X', [1], at(900))).to.deep.equal([]);
    expect(rig.r.daemon('compute/n1')?.lastSeen).to.equal(EPOCH + 700);
  });
});

describe('core roster: a hub is lost', () => {
  function three(): Rig {
    const rig = new Rig().settled();
    rig.links('A', linked(1, 'n1'), linked(2, 'n2'), linked(3, 'n3'));
    rig.links('B', linked(1, 'n1'), linked(2, 'n2'));
    rig.tellings();
    return rig;
  }

  it('is one incident, and one loss of redundancy for all it served', () => {
    const rig = three();
    rig.hubDown('A');
    expect(rig.tellings()).to.deep.equal(['aggregator_lost A', 'lost_redundancy n1 n2']);
    expect(rig.r.hub('A')).to.include({ reason: 'reset', lostAt: EPOCH });
    rig.hubDown('A');
    expect(rig.tellings(), 'twice').to.deep.equal([]);
  });

  it('who had no other link is in limbo: back within three intervals and nothing is told', () => {
    const rig = three();
    rig.hubDown('A');
    rig.tellings();
    expect(rig.r.wakeAt()).to.equal(GRACE);
    rig.tick(GRACE - 1);
    rig.links('B', linked(3, 'n3'));
    expect(rig.tellings()).to.deep.equal([]);
    rig.tick(10 * GRACE);
    expect(rig.tellings()).to.deep.equal([]);
    expect(rig.told('n3')).to.equal(1);
    expect(rig.r.wakeAt()).to.equal(undefined);
  });

  it('who does not come back is told down, once, with the hub as the cause', () => {
    const rig = three();
    rig.hubDown('A');
    rig.r.takeRecord();
    rig.tick(GRACE - 1);
    expect(rig.tellings()).to.deep.equal([]);
    rig.tick(GRACE);
    const record = rig.r.takeRecord();
    expect(record?.tellings).to.have.length(1);
    expect(record?.tellings[0]).to.deep.include({ what: 'down', daemons: ['compute/n3'], planned: false });
    expect(record?.tellings[0]?.cause).to.equal('aggregator A was lost: reset');
    rig.tick(2 * GRACE);
    expect(rig.tellings()).to.deep.equal([]);
  });

  it('says with which hub they went, and that nobody saw them go; one that stops takes its own daemon along as planned', () => {
    const rig = new Rig().hubUp('A');
    const own = { ...entry(9, 'A'), role: 'aggregator' as const };
    rig.roster('A', [own, entry(1, 'n1'), entry(2, 'n2')]);
    rig.tellings();
    rig.hubDown('A', true);
    rig.r.takeRecord();
    rig.tick(GRACE);
    const tellings = rig.r.takeRecord()?.tellings ?? [];
    const sorted = (names: readonly string[] = []) => names.toSorted((a, b) => (a < b ? -1 : 1));
    expect(
      tellings.map(({ what, daemons, planned, within }) => [what, sorted(daemons), planned, sorted(within?.['A'])]),
    ).to.deep.equal([
      ['down', ['aggregator/A'], true, ['aggregator/A']],
      ['down', ['compute/n1', 'compute/n2'], false, ['compute/n1', 'compute/n2']],
    ]);
  });

  it('who goes by himself went with none', () => {
    const rig = new Rig().settled();
    rig.links('A', linked(1, 'n1'));
    rig.tellings();
    rig.links('A', lost(1));
    expect(rig.r.takeRecord()?.tellings.map(({ what, within }) => [what, within])).to.deep.equal([['down', undefined]]);
  });

  it('a node that was deleted is forgotten, unless it is linked', () => {
    const rig = new Rig().settled();
    rig.links('A', linked(1, 'n1'), linked(2, 'n2')).links('A', lost(1));
    expect(rig.r.forget('n1')).to.deep.equal(['compute/n1']);
    expect(rig.r.forget('n2')).to.deep.equal([]);
    expect(rig.r.forget('n3')).to.deep.equal([]);
    expect([...rig.r.daemons()].map(({ node }) => node)).to.deep.equal(['n2']);
    expect(rig.r.takeRecord()?.views.map(({ node }) => node)).to.deep.equal(['n2']);
    expect(rig.links('A', linked(3, 'n1')).tellings()).to.deep.equal(['up n1']);
  });

  it('its return is one telling; the roster tells who has redundancy again', () => {
    const rig = three();
    rig.hubDown('A', true);
    expect(rig.tellings()).to.deep.equal(['aggregator_lost A (planned)', 'lost_redundancy n1 n2 (planned)']);
    rig.hubUp('A');
    rig.roster('A', [entry(1, 'n1'), entry(2, 'n2'), entry(3, 'n3')]);
    expect(rig.tellings()).to.deep.equal(['aggregator_back A', 'full_redundancy n1 n2']);
    expect(rig.r.hub('A')?.bounced).to.equal(1);
  });

  it('connects anew without having been missed: what the new roster does not name is lost', () => {
    const rig = three();
    rig.hubUp('A');
    expect(rig.tellings()).to.include('aggregator_lost A');
    rig.roster('A', [entry(1, 'n1')]);
    expect(rig.tellings()).to.deep.equal(['full_redundancy n1']);
    rig.tick(GRACE);
    expect(rig.tellings()).to.deep.equal(['down n3']);
  });

  it('a second roster in one session: what it does not name is gone, the rest is not told again', () => {
    const rig = three();
    rig.roster('A', [entry(1, 'n1')], true);
    expect(rig.tellings()).to.deep.equal([]);
    rig.roster('A', [entry(4, 'n4')]);
    expect(rig.tellings()).to.deep.equal(['lost_redundancy n2', 'down n3', 'up n4']);
    rig.links('A', lost(2));
    expect(rig.tellings(), 'a ref of the former roster').to.deep.equal([]);
  });

  it('is lost in the middle of its second roster: also whom that had not named yet loses the link', () => {
    const rig = three();
    rig.roster('A', [entry(1, 'n1')], true);
    rig.hubDown('A');
    expect(rig.tellings()).to.deep.equal(['aggregator_lost A', 'lost_redundancy n1 n2']);
    rig.tick(GRACE);
    expect(rig.tellings()).to.deep.equal(['down n3']);
  });

  it('a link that ends just after we slept may have ended by that: limbo first', () => {
    const rig = three();
    rig.ms = 50_000;
    rig.r.stalled(at(50_000));
    rig.links('A', lost(3));
    expect(rig.tellings()).to.deep.equal([]);
    rig.links('B', linked(3, 'n3'));
    rig.tick(60_000);
    expect(rig.tellings()).to.deep.equal([]);
    rig.links('B', lost(3));
    expect(rig.tellings(), 'long after').to.deep.equal(['down n3']);
  });

  it('we slept: nobody in limbo is judged before the span has passed again', () => {
    const rig = three();
    rig.hubDown('A');
    rig.tellings();
    rig.ms = 50_000;
    rig.r.stalled(at(50_000));
    rig.tick(50_000);
    expect(rig.tellings()).to.deep.equal([]);
    expect(rig.r.wakeAt()).to.equal(50_000 + GRACE);
    rig.tick(50_000 + GRACE);
    expect(rig.tellings()).to.deep.equal(['down n3']);
  });

  it('we slept: who gave up on us meanwhile has the span to link anew before it is told down', () => {
    const rig = new Rig().settled();
    rig.links('A', linked(1, 'n1'), linked(2, 'n2'), linked(3, 'n3'));
    rig.tellings();
    rig.ms = 50_000;
    rig.r.stalled(at(50_000));
    rig.links('A', lost(1), lost(2), lost(3, true));
    expect(rig.tellings(), 'a goodbye is believed at once').to.deep.equal(['down n3 (planned)']);
    rig.ms = 51_000;
    rig.links('A', linked(4, 'n1'));
    rig.tick(50_000 + GRACE);
    expect(rig.tellings()).to.deep.equal(['down n2']);
    rig.links('A', lost(4));
    expect(rig.tellings(), 'from then on losses count at once').to.deep.equal(['down n1']);
  });
});

describe('core roster: settling after a start', () => {
  const known = [
    { daemon: 'compute/n1' as DaemonId, told: 2, primary: 'A' },
    { daemon: 'compute/n2' as DaemonId, told: 1, primary: 'B' },
    { daemon: 'compute/n3' as DaemonId, told: 2, primary: 'A' },
    { daemon: 'compute/n4' as DaemonId, told: 0 },
  ];

  it('gains are told, losses only when every hub last known has sent its roster', () => {
    const rig = new Rig(known, ['A', 'B']);
    expect(rig.r.settling).to.equal(true);
    rig.hubUp('A').roster('A', [entry(1, 'n1'), entry(4, 'n4'), entry(5, 'n5')]);
    expect(rig.tellings()).to.deep.equal(['up n4 n5']);
    expect(rig.r.settling).to.equal(true);
    rig.hubUp('B').roster('B', [entry(1, 'n1')]);
    expect(rig.r.settling).to.equal(false);
    expect(rig.tellings()).to.deep.equal(['down n2 n3']);
    rig.tick(10 * GRACE);
    expect(rig.tellings()).to.deep.equal([]);
  });

  it('or when three intervals have passed', () => {
    const rig = new Rig(known, ['A', 'B']);
    rig.hubUp('A').roster('A', [entry(1, 'n1')]);
    rig.tick(GRACE - 1);
    expect(rig.tellings()).to.deep.equal([]);
    expect(rig.r.wakeAt()).to.equal(GRACE);
    rig.tick(GRACE);
    expect(rig.tellings()).to.deep.equal(['lost_redundancy n1', 'down n2 n3']);
    expect(rig.r.daemon('compute/n2')?.lastSeen, 'as it was seen').to.equal(EPOCH - 500);
    expect(rig.r.settling).to.equal(false);
  });

  it('whom none of those hubs served has the rest of the three intervals', () => {
    const rig = new Rig(
      [...known, { daemon: 'compute/n6', told: 1, primary: 'M' }, { daemon: 'compute/n7', told: 1 }],
      ['A'],
    );
    rig.ms = 1000;
    rig.hubUp('A').roster('A', [entry(1, 'n1')]);
    expect(rig.tellings()).to.deep.equal(['lost_redundancy n1', 'down n3']);
    rig.hubUp('M').roster('M', [entry(1, 'n6')]);
    rig.tick(GRACE - 1);
    expect(rig.tellings()).to.deep.equal([]);
    rig.tick(GRACE);
    expect(rig.tellings()).to.deep.equal(['down n2 n7']);
  });

  it('tells of those absent with which hub they went, where none of theirs is here to tell', () => {
    const rig = new Rig(
      [
        { daemon: 'compute/n1', primary: 'A', hubs: ['A', 'B'] },
        { daemon: 'compute/n2', primary: 'A', hubs: ['A'] },
      ],
      ['A', 'B'],
    );
    rig.hubUp('B').roster('B', []);
    rig.tick(GRACE);
    const [telling] = rig.r.takeRecord()?.tellings ?? [];
    expect(telling?.daemons).to.deep.equal(['compute/n1', 'compute/n2']);
    expect(telling?.within).to.deep.equal({ A: ['compute/n2'] });
  });

  it('half a roster settles nothing', () => {
    const rig = new Rig(known, ['A']);
    rig.hubUp('A').roster('A', [entry(1, 'n1')], true);
    expect(rig.r.settling).to.equal(true);
    rig.roster('A', []);
    expect(rig.r.settling).to.equal(false);
  });

  it('a link that comes and goes while settling is told as a gain, and its end afterwards', () => {
    const rig = new Rig(known, ['A', 'B']);
    rig.hubUp('A').roster('A', []);
    rig.links('A', linked(4, 'n4'));
    expect(rig.tellings()).to.deep.equal(['up n4']);
    rig.links('A', lost(4));
    expect(rig.tellings()).to.deep.equal([]);
    rig.tick(GRACE);
    expect(rig.tellings()).to.deep.equal(['down n1 n2 n3 n4']);
  });

  it('we slept meanwhile: it takes its time again', () => {
    const rig = new Rig(known, ['A', 'B']);
    rig.ms = 60_000;
    rig.r.stalled(at(60_000));
    rig.tick(60_000);
    expect(rig.r.settling).to.equal(true);
    rig.tick(60_000 + GRACE);
    expect(rig.tellings()).to.deep.equal(['down n1 n2 n3']);
  });
});

describe('core roster: claims', () => {
  function both(): Rig {
    const rig = new Rig().settled();
    rig.links('A', linked(1, 'n1'));
    rig.links('B', linked(7, 'n1'));
    rig.r.takeRecord();
    rig.r.takeEffects();
    return rig;
  }

  it('the highest term wins: recorded first, then `held` with the cursor', () => {
    const rig = both().links('A', claim(1, 5));
    expect(rig.r.serves('A', 'compute/n1', 5)).to.equal(true);
    expect(verdicts(rig.r.takeEffects()), 'not before it is recorded').to.deep.equal([]);
    const [c] = rig.r.takeRecord()?.claims ?? [];
    expect(c).to.deep.equal({ daemon: 'compute/n1', term: 5, incarnation: 'i1', hub: 'A' });
    if (c === undefined) return;
    rig.r.recorded(c, 120, 'hash');
    expect(rig.r.takeEffects()).to.deep.equal([
      {
        kind: 'verdict',
        hub: 'A',
        verdict: { daemon: 'compute/n1', term: 5, incarnation: 'i1', verdict: 'held', cursor: 120, inventory: 'hash' },
      },
    ]);
  });

  it("higher through another hub: the former primary's hub is told `demoted`", () => {
    const rig = both().links('A', claim(1, 5)).links('B', claim(7, 6));
    expect(verdicts(rig.r.takeEffects())).to.deep.equal(['A: n1 demoted 6']);
    expect(rig.r.serves('A', 'compute/n1', 5)).to.equal(false);
    expect(rig.r.serves('B', 'compute/n1', 6)).to.equal(true);
    expect(rig.r.serves('B', 'compute/n1', 5)).to.equal(false);
    expect(rig.claims()).to.deep.equal(['n1@5 A', 'n1@6 B']);
  });

  it('lower, or equal through another hub: `behind` with the newest term, nothing changes', () => {
    const rig = both().links('A', claim(1, 5)).links('B', claim(7, 4), claim(7, 5));
    expect(verdicts(rig.r.takeEffects())).to.deep.equal(['B: n1 behind 5', 'B: n1 behind 5']);
    expect(rig.r.serves('A', 'compute/n1', 5)).to.equal(true);
    expect(rig.claims()).to.deep.equal(['n1@5 A']);
  });

  it('equal through the same hub, as a roster after a reconnect has it: recorded and held again', () => {
    const rig = both().links('A', claim(1, 5));
    rig.r.takeRecord();
    rig.hubDown('A').hubUp('A');
    rig.r.takeRecord();
    rig.roster('A', [entry(1, 'n1', 5)]);
    expect(rig.claims()).to.deep.equal(['n1@5 A']);
  });

  it('a recorded claim that was overtaken meanwhile is not held', () => {
    const rig = both().links('A', claim(1, 5));
    const [c] = rig.r.takeRecord()?.claims ?? [];
    rig.links('B', claim(7, 6));
    rig.r.takeEffects();
    if (c !== undefined) rig.r.recorded(c, 0, undefined);
    expect(rig.r.takeEffects()).to.deep.equal([]);
  });

  it('remembers terms over a restart of the master', () => {
    const rig = new Rig([{ daemon: 'compute/n1', term: 40, primary: 'A' }], ['A', 'B']);
    rig.hubUp('B').roster('B', [entry(1, 'n1', 39)]);
    expect(verdicts(rig.r.takeEffects())).to.deep.equal(['B: n1 behind 40']);
    rig.hubUp('A').roster('A', [entry(1, 'n1', 40)]);
    expect(rig.r.serves('A', 'compute/n1', 40)).to.equal(true);
    expect(rig.r.daemon('compute/n1')?.incarnationSince, 'the same incarnation as before').to.equal(EPOCH - 1000);
  });

  it('another incarnation is dated anew', () => {
    const rig = both().links('A', claim(1, 5));
    expect(rig.r.daemon('compute/n1')?.incarnationSince).to.equal(EPOCH);
    rig.ms = 900;
    rig.links('A', claim(1, 6));
    expect(rig.r.daemon('compute/n1')?.incarnationSince).to.equal(EPOCH);
    rig.links('A', claim(1, 7, 'i2'));
    expect(rig.r.daemon('compute/n1')).to.include({ incarnation: 'i2', incarnationSince: EPOCH + 900 });
  });

  it('a hub that lost its link to the node is not told that it was demoted', () => {
    const rig = both().links('A', claim(1, 5), lost(1)).links('B', claim(7, 6));
    expect(verdicts(rig.r.takeEffects())).to.deep.equal([]);
  });

  it('reports count only under the claim that holds, and of daemons that are known', () => {
    const rig = both();
    expect(rig.r.serves('A', 'compute/n1', 0)).to.equal(false);
    expect(rig.r.serves('A', 'compute/nobody', 1)).to.equal(false);
  });
});
