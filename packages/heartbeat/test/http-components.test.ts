/// <reference types="mocha" />
/** What the service has beside hbtd's own paths: lists, batches, history, thresholds, incidents. */
import { expect } from 'chai';
import { until } from './hand-time.ts';
import { beatOf, HttpWorld, type Reply } from './http-world.ts';

const P = '/hmi/v1';
const BATCH = `${P}/heartbeats`;

function expectRefused(reply: Reply, status: number, words: string): void {
  expect(reply.status, reply.text).equals(status);
  expect(reply.headers['content-type']).equals('application/problem+json');
  expect(String(reply.json['detail'])).contains(words);
}

describe('components over HTTP', function () {
  this.timeout(60_000);
  let world: HttpWorld;
  const ask: HttpWorld['ask'] = (...asked) => world.ask(...asked);
  const list = async (query = ''): Promise<{ names: string[]; next: unknown }> => {
    const { status, text, json } = await ask('GET', `${P}/components${query}`);
    expect(status, text).equals(200);
    return { names: (json['Components'] as { XName: string }[]).map(({ XName }) => XName), next: json['next'] };
  };

  beforeEach(async () => {
    world = await HttpWorld.start();
  });
  afterEach(() => world.close());

  it('are shown as they are', async () => {
    await world.beat('x0c0s0b0n0', { Timestamp: 'first' });
    await world.pass(3_000);
    await world.beat('x0c0s0b0n0', { Timestamp: 'second' });
    const { json } = await ask('GET', `${P}/components/X0c0s0b0n0`);
    expect(json).deep.equals({
      XName: 'x0c0s0b0n0',
      Type: 'Node',
      Life: 'beating',
      State: 'Ready',
      Flag: 'OK',
      Since: new Date(1_800_000_000_000).toISOString(),
      LastSeen: new Date(1_800_000_003_000).toISOString(),
      Interval: 3,
      LastHBTimeStamp: 'second',
      LastHBStatus: 'OK',
      Source: 'beat',
      Gap: false,
      Warntime: 10,
      Errtime: 30,
    });
    expectRefused(await ask('GET', `${P}/components/x9`), 404, "No component 'x9'");
  });

  it('are listed by state, flag, name and time, page by page', async () => {
    await world.beat('x0c0s0b0n0');
    await world.pass(5_000);
    await world.beat('x0c0s1b0n0');
    await world.pass(6_000);
    // The first is late; these are not, and one has stopped.
    await world.beat('x1c0s0b0n0');
    await world.beat('x1c0s0b0n1', { Status: 'kernel oops' });
    expect(await list()).deep.equals({
      names: ['x0c0s0b0n0', 'x0c0s1b0n0', 'x1c0s0b0n0', 'x1c0s0b0n1'],
      next: null,
    });
    const rows: readonly (readonly [string, readonly string[]])[] = [
      ['state=late', ['x0c0s0b0n0']],
      ['state=Late,HALTED', ['x0c0s0b0n0', 'x1c0s0b0n1']],
      ['state=late&state=halted', ['x0c0s0b0n0', 'x1c0s0b0n1']],
      ['state=Ready', ['x0c0s0b0n0', 'x0c0s1b0n0', 'x1c0s0b0n0']],
      ['state=Halt', ['x1c0s0b0n1']],
      ['state=dead', []],
      ['flag=ok', ['x0c0s1b0n0', 'x1c0s0b0n0']],
      ['flag=Warning,Alert', ['x0c0s0b0n0', 'x1c0s0b0n1']],
      ['xname=x1c0s0b0n%5B0-7%5D', ['x1c0s0b0n0', 'x1c0s0b0n1']],
      ['xname=X0c0s00b0n0', ['x0c0s0b0n0']],
      ['xname=x1c0s0b0n%5B0-7%5D&flag=alert', ['x1c0s0b0n1']],
      [`last_seen_since=${1_800_000_005_000}`, ['x0c0s1b0n0', 'x1c0s0b0n0', 'x1c0s0b0n1']],
      [`last_seen_before=${new Date(1_800_000_005_000).toISOString()}`, ['x0c0s0b0n0']],
    ];
    for (const [query, names] of rows) expect(await list(`?${query}`), query).deep.equals({ names, next: null });
    const first = await list('?limit=3');
    expect(first).deep.equals({ names: ['x0c0s0b0n0', 'x0c0s1b0n0', 'x1c0s0b0n0'], next: 'x1c0s0b0n0' });
    expect(await list(`?limit=3&after=${String(first.next)}`)).deep.equals({ names: ['x1c0s0b0n1'], next: null });
    // A page that is full to the last is the last.
    expect((await list('?limit=4')).next).equals(null);
  });

  it('are not listed by what makes no sense', async () => {
    for (const [query, words] of [
      ['state=Sleeping', "state is 'Sleeping'; allowed: beating"],
      ['flag=Red', "flag is 'Red'; allowed: OK, Warning, Alert"],
      ['xname=%5B', 'node set'],
      ['limit=0', "limit is '0'; allowed: a whole number of 1 to 10000"],
      ['limit=10001', 'limit is'],
      ['limit=1&limit=2', 'limit is given 2 times'],
      ['last_seen_since=soon', "last_seen_since is 'soon'"],
      ['last_seen_since=1800000000002&last_seen_before=1800000000001', 'is not before'],
      ['colour=red', "'colour' is no parameter"],
    ] as const)
      expectRefused(await ask('GET', `${P}/components?${query}`), 400, words);
  });

  it('are forgotten when told so, and may come again', async () => {
    await world.beat('x0c0s0b0n0');
    expect((await ask('DELETE', `${P}/components/X0c0s0b0n0`)).status).equals(204);
    expectRefused(await ask('GET', `${P}/components/x0c0s0b0n0`), 404, 'x0c0s0b0n0');
    expectRefused(await ask('DELETE', `${P}/components/x0c0s0b0n0`), 404, 'x0c0s0b0n0');
    await world.pass(60_000);
    // No alarm.
    expect((await world.story('x0c0s0b0n0')).includes('dead')).equals(false);
    await world.beat('x0c0s0b0n0');
    await world.beat('x0c0s0b0n0');
    expect((await list()).names).deep.equals(['x0c0s0b0n0']);
    expect((await world.story('x0c0s0b0n0')).at(-1)).equals('started');
  });

  it('have a history, newest first, page by page', async () => {
    await world.beat('x0c0s0b0n0', { Timestamp: 'then', Status: 'fine' });
    await world.pass(31_000);
    await world.beat('x0c0s0b0n0');
    await world.story('x0c0s0b0n0');
    const read = async (query = '') => (await ask('GET', `${P}/components/x0c0s0b0n0/history${query}`)).json;
    const { XName, History, next } = await read();
    const rows = History as { Seq: number; Change: string; NewState: string; NewFlag: string; Info: string }[];
    expect([XName, next]).deep.equals(['x0c0s0b0n0', null]);
    expect(rows.map(({ Change, NewState, NewFlag, Info }) => [Change, NewState, NewFlag, Info])).deep.equals([
      ['started', 'Ready', 'OK', 'Heartbeat started.'],
      ['dead', 'Standby', 'Alert', 'Heartbeat stopped, node is dead.'],
      ['warning', 'Ready', 'Warning', 'Heartbeat stopped, node may be dead.'],
      ['started', 'Ready', 'OK', 'Heartbeat started.'],
    ]);
    expect(rows[1]).includes({ LastHBTimeStamp: 'then', LastHBStatus: 'fine', Source: 'beat', Gap: false });
    const page = await read('?limit=3');
    expect((page['History'] as unknown[]).length).equals(3);
    const rest = await read(`?limit=3&before=${String(page['next'])}`);
    expect(rest['History']).deep.equals(rows.slice(3));
    expect(rest['next']).equals(null);
    expectRefused(await ask('GET', `${P}/components/x9/history`), 404, "No component 'x9'");
    expectRefused(await ask('GET', `${P}/components/x0c0s0b0n0/history?before=x`), 400, 'before');
  });

  it('beat in batches: those that are right count', async () => {
    const body = [
      beatOf('x0c0s0b0n0'),
      beatOf('foo'),
      { ...beatOf('x0c0s0b0n1'), NID: '0008' },
      beatOf('X0C0S0B0N2'),
      null,
      3,
      {},
      { ...beatOf('x0c0s0b0n3'), Status: 1 },
    ];
    const expected = {
      Accepted: 2,
      Rejected: [
        { Index: 1, Component: 'foo', Reason: 'Invalid Component Name' },
        { Index: 2, Component: 'x0c0s0b0n1', Reason: 'Invalid NID' },
        { Index: 4, Reason: 'Missing Component field' },
        { Index: 5, Reason: 'Invalid JSON data type' },
        { Index: 6, Reason: 'Missing Component field' },
        { Index: 7, Component: 'x0c0s0b0n3', Reason: 'Invalid data type in Status field' },
      ],
    };
    for (const sent of [body, { Heartbeats: body }, { heartbeats: body }]) {
      const { status, json } = await ask('POST', BATCH, sent);
      expect([status, json]).deep.equals([200, expected]);
    }
    expect((await list()).names).deep.equals(['x0c0s0b0n0', 'x0c0s0b0n2']);
    expect((await ask('POST', BATCH, [])).json).deep.equals({ Accepted: 0, Rejected: [] });
  });

  it('do not beat in what is no batch', async () => {
    for (const [text, words] of [
      ['x', 'Invalid JSON data type'],
      ['', 'Invalid JSON data type'],
      ['null', 'Invalid JSON data type'],
      ['{}', 'Missing Heartbeats field'],
      ['{"Heartbeats":{}}', 'Invalid data type in Heartbeats field'],
      // To read this would take seconds in which nobody is heard.
      ['['.repeat(1_000_000) + ']'.repeat(1_000_000), 'Invalid JSON data type'],
      [JSON.stringify(Array.from({ length: 10_001 }, () => 0)), 'A batch of 10001 heartbeats; allowed: at most 10000'],
    ] as const)
      expectRefused(await ask('POST', BATCH, undefined, { text }), 400, words);
  });

  it('are no more than there is room for', async () => {
    const small = await HttpWorld.start({ maxComponents: 2 });
    try {
      const reply = await small.ask(
        'POST',
        BATCH,
        ['x0', 'x1', 'x2'].map((name) => beatOf(name)),
      );
      const Rejected = [{ Index: 2, Component: 'x2', Reason: 'Too many components are tracked' }];
      expect(reply.json).deep.equals({ Accepted: 2, Rejected });
      expectRefused(await small.ask('POST', `${P}/heartbeat`, beatOf('x2')), 503, 'Too many components');
      const named = await small.ask('POST', `${P}/heartbeat/x2`, { Status: 'OK', Timestamp: 't' });
      expectRefused(named, 503, 'Too many components');
      // Who is known goes on.
      await small.beat('x1');
    } finally {
      await small.close();
    }
  });

  it('are late and dead by thresholds of their own', async () => {
    const Special = [
      { Type: 'NodeBMC', Warntime: 2, Errtime: 4 },
      { Group: 'slow', Components: 'x0c0s0b0n[0-1]', Warntime: 100, Errtime: 200 },
    ];
    const put = await ask('PUT', `${P}/thresholds`, { Special });
    expect([put.status, put.json]).deep.equals([200, { Warntime: 10, Errtime: 30, Special }]);
    expect((await ask('GET', `${P}/thresholds`)).json).deep.equals(put.json);
    // What was got may be put.
    expect((await ask('PUT', `${P}/thresholds`, put.json)).json).deep.equals(put.json);
    for (const name of ['x0c0s0b0', 'x0c0s0b0n0', 'x0c0s1b0n0']) await world.beat(name);
    await world.pass(50_000);
    expect(await world.story('x0c0s0b0')).deep.equals(['started', 'warning', 'dead']);
    expect(await world.story('x0c0s0b0n0')).deep.equals(['started']);
    expect(await world.story('x0c0s1b0n0')).deep.equals(['started', 'warning', 'dead']);
    expect((await ask('GET', `${P}/components/x0c0s0b0n0`)).json).includes({ Warntime: 100, Errtime: 200 });
    const wrong = { Special: [{ Type: 'Node', Warntime: 5, Errtime: 5 }] };
    expectRefused(await ask('PUT', `${P}/thresholds`, wrong), 400, 'Special[0].Errtime is 5');
    expect((await ask('GET', `${P}/thresholds`)).json).deep.equals(put.json);
  });

  it('that fall silent together are one incident', async () => {
    const names = Array.from({ length: 12 }, (_, n) => `x3c0s${n}b0n0`);
    expect((await ask('GET', `${P}/incidents`)).json).deep.equals({ Incidents: [] });
    await ask(
      'POST',
      BATCH,
      names.map((name) => beatOf(name)),
    );
    await world.pass(12_000);
    let incidents: { Scope: string; Kind: string; Count: number; Components: string; Ended: unknown }[] = [];
    await until('the incident is told', async () => {
      incidents = (await ask('GET', `${P}/incidents?open=true`)).json['Incidents'] as typeof incidents;
      return incidents.length > 0;
    });
    expect(incidents).has.length(1);
    expect(incidents[0]).includes({ Kind: 'warning', Count: 12, Ended: null });
    expectRefused(await ask('GET', `${P}/incidents?open=maybe`), 400, "open is 'maybe'");
    expectRefused(await ask('GET', `${P}/incidents?limit=x`), 400, 'limit');
  });
});
