/// <reference types="mocha" />
/**
 * Upstream's tests of hbtd 1 to 21, and what of its behaviour is kept (H) or made better (I), over a real socket. They
 * stand together in one long file because they are one table, and are counted off against it.
 */
import { expect } from 'chai';
import { readOptions } from '../src/params/options.ts';
import { DEFAULT_PARAMS, PARAM_NAMES } from '../src/params/rules.ts';
import { telemetryTarget } from '../src/params/telemetry.ts';
import { until } from './hand-time.ts';
import { overDatabases } from './http-engines.ts';
import { askAt, beatOf, HttpWorld, type Reply } from './http-world.ts';

const P = '/hmi/v1';
const HEARTBEAT = `${P}/heartbeat`;
const PARAMS = `${P}/params`;

/** A refusal as hbtd words it, to the byte. */
function expectProblem(reply: Reply, status: number, detail: string, instance: string): void {
  expect(reply.status).equals(status);
  expect(reply.headers['content-type']).equals('application/problem+json');
  const title = status < 500 ? 'Invalid Request' : 'Internal Server Error';
  expect(reply.text).equals(`${JSON.stringify({ type: 'about:blank', title, detail, instance, status })}\n`);
}

function expectAllow(reply: Reply, allow: string): void {
  expect(reply.status).equals(405);
  expect(reply.headers.allow).equals(allow);
  expect(reply.headers['content-type']).equals('application/problem+json');
  expect(reply.json['status']).equals(405);
}

