import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { caCertFile, initCa, issue, readPem } from '@csm/pki';
import { expect } from 'chai';
import { type ClientOptions, WebSocket } from 'ws';
import { createHttpsServer } from '../src/https-server.ts';
import { type ApiServer, type CallContext, DEFAULT_POLICY } from '../src/index.ts';
import { until } from './harness.ts';
import { TABLE } from './sample.ts';

const TOKEN = `csm_abcdefabcdef_${'s'.repeat(43)}`;
const PATH = '/csm/v1/node-changes?count=2';

describe('streams over HTTPS', () => {
  let dir: string;
  let ca: string;
  let user: { readonly cert: string; readonly key: string };
  let server: ApiServer;
  let port: number;
  let seen: CallContext[];

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'csm-streams-'));
    await initCa(dir, { name: 'ours' });
    ca = readFileSync(caCertFile(dir), 'utf8');
    const names = ['localhost', '127.0.0.1'];
    const own = await readPem((await issue(dir, { role: 'utility', node: 'login1', names })).file, {
      expired: 'accept',
    });
    user = await readPem((await issue(dir, { role: 'user', node: 'root' })).file, { expired: 'accept' });
    seen = [];
    const lines: string[] = [];
    const say = (message: string, fields?: object): unknown => lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
    server = createHttpsServer({
      table: TABLE,
      host: '127.0.0.1',
      port: 0,
      self: { role: 'utility', node: 'login1' },
      version: '0.1.0',
      policy: DEFAULT_POLICY,
      tls: () => ({ ca, cert: own.cert, key: own.key }),
      revoked: () => new Set(),
      tokens: {
        resolve: async (bearer) =>
          bearer === TOKEN ? { id: 'abcdefabcdef', user: 'nobody', scopes: ['node.watch'] } : undefined,
      },
      dispatch: async (_row, input, ctx) => {
        seen.push(ctx);
        for (let seq = 1; seq <= Number(input['count']); seq++) await ctx.emit({ seq, text: 'x' });
        return undefined;
      },
      log: { debug: say, info: say, warn: say, error: say },
      limits: { checkMs: 20 },
    });
    await server.listen();
    port = Number(/:(\d+)"/.exec(lines.find((line) => line.includes('API listens over HTTPS')) ?? '')?.[1]);
  });
  after(async () => {
    await server.close(0);
    rmSync(dir, { recursive: true, force: true });
  });

  /** The messages, or the HTTP status of a refusal. */
  const open = (options: ClientOptions): Promise<readonly string[] | number> =>
    new Promise((resolve, reject) => {
      const ws = new WebSocket(`wss://127.0.0.1:${port}${PATH}`, { ca, ...options });
      const messages: string[] = [];
      ws.on('message', (data) => messages.push((data as Buffer).toString()));
      ws.on('unexpected-response', (request, res) => {
        res.resume();
        request.destroy();
        resolve(res.statusCode ?? 0);
      });
      ws.on('error', reject);
      ws.on('close', () => resolve(messages));
    });
  const ALL = ['{"seq":1,"text":"x"}', '{"seq":2,"text":"x"}', '{"end":true}'];

  it('are open to a certificate and to a token, and to nobody else', async () => {
    expect(await open(user)).to.deep.equal(ALL);
    expect(seen.at(-1)?.caller).to.include({ user: 'root', via: 'certificate' });
    expect(await open({ headers: { authorization: `Bearer ${TOKEN}` } })).to.deep.equal(ALL);
    expect(seen.at(-1)?.caller).to.include({ user: 'nobody', via: 'token', token: 'abcdefabcdef' });
    expect(await open({})).to.equal(401);
    expect(await open({ headers: { authorization: `Bearer csm_abcdefabcdef_${'x'.repeat(43)}` } })).to.equal(401);
  });

  it('are given to pages of this server, not to those of others', async () => {
    expect(await open({ ...user, origin: `https://127.0.0.1:${port}` })).to.deep.equal(ALL);
    const calls = seen.length;
    for (const origin of [
      'https://evil.example',
      `https://127.0.0.1.evil.example:${port}`,
      'null',
      'https://127.0.0.1',
    ]) {
      expect(await open({ ...user, origin }), origin).to.equal(403);
    }
    expect(seen.length).to.equal(calls);
    await until('all connections are closed', () => server.stats().connections === 0);
  });

  it('come as events, too', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      const headers = { accept: 'text/event-stream' };
      const request = https.get({ host: '127.0.0.1', port, path: PATH, ca, ...user, headers, agent: false }, (res) => {
        let all = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => {
          all += chunk;
        });
        res.on('end', () => resolve(all));
      });
      request.on('error', reject);
    });
    expect(text).to.contain('id: 2\ndata: {"seq":2,"text":"x"}\n\nevent: end\n');
  });
});
