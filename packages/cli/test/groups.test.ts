import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CsmError, fail, type Problem } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { fillIn, readConf } from '../src/groups/conf.ts';
import { readFlat } from '../src/groups/flat.ts';
import { readGenders } from '../src/groups/genders.ts';
import type { Groups } from '../src/groups/source.ts';
import { upcall } from '../src/groups/upcall.ts';
import { readYaml } from '../src/groups/yaml.ts';
import { csm, type Ran, text, until, type World, world } from './harness.ts';
import { WELL } from './sample.ts';

const plain = (groups: Groups): { readonly [group: string]: string } =>
  Object.fromEntries([...groups].map(([name, lines]) => [name, lines.map((line) => line.text).join(' ')]));

function problemOf(run: () => unknown): Problem {
  try {
    run();
  } catch (error) {
    if (error instanceof CsmError) return error.problem;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('files of groups', () => {
  it('are lines of name and node set', () => {
    const file = '# all of it\n\ngpu: n[1-4]\n fat :n5,n6 # two\ngpu:@fat\nnone:\n';
    expect(plain(readFlat(file, 'f'))).to.deep.equal({ gpu: 'n[1-4] @fat', fat: 'n5,n6', none: '' });
    expect(
      readFlat(file, 'f')
        .get('gpu')
        ?.map(({ where }) => where),
    ).to.deep.equal(['f:3', 'f:5']);
    for (const [line, words] of [
      ['gpu n[1-4]', /^f:2: 'gpu n\[1-4\]' is no definition of a group/],
      [': n1', /is no definition/],
      ['g$p: n1', /^f:2: 'g\$p' cannot name a group/],
      ['-a: n1', /cannot name a group/],
    ] as const) {
      const problem = problemOf(() => readFlat(`\n${line}\n`, 'f'));
      expect(problem).to.include({ code: 9, field: 'f' });
      expect(problem.detail).to.match(words);
      expect(problem.allowed).to.match(/\w/);
    }
  });

  it('have a sample, whose lines mean what they say', () => {
    const sample = readFileSync(new URL('../../../../etc/groups.cfg', import.meta.url), 'utf8');
    expect([...readFlat(sample, 'f').keys()]).to.deep.equal([]);
    const used = sample.replaceAll(/^# (?=\w+: {2})/gm, '');
    expect([...readFlat(used, 'f').keys()]).to.deep.equal(['fat', 'gpu', 'test', 'sick', 'near']);
  });

  it('are genders: by attribute, by attribute and value, with %n', () => {
    const file = 'n[1-2] compute,rack=r1,ip=%n-ib\nn2,n3\tfat # more\nlogin1\n\n n4 x=50%%,note="a\n';
    expect(plain(readGenders(file, 'g'))).to.deep.equal({
      '*': 'n[1-2] n2,n3 login1 n4',
      compute: 'n[1-2]',
      rack: 'n[1-2]',
      'rack=r1': 'n[1-2]',
      ip: 'n[1-2]',
      'ip=n1-ib': 'n1',
      'ip=n2-ib': 'n2',
      fat: 'n2,n3',
      x: 'n4',
      'x=50%': 'n4',
      note: 'n4',
    });
    expect(problemOf(() => readGenders('n1 a\nn[1- b', 'g')).detail).to.match(/^g:2: node set 'n\[1-'/);
    expect(problemOf(() => readGenders('n1 a, b', 'g')).detail).to.match(/^g:1: 'b' is too much/);
    expect(problemOf(() => readGenders('n1 $a', 'g')).detail).to.match(/^g:1: '\$a' cannot name a group/);
  });

  it("are ClusterShell's YAML", () => {
    const file = text`
      ---
      # roles
      roles:
          adm: 'example0'   # one
          mds: "@adm,n[1-2]"
          compute: n[3-9,11]
          flow: [ 'n[1-2]', n7, "n[8-9]" ]
          many:
            - n1
            - '@adm'
          none:
          empty: []
      racks:
        r1: n[1-16]
        2: n17
      later: {}
      roles:
        more: it''s
    `.replace("it''s", "'n1'");
    const found = readYaml(file, 'y');
    expect([...found.keys()]).to.deep.equal(['roles', 'racks', 'later']);
    const roles = found.get('roles');
    expect(roles === undefined ? undefined : plain(roles)).to.deep.equal({
      adm: 'example0',
      mds: '@adm,n[1-2]',
      compute: 'n[3-9,11]',
      flow: 'n[1-2] n7 n[8-9]',
      many: ' n1 @adm',
      none: '',
      empty: '',
      more: 'n1',
    });
    expect(found.get('racks')?.get('2')?.[0]).to.deep.equal({ text: 'n17', where: 'y:15' });
    const bad: readonly (readonly [string, RegExp])[] = [
      ['r:\n\ta: n1', /^y:2: a tab stands/],
      ['  a: n1', /^y:1: a group stands in no source/],
      ['r:\n  a: n1\n    b: n2', /^y:3: groups of a source are indented alike/],
      ['r:\n  a: @b', /^y:2: '@b' is not understood/],
      ['r:\n  a: &x n1', /^y:2: '&x n1' is not understood/],
      ['r:\n  a: |', /^y:2: '\|' is not understood/],
      ["r:\n  a: 'n1", /^y:2: ''n1' is not understood/],
      ['r:\n  a: [n[1-2]]', /^y:2: .* is not understood/],
      ['r:\n  a: [n1', /^y:2: '\[n1' does not end with '\]'/],
      ['r:\n  - n1', /^y:2: a list stands below no group/],
      ['r: n1', /^y:1: the source 'r' has a value/],
      ['r:\n  a$: n1', /^y:2: 'a\$' cannot name a group/],
      ['just text', /^y:1: 'just text' is not understood/],
      ['r:\n  a: {b: c}', /^y:2: .* is not understood/],
    ];
    for (const [given, words] of bad) {
      const problem = problemOf(() => readYaml(given, 'y'));
      expect(problem, given).to.include({ code: 9, field: 'y' });
      expect(problem.detail, given).to.match(words);
      expect(problem.allowed, given).to.match(/\w/);
    }
  });

  it("are ClusterShell's groups.conf", () => {
    const file = text`
      # how groups are found
      [Main]
      Default = slurm
      confdir: /etc/a "$CFGDIR/b c"
      groupsdir: /etc/old
      ; and
      autodir=$CFGDIR/groups.d

      [slurm]
      map: sinfo -h -o "%N" -p $GROUP
        | head -1
      all: sinfo -h -o "%N"
      cache_time: 60
      [rack, row]
      map = get $SOURCE $GROUP
      reverse: of $NODE
    `;
    expect(readConf(file, 'c')).to.deep.equal({
      default: 'slurm',
      confdir: ['/etc/a', '$CFGDIR/b c', '/etc/old'],
      autodir: ['$CFGDIR/groups.d'],
      sources: [
        { name: 'slurm', where: 'c:9', map: 'sinfo -h -o "%N" -p $GROUP\n| head -1', all: 'sinfo -h -o "%N"' },
        { name: 'rack', where: 'c:14', map: 'get $SOURCE $GROUP', reverse: 'of $NODE' },
        { name: 'row', where: 'c:14', map: 'get $SOURCE $GROUP', reverse: 'of $NODE' },
      ],
    });
    const bad: readonly (readonly [string, RegExp])[] = [
      ['map: x', /^c:1: 'map' stands in no section/],
      ['[a]\nlist: x', /^c:1: the source \[a\] has no 'map'/],
      ['[a]\nmap: x\nmpa: y', /^c:3: \[a\] has no setting 'mpa'/],
      ['[a]\nmap: x\n[a]\nmap: y', /^c:3: \[a\] stands twice/],
      ['  x', /^c:1: an indented line continues nothing/],
      ['[a b]\nmap: x', /^c:1: 'a b' cannot name a source/],
      ['[a\nmap: x', /^c:1: '\[a' is not understood/],
    ];
    for (const [given, words] of bad) expect(problemOf(() => readConf(given, 'c')).detail, given).to.match(words);
  });

  it('put values into commands as ClusterShell does', () => {
    const values = { GROUP: 'g', SOURCE: 's' };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template is the command's
    expect(fillIn("sed '$GROUP/${GROUP}x' $$ $1 $HOME $SOURCE$", values)).to.equal("sed 'g/gx' $ $1 $HOME s$");
  });

  it('never end in anything but groups or words', () => {
    const unit = fc.constantFrom(...'ab1: -[]\'"#@,{}|&\n\t='.split(''));
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 80 }), (given) => {
        for (const read of [readFlat, readGenders, readYaml, readConf]) {
          try {
            read(given, 'f');
          } catch (error) {
            if (!(error instanceof CsmError)) throw error;
            expect(error.problem).to.include({ code: 9, field: 'f' });
            expect(error.message).to.match(/^f:\d+: /);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('commands that tell groups', () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'csm-upcall-'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const run = (command: string, more: Partial<Parameters<typeof upcall>[1]> = {}): Promise<string> =>
    upcall(command, { cwd: dir, where: 'c:1 (map)', ...more });
  const refusal = (command: string, more: Partial<Parameters<typeof upcall>[1]> = {}): Promise<Problem> =>
    run(command, more).then(
      (out) => {
        throw new Error(`${command} printed ${out}`);
      },
      (error: CsmError) => error.problem,
    );
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      // A dead child of a dead shell may wait for init to fetch it.
      return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  };

  it('run where their file stands', async () => {
    expect(await run('pwd; printf "n[1-2]\\n n3"')).to.equal(`${dir}\nn[1-2]\n n3`);
  });

  it('are told by their exit and first words when they fail', async () => {
    expect(await refusal('echo no such thing >&2; echo more >&2; exit 3')).to.deep.include({
      code: 17,
      detail: 'the command of c:1 (map) ended with 3: no such thing',
    });
    expect((await refusal('kill -9 $$')).detail).to.match(/ended with SIGKILL/);
    expect(await refusal('yes')).to.include({ code: 30 });
  });

  it('are killed with all they started when they take too long', async () => {
    const file = join(dir, 'pid');
    const problem = await refusal(`sleep 1000 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`, {
      timeoutMs: 500,
    });
    expect(problem).to.include({ code: 5, detail: 'the command of c:1 (map) did not end within 0.5 s and was killed' });
    // It is only there when the machine let it begin in time; then it is dead.
    if (existsSync(file)) {
      const pid = Number(readFileSync(file, 'utf8'));
      await until('the child is dead', () => !isAlive(pid));
    }
  });

  it('are killed by an interrupt', async () => {
    const interrupt = new AbortController();
    const file = join(dir, 'pid2');
    const running = run(`echo $$ > ${file}.new; mv ${file}.new ${file}; sleep 1000`, { signal: interrupt.signal });
    const outcome = running.catch((error: unknown) => error);
    await until('it runs', () => existsSync(file));
    interrupt.abort('SIGINT');
    expect(await outcome).to.equal('SIGINT');
    await until('it is dead', () => !isAlive(Number(readFileSync(file, 'utf8'))));
  });
});

describe('groups on the command line', () => {
  let tree: World;
  let dir: string;
  let env: { readonly [name: string]: string };
  before(async () => {
    tree = await world();
    dir = join(tree.dir, 'shell');
    env = {
      CLUSTERSHELL_CFGDIR: dir,
      CSM_GROUPS: join(dir, 'csm.cfg'),
      GENDERS: join(dir, 'genders'),
      XDG_CONFIG_HOME: dir,
    };
  });
  after(() => tree.stop());
  beforeEach(() => {
    tree.calls.length = 0;
    tree.handlers = {
      ...WELL,
      'node.group': async ({ source, name }) => {
        if (name === 'nope')
          return fail(9, `there is no group @${source as string}:nope`, { field: 'name', allowed: 'r1, r2' });
        const groups = [
          { name: 'r1', nodes: 'n[1-4]', count: 4 },
          { name: 'r2', nodes: 'n[5-8]', count: 4 },
          { name: 'none', nodes: '', count: 0 },
        ];
        return groups.filter((group) => name === undefined || group.name === name);
      },
    };
    rmSync(dir, { recursive: true, force: true });
    file('csm.cfg', 'vis: n[1-2]\nbad: @worse\nworse: @bad\nmix: @vis,@rack:r2,@local:gpu\n');
    file('genders', 'n[001-004] compute,rack=a\n');
    file(
      'groups.conf',
      `[Main]\ndefault: local\n[local]\nmap: sed -n 's/^$GROUP: //p' flat\nlist: cut -d: -f1 flat\nall: cut -d: -f2 flat\n`,
    );
    file('flat', 'gpu: n[7-9]\nempty: \n');
    file('groups.d/sites.yaml', 'roles:\n  adm: adm1\nstate:\n  ours: n77\n');
    file('groups.conf.d/more.conf', '[slow]\nmap: echo n1\nreverse: echo of-$NODE\n');
  });

  function file(name: string, content: string): void {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  const run = (line: string | readonly string[], more: Parameters<typeof csm>[2] = {}): Promise<Ran> =>
    csm(tree, line, { ...more, env: { ...env, ...more.env } });
  const folded = async (expression: string): Promise<string> => {
    const { exit, out, err } = await run(['nodeset', 'fold', expression]);
    return exit === 0 ? out.trim() : `${exit} ${err}`;
  };

  it('come from our file, genders, ClusterShell and the master', async () => {
    expect(await folded('@vis')).to.equal('n[1-2]');
    expect(await folded('@csm:vis')).to.equal('n[1-2]');
    expect(await folded('@genders:rack=a')).to.equal('n[001-004]');
    expect(await folded('@compute'), 'genders are the last default').to.equal('n[001-004]');
    expect(await folded('@gpu')).to.equal('n[7-9]');
    expect(await folded('@roles:adm')).to.equal('adm1');
    expect(await folded('@rack:r1!@vis')).to.equal('n[3-4]');
    expect(await folded('@mix')).to.equal('n[1-2,5-9]');
    expect(await folded('@*')).to.equal('n[7-9]');
    expect(await folded('@rack:*')).to.equal('n[1-8]');
    expect(await folded('@roles:*')).to.equal('adm1');
    expect(await folded('@slow:x')).to.equal('n1');
    expect(await folded('@empty'), 'it is in the list').to.equal('');
    expect(await folded('@rack:none')).to.equal('');
    expect(await folded('@state:ours'), "the site's own source of that name").to.equal('n77');
  });

  it('are the nodes that calls are asked about, in arguments and options', async () => {
    await run('node list @vis,@gpu');
    expect(tree.calls.at(-1)).to.deep.include({ name: 'node.list', input: { nodes: 'n[1-2,7-9]' } });
    const { out } = await run(['nodeset', 'groups', 'rack', '--of', '@vis', '--no-header']);
    expect(out).to.equal('rack  @rack:r1  the master\n');
  });

  it('that are empty leave nothing to do, with 4', async () => {
    const { exit, err } = await run('ping @rack:none');
    expect([exit, err]).to.deep.equal([4, "csm: the node set '@rack:none' names no node now\n  field: nodeset\n"]);
    expect(tree.calls.filter(({ name }) => name === 'ping')).to.deep.equal([]);
  });

  const refused: readonly (readonly [string, number, RegExp])[] = [
    ['@bad', 9, /the group @csm:bad contains itself: @csm:bad → @csm:worse → @csm:bad \(.*csm\.cfg:2\)/],
    [
      '@vsi',
      9,
      /there is no group @vsi in .*csm\.cfg, .*groups\.conf:3, .*genders; did you mean 'vis'\?\n {2}field: nodeset\n {2}allowed: bad,/,
    ],
    ['@csm:nope', 9, /there is no group @csm:nope in .*csm\.cfg\n/],
    [
      '@gendres:x',
      9,
      /no source of groups 'gendres'; did you mean 'genders'\?\n.*\n {2}allowed: csm, genders, .*rack, profile, role/,
    ],
    ['@rack:nope', 9, /there is no group @rack:nope\n {2}field: nodeset\n {2}allowed: r1, r2\n/],
    ['@', 9, /nothing follows '@'/],
  ];
  for (const [expression, code, words] of refused) {
    it(`refuses ${expression} in words`, async () => {
      const { exit, err } = await run(['node', 'list', expression]);
      expect(err).to.match(words);
      expect(exit).to.equal(code);
      expect(tree.calls.map(({ name }) => name)).not.to.include('node.list');
    });
  }

  it('say which file is not understood, and only where it matters', async () => {
    file('groups.conf', '[Main]\ndefault: nope\n');
    expect((await run('node list @x')).err).to.match(/the default source 'nope' of groups\.conf is not defined/);
    expect(await folded('@csm:vis')).to.equal('n[1-2]');
    file('groups.conf', 'nonsense\n');
    expect((await run('node list @x')).err).to.match(/groups\.conf:1: 'nonsense' is not understood/);
    expect(await folded('n1'), 'no group, no file').to.equal('n1');
    expect((await run('node list @x', { env: { CSM_GROUPS: join(dir, 'gone') } })).err).to.match(
      /gone: there is no such file/,
    );
  });

  it('are looked for elsewhere when a command fails for what it does not list', async () => {
    file(
      'groups.conf',
      '[Main]\ndefault: local\n[local]\nmap: cat list/$GROUP\nlist: ls list\n[bare]\nmap: cat $GROUP\n',
    );
    file('list/gpu', 'n7');
    expect(await folded('@gpu')).to.equal('n7');
    expect(await folded('@compute'), 'of the genders').to.equal('n[001-004]');
    expect(await folded('@local:nope')).to.match(/^9 csm: there is no group @local:nope in .*groups\.conf:3/);
    expect(await folded('@bare:nope'), 'nothing lists it').to.match(
      /^17 csm: the command of .*groups\.conf:6 \(map\) ended with 1: cat: nope: No such file/,
    );
  });

  it('need no file at all', async () => {
    rmSync(dir, { recursive: true });
    const without = { CSM_GROUPS: '', GENDERS: '' };
    expect((await run('nodeset fold @rack:r1', { env: without })).out).to.equal('n[1-4]\n');
    expect((await run('nodeset fold @x', { env: without })).err).to.match(/there is no group @x/);
  });

  it('are listed with where they come from', async () => {
    const { out, exit } = await run('nodeset groups --sources');
    expect(exit).to.equal(0);
    expect(out.split('\n').map((line) => line.split(' ')[0])).to.deep.equal([
      'SOURCE',
      'csm',
      'genders',
      'roles',
      'state',
      'local',
      'slow',
      'agg',
      'rack',
      'profile',
      'role',
      '',
    ]);
    expect((await run('nodeset groups rack --nodes')).out).to.equal(text`
      SOURCE  GROUP       NODES  NODE SET  FROM
      rack    @rack:none      0  -         the master
      rack    @rack:r1        4  n[1-4]    the master
      rack    @rack:r2        4  n[5-8]    the master
    `);
    expect((await run('nodeset groups slow --of n1,n2 -o json')).out).to.contain('"of-n2"');
    expect(await run('nodeset groups roles --of n1')).to.include({ exit: 4 });
  });

  it('of a source that cannot be read do not hide the others', async () => {
    tree.handlers['node.group'] = async () => fail(24, 'the database is away');
    const { exit, out, err } = await run('nodeset groups');
    expect(exit).to.equal(24);
    expect(err).to.equal('csm: cannot read the groups of agg, rack, profile, role: the database is away\n');
    expect(out).to.contain('@csm:vis');
    expect((await run('nodeset groups rack')).exit).to.equal(24);
  });

  it('can be written out, folded and counted for scripts', async () => {
    expect((await run("nodeset expand 'n[9-11]' n1")).out).to.equal('n1\nn9\nn10\nn11\n');
    expect((await run("nodeset expand -S , 'n[1-3]'")).out).to.equal('n1,n2,n3\n');
    expect((await run("nodeset expand 'n[1-2]' -o json")).out).to.equal('[\n"n1",\n"n2"\n]\n');
    expect((await run("nodeset expand 'n[1-2]' -o csv --no-header")).out).to.equal('n1\r\nn2\r\n');
    expect((await run('nodeset fold', { stdin: 'n1 n2\nn3,n4\n' })).out).to.equal('n[1-4]\n');
    expect((await run('nodeset count -', { stdin: '@gpu\n' })).out).to.equal('3\n');
    expect((await run("nodeset count 'n1!n1'")).out).to.equal('0\n');
    expect((await run("nodeset fold 'n1!n1'")).out).to.equal('');
    expect((await run("nodeset fold 'n[2-1]'")).exit).to.equal(9);
    expect((await run('nodeset fold', { canAsk: true })).exit).to.equal(8);
  });
});
