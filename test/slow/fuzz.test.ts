/**
 * Calls made at random from the OpenAPI document, against a real master over HTTP: each is answered, none with a 500,
 * every refusal is a problem in words, and what was refused has changed nothing.
 */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { code, isCode, type JsonObject } from '@csm/model';
import { loadAdmin, type Reading } from '@csm/store';
import { expect } from 'chai';
import fc, { type Arbitrary } from 'fast-check';
import { at, type Daemon, freePorts, Site, until } from '../support/daemons.ts';
import { type Operation, operationsOf, requests } from '../support/fuzz.ts';
import { type Answered, problemIn, type Wanted } from '../support/http.ts';

/** How long is fuzzed, and how long one answer may take: for what hangs, on a loaded machine. */
const FUZZ_MS = 20_000;
const HANGS_MS = 60_000;
const SILENT_MS = 500;
/** Tables whose rows come and go by themselves, or tell of calls. */
const OWN_LIFE = /^(?:env_|audit$|begun_order$|stream$|daemon|leader$|follower$|node_rule$)/;
const OWN_COLUMNS = ['last_seen', 'last_used', 'updated'];

describe('calls made at random', () => {
  let site: Site;
  let master: Daemon;
  let operations: Operation[] = [];
  let files = '';
  let reading: Reading;
  let statements: readonly { readonly name: string; readonly sql: string }[] = [];

  before(async () => {
    site = await Site.open();
    const [a = 0, b = 0] = await freePorts(2);
    master = await site.start('master', 'm1', {
      net: { aggregator_listen: at(a), utility_listen: at(b) },
      more: { inventory: { hotplug_interval: 0 } },
    });
    await master.started();
    files = join(site.root, 'files');
    mkdirSync(files);
    const document = await raw({ method: 'GET', path: '/openapi.json' }, { streams: false, endless: false });
    operations = operationsOf(JSON.parse(document.text));
    await until('its own node is known', async () => {
      const [node] = await master.client.call('node.list', {});
      return node?.kernel_release;
    });
    const { openReading, quoted } = await loadAdmin();
    reading = await openReading({ engine: 'sqlite', file: join(site.root, 'state', 'master-m1', 'csm.db') });
    const columnsOf = (columns: readonly string[]) => columns.filter((column) => !OWN_COLUMNS.includes(column));
    statements = (await reading.tables())
      .filter(({ name }) => !OWN_LIFE.test(name))
      .map(({ name, columns }) => ({
        name,
        sql: `SELECT ${columnsOf(columns).map(quoted).join(', ')} FROM ${quoted(name)}`,
      }));
  });
  after(async () => {
    await reading?.close();
    await site?.close();
  });

  /** A stream that has begun is left: it may have no end. */
  function raw(
    { method, path, body, headers = {} }: Wanted,
    { streams, endless }: Pick<Operation, 'streams' | 'endless'>,
  ): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const length = { 'content-length': Buffer.byteLength(body ?? '') };
      const own = body === undefined ? {} : { 'content-type': 'application/json', ...length };
      const sent = request({ socketPath: master.socket, method, path, headers: { ...own, ...headers }, agent: false });
      const late = setTimeout(() => reject(new Error(`no answer within ${HANGS_MS} ms`)), HANGS_MS);
      // One without an end says nothing as long as nothing happens: it is under way.
      const silent = setTimeout(() => {
        if (!endless) return;
        resolve({ status: 200, type: '', text: '' });
        sent.destroy();
      }, SILENT_MS);
      sent.on('close', () => {
        clearTimeout(late);
        clearTimeout(silent);
      });
      sent.on('error', reject);
      sent.on('response', (got) => {
        let text = '';
        const told = () => resolve({ status: got.statusCode ?? 0, type: got.headers['content-type'] ?? '', text });
        got.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        got.on('error', () => undefined);
        got.on('end', told);
        if (streams && got.statusCode === 200) {
          told();
          sent.destroy();
        }
      });
      sent.end(body);
    });
  }

  /** All that calls can change: a digest of each table. */
  async function everything(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const { name, sql } of statements) {
      found[name] = createHash('sha256')
        .update(JSON.stringify(await reading.all(sql)))
        .digest('hex');
    }
    return found;
  }

  /** Values that mean something here; files and programs only where they do no harm. */
  const textsOf =
    (call: string) =>
    (field: string): Arbitrary<string> | undefined => {
      // What a node finds anew comes when it comes: nobody could tell it from what a later call has done. And it is to stay.
      if ((call === 'node.collect' || call === 'node.delete') && field === 'nodes')
        return fc.constantFrom('n[1-3]', 'nope', 'n[1-');
      switch (field) {
        case 'nodes':
        case 'name':
        case 'node':
        case 'a':
        case 'b':
          return fc.oneof(
            fc.constantFrom('m1', 'm1,m2', 'n[1-3]', 'm1', 'nope'),
            fc.string({ minLength: 1, maxLength: 8 }),
          );
        case 'argv':
          return fc.constantFrom('true', 'false', '/nonexistent');
        case 'file':
        case 'directory':
          return fc.stringMatching(/^[a-z]{1,8}$/).map((word) => join(files, word));
        case 'since':
        case 'until':
        case 'from':
        case 'to':
        case 'begin':
        case 'end':
          return fc.oneof(
            fc.constantFrom('2026-01-31T08:00:00Z', '2026-01-31', '2026-02-30', 'yesterday'),
            fc.string(),
          );
        case 'scopes':
          return fc.constantFrom('node.list', 'node.*', 'public', 'nope.*', 'x');
        case 'user':
          return fc.constantFrom('root', 'nobody', 'alice');
        default:
          return undefined;
      }
    };

  function judge(operation: Operation, wanted: Wanted, answer: Answered): JsonObject | undefined {
    const what = `${operation.name} ${JSON.stringify(wanted).slice(0, 600)} → ${answer.status} ${answer.text.slice(0, 600)}`;
    if (answer.status < 400) return undefined;
    const problem = problemIn(answer);
    expect(problem, what).to.not.equal(undefined);
    expect(answer.status, what).to.not.equal(500);
    expect(isCode(problem?.['code']), what).to.equal(true);
    expect(problem?.['code'], what).to.not.equal(code.GENERIC);
    expect(problem?.['detail'], what).to.be.a('string').and.not.equal('');
    expect(problem?.['trace'], what).to.match(/^[0-9a-f]{16}$/);
    if (problem?.['code'] === code.INVALID_PARAMETER) {
      // Empty: the whole of it.
      expect(problem['field'], what).to.be.a('string');
      expect(problem['allowed'], what).to.be.a('string').and.not.equal('');
    }
    if (problem?.['code'] === code.MISSING_PARAMETER) {
      // Which of several is missing nobody can say; then it is said which they are.
      expect(problem['field'] ?? problem['allowed'], what)
        .to.be.a('string')
        .and.not.equal('');
    }
    return problem;
  }

  it('are answered, refused in words, and change all they say or nothing', async function () {
    this.timeout(FUZZ_MS + 3 * HANGS_MS);
    expect(operations.length).to.be.above(15);
    const seen = new Map<string, { granted: number; refused: number }>();
    let before = await everything();
    const one = fc
      .constantFrom(...operations)
      .chain((operation) => requests(operation, textsOf(operation.name)).map((wanted) => ({ operation, wanted })));
    await fc.assert(
      fc.asyncProperty(one, async ({ operation, wanted }) => {
        const answer = await raw(wanted, operation);
        const problem = judge(operation, wanted, answer);
        const count = seen.get(operation.name) ?? { granted: 0, refused: 0 };
        seen.set(operation.name, count);
        if (problem === undefined) count.granted++;
        else count.refused++;
        const now = await everything();
        const changed = Object.keys(now).filter((table) => now[table] !== before[table]);
        if (problem !== undefined) {
          expect(changed, `${operation.name} ${wanted.body ?? wanted.path} was refused: ${answer.text}`).to.deep.equal(
            [],
          );
        }
        before = now;
      }),
      { numRuns: 100_000, interruptAfterTimeLimit: FUZZ_MS, markInterruptAsFailure: false, endOnFailure: true },
    );
    const all = [...seen.values()];
    expect(
      all.some(({ refused }) => refused > 0),
      'some were refused',
    ).to.equal(true);
    expect(
      all.some(({ granted }) => granted > 0),
      'some were granted',
    ).to.equal(true);
    expect(master.isRunning).to.equal(true);
    expect((await master.client.call('health', {})).master.reachable).to.equal(true);
  });
});
