import { execFile } from 'node:child_process';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import http, { type OutgoingHttpHeaders } from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { CsmError, fail, JsonFlow, problem } from '@csm/model';
import { expect } from 'chai';
import {
  type CallContext,
  createServer,
  DEFAULT_POLICY,
  type Dispatch,
  openApi,
  type Policy,
  type TableRow,
} from '../src/index.ts';
import { ask, drain, type Running, raw, scratch, start, until } from './harness.ts';
import { TABLE } from './sample.ts';

const run = promisify(execFile);

describe('server', () => {
  let seen: { row: TableRow; input: object; ctx: CallContext }[] = [];
  let handler: (ctx: CallContext, input: object) => ReturnType<Dispatch>;
  // Whoever runs the tests is privileged.
  const MINE: Policy = { ...DEFAULT_POLICY, privilegedUsers: [String(process.getuid?.())] };
  let policy = MINE;
  let running: Running;
  const dispatch: Dispatch = (row, input, ctx) => {
    seen.push({ row, input, ctx });
    return handler(ctx, input);
  };
  const get = (url: string, headers = {}) => ask(running.socketPath, 'GET', url, undefined, headers);

  before(async () => {
    running = await start(
      dispatch,
      { bodyBytes: 2_000, stallMs: 60_000 },
      { policy: () => policy, info: () => ({ degraded: true }) },
    );
  });
  after(() => running.stop());
  beforeEach(() => {
    seen = [];
    policy = MINE;
    handler = async () => [];
  });

  it('passes input, caller and context to the dispatcher and answers JSON', async () => {
    handler = async () => [{ name: 'n1' }];
    const answer = await get('/csm/v1/nodes?limit=3&nodes=n%5B1-2%5D');
    expect(answer.status).to.equal(200);
    expect(answer.text).to.equal('[{"name":"n1"}]');
    expect(answer.headers['x-csm-trace']).to.match(/^[0-9a-f]{16}$/);
    const { row, input, ctx } = seen[0] ?? expect.fail('not called');
    expect(row.name).to.equal('node.list');
    expect(input).to.deep.equal({ limit: 3, nodes: 'n[1-2]' });
    expect(ctx.trace).to.equal(answer.headers['x-csm-trace']);
    expect(ctx.remaining()).to.be.within(20_000, 30_000);
    expect(ctx.caller).to.deep.include({
      uid: process.getuid?.(),
      gid: process.getgid?.(),
      pid: process.pid,
      vouchedBy: 'utility/login1',
    });
    const { stdout } = await run('id', ['-un']);
    expect(ctx.caller.user).to.equal(stdout.trim());
    const groups = await run('id', ['-Gn']);
    expect(ctx.caller.groups).to.have.members([...new Set(groups.stdout.trim().split(' '))]);
  });

  /** An answer in these parts; behind them it ends, or breaks off. */
  const flow = (parts: readonly Uint8Array[], broken?: Error): JsonFlow => {
    async function* give(): AsyncGenerator<Uint8Array> {
      for (const part of parts) {
        await new Promise((resolve) => setImmediate(resolve));
        yield part;
      }
      if (broken !== undefined) throw broken;
    }
    return new JsonFlow(give());
  };

  it('passes an answer on as it is that is JSON already, part by part', async () => {
    const text = '[\n{"name":"é \u2028 n1","comment":"🔥"},\n{"name":"n2🔥"}\n]';
    const bytes = Buffer.from(text);
    for (const parts of [[bytes], [...bytes].map((byte) => Buffer.of(byte))]) {
      handler = async () => flow(parts);
      const answer = await get('/csm/v1/nodes');
      expect([answer.status, answer.text]).to.deep.equal([200, text]);
      expect(answer.headers['content-type']).to.equal('application/json; charset=utf-8');
    }
  });

  it('ends the connection under an answer that breaks off, and tells the log why', async () => {
    handler = async () => flow([Buffer.from('[\n'), Buffer.from('1')], new CsmError(problem(12, 'the way was lost')));
    const error = await get('/csm/v1/nodes').then(
      () => undefined,
      (thrown: NodeJS.ErrnoException) => thrown,
    );
    expect(error?.code).to.equal('ECONNRESET');
    const told = running.lines.filter((line) => line.includes('an answer broke off'));
    expect(told.join()).to.include('the way was lost');
    expect(running.server.stats().calls).to.equal(0);
  });

  it('answers 204 when there is nothing to say, and reads a body', async () => {
    handler = async () => undefined;
    expect(await ask(running.socketPath, 'DELETE', '/csm/v1/jobs/4')).to.include({ status: 204, text: '' });
    handler = async () => ({ changed: 1 });
    const headers = { 'idempotency-key': 'k1' };
    const answer = await ask(running.socketPath, 'PATCH', '/csm/v1/nodes/n1', { comment: 'é' }, headers);
    expect(answer.json).to.deep.equal({ changed: 1 });
    expect(seen[1]?.input).to.deep.equal({ name: 'n1', comment: 'é' });
    expect(seen[1]?.ctx.idempotencyKey).to.equal('k1');
  });

  it('answers problem details for every sort of refusal', async () => {
    const bad = await get('/csm/v1/nodes?limit=900');
    expect(bad.headers['content-type']).to.match(/^application\/problem\+json/);
    expect(bad.json).to.deep.equal({
      type: 'urn:csm:problem:INVALID_PARAMETER',
      title: 'a parameter is not allowed',
      status: 400,
      detail: "'limit' is 900; allowed is an integer of 1 to 100",
      code: 9,
      name: 'INVALID_PARAMETER',
      field: 'limit',
      allowed: 'an integer of 1 to 100',
      trace: bad.headers['x-csm-trace'],
    });
    const table: readonly [
      method: string,
      url: string,
      body: string | undefined,
      headers: object,
      status: number,
      code: number,
      text: string,
    ][] = [
      ['GET', '/csm/v1/node', undefined, {}, 404, 11, 'did you mean /csm/v1/nodes?'],
      ['GET', '/', undefined, {}, 404, 11, 'there is no path /'],
      ['PUT', '/csm/v1/nodes', '{}', {}, 405, 11, 'does not take PUT'],
      ['POST', '/openapi.json', '{}', {}, 405, 11, 'does not take POST'],
      ['GET', '/csm/v1/nodes/%zz', undefined, {}, 400, 9, 'not well formed'],
      ['PATCH', '/csm/v1/nodes/n1', '{', {}, 400, 9, 'the body is not JSON'],
      ['PATCH', '/csm/v1/nodes/n1', `${'['.repeat(50)}1${']'.repeat(50)}`, {}, 400, 9, 'nests deeper'],
      ['PATCH', '/csm/v1/nodes/n1', '', {}, 400, 8, "'comment' is missing"],
      [
        'PATCH',
        '/csm/v1/nodes/n1',
        'a=1',
        { 'content-type': 'application/x-www-form-urlencoded' },
        415,
        9,
        'application/json',
      ],
      ['PATCH', '/csm/v1/nodes/n1', `"${'x'.repeat(3_000)}"`, {}, 413, 12, 'too large'],
      ['PATCH', '/csm/v1/nodes/n1', '{"comment":"x"}', { 'idempotency-key': 'a b' }, 400, 9, 'Idempotency-Key'],
      ['GET', '/csm/v1/nodes', undefined, { 'csm-timeout': 'soon' }, 400, 9, 'CSM-Timeout is "soon"'],
    ];
    for (const [method, url, body, headers, status, code, text] of table) {
      const answer = await ask(running.socketPath, method, url, body, { ...headers });
      expect(answer.json, `${method} ${url}`).to.include({ status, code });
      expect(answer.status, url).to.equal(status);
      expect(answer.json['detail'], url).to.contain(text);
      expect(answer.headers['x-csm-trace'], url).to.equal(answer.json['trace']);
    }
    expect((await ask(running.socketPath, 'PUT', '/csm/v1/nodes/n1', '{}')).headers.allow).to.equal('GET, PATCH');
    expect(seen).to.have.length(0);
  });

  it('passes a problem of the handler on, with its nodes', async () => {
    handler = async () => {
      throw new CsmError(problem(46, 'n9 is not known', { nodes: [{ nodeset: 'n9', code: 46, text: 'not known' }] }));
    };
    const answer = await get('/csm/v1/nodes/n9');
    expect(answer.status).to.equal(404);
    expect(answer.json).to.deep.include({ code: 46, nodes: [{ nodeset: 'n9', code: 46, text: 'not known' }] });
  });

  it('never shows a stack or the text of an unexpected error', async () => {
    handler = async () => {
      throw new Error('secret at /etc/shadow');
    };
    const answer = await get('/csm/v1/nodes');
    expect(answer.status).to.equal(500);
    expect(answer.text).not.to.match(/secret|\.ts:|\.js:/);
    expect(answer.json['detail']).to.contain(answer.trace);
    expect(
      running.lines.some((l) => l.startsWith('error') && l.includes('secret') && l.includes(answer.trace)),
    ).to.equal(true);
  });

  it('ends a call when its time is out, also when the handler does not care', async () => {
    let reason: unknown;
    handler = (ctx) =>
      new Promise((resolve) => {
        ctx.signal.addEventListener('abort', () => {
          reason = ctx.signal.reason;
          setImmediate(() => resolve(null));
        });
      });
    const answer = await get('/csm/v1/nodes', { 'csm-timeout': '0.05' });
    expect(answer.json).to.include({ status: 504, code: 5, detail: 'node.list did not end within 0.05 s' });
    expect(reason).to.be.instanceOf(CsmError);
    await until('the call has left', () => running.server.stats().calls === 0);
  });

  it('bounds the time a client asks for by the row', async () => {
    handler = async (ctx) => ({ changed: Math.ceil(ctx.remaining()) });
    const answer = await ask(
      running.socketPath,
      'PATCH',
      '/csm/v1/nodes/n1',
      { comment: 'x' },
      { 'csm-timeout': '900' },
    );
    expect(answer.json['changed']).to.be.within(4_000, 5_000);
  });

  it('fires the signal when the client goes away', async () => {
    let reason: unknown;
    handler = (ctx) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => {
          reason = ctx.signal.reason;
          reject(ctx.signal.reason);
        });
      });
    const socket = await raw(running.socketPath);
    socket.write('GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('the call runs', () => seen.length === 1);
    socket.destroy();
    await until('the signal fired', () => reason !== undefined);
    expect((reason as CsmError).code).to.equal(12);
    await until('the call has left', () => running.server.stats().calls === 0);
  });

  it('streams items and the end, or a problem', async () => {
    handler = async (ctx, input) => {
      for (let seq = 1; seq <= ((input as { count?: number }).count ?? 0); seq++) await ctx.emit({ seq, text: 'a\nb' });
      if ((input as { count?: number }).count === 2) fail(24, 'no database');
      return undefined;
    };
    const whole = await get('/csm/v1/node-changes?count=3');
    expect(whole.headers['content-type']).to.equal('application/x-ndjson');
    expect(whole.headers['x-csm-trace']).to.match(/^[0-9a-f]{16}$/);
    expect(whole.text).to.equal(
      '{"seq":1,"text":"a\\nb"}\n{"seq":2,"text":"a\\nb"}\n{"seq":3,"text":"a\\nb"}\n{"end":true}\n',
    );
    const broken = await get('/csm/v1/node-changes?count=2');
    const last = broken.text.trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).to.deep.include({
      problem: { ...JSON.parse(last).problem, code: 24, detail: 'no database' },
    });
    expect((await get('/csm/v1/node-changes?count=0')).text).to.equal('{"end":true}\n');
    handler = async () => fail(24, 'no database');
    expect((await get('/csm/v1/node-changes')).json).to.include({ status: 503, code: 24 });
    handler = async (ctx) => {
      await ctx.emit({ end: true });
      return undefined;
    };
    expect((await get('/csm/v1/node-changes')).status).to.equal(500);
  });

  it('holds a stream back when the client does not read', async () => {
    let sent = 0;
    let over = false;
    handler = async (ctx) => {
      try {
        for (let seq = 0; ; seq++) {
          await ctx.emit({ seq, text: 'x'.repeat(1_000) });
          sent = seq;
        }
      } finally {
        over = true;
      }
    };
    const socket = await raw(running.socketPath);
    socket.pause();
    socket.write('GET /csm/v1/node-changes HTTP/1.1\r\nHost: x\r\n\r\n');
    let before = -1;
    await until('no more is sent', () => {
      const still = sent > 0 && sent === before;
      before = sent;
      return still;
    });
    expect(sent).to.be.lessThan(2_000);
    socket.destroy();
    await until('the handler ended', () => over);
    await until('the call has left', () => running.server.stats().calls === 0);
  });

  it('serves an index and the OpenAPI document, which holds exactly the routes', async () => {
    const index = await get('/csm/v1/');
    expect(index.json).to.deep.include({ service: 'csm', daemon: 'utility/login1', degraded: true });
    expect(index.json['calls']).to.have.length(TABLE.rows.length);
    const document = await get('/openapi.json');
    expect(document.json).to.deep.equal(JSON.parse(JSON.stringify(openApi(TABLE, '0.1.0'))));
    const described = Object.entries(document.json['paths'] as Record<string, object>).flatMap(([url, methods]) =>
      Object.keys(methods).map((m) => `${m.toUpperCase()} ${url.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    const own = ['GET /openapi.json', 'GET /csm/v1', 'GET /csm/v1/'];
    expect([...described, ...own].sort()).to.deep.equal([...running.server.routes()].sort());
  });

  it('takes a body of exactly 16 MiB, and refuses one byte more with 413 and code 12', async () => {
    const own = await start(async () => ({ changed: 1 }));
    const change = (bytes: number) => ask(own.socketPath, 'PATCH', '/csm/v1/nodes/n1', '{"comment":"x"}'.padEnd(bytes));
    try {
      expect((await change(16_777_216)).json).to.deep.equal({ changed: 1 });
      const { status, json } = await change(16_777_217);
      expect([status, json['code'], json['allowed']]).to.deep.equal([413, 12, 'at most 16777216 bytes']);
      expect(json['detail']).to.equal('the body of the request is too large');
    } finally {
      await own.stop();
    }
  });

  it('bounds the bodies under way, and gives their room back', async () => {
    const small = await start(async () => ({ changed: 1 }), { bodyBytes: 1_000_000, bodiesBytes: 1_500_000 });
    const head = `PATCH /csm/v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`;
    try {
      // Root has room for one more.
      const most = process.getuid?.() === 0 ? 2 : 1;
      const slow = await Promise.all(Array.from({ length: most }, () => raw(small.socketPath)));
      for (const socket of slow) socket.write(head);
      await until('they are under way', () => small.server.stats().calls === most);
      // Its head has been read when the next one on its machine is answered; both then share what room there is.
      const next = () => ask(small.socketPath, 'PATCH', '/csm/v1/nodes/n1', '{"comment":"x"}'.padEnd(900_000));
      let full = await next();
      const end = performance.now() + 30_000;
      while (full.status !== 503 && performance.now() < end) full = await next();
      expect([full.status, full.json['code'], full.json['allowed']]).to.deep.equal([
        503,
        13,
        '1500000 bytes at a time',
      ]);
      expect((await ask(small.socketPath, 'PATCH', '/csm/v1/nodes/n1', { comment: 'x' })).status).to.equal(200);
      for (const socket of slow) socket.destroy();
      await until('they are gone', () => small.server.stats().calls === 0);
      expect((await next()).status).to.equal(200);
    } finally {
      await small.stop();
    }
  });

  it('speaks with clients of its own version only, and says which that is', async () => {
    const say = (version: string) =>
      ask(running.socketPath, 'GET', '/csm/v1/nodes', undefined, { 'csm-api-version': version });
    for (const version of ['1.0', '1.7', '1.9999']) expect((await say(version)).status, version).to.equal(200);
    expect((await say('1.0')).headers['csm-api-version']).to.equal('1.0');
    for (const version of ['2.0', '0.9', '11.0']) {
      const { status, json } = await say(version);
      expect([status, json['code'], json['field'], json['allowed']]).to.deep.equal([400, 12, 'CSM-API-Version', '1.x']);
      expect(json['detail']).to.equal(`the client speaks version ${version} of the API, this daemon 1.0`);
    }
    for (const version of ['1', 'x', '1.0.0', '', '1.0, 2.0']) {
      const { status, json } = await say(version);
      expect([status, json['code']], version).to.deep.equal([400, 9]);
    }
  });

  it('gives a call the time of the time-out file, and tells the client when that is more', async () => {
    const given = new Map([
      ['node.update', 60],
      ['node.list', 7],
      ['node.watch', 90],
    ]);
    const more = { secondsOf: (row: TableRow) => given.get(row.name) ?? row.timeoutSeconds };
    const left: number[] = [];
    const own = await start(
      async (_row, _input, ctx) => {
        left.push(ctx.remaining());
        return { changed: 1 };
      },
      {},
      more,
    );
    const told = (method: string, url: string, body: string, headers: OutgoingHttpHeaders = {}): Promise<unknown> =>
      new Promise((resolve, reject) => {
        let early: unknown;
        const request = http.request({
          socketPath: own.socketPath,
          method,
          path: url,
          headers: { 'content-type': 'application/json', ...headers },
        });
        request.on('information', (info) => {
          early = info.headers['csm-timeout'];
        });
        request.on('response', (res) => res.resume().on('end', () => resolve(early)));
        request.on('error', reject);
        request.end(body);
      });
    try {
      expect(await told('PATCH', '/csm/v1/nodes/n1', '{"comment":"x"}')).to.equal('60');
      expect(left[0]).to.be.within(50_000, 60_000);
      // Who asks for a time knows how long he waits; a shorter time needs no word; so does a stream without end.
      expect(await told('PATCH', '/csm/v1/nodes/n1', '{"comment":"x"}', { 'csm-timeout': '20' })).to.equal(undefined);
      expect(left[1]).to.be.within(10_000, 20_000);
      expect(await told('PATCH', '/csm/v1/nodes/n1', '{"comment":"x"}', { 'csm-timeout': '500' })).to.equal(undefined);
      expect(left[2]).to.be.within(50_000, 60_000);
      expect(await told('GET', '/csm/v1/nodes', '')).to.equal(undefined);
      expect(left[3]).to.be.within(1, 7_000);
    } finally {
      await own.stop();
    }
  });

  it('knows other users by the kernel, with their groups, and refuses them what they may not', async function () {
    if (process.getuid?.() !== 0) {
      if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error('this test needs root');
      console.log('      skipped: needs root');
      this.skip();
    }
    chmodSync(path.dirname(running.socketPath), 0o755);
    const script = `const r=require('http').request({socketPath:process.argv[1],method:'PATCH',path:'/csm/v1/nodes/n1',headers:{'content-type':'application/json'}},
      (s)=>{let t='';s.on('data',(d)=>t+=d);s.on('end',()=>console.log(t))});r.end('{"comment":"x"}')`;
    const as = async (groups: string) => {
      const words = [
        '--reuid',
        '65534',
        '--regid',
        '65534',
        '--groups',
        groups,
        process.execPath,
        '-e',
        script,
        running.socketPath,
      ];
      return JSON.parse((await run('setpriv', words)).stdout);
    };
    handler = async () => ({ changed: 1 });
    const refused = await as('4,54321');
    expect(refused).to.include({ code: 16, status: 403 });
    expect(refused.detail).to.contain('node.update is privileged and refused to user nobody (uid 65534)');
    policy = { ...DEFAULT_POLICY, privilegedGroups: ['adm'] };
    expect(await as('4,54321')).to.deep.equal({ changed: 1 });
    expect(seen[0]?.ctx.caller).to.deep.include({ user: 'nobody', uid: 65534, groups: ['nogroup', 'adm', '54321'] });
    // More groups than the first buffer holds.
    const many = Array.from({ length: 200 }, (_, i) => 60_000 + i);
    expect(await as(`4,${many.join(',')}`)).to.deep.equal({ changed: 1 });
    expect(seen[1]?.ctx.caller.groups).to.have.length(202);
  });
});

describe('socket path', () => {
  const quiet = { debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 };
  const at = (socketPath: string) =>
    createServer({
      table: TABLE,
      socketPath,
      socketMode: 0o660,
      self: { role: 'master', node: 'm' },
      version: '0',
      policy: DEFAULT_POLICY,
      dispatch: async () => null,
      log: quiet,
    });
  const refusal = async (socketPath: string): Promise<string> => {
    const server = at(socketPath);
    try {
      await server.listen();
    } catch (error) {
      return (error as Error).message;
    } finally {
      await server.close(0);
    }
    return 'listens';
  };
  let place: ReturnType<typeof scratch>;
  beforeEach(() => {
    place = scratch();
  });
  afterEach(() => place.remove());

  it('of more than 100 bytes is refused in words', async () => {
    const long = path.join(place.dir, 'é'.repeat(50));
    expect(await refusal(long)).to.match(/has \d+ bytes: the kernel would cut it/);
    expect(await refusal('')).to.contain('empty');
  });

  it('that is taken is refused; one that is dead is taken over; a file is never removed', async () => {
    const socket = path.join(place.dir, 's');
    const first = at(socket);
    await first.listen();
    expect(statSync(socket).mode & 0o777).to.equal(0o660);
    expect(await refusal(socket)).to.contain('another daemon answers at it');
    expect(existsSync(socket)).to.equal(true);
    await first.close(0);
    expect(existsSync(socket)).to.equal(false);

    // A process that dies leaves its socket behind.
    await run(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(socket)},()=>process.kill(process.pid,'SIGKILL'))`,
    ]).catch(() => undefined);
    expect(existsSync(socket)).to.equal(true);
    expect(await refusal(socket)).to.equal('listens');

    writeFileSync(socket, 'precious');
    expect(await refusal(socket)).to.contain('is no socket');
    expect(existsSync(socket)).to.equal(true);
    expect(await refusal(path.join(place.dir, 'no/such/dir'))).to.contain('does not exist');
  });
});

