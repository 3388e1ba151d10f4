import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ApiServer, type CallContext, createServer, DEFAULT_POLICY, generateClient } from '@csm/api';
import { CsmError, fail, isObject, type Json } from '@csm/model';
import { expect } from 'chai';
import { Client, API as GENERATED } from '../src/index.ts';
import { API, type ApiTypes } from './generated/sample-api.ts';
import { TABLE } from './sample.ts';

const SAMPLE = new URL('../../test/generated/sample-api.ts', import.meta.url);

async function until(what: string, condition: () => boolean, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The problem a promise rejects with. */
async function problemOf(promise: Promise<unknown>): Promise<CsmError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof CsmError) return error;
    throw error;
  }
  throw new Error('it did not reject');
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

describe('generated table', () => {
  it('of the sample is not stale (CSM_REWRITE=1 writes it)', () => {
    const text = generateClient(TABLE, '../../src/entry.ts');
    if (process.env['CSM_REWRITE'] === '1') writeFileSync(SAMPLE, text);
    expect(readFileSync(SAMPLE, 'utf8')).to.equal(text);
  });

  it('of the client is a table', () => {
    expect(GENERATED).to.be.an('object');
  });
});

describe('Client', () => {
  let dir: string;
  let socket: string;
  let server: ApiServer;
  let client: Client<ApiTypes>;
  let emitted = 0;
  let over: string | undefined;
  let keys: (string | undefined)[] = [];
  let hold: ((ctx: CallContext) => Promise<Json | undefined>) | undefined;

  async function numbers(ctx: CallContext, input: { readonly [k: string]: unknown }): Promise<undefined> {
    try {
      for (let seq = 1; seq <= Number(input['count']); seq++) {
        await ctx.emit({ seq, text: 'é'.repeat(40) });
        emitted = seq;
      }
      if (input['fault'] === true) fail(24, 'the database went away');
      if (Number(input['count']) === 0)
        await new Promise((_r, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
      over = 'end';
    } catch (error) {
      over = (error as Error).message;
      throw error;
    }
    return undefined;
  }

  const newClient = (at = socket, more: object = {}) => new Client<ApiTypes>({ socket: at, api: API, ...more });

  before(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'csm-client-'));
    socket = path.join(dir, 's');
    const quiet = { debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 };
    server = createServer({
      table: TABLE,
      socketPath: socket,
      self: { role: 'utility', node: 'u1' },
      version: '0',
      policy: DEFAULT_POLICY,
      log: quiet,
      limits: { minimumTimeoutSeconds: 0.05 },
      dispatch: async (row, input, ctx) => {
        keys.push(ctx.idempotencyKey);
        if (hold !== undefined) return hold(ctx);
        if (row.name === 'number.stream') return numbers(ctx, input);
        if (row.name === 'count.change') return { count: Number(input['add']), key: ctx.idempotencyKey ?? '' };
        return row.name === 'count.reset' ? undefined : { input, trace: ctx.trace };
      },
    });
    await server.listen();
    client = newClient();
  });
  after(async () => {
    client.close();
    await server.close(0);
    rmSync(dir, { recursive: true, force: true });
  });
  beforeEach(() => {
    emitted = 0;
    over = undefined;
    keys = [];
    hold = undefined;
  });

  it('places every field and gets the answer, typed', async () => {
    const input = { name: 'a/b ?#%é..', count: 3, tags: ['x', 'y&z'], loud: true };
    const answer = await client.call('echo.show', { ...input });
    expect(answer.input).to.deep.equal(input);
    const trace: string = answer.trace;
    expect(trace).to.match(/^[0-9a-f]{16}$/);
    expect((await client.call('echo.show', { name: '..', count: undefined })).input).to.deep.equal({ name: '..' });
    const changed = await client.call('count.change', { add: 2, note: null });
    expect(changed.count).to.equal(2);
    expect(await client.call('count.reset', {})).to.equal(undefined);
  });

  it('gives the bytes of an answer as the daemon writes them, and its problems as ever', async () => {
    let text = '';
    const take = (part: Buffer): void => {
      text += part.toString();
    };
    await client.pass('echo.show', { name: 'é' }, take);
    expect(JSON.parse(text)).to.deep.include({ input: { name: 'é' } });
    text = '';
    await client.pass('count.reset', {}, take);
    expect((await problemOf(client.pass('echo.show', { name: '' }, take))).code).to.equal(8);
    hold = async () => fail(16, 'not you');
    expect((await problemOf(client.pass('echo.show', { name: 'x' }, take))).code).to.equal(16);
    expect(text).to.equal('');
  });

  it('sends a key of its own with every change, and none with a read', async () => {
    await client.call('count.change', { add: 1 });
    await client.call('count.change', { add: 1 });
    await client.call('count.change', { add: 1 }, { idempotencyKey: 'mine' });
    await client.call('echo.show', { name: 'x' });
    expect(keys[0]).to.match(/^[0-9a-f-]{36}$/);
    expect(keys[1]).not.to.equal(keys[0]);
    expect(keys.slice(2)).to.deep.equal(['mine', undefined]);
  });

  it('uses a connection again, after a stream too', async () => {
    const one = newClient();
    const before = server.stats().connections;
    for (let i = 0; i < 5; i++) await one.call('echo.show', { name: 'x' });
    expect(await all(one.stream('number.stream', { count: 3 }))).to.have.length(3);
    await one.call('echo.show', { name: 'x' });
    expect(server.stats().connections).to.equal(before + 1);
    one.close();
    await until('it is closed', () => server.stats().connections === before);
  });

  it('throws problems as CsmError, with code, field, allowed and trace', async () => {
    const wrong = await problemOf(client.call('count.change', { add: 'x' } as never));
    expect(wrong.problem).to.deep.include({ code: 9, name: 'INVALID_PARAMETER', field: 'add', allowed: 'an integer' });
    expect(wrong.problem.trace).to.match(/^[0-9a-f]{16}$/);
    expect((await problemOf(client.call('echo.show', { name: '' }))).problem).to.include({ code: 8, field: 'name' });
    const unknown = await problemOf(client.call('echo.show', { name: 'x', cuont: 3 } as never));
    expect(unknown.message).to.contain("did you mean 'count'?");
    expect((await problemOf(client.call('echo.shwo' as never, {} as never))).message).to.contain(
      "did you mean 'echo.show'?",
    );
    expect((await problemOf(client.call('number.stream', { count: 1 }))).message).to.contain('use stream()');
    expect((await problemOf(all(client.stream('count.reset', {})))).message).to.contain('use call()');
    hold = async () => fail(46, 'n9 is not known', { nodes: [{ nodeset: 'n9', code: 46, text: 'unknown' }] });
    expect((await problemOf(client.call('echo.show', { name: 'x' }))).problem.nodes).to.deep.equal([
      { nodeset: 'n9', code: 46, text: 'unknown' },
    ]);
  });

  it('tells where no daemon answers, and refuses a socket path that would be cut', async () => {
    const nobody = newClient(path.join(dir, 'nobody'));
    const error = await problemOf(nobody.call('echo.show', { name: 'x' }));
    expect(error.code).to.equal(22);
    expect(error.message).to.equal(
      `no daemon answers at ${dir}/nobody: there is no such socket. Is csmd running? (systemctl status "csmd-*")`,
    );
    expect((await problemOf(all(nobody.stream('number.stream', { count: 1 })))).code).to.equal(22);
    nobody.close();
    expect(() => newClient(path.join(dir, 'x'.repeat(100)))).to.throw(/has \d+ bytes: the kernel would cut it/);
    expect(() => newClient('')).to.throw('is empty');
  });

  it('passes the time allowed on, and tells when it is out', async () => {
    hold = () => new Promise(() => undefined);
    const error = await problemOf(client.call('echo.show', { name: 'x' }, { timeoutSeconds: 0.05 }));
    expect(error.problem).to.include({ code: 5, detail: 'echo.show did not end within 0.05 s' });
  });

  it('ends a call with its signal', async () => {
    let aborted = false;
    hold = (ctx) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => {
          aborted = true;
          reject(ctx.signal.reason);
        });
      });
    const stop = new AbortController();
    const call = client.call('echo.show', { name: 'x' }, { signal: stop.signal });
    await until('it runs', () => keys.length === 1);
    stop.abort(new Error('no more'));
    let reason = '';
    await call.catch((error: Error) => {
      reason = error.message;
    });
    expect(reason).to.equal('no more');
    await until('the daemon knows', () => aborted);
    await client.call('echo.show', { name: 'x' }, { signal: stop.signal }).then(
      () => expect.fail('it was carried out'),
      (error: Error) => expect(error.message).to.equal('no more'),
    );
  });

  it('streams 100,000 items, no faster than they are read, in bounded memory', async () => {
    let count = 0;
    let ahead = 0;
    let heap = 0;
    const start = process.memoryUsage().heapUsed;
    for await (const { seq } of client.stream('number.stream', { count: 100_000 })) {
      count++;
      expect(seq).to.equal(count);
      ahead = Math.max(ahead, emitted - seq);
      if (count % 5_000 === 0) {
        // The reader is slow here: the server gets the chance to run ahead.
        for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
        heap = Math.max(heap, process.memoryUsage().heapUsed - start);
      }
    }
    expect(count).to.equal(100_000);
    expect(over).to.equal('end');
    // What the socket and the buffers at both ends hold: about half a megabyte of 110-byte lines.
    expect(ahead).to.be.lessThan(20_000);
    expect(heap).to.be.lessThan(200e6);
  });

  it('ends the call at the daemon when the reader leaves', async () => {
    for await (const { seq } of client.stream('number.stream', { count: 1e9 })) if (seq === 10) break;
    await until('the daemon knows', () => over !== undefined);
    expect(over).to.contain('the client went away');
    // A reader that waits for an item that does not come.
    over = undefined;
    const stream = client.stream('number.stream', { count: 0 });
    const waiting = stream.next();
    await until('it runs', () => keys.length === 2);
    await stream.return?.();
    expect(await waiting).to.deep.equal({ done: true, value: undefined });
    await until('the daemon knows', () => over !== undefined);
    // One that never began sends nothing.
    await client.stream('number.stream', { count: 1 }).return?.();
    expect(keys).to.have.length(2);
  });

  it('throws the problem a stream ends with, after its items', async () => {
    const got: number[] = [];
    const error = await problemOf(
      (async () => {
        for await (const { seq } of client.stream('number.stream', { count: 2, fault: true })) got.push(seq);
      })(),
    );
    expect(got).to.deep.equal([1, 2]);
    expect(error.problem).to.include({ code: 24, detail: 'the database went away' });
  });

  describe('with a daemon that breaks', () => {
    /** A server that does to each connection, in turn, what is listed; the last goes on. */
    async function broken(
      acts: readonly ((socket: net.Socket, head: string) => void)[],
      run: (at: Client<ApiTypes>, heads: readonly string[]) => Promise<void>,
    ): Promise<void> {
      const at = path.join(dir, 'broken');
      const heads: string[] = [];
      const listener = net.createServer((socket) => {
        const act = acts[Math.min(heads.length, acts.length - 1)];
        socket.on('error', () => undefined);
        socket.once('data', (data) => {
          heads.push(data.toString());
          act?.(socket, data.toString());
        });
      });
      await new Promise<void>((resolve) => listener.listen(at, resolve));
      const one = newClient(at);
      try {
        await run(one, heads);
      } finally {
        one.close();
        await new Promise((resolve) => listener.close(resolve));
      }
    }
    const answer = (body: string, type = 'application/json') =>
      `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    const key = (head: string | undefined) => /idempotency-key: (\S+)/i.exec(head ?? '')?.[1];

    it('sends a change once more, under the same key', () =>
      broken([(s) => s.destroy(), (s) => s.end(answer('{"count":1,"key":""}'))], async (one, heads) => {
        expect((await one.call('count.change', { add: 1 })).count).to.equal(1);
        expect(heads).to.have.length(2);
        expect(key(heads[0])).to.be.a('string');
        expect(key(heads[1])).to.equal(key(heads[0]));
      }));

    it('does so only once', () =>
      broken([(s) => s.destroy()], async (one, heads) => {
        const error = await problemOf(one.call('count.change', { add: 1 }));
        expect(error.code).to.equal(12);
        expect(error.message).to.contain('broke before it answered');
        expect(heads).to.have.length(2);
      }));

    it('does not send again what was answered in part', () =>
      broken([(s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"cou')], async (one, heads) => {
        const error = await problemOf(one.call('count.change', { add: 1 }));
        expect(error.problem).to.include({ code: 12, detail: 'the answer broke off after 5 bytes' });
        expect(heads).to.have.length(1);
      }));

    it('asks once more for what it only reads, where nobody has seen what came', () =>
      broken(
        [
          (s) => s.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"inp\r\n'),
          (s) => s.end(answer('{"input":{},"trace":""}')),
          (s) => s.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"inp\r\n'),
        ],
        async (one, heads) => {
          expect((await one.call('echo.show', { name: 'x' })).input).to.deep.equal({});
          expect(heads).to.have.length(2);
          const parts: string[] = [];
          const error = await problemOf(one.pass('echo.show', { name: 'x' }, (part) => parts.push(part.toString())));
          expect(error.problem).to.include({ code: 12, detail: 'the answer broke off after 5 bytes' });
          expect(parts).to.deep.equal(['{"inp']);
          expect(heads).to.have.length(3);
        },
      ));

    it('tells of a stream without its last line, and of one with too much', () =>
      broken(
        [(s) => s.end(answer('{"seq":1}\n{"se', 'application/x-ndjson')), (s) => s.end(answer('{"end":true}\n1\n'))],
        async (one) => {
          expect((await problemOf(all(one.stream('number.stream', { count: 1 })))).message).to.equal(
            'the answer broke off after 1 items',
          );
          expect((await problemOf(all(one.stream('number.stream', { count: 1 })))).message).to.contain('goes on after');
        },
      ));

    it('tells of answers that are no JSON, no problem, no HTTP', () =>
      broken(
        [
          (s) => s.end(answer('<html>')),
          (s) => s.end('HTTP/1.1 500 No\r\nConnection: close\r\n\r\nstack trace'),
          (s) => s.end('\0\0\0\0'),
        ],
        async (one) => {
          const call = () => problemOf(one.call('echo.show', { name: 'x' }));
          expect((await call()).problem).to.include({
            code: 29,
            detail: 'the daemon answered what is no JSON: "<html>"',
          });
          expect((await call()).message).to.equal('the daemon answered HTTP 500 without saying why');
          expect((await call()).code).to.equal(12);
        },
      ));
  });

  it('does not keep the process alive with idle connections', async () => {
    const module = new URL('../src/index.js', import.meta.url).href;
    const sample = new URL('./generated/sample-api.js', import.meta.url).href;
    const script = `const {Client}=await import(${JSON.stringify(module)});const {API}=await import(${JSON.stringify(sample)});
      const c=new Client({socket:${JSON.stringify(socket)},api:API});await c.call('echo.show',{name:'x'});console.log('done')`;
    const { execFile } = await import('node:child_process');
    const { promisify } = await import('node:util');
    const args = ['--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 5_000 });
    expect(stdout.trim()).to.equal('done');
  });

  it('is what plain HTTP is, too', async () => {
    const body = await new Promise<string>((resolve, reject) => {
      http
        .get({ socketPath: socket, path: '/csm/v1/echo/x', agent: false }, (res) => {
          let text = '';
          res.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          res.on('end', () => resolve(text));
        })
        .on('error', reject);
    });
    const parsed: unknown = JSON.parse(body);
    expect(isObject(parsed) && parsed['input']).to.deep.equal({ name: 'x' });
  });

  describe('of another version', () => {
    it('is told by the daemon which versions there are', async () => {
      const old = newClient(socket, { apiVersion: '2.3' });
      const told = await problemOf(old.call('echo.show', { name: 'x' }));
      old.close();
      expect(told.problem).to.include({ code: 12, field: 'CSM-API-Version', allowed: '1.x' });
      expect(told.message).to.equal('the client speaks version 2.3 of the API, this daemon 1.0');
    });

    const answering = async (headers: Readonly<Record<string, string>>): Promise<CsmError | string> => {
      const at = path.join(dir, `v${Math.random()}`.slice(0, 20));
      const other = http.createServer((_req, res) => res.writeHead(200, headers).end('{"input":{},"trace":"x"}'));
      await new Promise<void>((done) => other.listen(at, done));
      const own = newClient(at);
      try {
        return await own.call('echo.show', { name: 'x' }).then(
          () => 'answered',
          (error: unknown) => error as CsmError,
        );
      } finally {
        own.close();
        await new Promise((done) => other.close(done));
      }
    };
    it('refuses the answer of a daemon that speaks another one, and takes that of an old daemon', async () => {
      const told = await answering({ 'csm-api-version': '2.0' });
      expect(told).to.include({ code: 12 });
      expect((told as CsmError).message).to.match(/speaks version 2\.0 of the API, this client 1\.0/);
      expect(await answering({ 'csm-api-version': '1.7' })).to.equal('answered');
      expect(await answering({})).to.equal('answered');
    });
  });

  it('waits as long as the daemon says it may take, where no time was asked for', async () => {
    const at = path.join(dir, 'slow');
    const slow = http.createServer((_req, res) => {
      res.writeEarlyHints({ link: '</csm/v1/>; rel=index', 'csm-timeout': '3600' });
      // Longer than the table and the grace together give it.
      setTimeout(() => res.end('{"input":{},"trace":"x"}'), 9_500);
    });
    await new Promise<void>((done) => slow.listen(at, done));
    const patient = newClient(at, {
      api: { ...API, 'echo.show': { ...API['echo.show'], timeoutSeconds: 5 } },
    });
    const hurried = newClient(at, { timeout: 5 });
    try {
      const [answered, late] = await Promise.all([
        patient.call('echo.show', { name: 'x' }),
        problemOf(hurried.call('echo.show', { name: 'x' })),
      ]);
      expect(answered).to.deep.include({ trace: 'x' });
      expect(late.problem).to.include({ code: 5 });
    } finally {
      patient.close();
      hurried.close();
      await new Promise((done) => slow.close(done));
    }
  });

  describe('over HTTPS', () => {
    const at = (url: string, more: object = {}) => new Client<ApiTypes>({ https: { url, ...more }, api: API });
    const wrong: readonly [string, object, RegExp][] = [
      ['http://h:1', {}, /begins with http:, where calls are never in the clear/],
      ['h:4213', {}, /is no URL|begins with h:/],
      ['nonsense', {}, /is no URL/],
      ['https://h:1/csm', {}, /has a path/],
      ['https://u:p@h:1', {}, /names a user/],
      ['https://h:1', { token: 'a b' }, /the token is none/],
      ['https://h:1', { token: 'x', cert: 'x' }, /a certificate and a token are given/],
    ];
    for (const [url, more, why] of wrong) {
      it(`refuses ${url}${JSON.stringify(more)} in words`, () => {
        expect(() => at(url, more)).to.throw(CsmError, why);
      });
    }

    it('says who does not answer', async () => {
      const gone = at('https://127.0.0.1:1', { token: 'csm_x_y' });
      const told = await problemOf(gone.call('echo.show', { name: 'x' }));
      gone.close();
      expect(told.problem.code).to.equal(22);
      expect(told.message).to.equal(
        'no daemon answers at https://127.0.0.1:1: nobody listens there. Does the daemon there have net.api_listen?',
      );
    });
  });
});
