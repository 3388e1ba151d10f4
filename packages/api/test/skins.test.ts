import http, { type IncomingMessage } from 'node:http';
import { CsmError, code, type JsonObject, problem, type Role } from '@csm/model';
import { expect } from 'chai';
import Type from 'typebox';
import { WebSocket } from 'ws';
import { accepts } from '../src/framing.ts';
import { type ApiRow, ApiTable, type Dispatch } from '../src/index.ts';
import { foreignOrigin } from '../src/origin.ts';
import { cut } from '../src/websocket-stream.ts';
import { EventParser } from './event-source.ts';
import { ask, drain, type Running, raw, start, until } from './harness.ts';

const ROLES: readonly Role[] = ['master', 'aggregator', 'utility'];
const closed = { additionalProperties: false } as const;
const base = { changes: false, enters: ROLES, reach: 'master', access: 'public', method: 'GET' } as const;
const ROWS: readonly ApiRow[] = [
  {
    ...base,
    name: 'change.watch',
    summary: 'Follows changes',
    path: '/csm/v1/changes',
    input: Type.Object({ since: Type.Optional(Type.Integer({ minimum: 0 })) }, closed),
    item: Type.Object({ seq: Type.Integer(), text: Type.String() }),
    timeoutSeconds: 0,
  },
  {
    ...base,
    name: 'change.guard',
    summary: 'Follows what only a master tells',
    path: '/csm/v1/guarded',
    enters: ['master'],
    input: Type.Object({}, closed),
    item: Type.Object({ text: Type.String() }),
  },
  {
    ...base,
    name: 'node.list',
    summary: 'Lists nodes',
    path: '/csm/v1/nodes',
    input: Type.Object({}, closed),
    output: Type.Array(Type.String()),
  },
];

/** Items `since + 1` to `upTo`, then what `then` does. */
const counting =
  (upTo: number, then: (signal: AbortSignal) => Promise<void> = async () => undefined, text = 'x'): Dispatch =>
  async (_row, input, ctx) => {
    const since = (input['since'] as number | undefined) ?? 0;
    for (let seq = since + 1; seq <= upTo; seq++) await ctx.emit({ seq, text });
    await then(ctx.signal);
    return undefined;
  };
const forEver = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

