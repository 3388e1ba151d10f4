/// <reference types="mocha" />
/** The stream of events: what comes, from where on, and what becomes of who does not read. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { expect } from 'chai';
import { until } from './hand-time.ts';
import { beatOf, HttpWorld } from './http-world.ts';
import { change, inputOf } from './store-world.ts';

const P = '/hmi/v1';
const EVENTS = `${P}/events`;

interface Told {
  readonly id: number;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** A client that reads events, and notes what else comes. */
class Follower {
  readonly told: Told[] = [];
  comments = 0;
  status = 0;
  type: string | undefined;
  isOver = false;
  #text = '';
  readonly #request: ClientRequest;
  #response: IncomingMessage | undefined;

  constructor(url: string, path: string, headers: Readonly<Record<string, string>> = {}) {
    this.#request = request(`${url}${path}`, { headers, agent: false }, (response) => {
      this.#response = response;
      this.status = response.statusCode ?? 0;
      this.type = response.headers['content-type'];
      response.setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk));
      response.once('close', () => {
        this.isOver = true;
      });
    });
    this.#request.on('error', () => {
      this.isOver = true;
    });
    this.#request.end();
  }

  #take(chunk: string): void {
    const parts = (this.#text + chunk).split('\n\n');
    this.#text = parts.pop() ?? '';
    for (const part of parts) {
      if (part.startsWith(':')) this.comments++;
      const field = (name: string) => part.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];
      const [event, data] = [field('event'), field('data')];
      if (event === undefined || data === undefined) continue;
      this.told.push({ id: Number(field('id') ?? 0), event, data: JSON.parse(data) as Told['data'] });
    }
  }

  /** `x0c0s0b0n0 started`, as they came. */
  get story(): string[] {
    return this.told.map(({ data }) => `${String(data['XName'])} ${String(data['Change'])}`);
  }

  pause(): void {
    this.#response?.pause();
  }

  goOn(): void {
    this.#response?.resume();
  }

  end(): void {
    this.#request.destroy();
  }
}

