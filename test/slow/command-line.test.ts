/** `csm` as a process against real daemons: groups, changes of many nodes, completion, and what the master made of it. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT, type SmallCluster, smallCluster } from '../support/daemons.ts';

const CSM = join(ROOT, 'packages/cli/bin/csm.cjs');

let cluster: SmallCluster;
let env: NodeJS.ProcessEnv;
before(async function () {
  this.timeout(120_000);
  cluster = await smallCluster(['n1', 'n2', 'n3']);
  const dir = join(cluster.site.root, 'groups');
  mkdirSync(join(dir, 'groups.d'), { recursive: true });
  writeFileSync(join(dir, 'groups.cfg'), 'odd: n1,n3\nleft: @odd&@role:compute!n3\n');
  writeFileSync(join(dir, 'genders'), 'n[1-2] fast,rack=a\nn3 rack=b\n');
  writeFileSync(join(dir, 'groups.conf'), '[Main]\ndefault: site\n[site]\nmap: cat list/$GROUP\nlist: ls list\n');
  mkdirSync(join(dir, 'list'));
  writeFileSync(join(dir, 'list/gpu'), 'n2\nn3\n');
  env = {
    PATH: process.env['PATH'],
    HOME: dir,
    CSM_SOCKET: cluster.utility.socket,
    CSM_GROUPS: join(dir, 'groups.cfg'),
    GENDERS: join(dir, 'genders'),
    CLUSTERSHELL_CFGDIR: dir,
  };
});
after(async () => cluster?.site.close());

interface Ran {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

function csm(words: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const child = spawn(process.execPath, [CSM, ...words], {
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit) => resolve({ exit, ...said }));
  });
}

const folded = async (expression: string): Promise<string> => {
  const { exit, out, err } = await csm(['nodeset', 'fold', expression]);
  return exit === 0 ? out.trim() : `${exit} ${err}`;
};

describe('the command line', function () {
  this.timeout(120_000);

  it('takes groups of files, of commands and of the master', async () => {
    expect(await folded('@odd')).to.equal('n[1,3]');
    expect(await folded('@gpu,@genders:rack=a')).to.equal('n[1-3]');
    expect(await folded('@left')).to.equal('n1');
    expect(await folded('@role:compute!@fast')).to.equal('n3');
    expect(await folded('@agg:agg-a,@agg:agg-b')).to.equal('n[1-3]');
    expect(await folded('@role:*')).to.equal('agg-a,agg-b,login,master,n[1-3]');
    expect(await folded('@agg:agg-c')).to.match(/^9 csm: there is no group @agg:agg-c; did you mean @agg:agg-[ab]\?/);
    const { exit, out } = await csm(['run', '@gpu', '--', 'true']);
    expect([exit, out]).to.deep.equal([0, '---- n[2-3] (2) ----\n']);
  });

  it('rehearses, asks, and changes what it said', async () => {
    const update = ['node', 'update', '@odd', '--location', 'R7 U1'];
    const rehearsed = await csm([...update, '--dry-run']);
    expect([rehearsed.exit, rehearsed.err]).to.deep.equal([0, '']);
    expect(rehearsed.out).to.contain('  nodes: n[1,3] (2)\n  location: R7 U1\nnothing was changed\n');
    expect((await csm(update, { CSM_CONFIRM: '1' })).exit).to.equal(8);
    expect(await folded('@rack:R7')).to.match(/^9 /);
    expect((await csm([...update, '--yes'], { CSM_CONFIRM: '1' })).exit).to.equal(0);
    expect(await folded('@rack:r7')).to.equal('n[1,3]');
  });

  it('follows states, and tells in part what could not be done', async () => {
    expect(await csm(['node', 'drain', '@left', '--reason', 'a test'])).to.deep.include({ exit: 0, err: '' });
    expect(await folded('@state:OUT_OF_SERVICE')).to.equal('n1');
    expect(await csm(['node', 'drain', '@odd!@state:OUT_OF_SERVICE', '--reason', 'a test'])).to.include({ exit: 0 });
    expect(await folded('@state:OUT_OF_SERVICE')).to.equal('n[1,3]');
    const part = await csm(['node', 'drain', 'n2,n77', '--reason', 'another']);
    expect(part.exit).to.equal(27);
    expect(part.err).to.match(/^csm: Could not update 1 of the 2 record\(s\):\n {2}n77 \(1\): UNKNOWN_NODES: /);
    expect(await folded('@state:OUT_OF_SERVICE')).to.equal('n[1-3]');
    expect(await csm(['node', 'list', '@state:HARD_FAILURE'])).to.include({ exit: 4 });
  });

  it('completes from the cluster', async () => {
    const words = async (kind: string, word: string) =>
      (await csm(['__complete', kind, word])).out.split('\n').slice(0, -1);
    expect(await words('node', 'n')).to.deep.equal(['n1', 'n2', 'n3']);
    expect(await words('aggregator', '')).to.deep.equal(['agg-a', 'agg-b']);
    expect(await words('nodeset', 'n1,@rack:')).to.deep.equal(['n1,@rack:R7']);
    expect(await words('nodeset', '@g')).to.deep.equal(['@gpu', '@genders:']);
  });
});
