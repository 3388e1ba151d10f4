/** What is asked, told or rehearsed before and after many nodes change. */
import { expect } from 'chai';
import { allCommands } from '../src/commands/index.ts';
import { readCommon } from '../src/common.ts';
import { confirmAbove } from '../src/confirm.ts';
import { colors } from '../src/print/colors.ts';
import { failuresText, tellFailures } from '../src/print/failures.ts';
import { Session } from '../src/session.ts';
import { csm, ioOf, type Ran, text, type World, world } from './harness.ts';
import { WELL } from './sample.ts';

const COMMANDS = await allCommands();

describe('csm that changes nodes', () => {
  let tree: World;
  before(async () => {
    tree = await world();
  });
  after(() => tree.stop());
  beforeEach(() => {
    tree.handlers = { ...WELL };
    tree.calls.length = 0;
  });

  const MANY = "node update 'n[1-17]' --comment x";
  const run = (line: string, more: Parameters<typeof csm>[2] = {}): Promise<Ran> => csm(tree, line, more);
  const called = (): readonly string[] => tree.calls.map(({ name }) => name);

  it('asks above a number of them, and goes on at yes only', async () => {
    for (const [answer, exit] of [
      ['y\n', 0],
      ['YES\n', 0],
      ['n\n', 1],
      ['\n', 1],
      ['', 1],
      ['yesterday\n', 1],
    ] as const) {
      tree.calls.length = 0;
      const ran = await run(MANY, { canAsk: true, stdin: answer });
      expect(ran.err.split('\n').slice(0, 1)).to.deep.equal(['csm: 17 nodes would change: n[1-17]']);
      expect(ran.exit, answer).to.equal(exit);
      expect(called(), answer).to.deep.equal(exit === 0 ? ['node.update'] : []);
      if (exit !== 0) expect(ran.err).to.contain('Go on? [y/N] csm: called off: no node was changed\n');
    }
  });

  it('needs no question for few nodes, with --yes, or where it is turned off', async () => {
    for (const [line, env] of [
      ["node update 'n[1-16]' --comment x", {}],
      [`${MANY} --yes`, {}],
      [`${MANY} -y`, {}],
      [MANY, { CSM_CONFIRM: '17' }],
      [MANY, { CSM_CONFIRM: 'never' }],
    ] as const) {
      tree.calls.length = 0;
      const { exit, err } = await run(line, { env });
      expect([exit, err, called()], line).to.deep.equal([0, '', ['node.update']]);
    }
  });

  it('refuses in words where nobody can be asked', async () => {
    expect(await run(MANY)).to.deep.equal({
      exit: 8,
      out: '',
      err: text`
        csm: 17 nodes would change, and nobody can be asked here
          field: --yes
          allowed: --yes to go on; without it at most 16 nodes (CSM_CONFIRM)
      `,
    });
    expect(called()).to.deep.equal([]);
    expect((await run('node update n1 --comment x', { env: { CSM_CONFIRM: '0' } })).exit).to.equal(8);
    const wrong = await run('node update n1 --comment x', { env: { CSM_CONFIRM: 'few' } });
    expect([wrong.exit, wrong.err]).to.deep.equal([
      9,
      "csm: CSM_CONFIRM is 'few'\n  field: CSM_CONFIRM\n  allowed: a whole number: above so many nodes there is a question; or never\n",
    ]);
    expect([confirmAbove({}), confirmAbove({ CSM_CONFIRM: '' }), confirmAbove({ CSM_CONFIRM: '3' })]).to.deep.equal([
      16, 16, 3,
    ]);
  });

  it('counts the nodes of groups', async () => {
    tree.handlers['node.group'] = async () => [{ name: 'r1', nodes: 'n[1-20]', count: 20 }];
    expect((await run('node update @rack:r1 --comment x')).err).to.contain('20 nodes would change');
    expect((await run("node update '@rack:r1!n[5-20]' --comment x")).exit).to.equal(0);
    expect(tree.calls.at(-1)?.input).to.include({ nodes: 'n[1-4]' });
  });

  it('is cancelled at the question by an interrupt', async () => {
    const interrupt = new AbortController();
    const running = run(MANY, { canAsk: true, interrupt: interrupt.signal });
    setImmediate(() => interrupt.abort('SIGINT'));
    expect(await running).to.include({ exit: 130 });
    expect(called()).to.deep.equal([]);
  });

  it('rehearses with --dry-run: what would be asked, and nothing is', async () => {
    expect(await run(`${MANY} --dry-run`)).to.deep.equal({
      exit: 0,
      err: '',
      out: text`
        dry run: node.update would be asked of the daemon at ${tree.socket}, with
          nodes: n[1-17] (17)
          comment: x
        nothing was changed
      `,
    });
    const json = JSON.parse((await run("run 'n[1-2]' --dry-run -o json -- uname -r")).out) as object;
    expect(json).to.deep.include({ dry_run: true, call: 'run', method: 'POST', path: '/csm/v1/run' });
    expect(json).to.have.nested.property('input.argv').that.deep.equals(['uname', '-r']);
    expect(called()).to.deep.equal([]);
    expect((await run("node update 'n[2-1]' --comment x --dry-run")).exit, 'what is wrong is told').to.equal(9);
    expect((await run('node list --dry-run')).err, 'nothing to rehearse').to.contain("unknown option '--dry-run'");
  });

  it('is marked with its options wherever it is', () => {
    for (const spec of COMMANDS) {
      const own = spec.options.map(({ flags }) => flags).join(' ');
      expect(own, `${spec.path.join(' ')} has them by changesNodes`).not.to.match(/--yes|--dry-run/);
    }
    expect(COMMANDS.filter(({ changesNodes }) => changesNodes === true).length).to.be.at.least(1);
  });
});