describe('skins of a stream', () => {
  let running: Running;
  const begin = async (
    dispatch: Dispatch,
    limits: Parameters<typeof start>[1] = {},
    role: Role = 'utility',
  ): Promise<void> => {
    running = await start(dispatch, limits, { table: new ApiTable(ROWS), self: { role, node: 'login1' } });
  };
  afterEach(() => running.stop());

  describe('server-sent events', () => {
    const EVENTS = { accept: 'text/event-stream' };

    interface Source {
      readonly res: IncomingMessage;
      readonly parser: EventParser;
      readonly ended: Promise<void>;
    }
    const open = (path: string, headers: http.OutgoingHttpHeaders = EVENTS): Promise<Source> =>
      new Promise((resolve, reject) => {
        const request = http.get({ socketPath: running.socketPath, path, headers, agent: false });
        request.on('error', reject);
        request.on('response', (res) => {
          const parser = new EventParser();
          res.setEncoding('utf8');
          res.on('data', (text: string) => parser.push(text));
          const ended = new Promise<void>((end) => res.once('close', end));
          resolve({ res, parser, ended });
        });
      });

    it('gives an event an item with its number as id, and an end', async () => {
      await begin(counting(3));
      const { res, parser, ended } = await open('/csm/v1/changes');
      await ended;
      expect(res.headers['content-type']).to.equal('text/event-stream');
      expect(res.headers['cache-control']).to.equal('no-store');
      expect(parser.retry).to.equal(2_000);
      expect(parser.events).to.deep.equal([
        ...[1, 2, 3].map((seq) => ({ type: 'message', data: `{"seq":${seq},"text":"x"}`, id: String(seq) })),
        { type: 'end', data: '{}', id: '3' },
      ]);
    });

    it('goes on behind the last event a browser had, whatever its URL says', async () => {
      await begin(counting(9));
      const { parser, ended } = await open('/csm/v1/changes?since=1', { ...EVENTS, 'last-event-id': '7' });
      await ended;
      expect(parser.events.map(({ id }) => id)).to.deep.equal(['8', '9', '9']);
      const bad = await ask(running.socketPath, 'GET', '/csm/v1/changes', undefined, {
        ...EVENTS,
        'last-event-id': 'x7',
      });
      expect([bad.status, bad.json['field']]).to.deep.equal([400, 'since']);
    });

    it('answers what fails before the first event with its status, and later with an event', async () => {
      const gone = problem(code.CONTEXT_LOST, 'no longer kept', { oldest: 41, allowed: 'an integer from 41' });
      await begin(async (_row, input, ctx) => {
        if (input['since'] === 1) throw new CsmError(gone);
        await ctx.emit({ seq: 1, text: 'x' });
        throw new CsmError(problem(code.DATABASE_UNAVAILABLE, 'the database is away'));
      });
      const refused = await ask(running.socketPath, 'GET', '/csm/v1/changes?since=1', undefined, EVENTS);
      expect(refused.status).to.equal(410);
      expect(refused.json).to.include({ code: 37, oldest: 41, allowed: 'an integer from 41' });
      const { parser, ended } = await open('/csm/v1/changes');
      await ended;
      expect(parser.events.at(-1)?.type).to.equal('problem');
      expect(JSON.parse(parser.events.at(-1)?.data ?? '')).to.include({ code: 24, detail: 'the database is away' });
    });

    it('shows that it lives while there is nothing to tell', async () => {
      await begin(counting(0, forEver), { idleMs: 5 });
      const { res, parser } = await open('/csm/v1/changes');
      await until('three signs of life', () => parser.comments.length >= 3);
      expect(parser.events).to.deep.equal([]);
      res.destroy();
      await until('the call is over', () => running.server.stats().calls === 0);
    });

    it('stays with lines for whoever does not ask for events', async () => {
      await begin(counting(1));
      for (const accept of ['*/*', 'application/json', 'text/event-stream;q=0']) {
        const { headers, text } = await ask(running.socketPath, 'GET', '/csm/v1/changes', undefined, { accept });
        expect(headers['content-type']).to.equal('application/x-ndjson');
        expect(text).to.equal('{"seq":1,"text":"x"}\n{"end":true}\n');
      }
      expect(accepts('text/html, TEXT/Event-Stream; q=0.5', 'text/event-stream')).to.equal(true);
      expect(accepts('text/*', 'text/event-stream')).to.equal(false);
    });

    it('is not given to pages of other sites', async () => {
      await begin(counting(1));
      const headers = { ...EVENTS, host: 'csm.example:8443', origin: 'https://evil.example' };
      const refused = await ask(running.socketPath, 'GET', '/csm/v1/changes', undefined, headers);
      expect([refused.status, refused.json['field']]).to.deep.equal([403, 'Origin']);
      const own = { ...headers, origin: 'https://csm.example:8443' };
      expect((await ask(running.socketPath, 'GET', '/csm/v1/changes', undefined, own)).status).to.equal(200);
      expect(foreignOrigin({ host: 'a', origin: 'null' })?.code).to.equal(code.PERMISSION);
      expect(foreignOrigin({ host: 'a', 'sec-fetch-site': 'cross-site' })?.code).to.equal(code.PERMISSION);
      expect(foreignOrigin({ host: 'A', origin: 'https://a', 'sec-fetch-site': 'same-origin' })).to.equal(undefined);
      expect(foreignOrigin({ host: 'a' })).to.equal(undefined);
    });

    it('cuts off who reads nothing, with the reason as the last event', async () => {
      let reason: unknown;
      await begin(
        async (_row, _input, ctx) => {
          ctx.signal.addEventListener('abort', () => {
            reason = ctx.signal.reason;
          });
          for (let seq = 1; ; seq++) await ctx.emit({ seq, text: 'y'.repeat(10_000) });
        },
        { stallMs: 100 },
      );
      const { res, parser, ended } = await open('/csm/v1/changes');
      res.pause();
      await until('the call is ended', () => reason !== undefined);
      expect((reason as CsmError).code).to.equal(code.TIMEOUT);
      res.resume();
      await ended;
      expect(parser.events.at(-1)?.type).to.equal('problem');
      expect(JSON.parse(parser.events.at(-1)?.data ?? '')).to.include({ code: code.TIMEOUT });
    });
  });

  describe('WebSocket', () => {
    interface Client {
      readonly ws: WebSocket;
      readonly messages: string[];
      readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
    }
    const url = (path: string): string => `ws+unix:${running.socketPath}:${path}`;
    const open = async (path: string, options: ConstructorParameters<typeof WebSocket>[2] = {}): Promise<Client> => {
      const ws = new WebSocket(url(path), options);
      const messages: string[] = [];
      ws.on('message', (data, isBinary) => messages.push(isBinary ? 'binary' : (data as Buffer).toString()));
      const over = new Promise<{ code: number; reason: string }>((resolve) =>
        ws.once('close', (status, reason) => resolve({ code: status, reason: reason.toString() })),
      );
      await new Promise<void>((resolve, reject) => {
        ws.once('open', resolve);
        ws.once('error', reject);
      });
      ws.on('error', () => undefined);
      return { ws, messages, closed: over };
    };
    const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
    const UPGRADE = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': KEY,
    };
    /** What an upgrade that is refused is answered. */
    const refusal = (
      path: string,
      headers: http.OutgoingHttpHeaders = {},
      method = 'GET',
    ): Promise<{ readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly json: JsonObject }> =>
      new Promise((resolve, reject) => {
        const request = http.request({
          socketPath: running.socketPath,
          path,
          method,
          headers: { ...UPGRADE, ...headers },
          agent: false,
        });
        request.on('error', reject);
        request.on('upgrade', (_res, socket) => {
          socket.destroy();
          reject(new Error('it was accepted'));
        });
        request.on('response', (res) => {
          let text = '';
          res.setEncoding('utf8');
          res.on('data', (chunk: string) => {
            text += chunk;
          });
          res.on('end', () => {
            const isProblem = res.headers['content-type']?.startsWith('application/problem+json') === true;
            const json = isProblem ? (JSON.parse(text) as JsonObject) : {};
            resolve({ status: res.statusCode ?? 0, headers: res.headers, json });
          });
        });
        request.end();
      });
    const idle = (): Promise<void> =>
      until('nothing is left', () => {
        const { calls, connections } = running.server.stats();
        return calls === 0 && connections === 0;
      });

    it('gives a message an item, then the end', async () => {
      await begin(counting(3));
      const { messages, closed: over } = await open('/csm/v1/changes?since=1');
      expect(await over).to.deep.equal({ code: 1000, reason: 'end' });
      expect(messages).to.deep.equal(['{"seq":2,"text":"x"}', '{"seq":3,"text":"x"}', '{"end":true}']);
      await idle();
    });

    it('tells a problem as its last message and in the close', async () => {
      await begin(async () => {
        throw new CsmError(problem(code.CONTEXT_LOST, `changes are no longer kept: ${'ä'.repeat(100)}`, { oldest: 7 }));
      });
      const { messages, closed: over } = await open('/csm/v1/changes');
      const { code: status, reason } = await over;
      expect(status).to.equal(4000 + code.CONTEXT_LOST);
      expect(reason).to.match(/^changes are no longer kept: ä+$/);
      expect(JSON.parse(messages[0] ?? '')).to.nested.include({ 'problem.code': 37, 'problem.oldest': 7 });
      expect(cut('a'.repeat(200))).to.have.length(123);
      expect(Buffer.byteLength(cut('€'.repeat(100)))).to.equal(123);
      await idle();
    });

    it('refuses before the upgrade, as every request is', async () => {
      await begin(counting(1), { userConnections: 100 });
      const wrong = await refusal('/csm/v1/changes?since=x');
      expect([wrong.status, wrong.json['field']]).to.deep.equal([400, 'since']);
      expect((await refusal('/csm/v1/guarded')).json).to.include({ code: code.PERMISSION, status: 403 });
      expect((await refusal('/csm/v1/nodes')).json).to.include({ status: 400, field: 'Upgrade' });
      expect((await refusal('/csm/v1/nothing')).status).to.equal(404);
      expect((await refusal('/csm/v1/changes', { origin: 'https://evil.example' })).json).to.include({
        status: 403,
        field: 'Origin',
      });
      const old = await refusal('/csm/v1/changes', { 'sec-websocket-version': '8' });
      expect([old.status, old.headers['sec-websocket-version']]).to.deep.equal([426, '13']);
      for (const key of ['', 'short', `${KEY}=`]) {
        expect((await refusal('/csm/v1/changes', { 'sec-websocket-key': key })).json).to.include({
          status: 400,
          field: 'Sec-WebSocket-Key',
        });
      }
      expect((await refusal('/csm/v1/changes', {}, 'POST')).json).to.include({ status: 400, field: 'Upgrade' });
      expect((await refusal('/csm/v1/changes', { 'content-length': '5' })).status).to.equal(400);
      // Some other protocol is not ours to speak; the request is answered as it stands.
      expect((await refusal('/csm/v1/changes', { upgrade: 'h2c' })).status).to.equal(200);
      await idle();
    });

    it('reads frames that come torn, and answers pings', async () => {
      await begin(counting(1, forEver));
      const socket = await raw(running.socketPath);
      let got = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        got = Buffer.concat([got, chunk]);
      });
      const head = Object.entries(UPGRADE).map(([name, value]) => `${name}: ${value}`);
      // The ping stands right behind the request, and both come in pieces.
      const ping = Buffer.from([0x89, 0x84, 1, 2, 3, 4, 0x61 ^ 1, 0x62 ^ 2, 0x63 ^ 3, 0x64 ^ 4]);
      const request = Buffer.concat([
        Buffer.from(`GET /csm/v1/changes HTTP/1.1\r\nHost: x\r\n${head.join('\r\n')}\r\n\r\n`),
        ping.subarray(0, 3),
      ]);
      for (const piece of [request.subarray(0, 20), request.subarray(20), ping.subarray(3, 4), ping.subarray(4)]) {
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const pong = Buffer.from([0x8a, 0x04, 0x61, 0x62, 0x63, 0x64]);
      await until('the pong', () => got.includes(pong));
      expect(got.toString('latin1')).to.match(/^HTTP\/1\.1 101 /);
      expect(got.includes('{"seq":1,"text":"x"}')).to.equal(true);
      // An unmasked frame breaks the protocol (RFC 6455 §5.1).
      const ended = drain(socket);
      socket.write(Buffer.from([0x89, 0x00]));
      await ended;
      await idle();
    });

    it('ends with a client that sends messages, small or huge', async () => {
      await begin(counting(1, forEver));
      const small = await open('/csm/v1/changes');
      small.ws.send('{"subscribe":"all"}');
      expect((await small.closed).code).to.equal(4000 + code.INVALID_PARAMETER);
      const huge = await open('/csm/v1/changes');
      huge.ws.send(Buffer.alloc(1024 * 1024));
      expect((await huge.closed).code).to.equal(1009);
      await idle();
    });

    it('ends the call when the client leaves, and the client when the daemon stops', async () => {
      const ended: unknown[] = [];
      await begin(async (_row, _input, ctx) => {
        ctx.signal.addEventListener('abort', () => ended.push(ctx.signal.reason));
        await ctx.emit({ seq: 1, text: 'x' });
        await forEver(ctx.signal);
        return undefined;
      });
      const leaving = await open('/csm/v1/changes');
      leaving.ws.close();
      await until('the call has ended', () => ended.length === 1);
      const cutOff = await open('/csm/v1/changes');
      cutOff.ws.terminate();
      await until('the call has ended', () => ended.length === 2);
      const staying = await open('/csm/v1/changes');
      await until('its item', () => staying.messages.length === 1);
      await running.server.close(200);
      expect((await staying.closed).code).to.equal(1001);
      expect(JSON.parse(staying.messages.at(-1) ?? '')).to.nested.include({ 'problem.code': code.NOT_INITIALIZED });
    });

    it('pings, holds back for one who reads slowly, and cuts off who reads nothing', async () => {
      let emitted = 0;
      let reason: unknown;
      await begin(
        async (_row, _input, ctx) => {
          ctx.signal.addEventListener('abort', () => {
            reason = ctx.signal.reason;
          });
          for (let seq = 1; ; seq++) {
            await ctx.emit({ seq, text: 'y'.repeat(10_000) });
            emitted++;
          }
        },
        { idleMs: 10, stallMs: 300 },
      );
      const { ws, messages, closed: over } = await open('/csm/v1/changes');
      await until('some items', () => messages.length > 20);
      ws.pause();
      await until('the call is ended', () => reason !== undefined);
      expect((reason as CsmError).code).to.equal(code.TIMEOUT);
      // What the kernel takes, and the room.
      expect(emitted - messages.length).to.be.below(300);
      ws.resume();
      expect((await over).code).to.equal(4000 + code.TIMEOUT);
      expect(JSON.parse(messages.at(-1) ?? '')).to.nested.include({ 'problem.code': code.TIMEOUT });
      await idle();
    });

    it('keeps one that is quiet but alive', async () => {
      let pings = 0;
      await begin(counting(0, forEver), { idleMs: 5, stallMs: 100 });
      const { ws } = await open('/csm/v1/changes');
      ws.on('ping', () => pings++);
      await until('many pings', () => pings > 60);
      expect(running.server.stats().calls).to.equal(1);
      ws.terminate();
      await idle();
    });
  });
});