describe('closing', () => {
  it('ends streams with words, waits for other calls, refuses new ones', async () => {
    let finish = (): void => undefined;
    let calls = 0;
    const running = await start((row, _input, ctx) => {
      calls++;
      if (row.name === 'node.watch') {
        return ctx
          .emit({ seq: 1, text: '' })
          .then(
            () => new Promise((_r, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))),
          );
      }
      return new Promise((resolve) => {
        finish = () => resolve([]);
      });
    });
    const watch = ask(running.socketPath, 'GET', '/csm/v1/node-changes');
    const list = ask(running.socketPath, 'GET', '/csm/v1/nodes');
    await until('both run', () => calls === 2);
    const closed = running.server.close(5_000);
    expect((await watch).text).to.match(/^\{"seq":1,"text":""\}\n\{"problem":\{.*"the daemon is stopping".*\}\}\n$/);
    expect((await ask(running.socketPath, 'GET', '/csm/v1/nodes')).json).to.include({ status: 503, code: 3 });
    finish();
    expect((await list).status).to.equal(200);
    await closed;
    await running.stop();
    expect(existsSync(running.socketPath)).to.equal(false);
  });

  it('aborts what does not end in time', async () => {
    let called = false;
    const running = await start((_row, _input, ctx) => {
      called = true;
      return new Promise((_r, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
    });
    const list = ask(running.socketPath, 'GET', '/csm/v1/nodes');
    await until('it runs', () => called);
    await running.stop();
    expect((await list).json).to.include({ code: 3, detail: 'the daemon is stopping' });
  });

  it('lets connections go that say nothing', async () => {
    const running = await start(async () => []);
    const socket = net.connect(running.socketPath);
    const gone = drain(socket);
    await until('it is in', () => running.server.stats().connections === 1);
    await running.stop();
    expect(await gone).to.equal('');
  });
});
