import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { allCommands } from '../src/commands/index.ts';
import { bashCompletion } from '../src/completion/bash.ts';
import { candidates, lastOperand } from '../src/completion/candidates.ts';
import { commandLine } from '../src/completion/shape.ts';
import { zshCompletion } from '../src/completion/zsh.ts';
import { csm, ioOf, type World, world } from './harness.ts';
import { WELL } from './sample.ts';
import { Shell } from './shell.ts';

const COMMANDS = await allCommands();
const shape = commandLine(COMMANDS);
const BIN = fileURLToPath(new URL('../../bin/csm.cjs', import.meta.url));
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

const GROUPS: {
  readonly [source: string]: readonly { readonly name: string; readonly nodes: string; readonly count: number }[];
} = {
  role: [
    { name: 'compute', nodes: 'n[001-012]', count: 12 },
    { name: 'aggregator', nodes: 'agg-A,agg-B', count: 2 },
  ],
  rack: [
    { name: 'r1', nodes: 'n[001-006]', count: 6 },
    { name: 'r2', nodes: 'n[007-012]', count: 6 },
  ],
};

describe('completion', () => {
  let tree: World;
  let env: { readonly [name: string]: string };
  before(async () => {
    tree = await world();
    tree.handlers = {
      ...WELL,
      'node.group': async ({ source, name }) =>
        (GROUPS[source as string] ?? []).filter((group) => name === undefined || group.name === name),
    };
    const dir = join(tree.dir, 'bin');
    mkdirSync(dir);
    writeFileSync(join(dir, 'csm'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
    chmodSync(join(dir, 'csm'), 0o755);
    writeFileSync(join(tree.dir, 'groups.cfg'), 'vis: n001\nvip: n002\n');
    writeFileSync(join(tree.dir, 'some-file.csr'), '');
    for (const [shell, text] of [
      ['bash', bashCompletion(shape)],
      ['zsh', zshCompletion(shape)],
    ] as const)
      writeFileSync(join(tree.dir, `load.${shell}`), text);
    env = {
      CSM_SOCKET: tree.socket,
      CSM_GROUPS: join(tree.dir, 'groups.cfg'),
      CLUSTERSHELL_CFGDIR: tree.dir,
      XDG_CONFIG_HOME: tree.dir,
      HOME: tree.dir,
    };
  });
  after(() => tree.stop());

  const words = (kind: string, word: string, more: { readonly [name: string]: string } = {}) =>
    candidates(kind, word, ioOf(tree, { env: { ...env, ...more } }).io);

  it('knows every command, option and place', () => {
    expect(shape.commands.map(({ name }) => name)).to.deep.equal(COMMANDS.map(({ path }) => path.join(' ')));
    const list = shape.commands.find(({ name }) => name === 'node list');
    expect(list?.places).to.deep.equal(['nodeset']);
    expect(list?.options.find(({ names }) => names.includes('--type'))?.value).to.equal(
      '=master aggregator utility compute',
    );
    expect(list?.options.find(({ names }) => names.includes('--watch'))?.value).to.equal(undefined);
    const kind = shape.commands
      .find(({ name }) => name === 'node hardware')
      ?.options.find(({ names }) => names.includes('--kind'));
    expect(kind?.value, 'from the table of the API').to.equal('=cpu dimm gpu hca nic ssd');
    expect(shape.common.find(({ names }) => names.includes('-o'))).to.deep.include({
      names: ['-o', '--output'],
      value: '=table json yaml csv',
    });
    for (const { name, options } of shape.commands) {
      const spec = COMMANDS.find(({ path }) => path.join(' ') === name);
      for (const { flags } of spec?.options ?? [])
        expect(
          options.some(({ names }) => names.every((one) => flags.includes(one)) && names.length > 0),
          `${name} ${flags}`,
        ).to.equal(true);
    }
  });

  it('offers nodes, groups and sources', async () => {
    expect(await words('node', 'n00')).to.deep.equal(Array.from({ length: 9 }, (_, i) => `n00${i + 1}`));
    expect(await words('aggregator', '')).to.deep.equal(['agg-A', 'agg-B']);
    expect(await words('nodeset', 'n[1-2],x!agg')).to.deep.equal(['n[1-2],x!agg-A', 'n[1-2],x!agg-B']);
    expect(await words('nodeset', '@v')).to.deep.equal(['@vip', '@vis']);
    expect(await words('nodeset', 'n1,@ra')).to.deep.equal(['n1,@rack:']);
    expect(await words('nodeset', '@rack:')).to.deep.equal(['@rack:r1', '@rack:r2']);
    expect(await words('nodeset', '@vis!@rack:r2')).to.deep.equal(['@vis!@rack:r2']);
    expect(await words('source', 'r')).to.deep.equal(['rack', 'role']);
    expect(await words('nonsense', '')).to.deep.equal([]);
    expect([lastOperand('n[1,2],m'), lastOperand('n[1,'), lastOperand('a b&c'), lastOperand('')]).to.deep.equal([
      7, 0, 4, 0,
    ]);
  });

  it('offers only so many, and nothing where something is wrong', async () => {
    const role = tree.handlers['node.group'];
    try {
      tree.handlers['node.group'] = async () => [{ name: 'compute', nodes: 'n[1-20000]', count: 20_000 }];
      expect(await words('node', 'n')).to.have.length(500);
      expect(await words('node', 'n1999')).to.have.length(11);
    } finally {
      if (role !== undefined) tree.handlers['node.group'] = role;
    }
    expect(await words('node', 'n', { CSM_SOCKET: `${tree.dir}/nobody` })).to.deep.equal([]);
    expect(await words('nodeset', '@', { CSM_GROUPS: `${tree.dir}/nobody` })).to.deep.equal([]);
    const silent = spawnSync(process.execPath, [BIN, '__complete', 'node', 'n'], {
      env: { CSM_SOCKET: `${tree.dir}/nobody` },
    });
    expect([silent.status, String(silent.stdout), String(silent.stderr)]).to.deep.equal([0, '', '']);
  });

  it('is printed by csm completion', async () => {
    expect((await csm(tree, 'completion bash')).out).to.equal(bashCompletion(shape));
    expect((await csm(tree, 'completion zsh')).out).to.equal(zshCompletion(shape));
    expect((await csm(tree, 'completion fsh')).err).to.match(/'fsh' is not allowed; did you mean 'zsh'\?/);
  });

  for (const kind of ['bash', 'zsh'] as const) {
    describe(`in ${kind}`, () => {
      let shell: Shell;
      before(async function () {
        if (!has(kind) || !has('script')) {
          if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(`needs ${kind} and script (bsdutils)`);
          this.skip();
        }
        shell = await Shell.open(kind, join(tree.dir, `load.${kind}`), join(tree.dir, 'bin'), env);
      });
      after(async () => shell?.close());

      it('completes nouns and verbs', async () => {
        expect(await shell.tab('csm heal')).to.equal('csm health ');
        expect(await shell.tab('csm node li')).to.equal('csm node list ');
        expect(await shell.tab('csm -o json node li')).to.equal('csm -o json node list ');
        expect(await shell.tab('csm --socket /x cert rev')).to.equal('csm --socket /x cert revoke ');
        expect(await shell.all('csm tree ')).to.deep.equal(['rebalance']);
        expect(await shell.all('csm nodeset ')).to.have.members(['expand', 'fold', 'count', 'groups']);
        expect(await shell.tab('csm nonsense x')).to.equal('csm nonsense x');
      });

      it('completes options and their words', async () => {
        expect(await shell.tab('csm node list --ty')).to.equal('csm node list --type ');
        expect(await shell.tab('csm node list --type com')).to.equal('csm node list --type compute ');
        expect(await shell.tab('csm node list --type=com')).to.equal('csm node list --type=compute ');
        expect(await shell.all('csm health -o ')).to.have.members(['table', 'json', 'yaml', 'csv']);
        expect(await shell.tab('csm node hardware --kind di')).to.equal('csm node hardware --kind dimm ');
        expect(await shell.tab('csm node list --watch 2 --ou')).to.equal('csm node list --watch 2 --output ');
        expect(await shell.tab('csm completion z')).to.equal('csm completion zsh ');
      });

      it('completes nodes and groups', async () => {
        expect(await shell.tab('csm node show n01')).to.equal('csm node show n01');
        expect(await shell.all('csm node show n01')).to.have.members(['n010', 'n011', 'n012']);
        expect(await shell.tab('csm node show agg-A')).to.equal('csm node show agg-A ');
        expect(await shell.tab('csm node list agg-')).to.equal('csm node list agg-');
        expect(await shell.tab('csm node list n003,login')).to.equal('csm node list n003,login');
        expect(await shell.tab('csm node list n003,n001')).to.equal('csm node list n003,n001');
        expect(await shell.tab('csm node list @ra')).to.match(/^csm node list @rack\\?:$/);
        expect(await shell.tab('csm node list @vi')).to.equal('csm node list @vi');
        expect(await shell.tab('csm node list @vis,@rack:r')).to.equal('csm node list @vis,@rack:r');
        expect(await shell.all("csm node list '@vis!@rack:")).to.satisfy(
          (found: readonly string[]) =>
            found.some((one) => one.includes('@rack:r1')) && found.some((one) => one.includes('@rack:r2')),
        );
        expect(await shell.tab('csm nodeset fold n1 n2 agg-A')).to.equal('csm nodeset fold n1 n2 agg-A');
      });

      it('completes files, and programs behind --', async () => {
        expect(await shell.tab(`csm cert sign ${tree.dir}/some-f`)).to.equal(
          `csm cert sign ${tree.dir}/some-file.csr `,
        );
        expect(await shell.tab('csm run n001 -- unam')).to.equal('csm run n001 -- uname ');
      });

      it('offers nothing and says nothing without a daemon', async () => {
        expect(await shell.tab(`csm --socket ${tree.dir}/nobody node show n`)).to.equal(
          `csm --socket ${tree.dir}/nobody node show n`,
        );
      });
    });
  }
});