describe('events over HTTP', function () {
  this.timeout(60_000);
  let world: HttpWorld;
  const followers: Follower[] = [];
  const follow = (query = '', headers: Readonly<Record<string, string>> = {}): Follower => {
    const follower = new Follower(world.server.url, `${EVENTS}${query}`, headers);
    followers.push(follower);
    return follower;
  };
  const open = async (query = '', headers: Readonly<Record<string, string>> = {}): Promise<Follower> => {
    const follower = follow(query, headers);
    await until('the stream is open', () => follower.status === 200);
    return follower;
  };
  const start = async (options: Parameters<typeof HttpWorld.start>[0] = {}): Promise<void> => {
    world = await HttpWorld.start(options);
  };

  afterEach(async () => {
    for (const follower of followers.splice(0)) follower.end();
    await world.close();
  });

  it('are told as they happen', async () => {
    await start();
    await world.beat('x0c0s0b0n0');
    await world.story('x0c0s0b0n0');
    const follower = await open();
    expect(follower.type).equals('text/event-stream');
    await world.beat('x0c0s0b0n1', { Timestamp: 'then' });
    await world.pass(11_000);
    await until('all are told', () => follower.told.length >= 3);
    // What was before is not told; of each change there is one.
    expect(follower.story).deep.equals(['x0c0s0b0n1 started', 'x0c0s0b0n0 warning', 'x0c0s0b0n1 warning']);
    expect(follower.told[0]?.event).equals('heartbeat');
    expect(follower.told[0]?.data).includes({
      NewState: 'Ready',
      NewFlag: 'OK',
      LastHBTimeStamp: 'then',
      Source: 'beat',
    });
    expect(follower.told.every(({ id, data }) => id === data['Seq'])).equals(true);
  });

  it('go on behind a number, by query or by what a browser sends', async () => {
    await start();
    const first = await open('?since=0');
    for (const name of ['x0', 'x1', 'x2']) await world.beat(name);
    await until('three are told', () => first.told.length === 3);
    const [, second, third] = first.told;
    first.end();
    await world.beat('x3');
    const byQuery = await open(`?since=${second?.id}`);
    await until('the others are told', () => byQuery.told.length === 2);
    expect(byQuery.story).deep.equals(['x2 started', 'x3 started']);
    expect(byQuery.told[0]).deep.equals(third);
    const byHeader = await open('?since=0', { 'last-event-id': String(third?.id) });
    await until('the last is told', () => byHeader.told.length === 1);
    expect(byHeader.story).deep.equals(['x3 started']);
  });

  it('are chosen by name and change', async () => {
    await start();
    const named = await open('?since=0&xname=x0c0s%5B0-1%5Db0n0');
    const late = await open('?since=0&change=warning,dead');
    for (const name of ['x0c0s0b0n0', 'x0c0s1b0n0', 'x0c0s2b0n0']) await world.beat(name);
    await world.pass(11_000);
    await until('both have theirs', () => named.told.length === 4 && late.told.length === 3);
    expect(new Set(named.told.map(({ data }) => data['XName']))).deep.equals(new Set(['x0c0s0b0n0', 'x0c0s1b0n0']));
    expect(new Set(late.told.map(({ data }) => data['Change']))).deep.equals(new Set(['warning']));
  });

  it('tell incidents', async () => {
    await start();
    const follower = await open('?change=dead');
    const beats = Array.from({ length: 12 }, (_, n) => beatOf(`x3c0s${n}b0n0`));
    await world.ask('POST', `${P}/heartbeats`, beats);
    await world.pass(12_000);
    await until('the incident is told', () => follower.told.some(({ event }) => event === 'heartbeat.incident'));
    expect(follower.told[0]?.data).includes({ Kind: 'warning', Ended: null });
    expect(follower.told[0]?.data['Seq']).equals(follower.told[0]?.id);
  });

  it('are refused from where nothing is kept any more', async () => {
    await start();
    for (const name of ['x0', 'x1', 'x2']) await world.beat(name);
    await world.story('x2');
    await world.store.changes.prune({ keepRows: 1 });
    const gone = await world.ask('GET', `${EVENTS}?since=1`);
    expect([gone.status, gone.headers['content-type']]).deep.equals([410, 'application/problem+json']);
    // From there it goes on.
    const follower = await open(`?since=${String(gone.json['oldest'])}`);
    await world.beat('x3');
    await until('the next is told', () => follower.story.at(-1) === 'x3 started');
    expect(follower.told.every(({ id }) => id > Number(gone.json['oldest']))).equals(true);
    const ahead = await world.ask('GET', `${EVENTS}?since=1000000`);
    expect(ahead.status).equals(410);
    for (const query of ['since=x', 'since=-1', 'since=', 'change=born', 'xname=%5B', 'other=1'])
      expect((await world.ask('GET', `${EVENTS}?${query}`)).status, query).equals(400);
    expect((await world.ask('GET', EVENTS, undefined, { headers: { 'last-event-id': 'x' } })).status).equals(400);
  });

  it('show that they live when there is nothing to tell', async () => {
    await start({ limits: { streamIdleMs: 20 } });
    const follower = await open();
    await until('it lives', () => follower.comments >= 3);
    const head = await world.ask('HEAD', EVENTS);
    expect([head.status, head.text]).deep.equals([200, '']);
  });

  it('are for so many at a time', async () => {
    await start({ limits: { streams: 2 } });
    const first = await open();
    await open();
    expect((await world.ask('GET', EVENTS)).status).equals(503);
    first.end();
    await until('there is room', async () => {
      const follower = follow();
      await until('it is answered', () => follower.status !== 0);
      return follower.status === 200;
    });
  });

  it('are not kept for who does not read', async () => {
    await start({ limits: { streamStallMs: 200 } });
    const slow = await open();
    slow.pause();
    const reads = await open();
    // More than the sockets in between hold: each of about a kilobyte, written as the service writes them.
    const long = 'z'.repeat(256);
    const told = 16_000;
    for (let from = 0; from < told; from += 1_000) {
      const changes = Array.from({ length: 1_000 }, (_, n) =>
        change(`x${n}`, 'started', world.time.now().wall, { timestamp: long, status: long }),
      );
      await world.store.call('heartbeat.record', inputOf({ changes, manager: 'none' }));
    }
    await until('the slow one is cut off', async () => {
      const { text } = await world.ask('GET', '/metrics');
      return /^csm_heartbeat_streams_cut_total 1$/m.test(text);
    });
    slow.goOn();
    await until('its connection is closed', () => slow.isOver);
    expect(slow.told.length).below(told);
    // The other one has missed nothing.
    await until('the other one has all', () => reads.told.length === told);
    expect(reads.isOver).equals(false);
  });

  it('end when the service does', async () => {
    await start({ limits: { closeMs: 50_000 } });
    const follower = await open();
    await world.server.close();
    await until('it has ended', () => follower.isOver);
    expect(follower.told.at(-1)?.event).equals('end');
  });
});
