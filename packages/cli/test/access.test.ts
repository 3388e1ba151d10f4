import { expect } from 'chai';
import { csm, NOW, text, type World, world } from './harness.ts';
import { AUDITED, TOKEN } from './sample.ts';

const iso = (ms: number): string => new Date(NOW + ms).toISOString();
const DAY = 86_400_000;
const SECRET = `csm_${TOKEN.id}_${'A'.repeat(43)}`;

describe('csm token and csm audit', () => {
  let tree: World;
  before(async () => {
    tree = await world();
  });
  after(() => tree.stop());
  beforeEach(() => {
    tree.handlers = {};
    tree.calls.length = 0;
  });
  const answers = (call: string, answer: unknown): void => {
    tree.handlers[call] = async () => answer as never;
  };
  const run = (line: string) => csm(tree, line);
  const input = () => tree.calls.at(-1)?.input;

  it('create prints the token alone, and beside it what it is', async () => {
    answers('token.create', { ...TOKEN, token: SECRET });
    const line = "token create --scope 'node.*,health' --expires 30d";
    const err = `csm: token 7c1x0q4m9zab of ann, valid until ${TOKEN.expires}; it is not shown again\n`;
    expect(await run(line)).to.deep.equal({ exit: 0, out: `${SECRET}\n`, err: '' });
    expect(await csm(tree, line, { isTTY: true })).to.deep.equal({ exit: 0, out: `${SECRET}\n`, err });
    expect(input()).to.deep.equal({ scopes: ['node.*', 'health'], lifetime: 30 * 86_400 });
    expect(tree.calls[0]?.ctx.idempotencyKey).to.match(/^[0-9a-f-]{36}$/);
    await run('token create --scope public --user bob');
    expect(input()).to.deep.equal({ scopes: ['public'], user: 'bob' });
    expect(JSON.parse((await run('token create --scope public -o json')).out)).to.deep.equal({
      ...TOKEN,
      token: SECRET,
    });
  });

  it('create refuses in words before it asks', async () => {
    const wrong: [string, number, RegExp][] = [
      ['token create', 8, /field: --scope/],
      ["token create --scope ''", 9, /is not a list of scopes/],
      ['token create --scope node.list,,health', 9, /field: --scope/],
      ['token create --scope public --expires 5s', 9, /field: --expires\n {2}allowed: .* of 1m to 366d/],
      ['token create --scope public --expires soon', 9, /field: --expires/],
      [`token revoke ${SECRET}`, 9, /its id is the part between the underscores/],
      ['token revoke x', 9, /12 small letters and digits/],
    ];
    for (const [line, exit, words] of wrong) {
      const ran = await run(line);
      expect([ran.exit, ran.out], line).to.deep.equal([exit, '']);
      expect(ran.err, line).to.match(words);
    }
    expect(tree.calls).to.deep.equal([]);
    // What a wrong argument was is not told in full: it may be a secret.
    expect((await run(`token revoke ${SECRET}`)).err).to.not.contain('A'.repeat(10));
  });

  it('list shows how long each is valid, and revoke says whose it was', async () => {
    const rows = [TOKEN, { ...TOKEN, id: 'aaaaaaaaaaaa', user: 'bob', expires: iso(-1), last_used: null }];
    answers('token.list', rows);
    expect((await run('token list')).out).to.equal(text`
      ID            USER  EXPIRES IN  USED   MADE BY  SCOPES
      7c1x0q4m9zab  ann   30 d        5 min  ann      node.*,health
      aaaaaaaaaaaa  bob   expired     -      ann      node.*,health
    `);
    answers('token.list', []);
    expect((await run('token list --user bob')).exit).to.equal(4);
    expect(input()).to.deep.equal({ user: 'bob' });
    answers('token.revoke', TOKEN);
    expect(await run('token revoke 7c1x0q4m9zab')).to.deep.equal({
      exit: 0,
      out: 'token 7c1x0q4m9zab of ann is revoked\n',
      err: '',
    });
  });

  it('audit list tells who did what, and how it ended', async () => {
    const refused = { ...AUDITED, seq: 11, via: 'token', token: '7c1x0q4m9zab', call: 'run', input: null };
    answers('audit.list', [
      AUDITED,
      { ...refused, outcome: 'refused', code: 16, ms: null, times: 7 },
      { ...AUDITED, seq: 10, outcome: 'failed', code: 27 },
      {
        ...AUDITED,
        seq: 9,
        outcome: 'unknown',
        code: null,
        ms: null,
        via: 'certificate',
        input: { text: 'a\u001b[31m' },
      },
    ]);
    expect((await run('audit list')).out).to.equal(text`
      SEQ  TIME                      USER  BY                             CALL         OUTCOME     MS  INPUT
       12  2026-10-17T09:59:59.000Z  ann   utility/login1                 node.update  ok           7  {"nodes":"n1","comment":"x"}
       11  2026-10-17T09:59:59.000Z  ann   utility/login1 (7c1x0q4m9zab)  run          refused ×7   -  -
       10  2026-10-17T09:59:59.000Z  ann   utility/login1                 node.update  failed 27    7  {"nodes":"n1","comment":"x"}
        9  2026-10-17T09:59:59.000Z  ann   utility/login1 (certificate)   node.update  unknown      -  {"text":"a\u001b[31m"}
    `);
    expect((await run('audit list -o csv --no-header')).out.split('\n')[0]).to.match(/^12,/);
    expect(JSON.parse((await run('audit list -o json')).out)).to.have.length(4);
  });

  it('audit list passes on what is looked for', async () => {
    answers('audit.list', [AUDITED]);
    await run("audit list 'n[1-4]' --user ann --call run --since 1d --until now --before 12 --limit 5");
    expect(input()).to.deep.equal({
      nodes: 'n[1-4]',
      user: 'ann',
      call: 'run',
      since: iso(-DAY),
      until: iso(0),
      before: 12,
      limit: 5,
    });
    answers('audit.list', []);
    expect((await run('audit list')).exit).to.equal(4);
    for (const line of ['audit list --limit 1001', 'audit list --before 0', 'audit list --since tomorrow']) {
      expect((await run(line)).exit, line).to.equal(9);
    }
  });
});
