import { createHmac } from 'node:crypto';
import type { CallContext, Handler } from '@csm/api';
import type { MasterPart, MasterPorts } from '@csm/feature';
import { CsmError, code, type Problem, wall } from '@csm/model';
import { type Bench, overEngines } from '@csm/sim';
import type { Store } from '@csm/store';
import { expect } from 'chai';
import type { SubscriptionRecord } from '../src/api.ts';
import { masterPart } from '../src/master.ts';
import * as streamStore from '../src/store.ts';
import * as module from './changing-store.ts';
import { Receiver, until } from './receiver.ts';

const URL_OF = new URL('./changing-store.js', import.meta.url).href;
const DAY = 86_400_000;
const KEEP = 30 * DAY;
const START = 1_800_000_000_000;

/** A master's part over a database, which can be stopped and started again as after a restart. */
class World {
  readonly store: Store;
  readonly receiver: Receiver;
  prefixes: string[] = [];
  now = START;
  part: MasterPart | undefined;

  constructor(store: Store, receiver: Receiver) {
    this.store = store;
    this.receiver = receiver;
  }

  static async open({ open }: Pick<Bench, 'open'>): Promise<World> {
    let self: World | undefined;
    const options = { clock: () => wall(self?.now ?? START), onFault: () => undefined, random: () => 0 };
    const store = await open(module, URL_OF, options);
    self = new World(store, await Receiver.start());
    await self.begin();
    return self;
  }

  async begin(): Promise<void> {
    const ports: Partial<MasterPorts> = {
      store: this.store,
      self: { role: 'master', node: 'm1', version: '1.2.3' },
      config: { webhook: { url_prefixes: this.prefixes, timeout: 60_000 }, db: { change_keep: KEEP } },
      clock: { now: () => ({ mono: 0, wall: this.now }) } as unknown as MasterPorts['clock'],
    };
    this.part = await masterPart(ports as MasterPorts);
  }

  async stop(): Promise<void> {
    await this.part?.stop?.();
    await this.receiver.stop();
    await this.store.close();
  }

  call<T>(name: string, input: object, who: { user?: string; key?: string } = {}): Promise<T> {
    const handler = this.part?.handlers[name] as unknown as Handler<object>;
    const { user = 'root', key } = who;
    const ctx = {
      caller: { user, uid: user === 'root' ? 0 : 1000 },
      grant: user === 'root' ? 'granted' : 'owner-check',
      ...(key === undefined ? {} : { idempotencyKey: key }),
    } as unknown as CallContext;
    return handler(input, ctx) as Promise<T>;
  }

  async refused(name: string, input: object, user = 'root', key?: string): Promise<Problem> {
    try {
      await this.call(name, input, { user, ...(key === undefined ? {} : { key }) });
    } catch (thrown) {
      if (thrown instanceof CsmError) return thrown.problem;
      throw thrown;
    }
    throw new Error('it was not refused');
  }

  create(more: object = {}, who: { user?: string; key?: string } = {}): Promise<Made> {
    return this.call<Made>('subscription.create', { url: this.receiver.url, ...more }, who);
  }

  async only(): Promise<SubscriptionRecord> {
    const [one] = await this.call<SubscriptionRecord[]>('subscription.list', {});
    if (one === undefined) throw new Error('there is none');
    return one;
  }

  change(...subjects: string[]): Promise<unknown> {
    return Promise.all(subjects.map((subject) => this.store.call('stream.change', { kind: 'node', subject })));
  }
}

interface Made {
  readonly id: string;
  readonly secret: string;
  readonly owner: string;
}