overDatabases('rows of the HTTP API', (open) => {
  let world: HttpWorld;
  const ask: HttpWorld['ask'] = (...asked) => world.ask(...asked);
  const post = (body: unknown, path = HEARTBEAT) => ask('POST', path, body);
  const states = async (names: readonly string[]) => (await post({ XNames: names }, `${P}/hbstates`)).json['HBStates'];

  /** It is gone, and that has been noticed: something was to be written. */
  const loseDatabase = async (): Promise<void> => {
    await world.store.close();
    await world.beat('x0c0s0b0n0');
    await until('the database is missed', () => world.service.health().database === 'away');
  };

  beforeEach(async () => {
    world = await HttpWorld.start({ open });
  });
  afterEach(() => world.close());

  it('1: the smoke test', async () => {
    const statuses = [];
    for (const path of ['health', 'liveness', 'readiness', 'params'])
      statuses.push((await ask('GET', `${P}/${path}`)).status);
    expect(statuses).deep.equals([200, 204, 204, 200]);
  });

  it('2: liveness', async () => {
    const reply = await ask('GET', `${P}/liveness`);
    expect([reply.status, reply.text]).deep.equals([204, '']);
    expectAllow(await ask('PUT', `${P}/liveness`), 'GET, HEAD');
    expectAllow(await ask('POST', `${P}/liveness`), 'GET, HEAD');
  });

  it('3: readiness', async () => {
    // Before there is a service, nobody can keep a heartbeat.
    world.server.serve(undefined);
    const before = await ask('GET', `${P}/readiness`);
    expect([before.status, before.text]).deep.equals([503, '']);
    expect((await ask('GET', `${P}/liveness`)).status).equals(204);
    world.server.serve(world.service);
    expectAllow(await ask('PUT', `${P}/readiness`), 'GET, HEAD');
    expectAllow(await ask('POST', `${P}/readiness`), 'GET, HEAD');
    expect((await ask('GET', `${P}/readiness`)).status).equals(204);
    await loseDatabase();
    const after = await ask('GET', `${P}/readiness`);
    expect([after.status, after.text]).deep.equals([503, '']);
    // What beats is tracked all the same.
    expect((await post(beatOf('x0c0s0b0n1'))).status).equals(200);
    expect(await states(['x0c0s0b0n1'])).deep.equals([{ XName: 'x0c0s0b0n1', Heartbeating: true }]);
  });

  it('4: health', async () => {
    const reply = await ask('GET', `${P}/health`);
    expect(reply.status).equals(200);
    expect(reply.headers['content-type']).equals('application/json');
    expect(reply.text.endsWith('}\n')).equals(true);
    expect(Object.keys(reply.json).slice(0, 3)).deep.equals(['KvStore', 'MsgBus', 'HsmStatus']);
    expect(reply.json).includes({
      KvStore: 'Initialization key present: HBTD_OK',
      MsgBus: 'Not Connected',
      HsmStatus: 'Ready',
    });
    expectAllow(await ask('PUT', `${P}/health`), 'GET, HEAD');
    expectAllow(await ask('POST', `${P}/health`), 'GET, HEAD');
    await loseDatabase();
    const away = await ask('GET', `${P}/health`);
    expect(away.status).equals(200);
    expect(away.json['KvStore']).matches(/^Error accessing key values:/);
  });

  it('4: health without a state manager', async () => {
    const other = await HttpWorld.start({ open, manager: 'none' });
    try {
      expect((await other.ask('GET', `${P}/health`)).json['HsmStatus']).equals('Not initialized');
    } finally {
      await other.close();
    }
  });

  it('6: heartbeats by the body', async () => {
    for (const name of ['x1c2s2b0n3', 'x1c2s2b0n3v4']) {
      const reply = await post(beatOf(name, { NID: '0001', Timestamp: 'Jan 1, 0000', Status: 'OK' }));
      expect([reply.status, reply.text, reply.headers['content-type']]).deep.equals([200, '', undefined]);
      const { json } = await ask('GET', `${P}/components/${name}`);
      expect(json).includes({ XName: name, LastHBTimeStamp: 'Jan 1, 0000', LastHBStatus: 'OK', Life: 'beating' });
    }
  });

  it('7: heartbeats by the path', async () => {
    for (const name of ['x1c2s2b0n4', 'x1c2s2b0n4v5']) {
      const reply = await post({ Status: 'OK', Timestamp: 'Jan 1, 0000' }, `${HEARTBEAT}/${name}`);
      expect([reply.status, reply.text, reply.headers['content-type']]).deep.equals([200, '', undefined]);
      const { json } = await ask('GET', `${P}/components/${name}`);
      expect(json).includes({ XName: name, LastHBTimeStamp: 'Jan 1, 0000', LastHBStatus: 'OK' });
    }
  });

  it('8: GET heartbeat', async () => {
    expectAllow(await ask('GET', HEARTBEAT), 'POST');
    expectAllow(await ask('GET', `${HEARTBEAT}/x0c0s0b0n0`), 'POST');
  });

  it('9 to 12: heartbeats that are none', async () => {
    const { Component: _, ...nameless } = beatOf('x0c0s0b0n0');
    const rows: readonly (readonly [unknown, string])[] = [
      [beatOf('x', { Component: 1234 }), 'Invalid data type in Component field'],
      [nameless, 'Missing Component field'],
      [beatOf('xxyyzz'), 'Invalid Component Name'],
      [beatOf('x0c0s0b0n0', { NID: '123456789012345678901234567890123456' }), 'Invalid NID'],
    ];
    for (const [body, detail] of rows) expectProblem(await post(body), 400, detail, HEARTBEAT);
    expect((await ask('GET', `${P}/components`)).json['Components']).deep.equals([]);
  });

  it('13: a second heartbeat of a known node', async () => {
    expect((await post(beatOf('x0c0s0b0n0'))).status).equals(200);
    expect((await post(beatOf('x0c0s0b0n0'))).status).equals(200);
    expect(await world.story('x0c0s0b0n0')).deep.equals(['started']);
  });

  it('14: parameters are changed', async () => {
    const patched = await ask('PATCH', PARAMS, { debug: '3', warntime: '5', errtime: '10' });
    expect([patched.status, patched.headers['content-type']]).deep.equals([200, 'application/json']);
    const got = await ask('GET', PARAMS);
    expect(got.text).equals(patched.text);
    expect(got.json).includes({ Debug: '3', Warntime: '5', Errtime: '10' });
  });

  it('15: parameters by the wrong method, with the wrong type', async () => {
    expectAllow(await ask('POST', PARAMS, {}), 'GET, HEAD, PATCH');
    expectProblem(await ask('PATCH', PARAMS, { Debug: 3 }), 400, 'Invalid data type in Debug field. ', PARAMS);
  });

  it('16: each parameter alone', async () => {
    let before = (await ask('GET', PARAMS)).json;
    const rows = {
      Debug: '1',
      Nosm: '1',
      Use_telemetry: '1',
      Telemetry_host: 'localhost:9092:heartbeat_notifications',
      Warntime: '5',
      Errtime: '6',
      Kv_url: 'http://a.b.c/kv',
      Interval: '12',
      Sm_url: 'http://127.0.0.1:9/hsm/v2',
      Sm_timeout: '5',
      Sm_retries: '6',
    };
    for (const [name, value] of Object.entries(rows)) {
      const { status, json } = await ask('PATCH', PARAMS, { [name]: value });
      expect(status, name).equals(200);
      expect(json, name).deep.equals({ ...before, [name]: value });
      before = json;
    }
  });

  it('17: values that are none change nothing', async () => {
    const { text: before } = await ask('GET', PARAMS);
    const x: readonly (readonly [string, string])[] = [
      ['Debug', "'debug' with illegal value"],
      ['Nosm', "'nosm' with illegal value"],
      ['Use_telemetry', "'use_telemetry' with unknown value"],
      ['Warntime', "'warntime' with illegal value"],
      ['Errtime', "'errtime' with illegal value"],
      ['Interval', "'interval' with illegal value"],
      ['Sm_timeout', "'sm_timeout' with illegal value"],
      ['Sm_retries', "'sm_retries' with illegal value"],
    ];
    for (const [name, words] of x)
      expectProblem(await ask('PATCH', PARAMS, { [name]: 'x' }), 400, `Parameter ${words} 'x'; `, PARAMS);
    expectProblem(await ask('PATCH', PARAMS, { Debug: 1 }), 400, 'Invalid data type in Debug field. ', PARAMS);
    const port = "Parameter 'port' can't be changed in PATCH operation; ";
    expectProblem(await ask('PATCH', PARAMS, { Port: '1234' }), 400, port, PARAMS);
    expect((await ask('GET', PARAMS)).text).equals(before);
  });

  it('18: the order of the parameters', async () => {
    const { json } = await ask('GET', PARAMS);
    expect(Object.keys(json)).deep.equals([
      'Debug',
      'Nosm',
      'Use_telemetry',
      'Telemetry_host',
      'Warntime',
      'Errtime',
      'Port',
      'Kv_url',
      'Interval',
      'Sm_url',
      'Sm_timeout',
      'Sm_retries',
    ]);
    expect(Object.values(json).every((value) => typeof value === 'string')).equals(true);
  });

  describe('what is kept of hbtd', () => {
    it('H: keys in any case, unknown fields', async () => {
      const lower = { component: 'x0c0s0b0n1', hostname: 'h', nid: '1', status: 'OK', timestamp: 'then' };
      expect((await post(lower)).status).equals(200);
      const swagger = { Component: 'x0c0s0b0n2', Hostname: 'h', NID: '1', Status: 'OK', TimeStamp: 'then' };
      expect((await post(swagger)).status).equals(200);
      expect((await post(beatOf('x0c0s0b0n3', { Other: { a: [1] } }))).status).equals(200);
      expect(
        (await post({ STATUS: 'OK', TimeStamp: 'then', Component: 'x9' }, `${HEARTBEAT}/x0c0s0b0n4`)).status,
      ).equals(200);
      const { json } = await ask('GET', `${P}/components`);
      expect((json['Components'] as { XName: string }[]).map(({ XName }) => XName)).deep.equals([
        'x0c0s0b0n1',
        'x0c0s0b0n2',
        'x0c0s0b0n3',
        'x0c0s0b0n4',
      ]);
    });

    it('H: bodies that are none', async () => {
      const texts: readonly (readonly [string, string])[] = [
        ['null', 'Missing Component field'],
        [`${JSON.stringify(beatOf('x0c0s0b0n0'))} x`, 'Invalid JSON data type'],
        ['', 'Invalid JSON data type'],
        ['[]', 'Invalid JSON data type'],
        ['"x"', 'Invalid JSON data type'],
        ['{', 'Invalid JSON data type'],
        [JSON.stringify({ ...beatOf('x0c0s0b0n0'), Component: null, nid: 5 }), 'Invalid JSON data type'],
        [JSON.stringify(beatOf('x0c0s0b0n0', { Status: true, NID: 1 })), 'Invalid data type in NID field'],
      ];
      for (const [text, detail] of texts)
        expectProblem(await ask('POST', HEARTBEAT, undefined, { text }), 400, detail, HEARTBEAT);
    });

    it('H: each missing field, in order', async () => {
      const body: Record<string, unknown> = {};
      for (const field of ['Component', 'Hostname', 'NID', 'Status', 'Timestamp']) {
        expectProblem(await post(body), 400, `Missing ${field} field`, HEARTBEAT);
        body[field] = '';
        expectProblem(await post(body), 400, `Missing ${field} field`, HEARTBEAT);
        body[field] = null;
        expectProblem(await post(body), 400, `Missing ${field} field`, HEARTBEAT);
        // Neither name nor number is looked at before all are there.
        body[field] = 'foo';
      }
      expectProblem(await post(body), 400, 'Invalid Component Name', HEARTBEAT);
      expectProblem(await post({}, `${HEARTBEAT}/x0c0s0b0n0`), 400, 'Missing Status field', HEARTBEAT);
      const timeless = await post({ Status: 'OK' }, `${HEARTBEAT}/x0c0s0b0n0`);
      expectProblem(timeless, 400, 'Missing Timestamp field', HEARTBEAT);
    });

    it('H: NIDs', async () => {
      for (const NID of ['0x10', '-5', '0001', '9223372036854775807', '-9223372036854775808', '0'])
        expect((await post(beatOf('x0c0s0b0n0', { NID }))).status, NID).equals(200);
      for (const NID of ['0008', 'abc', '9223372036854775808', ' 1', '1.5', '0x'])
        expectProblem(await post(beatOf('x0c0s0b0n0', { NID })), 400, 'Invalid NID', HEARTBEAT);
    });

    it('H: hbstates keeps order and repetitions; hbstate of an unknown node is 200', async () => {
      await world.beat('x0c0s0b0n1');
      expect(await states(['x0c0s0b0n2', 'x0c0s0b0n1', 'x0c0s0b0n2', 'x0c0s0b0n1'])).deep.equals([
        { XName: 'x0c0s0b0n2', Heartbeating: false },
        { XName: 'x0c0s0b0n1', Heartbeating: true },
        { XName: 'x0c0s0b0n2', Heartbeating: false },
        { XName: 'x0c0s0b0n1', Heartbeating: true },
      ]);
      expect((await ask('GET', `${P}/hbstate/x0c0s0b0n1`)).text).equals('{"XName":"x0c0s0b0n1","Heartbeating":true}');
      const unknown = await ask('GET', `${P}/hbstate/x0c0s0b0n2`);
      expect([unknown.status, unknown.text]).deep.equals([200, '{"XName":"x0c0s0b0n2","Heartbeating":false}']);
      const bad = 'Error unmarshalling inbound request';
      for (const text of ['', 'x', '[]', '{"XNames":1}', '{"XNames":[1]}'])
        expectProblem(await ask('POST', `${P}/hbstates`, undefined, { text }), 400, bad, `${P}/hbstates`);
    });

    it('H: late still beats, dead does not', async () => {
      await world.beat('x0c0s0b0n1');
      await world.pass(29_000);
      expect(await states(['x0c0s0b0n1'])).deep.equals([{ XName: 'x0c0s0b0n1', Heartbeating: true }]);
      await world.pass(2_000);
      expect(await states(['x0c0s0b0n1'])).deep.equals([{ XName: 'x0c0s0b0n1', Heartbeating: false }]);
      expect(await world.story('x0c0s0b0n1')).deep.equals(['started', 'warning', 'dead']);
    });

    it('H: a PATCH is all or nothing, and tells all that is wrong', async () => {
      const { text: before } = await ask('GET', PARAMS);
      const reply = await ask('PATCH', PARAMS, { warntime: '-1', debug: 'x', interval: '9', telemetry_host: 'a:b' });
      const detail =
        "Parameter 'debug' with illegal value 'x'; Parameter 'telemetry_host' with invalid format 'a:b'; Parameter 'warntime' with illegal value '-1'; ";
      expectProblem(reply, 400, detail, PARAMS);
      expect((await ask('GET', PARAMS)).text).equals(before);
      for (const value of [' 5', '1.5', '4294967296'])
        expect((await ask('PATCH', PARAMS, { Debug: value })).status, value).equals(400);
      expect((await ask('PATCH', PARAMS, { Debug: '0x10', Sm_retries: '040' })).json).includes({
        Debug: '16',
        Sm_retries: '32',
      });
      for (const [given, shown] of [
        ['YES', '1'],
        ['off', '0'],
        ['True', '1'],
        ['No', '0'],
      ] as const)
        expect((await ask('PATCH', PARAMS, { Nosm: given })).json['Nosm']).equals(shown);
    });

    it('H: unknown parameters and empty ones change nothing', async () => {
      const { text: before } = await ask('GET', PARAMS);
      for (const body of [{ Foo: '1' }, { Debug: '' }, {}, null]) {
        const reply = await ask('PATCH', PARAMS, body);
        expect([reply.status, reply.text]).deep.equals([200, before]);
      }
      for (const text of ['', 'x', '[]', '"Debug"'])
        expectProblem(await ask('PATCH', PARAMS, undefined, { text }), 400, 'Invalid JSON data type', PARAMS);
    });
  });

  describe('what is better than in hbtd', () => {
    it('I: a wrong method has Allow and problem details', async () => {
      for (const [method, path, allow] of [
        ['PUT', HEARTBEAT, 'POST'],
        ['DELETE', `${P}/hbstates`, 'POST'],
        ['OPTIONS', `${P}/hbstate/x0c0s0b0n0`, 'GET, HEAD'],
        ['DELETE', PARAMS, 'GET, HEAD, PATCH'],
      ] as const)
        expectAllow(await ask(method, path), allow);
      const unknown = await ask('GET', `${P}/nothing`);
      expect([unknown.status, unknown.headers['content-type']]).deep.equals([404, 'application/problem+json']);
      for (const path of ['/', '/hmi', P, `${P}/hbstate`, `${P}/hbstate/`, `${P}//params`, '/v2/params'])
        expect((await ask('GET', path)).status, path).equals(404);
    });

    it('I: a slash at the end, HEAD and the short form are taken', async () => {
      expect((await ask('POST', `${HEARTBEAT}/`, beatOf('x0c0s0b0n0'))).status).equals(200);
      expect((await ask('POST', '/v1/heartbeat', beatOf('x0c0s0b0n1'))).status).equals(200);
      const short = { Status: 'OK', Timestamp: 'then' };
      expect((await ask('POST', '/v1/heartbeat/x0c0s0b0n2', short)).status).equals(200);
      expect((await ask('POST', `${HEARTBEAT}/x0c0s0b0n3/`, short)).status).equals(200);
      expect((await ask('GET', '/v1/params/')).status).equals(200);
      const [head, get] = [await ask('HEAD', PARAMS), await ask('GET', PARAMS)];
      expect([head.status, head.text, head.headers['content-length']]).deep.equals([
        200,
        '',
        String(Buffer.byteLength(get.text)),
      ]);
    });

    it('I: hbstates of none is an empty list', async () => {
      for (const body of [{ XNames: [] }, {}, { XNames: null }])
        expect((await post(body, `${P}/hbstates`)).text).equals('{"HBStates":[]}');
    });

    it('I: capitals and leading zeros are one node, from every side', async () => {
      for (const name of ['X0C0S0B0N9', 'x0000c0s00b00n09', ' x0c0s0b0n9 ']) await world.beat(name);
      const encoded = await post({ Status: 'OK', Timestamp: 'then' }, `${HEARTBEAT}/X00C0S0B0N9`);
      expect(encoded.status).equals(200);
      const { json } = await ask('GET', `${P}/components`);
      expect((json['Components'] as { XName: string }[]).map(({ XName }) => XName)).deep.equals(['x0c0s0b0n9']);
      for (const name of ['X0C0S0B0N9', 'x0c0s0b0n9', 'x00c0s0b0n9']) {
        expect((await ask('GET', `${P}/hbstate/${name}`)).json).deep.equals({
          XName: 'x0c0s0b0n9',
          Heartbeating: true,
        });
        expect(await states([name])).deep.equals([{ XName: 'x0c0s0b0n9', Heartbeating: true }]);
      }
      // And it is watched: hbtd never looks at such a name again.
      await world.pass(31_000);
      expect(await world.story('x0c0s0b0n9')).deep.equals(['started', 'warning', 'dead']);
    });

    it('I: an invalid name in the path', async () => {
      const body = { Status: 'OK', Timestamp: 'then' };
      for (const name of ['foo', 'params', 'HBTD_HEALTH_KEY', 'x0c8', 'x12345', '%00', 'x0c0s0b0n0%2Fx'])
        expectProblem(await post(body, `${HEARTBEAT}/${name}`), 400, 'Invalid Component Name', HEARTBEAT);
      expect((await post(body, `${HEARTBEAT}/%zz`)).status).equals(400);
      expectProblem(await ask('GET', `${P}/hbstate/foo`), 400, 'Invalid Component Name', `${P}/hbstate/foo`);
      expect((await ask('GET', `${P}/health`)).json['KvStore']).equals('Initialization key present: HBTD_OK');
      expect((await ask('GET', `${P}/components`)).json['Components']).deep.equals([]);
    });

    it('I: a body that is too large', async () => {
      const large = beatOf('x0c0s0b0n0', { Hostname: 'h'.repeat(70_000) });
      for (const path of [HEARTBEAT, `${HEARTBEAT}/x0c0s0b0n0`, `${HEARTBEAT}/`, PARAMS]) {
        const reply = await ask(path === PARAMS ? 'PATCH' : 'POST', path, large);
        expect([reply.status, reply.headers['content-type']], path).deep.equals([413, 'application/problem+json']);
      }
      expect((await ask('GET', `${P}/components`)).json['Components']).deep.equals([]);
    });

    it('I: an interval of 0, and thresholds in the wrong order', async () => {
      const { text: before } = await ask('GET', PARAMS);
      const rows: readonly (readonly [Record<string, string>, string])[] = [
        [{ Interval: '0' }, "Parameter 'interval' with illegal value '0'; "],
        [{ Errtime: '5' }, "Parameter 'errtime' with illegal value '5'; "],
        [{ Errtime: '10' }, "Parameter 'errtime' with illegal value '10'; "],
        [{ Errtime: '0' }, "Parameter 'errtime' with illegal value '0'; "],
        [{ Errtime: '604801' }, "Parameter 'errtime' with illegal value '604801'; "],
        [{ Warntime: '0' }, "Parameter 'warntime' with illegal value '0'; "],
        [{ Warntime: '30' }, "Parameter 'warntime' with illegal value '30'; "],
        [{ Warntime: '9', Errtime: '9' }, "Parameter 'errtime' with illegal value '9'; "],
      ];
      for (const [body, detail] of rows) expectProblem(await ask('PATCH', PARAMS, body), 400, detail, PARAMS);
      expect((await ask('GET', PARAMS)).text).equals(before);
      // Detection goes on as before.
      await world.beat('x0c0s0b0n0');
      await world.pass(31_000);
      expect(await world.story('x0c0s0b0n0')).deep.equals(['started', 'warning', 'dead']);
    });

    it('I: what is patched holds at once', async () => {
      await world.beat('x0c0s0b0n0');
      await ask('PATCH', PARAMS, { Warntime: '2', Errtime: '4' });
      await world.pass(2_300);
      expect(await world.story('x0c0s0b0n0')).deep.equals(['started', 'warning']);
      await world.pass(2_000);
      expect(await world.story('x0c0s0b0n0')).deep.equals(['started', 'warning', 'dead']);
    });

    it('I: the wall clock may step', async () => {
      // Beats and deadlines are reckoned on the other clock: only what is shown follows the wall.
      await world.beat('x0c0s0b0n0');
      world.time.stepWall(3_600_000);
      await world.pass(1_000);
      expect(await states(['x0c0s0b0n0'])).deep.equals([{ XName: 'x0c0s0b0n0', Heartbeating: true }]);
      world.time.stepWall(-7_200_000);
      await world.pass(30_500);
      expect(await states(['x0c0s0b0n0'])).deep.equals([{ XName: 'x0c0s0b0n0', Heartbeating: false }]);
      expect(await world.story('x0c0s0b0n0')).deep.equals(['started', 'warning', 'dead']);
    });

    it('I: who is off is no alarm', async () => {
      await world.beat('x0c0s0b0n0');
      await world.story('x0c0s0b0n0');
      const off = { ComponentIDs: ['x0c0s0b0n0'], State: 'Off' };
      expect((await ask('PATCH', '/hsm/v2/State/Components/BulkStateData', off)).status).equals(204);
      await world.pass(60_000);
      expect(await world.story('x0c0s0b0n0')).deep.equals(['started']);
      expect((await ask('GET', `${P}/components/x0c0s0b0n0`)).json).includes({ Life: 'off', State: 'Off' });
      await world.beat('x0c0s0b0n0');
      expect(await world.story('x0c0s0b0n0')).deep.equals(['started', 'started']);
    });

    it('I: the Status is acted on', async () => {
      await world.beat('x0c0s0b0n0');
      await world.beat('x0c0s0b0n0', { Status: 'Kernel Oops: at 0' });
      expect((await ask('GET', `${P}/components/x0c0s0b0n0`)).json).includes({ State: 'Halt', Flag: 'Alert' });
      await world.beat('x0c0s0b0n1');
      await world.beat('x0c0s0b0n1', { Status: ' Going Away' });
      await world.pass(60_000);
      expect(await world.story('x0c0s0b0n0')).deep.equals(['started', 'halted']);
      expect(await world.story('x0c0s0b0n1')).deep.equals(['started', 'left']);
      await world.beat('x0c0s0b0n1');
      expect(await world.story('x0c0s0b0n1')).deep.equals(['started', 'left', 'started']);
    });

    it('I: a name that no state manager takes blocks nobody', async () => {
      // hbtd takes this one, and from then on no start is ever told.
      expect((await post({ Status: 'OK', Timestamp: 't' }, `${HEARTBEAT}/foo`)).status).equals(400);
      await world.beat('x0c0s0b0n0');
      await world.story('x0c0s0b0n0');
      const { json } = await ask('GET', '/hsm/v2/State/Components/x0c0s0b0n0');
      expect(json).includes({ ID: 'x0c0s0b0n0', State: 'Ready', Flag: 'OK' });
    });
  });

  it('listens at once, whatever the state manager does', async () => {
    // Nothing answers there: hbtd keeps its port closed until something does.
    const other = await HttpWorld.start({ open, params: { Sm_url: 'http://127.0.0.1:9/hsm/v2' } });
    try {
      const reply = await askAt(other.server.url, 'POST', HEARTBEAT, beatOf('x0c0s0b0n0'));
      expect(reply.status).equals(200);
      expect((await other.ask('GET', `${P}/readiness`)).status).equals(204);
      expect((await other.ask('GET', `${P}/health`)).json['HsmStatus']).matches(/^Not/);
    } finally {
      await other.close();
    }
  });
});