describe('failures in part', () => {
  const failed = [
    { nodes: 'n1', code: 46, text: 'not known' },
    { nodes: 'n[2-4]', code: 44, text: 'IN_SERVICE → DISCOVERED is not allowed\x1b[2J' },
    { nodes: 'n9', code: 99, text: 'odd' },
  ];

  it('are folded by reason in the words of CSM, the most nodes first', () => {
    expect(failuresText('update', 8, failed)).to.equal(text`
      Could not update 5 of the 8 record(s):
        n[2-4] (3): BAD_STATE: IN_SERVICE → DISCOVERED is not allowed\u001b[2J
        n1 (1): UNKNOWN_NODES: not known
        n9 (1): code 99: odd
    `);
    expect(failuresText('delete', 2, [])).to.equal('');
    const lots = Array.from({ length: 25 }, (_, i) => ({ nodes: `n${i}`, code: 1, text: `reason ${i}` }));
    expect(failuresText('delete', 30, lots)).to.match(
      /^Could not delete 25 of the 30 record\(s\):\n(?: {2}n\d+ .*\n){20} {2}and 5 reasons more \(-o json shows all\)\n$/,
    );
  });

  it('are told on stderr for people, and give the exit code of CSM', async () => {
    const told = async (
      verb: 'update' | 'delete',
      format: string,
      list: typeof failed,
    ): Promise<readonly [number, string]> => {
      const { io, err } = ioOf(undefined);
      return [await tellFailures(new Session(io, readCommon({ output: format })), verb, 8, list), err()];
    };
    expect(await told('update', 'table', [])).to.deep.equal([0, '']);
    expect((await told('update', 'table', failed))[0]).to.equal(27);
    expect((await told('delete', 'csv', failed))[0]).to.equal(26);
    expect((await told('update', 'table', failed))[1]).to.match(
      /^csm: Could not update 5 of the 8 record\(s\):\n {2}n\[2-4\]/,
    );
    expect(await told('update', 'json', failed), 'the answer has them').to.deep.equal([27, '']);
  });
});

describe('colours', () => {
  it('are where a terminal wants them, or where they are asked for', () => {
    const painted = (...given: Parameters<typeof colors>): boolean => colors(...given).bad('x') !== 'x';
    expect(painted('auto', true, {})).to.equal(true);
    expect(painted('auto', false, {})).to.equal(false);
    expect(painted('auto', true, { NO_COLOR: '1' })).to.equal(false);
    expect(painted('auto', true, { NO_COLOR: '' })).to.equal(true);
    expect(painted('auto', true, { TERM: 'dumb' })).to.equal(false);
    expect(painted('always', false, { NO_COLOR: '1' })).to.equal(true);
    expect(painted('never', true, {})).to.equal(false);
  });

  it('are chosen on the command line', async () => {
    const tree = await world();
    try {
      tree.handlers = { ...WELL };
      const sgr = '\x1b[';
      expect((await csm(tree, 'node list --color always')).out).to.contain(sgr);
      expect((await csm(tree, 'node list', { isTTY: true })).out).to.contain(sgr);
      expect((await csm(tree, 'node list --color never', { isTTY: true })).out).not.to.contain(sgr);
      expect((await csm(tree, 'node list --color sometimes')).err).to.contain('--color');
    } finally {
      await tree.stop();
    }
  });
});

describe('every command line alike', () => {
  for (const spec of COMMANDS) {
    const name = spec.path.join(' ');
    it(`csm ${name}: help, unknown options and missing arguments`, async () => {
      const help = await csm(undefined, `${name} --help`, { columns: 80 });
      expect([help.exit, help.err]).to.deep.equal([0, '']);
      expect(help.out).to.contain('\nExamples:\n');
      // An example is one line, however long.
      const long = help.out.split('\n').filter((line) => line.length > 86 && !line.startsWith('  csm '));
      expect(long).to.deep.equal([]);
      const unknown = await csm(undefined, `${name} --no-such-thing`);
      expect([unknown.exit, unknown.out]).to.deep.equal([9, '']);
      expect(unknown.err).to.match(/^csm: unknown option '--no-such-thing'/);
      if (!spec.arguments.some(({ required }) => required)) return;
      const missing = await csm(undefined, name);
      expect(missing.exit).to.equal(8);
      expect(missing.err).to.match(/^csm: the argument '.*' is missing\n {2}field: /);
    });
  }
});