overEngines('subscriptions', ({ open }) => {
  let world: World;
  beforeEach(async () => {
    world = await World.open({ open });
  });
  afterEach(() => world.stop());

  it('send each change once, signed and numbered, from where they were asked to begin', async () => {
    await world.change('n1', 'n2');
    const { secret, id } = await world.create({ since: 1 });
    await world.change('n3');
    const { receiver } = world;
    await until('both changes', () => receiver.taken.length === 2);
    const [first] = receiver.taken;
    expect(receiver.seqs).to.have.members([2, 3]);
    expect(first?.headers).to.include({
      'content-type': 'application/json',
      'user-agent': 'csm/1.2.3',
      'csm-event-id': String(first?.json['seq']),
      'csm-subscription': id,
    });
    expect(first?.json).to.have.all.keys('seq', 'time', 'kind', 'subject', 'body');
    expect(first?.json['time']).to.equal(new Date(START).toISOString());
    const mac = createHmac('sha256', secret)
      .update(`${START / 1000}.${first?.text}`)
      .digest('hex');
    expect(first?.headers['csm-signature']).to.equal(`t=${START / 1000},v1=${mac}`);
    await until('the cursor', async () => (await world.only()).cursor === 3);
    expect(await world.only()).to.include({ id, behind: 0, sent: 2, failures: 0, lost: 0, problem: null });
  });

  it('send what was asked for: kinds and nodes', async () => {
    await world.create({ kinds: ['node'], nodes: 'n[1-2]' });
    await world.change('n1', 'n3');
    await world.store.call('stream.change', { kind: 'link', subject: 'n1' });
    await world.change('n2');
    await until('both changes', () => world.receiver.taken.length === 2);
    await until('the cursor', async () => (await world.only()).behind === 0);
    expect(world.receiver.seqs).to.deep.equal([1, 4]);
  });

  it('try again until a receiver takes it, in order for each subject', async () => {
    const { receiver } = world;
    let down = true;
    receiver.answer = ({ json }) => (down && json['subject'] === 'n2' ? 503 : 204);
    await world.create();
    await world.change(...Array.from({ length: 60 }, (_, i) => `n${i % 3}`));
    // Of one look: a part that was taken meanwhile ends the failures for a moment.
    let seen = await world.only();
    await until('it is seen to fail', async () => {
      seen = await world.only();
      return seen.failures > 3;
    });
    expect(seen.problem).to.match(/answered HTTP 503/);
    down = false;
    await until('all of them', () => receiver.taken.length >= 60);
    await until('the cursor', async () => {
      const { cursor, failures } = await world.only();
      return cursor === 60 && failures === 0;
    });
    // Each once: what was taken in an attempt that failed is not sent again.
    expect(receiver.seqs.toSorted((a, b) => a - b)).to.deep.equal(Array.from({ length: 60 }, (_, i) => i + 1));
    for (const subject of ['n0', 'n1', 'n2']) {
      const mine = receiver.taken.filter(({ json }) => json['subject'] === subject).map(({ json }) => json['seq']);
      expect(mine).to.deep.equal((mine as number[]).toSorted((a, b) => a - b));
    }
    expect(await world.only()).to.include({ problem: null, sent: 60 });
  });

  it('go on after a restart of the master; what comes again has the same event id', async () => {
    const { receiver } = world;
    await world.create();
    await world.change('n1', 'n2', 'n1');
    await until('the first', () => receiver.taken.length === 3);
    receiver.answer = ({ json }) => (json['subject'] === 'n1' ? 503 : 204);
    await world.change('n1', 'n2', 'n3');
    await until('it fails', async () => (await world.only()).failures > 1);
    await world.part?.stop?.();
    receiver.answer = () => 204;
    await world.change('n4');
    await world.begin();
    await until('the rest', async () => (await world.only()).cursor === 7);
    const ids = receiver.taken.map(({ headers }) => headers['csm-event-id']);
    expect([...new Set(ids)]).to.have.members(['1', '2', '3', '4', '5', '6', '7']);
    for (const { headers, json } of receiver.taken) expect(headers['csm-event-id']).to.equal(String(json['seq']));
  });

  it('count and tell what a receiver did not take in time, and hold back no pruning for ever', async () => {
    const { receiver } = world;
    receiver.answer = () => 503;
    await world.create();
    await world.change(...Array.from({ length: 10 }, () => 'n1'));
    await until('it fails', async () => (await world.only()).failures > 1);
    // Within the time changes are kept, the ordinary pruning spares them.
    expect(await world.store.changes.prune({ olderThan: wall(START + 1) })).to.equal(0);
    world.now = START + KEEP + 1;
    await world.change('n1', 'n2');
    await world.part?.stop?.();
    await world.begin();
    await until('they are pruned', async () => (await world.store.changes.oldest()) === 11);
    await until('the loss cannot be told', () => receiver.asked > 5);
    receiver.answer = () => 204;
    // The cursor is stored a moment before the daemon counts its failures as over.
    await until('the rest', async () => {
      const { cursor, failures } = await world.only();
      return cursor === 12 && failures === 0;
    });
    expect(receiver.taken[0]?.json).to.deep.equal({ lost: { from: 1, to: 10 } });
    expect(receiver.taken[0]?.headers['csm-event-id']).to.equal('lost-10');
    expect(receiver.seqs.slice(1)).to.have.members([11, 12]);
    expect((await world.only()).lost).to.equal(10);
    // Told again, or told of more, each is counted once.
    const { id } = await world.only();
    await world.store.call('stream.lost', { id, from: 1, to: 10 });
    await world.store.call('stream.lost', { id, from: 8, to: 12 });
    expect((await world.only()).lost).to.equal(12);
  });

  it("are their user's own, and call only where he may", async () => {
    world.prefixes = [new URL('/', world.receiver.url).href];
    await world.part?.stop?.();
    await world.begin();
    const alice = { user: 'alice' };
    expect(await world.refused('subscription.create', { url: 'http://169.254.169.254/' }, 'alice')).to.include({
      code: code.PERMISSION,
      field: 'url',
    });
    const { id, owner } = await world.create({}, alice);
    expect(owner).to.equal('alice');
    const secret = 'my own secret, 16+'.replaceAll(' ', '_');
    expect((await world.create({ secret })).secret).to.equal(secret);
    const seen = async (user: string): Promise<number> =>
      (await world.call<unknown[]>('subscription.list', {}, { user })).length;
    expect([await seen('root'), await seen('alice')]).to.deep.equal([2, 1]);
    expect(JSON.stringify(await world.call('subscription.list', {}))).to.not.include(secret);
    expect((await world.refused('subscription.list', {}, 'bob')).code).to.equal(code.NO_RESULTS);
    expect(await world.refused('subscription.delete', { id }, 'bob')).to.include({
      code: code.NO_RESULTS,
      field: 'id',
    });
    expect(await world.call('subscription.delete', { id }, alice)).to.deep.equal({ id });
    expect(await seen('root')).to.equal(1);
    expect((await world.refused('subscription.delete', { id }, 'alice')).code).to.equal(code.NO_RESULTS);
    const followers = await world.store.query('SELECT name FROM follower');
    expect(followers).to.have.length(1);
  });

  it('are made once under a key, and not made again once they are deleted', async () => {
    const key = 'k-1';
    const [first, second] = [await world.create({}, { key }), await world.create({}, { key })];
    expect(second).to.deep.equal(first);
    const kept = JSON.stringify(await world.store.query('SELECT * FROM call_key'));
    expect(kept).to.include(first.id).and.not.include(first.secret);
    await world.change('n1');
    await until('one request', () => world.receiver.taken.length === 1);
    await world.call('subscription.delete', { id: first.id }, { key: 'k-2' });
    const gone = await world.refused('subscription.create', { url: world.receiver.url }, 'root', key);
    expect(gone).to.include({ code: code.CONTEXT_LOST, field: 'Idempotency-Key' });
    expect(await world.call('subscription.delete', { id: first.id }, { key: 'k-2' })).to.deep.equal({ id: first.id });
    expect((await world.refused('subscription.list', {})).code).to.equal(code.NO_RESULTS);
    await world.change('n1');
    expect(world.receiver.taken).to.have.length(1);
  });

  it('refuse what makes no sense, and more than is allowed', async () => {
    const wrong = (input: object): Promise<Problem> =>
      world.refused('subscription.create', { url: world.receiver.url, ...input });
    expect(await wrong({ url: 'ftp://a/' })).to.include({ code: code.INVALID_PARAMETER, field: 'url' });
    expect(await wrong({ nodes: 'n[1-' })).to.include({ code: code.INVALID_PARAMETER });
    expect(await wrong({ since: 5 })).to.include({ code: code.INVALID_PARAMETER, field: 'since' });
    await world.change(...Array.from({ length: 20 }, () => 'n1'));
    await world.store.changes.prune({ keepRows: 5 });
    expect(await wrong({ since: 3 })).to.include({ code: code.CONTEXT_LOST, oldest: 15 });
    for (let i = 0; i < streamStore.OWNER_MAX; i++) await world.create({ kinds: ['none'] });
    expect((await wrong({})).code).to.equal(code.MEMORY);
  });
});
