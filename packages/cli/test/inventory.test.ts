import { Readable, Writable } from 'node:stream';
import { CsmError, code, problem } from '@csm/model';
import { expect } from 'chai';
import { readCommon } from '../src/common.ts';
import { listParts } from '../src/inventory/list.ts';
import { type Format, Session } from '../src/session.ts';
import { csm, text, type World, world } from './harness.ts';
import { DIFFERENT, gives, HARDWARE, HISTORY, NODES, PROFILES, shown, WELL } from './sample.ts';

describe('csm on inventory', () => {
  let tree: World;
  before(async () => {
    tree = await world();
  });
  after(() => tree.stop());
  beforeEach(() => {
    tree.handlers = { ...WELL };
    tree.calls.length = 0;
  });

  const run = (line: string | readonly string[], options: Parameters<typeof csm>[2] = {}) => csm(tree, line, options);
  const lastInput = () => tree.calls.at(-1)?.input;
  const answers = (name: string, answer: unknown) => {
    tree.handlers[name] = async () => answer as never;
  };

  describe('node show', () => {
    const document = {
      ...NODES[0],
      hardware: HARDWARE.map(({ node: _node, since: _since, ...part }) => part),
      numa: [{ id: 0, cpus: '0-31', memory: 65_945_262 }],
      bios: { vendor: 'Acme', date: null },
      cpu_flags: Array.from({ length: 30 }, (_, i) => `flag${i}`),
      reasons: { bmc_address: 'ipmitool is\nnot there' },
    };

    it('shows the record in groups, with every field of it', async () => {
      const { out } = await run('node show n001');
      expect(lastInput()).to.deep.equal({ name: 'n001' });
      for (const field of Object.keys(NODES[0] ?? {})) expect(out).to.match(new RegExp(`^  ${field}: `, 'm'));
      expect(out).to.contain(
        '\nADMIN\n  comment:              -\n  features:             gpu fat\n  location:             R07 U12\n',
      );
      expect(out).not.to.contain('INVENTORY').and.not.to.contain('OTHER');
    });

    it('shows the whole inventory with --full, and why something is not known', async () => {
      answers('node.show', { ...shown(NODES[0]), inventory: document });
      const { exit, out } = await run('node show n001 --full');
      expect([exit, lastInput()]).to.deep.equal([0, { name: 'n001', full: true }]);
      const all = out.slice(out.indexOf('INVENTORY'));
      expect(all.slice(all.indexOf('  bios.vendor'))).to.equal(
        text`
          ${''}  bios.vendor:          Acme
            bios.date:            -
            cpu_flags:            flag0 flag1 flag2 flag3 flag4 flag5 flag6 flag7 flag8 flag9 flag10 flag11 flag12 flag13 flag14
                                  flag15 flag16 flag17 flag18 flag19 flag20 flag21 flag22 flag23 flag24 flag25 flag26 flag27 flag28
                                  flag29
          HARDWARE: 2
            KIND  LOCATION      VENDOR  MODEL            SERIAL   FIRMWARE  DETAILS
            cpu   CPU0          AMD     EPYC 7543        -        -         cores=32
            ssd   0000:41:00.0  Acme    Fast\u001b[2J 1  S4EV0R1  1.2       device_name=nvme0n1 size=894.3GiB wear_lifespan_used=3
          NUMA: 1
            ID  CPUS  MEMORY
            0   0-31  65945262
          NOT KNOWN: 1
            FIELD        REASON
            bmc_address  ipmitool is\nnot there
        `,
      );
    });

    it('takes whatever the document holds', async () => {
      for (const inventory of [
        null,
        'x',
        7,
        [],
        {},
        { reasons: 'x' },
        { reasons: {}, a: [null], b: [[1], {}], c: '' },
      ]) {
        answers('node.show', { ...shown(NODES[0]), inventory });
        const { exit, out, err } = await run('node show n001 --full');
        expect([exit, err]).to.deep.equal([0, '']);
        expect(out).not.to.match(/undefined|\[object/);
      }
      answers('node.show', { ...shown(NODES[0]), inventory: null });
      expect((await run('node show n001 --full')).out).to.contain('INVENTORY: none has come yet\n');
      expect(JSON.parse((await run('node show n001 --full -o json')).out)).to.have.property('inventory', null);
      expect((await run('node show n001 --full -o csv')).out).to.match(/^field,value\r\nname,n001\r\n/);
    });
  });

  describe('node hardware', () => {
    it('shows a line a part, without columns of which nothing is known', async () => {
      expect((await run('node hardware n[001-002]')).out).to.equal(
        text`
          NODE  KIND  LOCATION      VENDOR  MODEL            SERIAL   FIRMWARE  DETAILS
          n001  cpu   CPU0          AMD     EPYC 7543        -        -         cores=32
          n001  ssd   0000:41:00.0  Acme    Fast\u001b[2J 1  S4EV0R1  1.2       device_name=nvme0n1 size=894.3GiB wear_lifespan_used=3
        `,
      );
      expect(lastInput()).to.deep.equal({ nodes: 'n[001-002]' });
      expect((await run('node hardware --kind cpu --serial S1 --no-header')).out).to.equal(
        'n001  cpu  CPU0  AMD  EPYC 7543  -  cores=32\n',
      );
      expect(lastInput()).to.deep.equal({ kind: 'cpu', serial: 'S1' });
    });

    it('cuts long details, in the table only', async () => {
      const part = { ...HARDWARE[0], details: { flags: 'x'.repeat(500) } };
      tree.handlers['node.hardware'] = gives(part);
      const [, line = ''] = (await run('node hardware')).out.split('\n');
      expect(line).to.match(/x\.\.\.$/);
      expect(line.length).to.be.lessThan(160);
      expect(JSON.parse((await run('node hardware -o json')).out)).to.deep.equal([part]);
    });

    it('speaks every format', async () => {
      expect(JSON.parse((await run('node hardware -o json')).out)).to.deep.equal(HARDWARE);
      const csv = (await run('node hardware -o csv')).out.split('\r\n');
      expect(csv[0]).to.match(/^node,kind,location,serial,.*,details\.cores,details\.socket/);
      expect((await run('node hardware -o yaml')).out).to.match(/^- node: n001\n {2}kind: cpu\n/);
    });
  });

  describe('node hardware of a large machine', () => {
    const parts = (count: number) => Array.from({ length: count }, (_, i) => ({ ...HARDWARE[0], node: `n${i + 1}` }));
    const odd = { ...HARDWARE[0], node: 'last', details: { 'odd\u001b[2J': 1 } };
    const listed = async (format: string, most: number, items: readonly object[]) => {
      const [out, err]: [string[], string[]] = [[], []];
      const into = (list: string[]) =>
        new Writable({
          write: (chunk: Buffer, _encoding, done) => {
            list.push(chunk.toString());
            done();
          },
        });
      const io = { stdin: Readable.from([]), stdout: into(out), stderr: into(err), env: {}, isTTY: false };
      const session = new Session(io, { ...readCommon({}), format: format as Format });
      const seen = await listParts(session, Readable.from(items) as AsyncIterable<never>, most);
      return { seen, out: out.join(''), err: err.join('') };
    };

    it('ends a table after some parts, and says so', async () => {
      const { seen, out, err } = await listed('table', 5, parts(8));
      expect([seen, out.split('\n').length]).to.deep.equal([8, 7]);
      expect(err).to.equal('csm: these are the first 5 of 8 parts; --kind or fewer nodes make fewer, CSV gives all\n');
      expect((await listed('table', 8, parts(8))).err).to.equal('');
    });

    it('gives all in the other formats, and says which fields have no column', async () => {
      for (const most of [3, 8, 9, 20]) {
        const { seen, out, err } = await listed('csv', most, [...parts(8), odd]);
        const lines = out.split('\r\n');
        expect([seen, lines.length, lines[0]?.startsWith('node,kind,')]).to.deep.equal([9, 11, true]);
        expect(err).to.equal(
          most > 8
            ? ''
            : `csm: there is no column for details.odd\\u001b[2J: no part among the first ${most} has it; JSON gives all\n`,
        );
      }
      expect(JSON.parse((await listed('json', 3, parts(8))).out)).to.have.length(8);
      expect((await listed('yaml', 3, parts(8))).out.match(/^- node: /gm)).to.have.length(8);
      for (const format of ['table', 'json', 'yaml', 'csv'])
        expect(await listed(format, 3, [])).to.deep.equal({ seen: 0, out: '', err: '' });
    });

    it('closes a JSON list that breaks off', async () => {
      tree.handlers['node.hardware'] = async (_input, ctx) => {
        await ctx.emit(HARDWARE[0] as never);
        throw new CsmError(problem(code.DATABASE_UNAVAILABLE, 'it went away'));
      };
      const { exit, out } = await run('node hardware -o json');
      expect(exit).to.equal(code.DATABASE_UNAVAILABLE);
      expect(JSON.parse(out)).to.have.length(1);
    });
  });

  it('lets nothing of a node reach the terminal that would move its cursor', async () => {
    const evil = '\u001b]0;x\u0007\u009b2J';
    const inventory = {
      numa: [{ [evil]: evil, constructor: 1 }, { b: 1 } as object],
      [evil]: evil,
      constructor: evil,
      reasons: { [evil]: evil },
    };
    answers('node.show', { ...shown(NODES[0]), comment: evil, inventory });
    answers('node.history', [{ ...HISTORY[0], location: `${evil}\rx`, changes: { [evil]: { from: 1, to: evil } } }]);
    tree.handlers['node.hardware'] = gives({ ...HARDWARE[0], location: evil, details: { [evil]: evil } });
    for (const line of ['node show n001 --full', 'node history', 'node hardware'])
      for (const format of ['table', 'csv', 'json', 'yaml']) {
        const { exit, out } = await run(`${line} -o ${format}`, { isTTY: true, env: { NO_COLOR: '1' } });
        expect(exit).to.equal(0);
        expect(out, `${line} ${format}`).to.match(/^(?:[^\p{Cc}]|\n|\r\n)*$/u);
        expect(out).to.contain('\\u001b');
      }
    // A program gets CSV as it is.
    expect((await run('node history -o csv')).out).to.contain(evil);
    expect((await run('node hardware -o csv')).out).to.contain(evil);
  });

  describe('node history', () => {
    it('tells what became of parts', async () => {
      expect((await run("node history n[1-3] --kind ssd --since '2026-10-17 08:00' --limit 5")).out).to.equal(text`
        TIME                      EVENT    KIND  SERIAL   NODE  LOCATION      WHAT
        2026-10-17T09:00:00.000Z  changed  ssd   S4EV0R1  n001  0000:41:00.0  firmware 1.1 -> 1.2; slot - -> 3
        2026-10-17T09:10:00.000Z  moved    dimm  D1       n002  DIMM_A1       from n001 DIMM_B2
        2026-10-17T09:20:00.000Z  removed  nic   -        n003  eth1          -
      `);
      expect(lastInput()).to.deep.equal({ nodes: 'n[1-3]', kind: 'ssd', since: '2026-10-17T08:00:00.000Z', limit: 5 });
      await run('node history --since 2h');
      expect(lastInput()).to.deep.equal({ since: '2026-10-17T08:00:00.000Z' });
    });

    it('speaks every format', async () => {
      expect(JSON.parse((await run('node history -o json')).out)).to.deep.equal(HISTORY);
      expect((await run('node history -o csv')).out).to.match(/^seq,time,event,kind,.*changes\.firmware\.from/);
      expect((await run('node history -o yaml')).out).to.match(/^- seq: 7\n/);
    });
  });

  describe('node diff', () => {
    it('says that nodes are alike, with exit 0', async () => {
      expect(await run('node diff n001 n002')).to.deep.equal({ exit: 0, out: 'n001 and n002 are alike\n', err: '' });
      expect(lastInput()).to.deep.equal({ a: 'n001', b: 'n002' });
    });

    it('says in what they differ, with exit 1 in every format', async () => {
      answers('node.diff', DIFFERENT);
      expect(await run('node diff n001 n002')).to.deep.equal({
        exit: 1,
        err: '',
        out: text`
          n001 and n002 differ
          FIELDS: 2
            FIELD             n001       n002
            bios_version      2.4        2.3
            installed_memory  131890524  -
          PARTS: 1
            KIND  WHAT                  n001  n002
            dimm  Acme 8 GiB 3200 MT/s    16    15
        `,
      });
      expect(JSON.parse((await run('node diff n001 n002 -o json')).out)).to.deep.equal(DIFFERENT);
      for (const format of ['json', 'yaml', 'csv']) expect((await run(`node diff a b -o ${format}`)).exit).to.equal(1);
      answers('node.diff', { ...DIFFERENT, fields: [] });
      expect((await run('node diff n001 n002')).out).to.match(/^n001 and n002 differ\nPARTS: 1\n/);
    });
  });

  it('node profile folds nodes by hardware', async () => {
    expect((await run('node profile')).out).to.equal(text`
      PROFILE  COUNT  NODES       MODEL    CPU        SUMMARY
      5f0c1a       2  n[001-002]  Acme X1  EPYC 7543  2 x 32 cores, 16 dimm, 1 ssd
      77aa01       1  n003        -        -          1 x 4 cores
    `);
    expect(JSON.parse((await run('node profile n[001-003] -o json')).out)).to.deep.equal(PROFILES);
    expect(lastInput()).to.deep.equal({ nodes: 'n[001-003]' });
  });

  it('node collect tells who took an inventory and who did not', async () => {
    expect(await run('node collect n[1-8] --deadline 9')).to.deep.equal({
      exit: 0,
      out: 'n[1-8] (8): nothing new\n',
      err: '',
    });
    expect(lastInput()).to.deep.equal({ nodes: 'n[1-8]', deadline: 9 });
    tree.handlers['node.collect'] = gives(
      { nodes: 'n1', code: 0, text: 'new', body: { changed: true } },
      { nodes: 'n2', code: 48, text: 'down since 09:00' },
    );
    expect(await run('node collect n[1-2]')).to.deep.equal({
      exit: 48,
      out: 'n1 (1): new\n',
      err: 'csm: n2 (1): NODES_UNAVAILABLE: down since 09:00\n',
    });
    expect((await run('node collect n[1-2] -o csv')).out).to.equal(
      'nodes,code,text,body.changed\r\nn1,0,new,true\r\nn2,48,down since 09:00,\r\n',
    );
  });

  describe('node update', () => {
    it('sends what is named, and clears what is empty', async () => {
      expect(
        (await run(['node', 'update', 'n[1-3]', '--comment', 'to be watched', '--features', 'gpu, fat'])).out,
      ).to.equal('n[1-3] (3): 3 nodes changed\n');
      expect(lastInput()).to.deep.equal({ nodes: 'n[1-3]', comment: 'to be watched', features: ['gpu', 'fat'] });
      await run(['node', 'update', 'n1', '--comment', '', '--features', '', '--location', '']);
      expect(lastInput()).to.deep.equal({ nodes: 'n1', comment: null, features: null, location: null });
      expect(JSON.parse((await run('node update n1 --location R07 -o json')).out)).to.deep.equal({
        nodes: 'n1',
        updated: 1,
        failed: [],
      });
    });

    it('refuses what no node may bear', async () => {
      const bad: readonly (readonly [readonly string[], number, string])[] = [
        [[], 8, '--comment'],
        [['--comment', 'x'.repeat(1025)], 9, '--comment'],
        [['--location', 'x'.repeat(1025)], 9, '--location'],
        [['--features', 'a,,b'], 9, '--features'],
        [['--features', 'x'.repeat(65)], 9, '--features'],
        [['--features', Array.from({ length: 17 }, (_, i) => `f${i}`).join(',')], 9, '--features'],
      ];
      for (const [options, exit, field] of bad) {
        const ran = await run(['node', 'update', 'n1', ...options]);
        expect([ran.exit, ran.out]).to.deep.equal([exit, '']);
        expect(ran.err).to.contain(`  field: ${field}\n  allowed: `);
      }
      expect(tree.calls).to.have.length(0);
    });
  });

  it('exits with 4 where nothing matches', async () => {
    tree.handlers['node.hardware'] = gives();
    for (const [line, name] of [
      ['node hardware --kind gpu', undefined],
      ['node history', 'node.history'],
      ['node profile', 'node.profile'],
    ] as const) {
      if (name !== undefined) answers(name, []);
      for (const format of ['', ' -o json', ' -o csv']) {
        const { exit, out, err } = await run(line + format);
        expect([exit, out], line).to.deep.equal([4, '']);
        expect(err).not.to.equal('');
      }
    }
  });
});