describe('rows of the options', () => {
  it('19: variables of the environment', () => {
    const rows: readonly (readonly [string, keyof typeof DEFAULT_PARAMS, string, string, string])[] = [
      ['HBTD_DEBUG', 'Debug', '2', '2', 'x'],
      ['HBTD_NOSM', 'Nosm', 'yes', '1', 'maybe'],
      ['HBTD_USE_TELEMETRY', 'Use_telemetry', 'no', '0', 'maybe'],
      ['HBTD_TELEMETRY_HOST', 'Telemetry_host', 'a:111:c', 'a:111:c', 'www:222'],
      ['HBTD_WARNTIME', 'Warntime', '6', '6', 'x'],
      ['HBTD_ERRTIME', 'Errtime', '60', '60', 'x'],
      ['HBTD_INTERVAL', 'Interval', '7', '7', 'x'],
      // These two do nothing in hbtd.
      ['HBTD_PORT', 'Port', '1234', '1234', 'xyzzy'],
      ['HBTD_KV_URL', 'Kv_url', 'mem:', 'mem:', 'x'.repeat(3_000)],
      ['HBTD_SM_RETRIES', 'Sm_retries', '4', '4', 'x'],
      ['HBTD_SM_TIMEOUT', 'Sm_timeout', '5', '5', 'x'],
      ['HBTD_SM_URL', 'Sm_url', 'http://sm/hsm/v2', 'http://sm/hsm/v2', 'not a url'],
    ];
    for (const [variable, name, good, value, bad] of rows) {
      const read = readOptions([], { [variable]: good });
      expect(read.kind === 'options' && read.params, variable).deep.equals({ ...DEFAULT_PARAMS, [name]: value });
      const wrong = readOptions([], { [variable]: bad });
      if (name === 'Sm_url' || name === 'Kv_url') {
        expect(wrong.kind, variable).equals('refused');
        continue;
      }
      expect(wrong.kind === 'options' && wrong.params, variable).deep.equals(DEFAULT_PARAMS);
      expect(wrong.kind === 'options' && wrong.notes, variable).has.length(1);
    }
  });

  it('20: the command line', () => {
    const all = readOptions(
      [
        '--debug=1',
        '--use_telemetry=no',
        '--telemetry_host=host:123:topic',
        '--warntime=11',
        '--errtime=22',
        '--interval=33',
        '--port=4455',
        '--kv_url=mem:',
        '--sm_url=http://a/b',
        '--sm_retries=6',
        '--sm_timeout=7',
        '--nosm',
      ],
      {},
    );
    expect(all.kind === 'options' && all.params).deep.equals({
      Debug: '1',
      Nosm: '1',
      Use_telemetry: '0',
      Telemetry_host: 'host:123:topic',
      Warntime: '11',
      Errtime: '22',
      Port: '4455',
      Kv_url: 'mem:',
      Interval: '33',
      Sm_url: 'http://a/b',
      Sm_timeout: '7',
      Sm_retries: '6',
    });
    const clamped = readOptions(
      [
        '--debug=-2',
        '--sm_retries=-2',
        '--sm_timeout=-2',
        '--port=xyzzy',
        '--telemetry_host=aaa:222',
        '--use_telemetry=xyzzy',
      ],
      {},
    );
    expect(clamped.kind === 'options' && clamped.params).deep.equals({
      ...DEFAULT_PARAMS,
      Debug: '0',
      Sm_retries: '1',
      Sm_timeout: '1',
      Use_telemetry: '0',
    });
    expect(clamped.kind === 'options' && clamped.notes).has.length(6);
    // What hbtd clamps to a value that makes no sense is refused.
    for (const option of ['--warntime=-2', '--errtime=-2', '--interval=-2']) {
      const read = readOptions([option], {});
      expect(read.kind, option).equals('refused');
      expect(read.kind === 'refused' && read.faults[0], option).contains(`${option} comes to 0, which is not allowed`);
    }
  });

  it('21: help, parameters, the telemetry host', () => {
    const help = readOptions(['--help'], {});
    expect(help.kind).equals('help');
    for (const name of PARAM_NAMES) expect(help.kind === 'help' && help.text).contains(`--${name.toLowerCase()}`);
    expect(telemetryTarget('aaa:111:ccc')).deep.equals({ host: 'aaa', port: 111, topic: 'ccc' });
    expect(telemetryTarget('ddd:eee:fff')).equals(undefined);
    expect(telemetryTarget('www:222')).equals(undefined);
  });
});
