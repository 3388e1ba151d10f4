import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '@csm/model';
import { expect } from 'chai';
import { csm, text, until, type World, world } from './harness.ts';
import { gives, SAMPLES, TOP, WELL } from './sample.ts';

const UTF8 = { env: { LANG: 'C.UTF-8' } };

describe('csm on the environment', () => {
  let tree: World;
  let dir: string;
  before(async () => {
    tree = await world();
    dir = mkdtempSync(join(tmpdir(), 'csm-cli-env-'));
  });
  after(async () => {
    await tree.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  beforeEach(() => {
    tree.handlers = { ...WELL };
    tree.calls.length = 0;
  });

  const run = (line: string | readonly string[], options: Parameters<typeof csm>[2] = {}) => csm(tree, line, options);
  const lastInput = () => tree.calls.at(-1)?.input;

  describe('env query', () => {
    it('shows a row for each node and metric, with its trend', async () => {
      expect((await run('env query n[001-002] --item cpu', UTF8)).out).to.equal(text`
        NODE  METRIC                  LAST      MIN      AVG      MAX  TREND
        n001  user_percent            50 %      0 %     25 %     50 %  ▁▂▄▅▇█
        n001  core:0.temp_celsius  40.5 °C  40.5 °C  40.5 °C  40.5 °C  ▄▄▄▄▄▄
        n002  user_percent            50 %      0 %     30 %     50 %  ▁   ▇█
        n002  core:0.temp_celsius    45 °C    45 °C    47 °C    50 °C  █   ▂▁
      `);
    });

    it('writes ASCII where the locale knows no more, or when told', async () => {
      const ascii = text`
        n001  user_percent           50 %     0 %    25 %    50 %  _.:=*#
        n001  core:0.temp_celsius  40.5 C  40.5 C  40.5 C  40.5 C  ::::::
        n002  user_percent           50 %     0 %    30 %    50 %  _   *#
        n002  core:0.temp_celsius    45 C    45 C    47 C    50 C  #   ._
      `;
      expect((await run('env query n[001-002] --item cpu --no-header')).out).to.equal(ascii);
      expect((await run('env query n[001-002] --item cpu --no-header --ascii', UTF8)).out).to.equal(ascii);
    });

    it('asks for what is given, times as moments', async () => {
      await run(
        'env query n1 --item disk --since 2h --until now --step 10m --agg p95 --metric busy_percent,sda.reads_per_second',
      );
      expect(lastInput()).to.deep.equal({
        nodes: 'n1',
        item: 'disk',
        since: '2026-10-17T08:00:00.000Z',
        until: '2026-10-17T10:00:00.000Z',
        step: 600,
        agg: 'p95',
        metrics: ['busy_percent', 'sda.reads_per_second'],
      });
      await run('env query n1 --item cpu --metric user_percent');
      expect(lastInput()).to.include({ nodes: 'n1', item: 'cpu' }).and.not.have.property('since');
    });

    it('gives programs each sample as it is, and CSV a line for each value', async () => {
      tree.handlers['env.query'] = gives({ ...SAMPLES[1], extra: 1 });
      expect(JSON.parse((await run('env query n1 --item cpu -o json')).out)).to.deep.equal([SAMPLES[1]]);
      expect((await run('env query n1 --item cpu -o yaml')).out).to.equal(text`
        - node: n002
          item: cpu
          time: "2026-10-17T09:00:00.000Z"
          values:
            user_percent: 0
            "core:0.temp_celsius": 50
      `);
      const csv =
        'n002,cpu,2026-10-17T09:00:00.000Z,user_percent,0\r\nn002,cpu,2026-10-17T09:00:00.000Z,core:0.temp_celsius,50\r\n';
      expect((await run('env query n1 --item cpu -o csv')).out).to.equal(`node,item,time,metric,value\r\n${csv}`);
      expect((await run('env query n1 --item cpu -o csv --no-header')).out).to.equal(csv);
    });

    it('keeps within the line of a terminal, however many samples there are', async () => {
      const many = Array.from({ length: 1_000 }, (_, i) => ({
        ...SAMPLES[0],
        time: new Date(Date.parse('2026-10-17T00:00:00Z') + i * 30_000).toISOString(),
        values: { user_percent: i % 100 },
      }));
      tree.handlers['env.query'] = gives(...many);
      const longest = async (columns: number) => {
        const { out } = await run('env query n1 --item cpu', { ...UTF8, columns });
        return Math.max(...out.split('\n').map((line) => line.length));
      };
      expect(await longest(80)).to.be.within(75, 80);
      expect(await longest(60)).to.be.at.most(60);
      expect(await longest(1_000)).to.be.at.most(100);
      expect((await run('env query n1 --item cpu', UTF8)).out.split('\n')[1]).to.match(
        / 0 % {2}49\.5 % {2}99 % {2}[▁-█]{24}$/,
      );
    });

    it('exits with 4 where nothing matches', async () => {
      tree.handlers['env.query'] = gives();
      for (const [line, out] of [
        ['env query n1 --item cpu', ''],
        ['env query n1 --item cpu -o csv', ''],
        ['env query n1 --item cpu -o json', '[]\n'],
        [`env plot n1 --item cpu --svg ${dir}/none.svg`, ''],
      ] as const) {
        const ran = await run(line);
        expect([ran.exit, ran.out], line).to.deep.equal([4, out]);
        expect(ran.err).to.contain('no sample matches');
      }
      expect(readdirSync(dir)).to.deep.equal([]);
      tree.handlers['env.query'] = async () => fail(4, 'no node matches');
      expect(await run('env query n1 --item cpu')).to.include({ exit: 4, err: 'csm: no node matches\n' });
    });

    it('shows what came before the answer broke off, and then why', async () => {
      tree.handlers['env.query'] = async (input, ctx) => {
        await gives(SAMPLES[0] as object)(input, ctx);
        return fail(24, 'the database is away');
      };
      const { exit, out, err } = await run('env query n1 --item cpu -o json');
      expect([exit, JSON.parse(out), JSON.parse(err).code]).to.deep.equal([24, [SAMPLES[0]], 24]);
      // Half a table would look like a whole one.
      expect(await run('env query n1 --item cpu')).to.deep.equal({
        exit: 24,
        out: '',
        err: 'csm: the database is away\n',
      });
    });

    it('tells of a time that is none', async () => {
      tree.handlers['env.query'] = gives({ ...SAMPLES[0], time: 'soon' });
      expect(await run('env query n1 --item cpu')).to.include({ exit: 29, out: '' });
    });
  });

  describe('env top', () => {
    it('shows the highest, with the instance and the age', async () => {
      expect((await run('env top --item temperature', UTF8)).out).to.equal(text`
        NODE  METRIC                   VALUE  AGE
        n002  cpu0.package_celsius  71.25 °C  30 s
        n001  cpu1.package_celsius     45 °C  10 min
      `);
      expect(lastInput()).to.include({ item: 'temperature' }).and.not.have.any.keys('metric', 'nodes');
      await run('env top n[1-8] --item memory --metric available_kb --limit 3 --ascending');
      expect(lastInput()).to.deep.equal({
        nodes: 'n[1-8]',
        item: 'memory',
        metric: 'available_kb',
        limit: 3,
        ascending: true,
      });
    });

    it('speaks every format', async () => {
      expect(JSON.parse((await run('env top --item temperature -o json')).out)).to.deep.equal(TOP);
      expect((await run('env top --item temperature -o csv')).out).to.match(/^node,item,metric,time,value\r\nn002,/);
      tree.handlers['env.top'] = async () => [];
      expect(await run('env top --item gpu')).to.deep.equal({ exit: 4, out: '', err: 'csm: no sample matches\n' });
    });
  });

  describe('env watch', () => {
    it('tells each sample in a line', async () => {
      tree.handlers['env.watch'] = gives(
        SAMPLES[0] as object,
        { lost: 3 },
        {
          ...SAMPLES[1],
          values: Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`core:${i}.temp_celsius`, i])),
        },
      );
      const { exit, out, err } = await run('env watch n[001-002] --item cpu', UTF8);
      expect([exit, err]).to.deep.equal([0, 'csm: 3 samples came too fast to be shown\n']);
      const [first, second] = out.split('\n');
      expect(first).to.equal(
        '2026-10-17T09:00:00.000Z  n001  cpu          user_percent=0 %  core:0.temp_celsius=40.5 °C',
      );
      expect(second).to.match(/core:11\.temp_celsius=11 °C {2}and 3 more$/);
      expect(lastInput()).to.deep.equal({ nodes: 'n[001-002]', item: 'cpu' });
    });

    it('speaks every format', async () => {
      tree.handlers['env.watch'] = gives({ lost: 1 }, SAMPLES[0] as object, SAMPLES[1] as object);
      const lines = (await run('env watch -o json')).out.trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line) as unknown)).to.deep.equal(SAMPLES.slice(0, 2));
      expect((await run('env watch -o csv')).out.split('\r\n')).to.have.length(6);
      expect((await run('env watch -o yaml')).out).to.match(/^- node: n001\n/);
    });

    it('ends at its time with 0, and cancels the call', async () => {
      tree.handlers['env.watch'] = async (_input, ctx) => {
        await ctx.emit(SAMPLES[0] as never);
        return new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
      };
      const ran = await run('env watch --for 0.3');
      expect(ran).to.include({ exit: 0, err: '' });
      expect(ran.out).to.contain('n001');
      await until('the daemon knows', () => tree.calls[0]?.ctx.signal.aborted === true);
    });

    it('ends with an interrupt and 0, but not well when the daemon fails', async () => {
      const stop = new AbortController();
      tree.handlers['env.watch'] = async (_input, ctx) => {
        await ctx.emit(SAMPLES[0] as never);
        return new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
      };
      expect(await run('env watch', { interrupt: stop.signal, onOut: () => stop.abort('SIGINT') })).to.include({
        exit: 0,
      });
      tree.handlers['env.watch'] = async () => fail(24, 'the database is away');
      expect(await run('env watch --for 60')).to.include({ exit: 24, err: 'csm: the database is away\n' });
    });
  });

  describe('env plot', () => {
    const file = () => join(dir, 'a.svg');
    const plot = (path = file()) => run(['env', 'plot', 'n[001-002]', '--item', 'cpu', '--svg', path]);

    it('writes a chart over what was asked for', async () => {
      expect(await plot()).to.deep.equal({ exit: 0, out: `wrote ${file()}: 9 samples, 4 curves\n`, err: '' });
      const chart = readFileSync(file(), 'utf8');
      expect(chart).to.match(
        /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /,
      );
      expect(chart)
        .to.contain('<title>cpu of n[001-002] (2)</title>')
        .and.to.contain('2026-10-17 09:00 to 2026-10-17 10:00');
      // n002 was silent in the middle: its lines are two strokes.
      expect(
        [...chart.matchAll(/ d="(M[^"]*)"\/>/g)].filter(([, d = '']) => (d.match(/M/g) ?? []).length === 2),
      ).to.have.length(2);
      expect(readdirSync(dir)).to.deep.equal(['a.svg']);
    });

    it('takes the options of a query, and tells what it did in every format', async () => {
      const line = `env plot n1 --item cpu --since 1d --step 10m --agg max --metric user_percent --svg ${file()} -o json`;
      const { exit, out } = await run(line);
      expect([exit, JSON.parse(out)]).to.deep.equal([
        0,
        { file: file(), samples: 9, panels: 2, curves: 4, bytes: readFileSync(file()).length },
      ]);
      expect(lastInput()).to.deep.include({ step: 600, agg: 'max', metrics: ['user_percent'] });
      expect(readFileSync(file(), 'utf8')).to.contain('<title>cpu of n1 (1), max of each 10m</title>');
    });

    it('writes to stdout for -', async () => {
      const { exit, out } = await run('env plot n1 --item cpu --svg -');
      expect([exit, out.startsWith('<?xml'), out.endsWith('</svg>\n')]).to.deep.equal([0, true, true]);
    });

    it('follows a link, and replaces the file it leads to', async () => {
      const target = join(dir, 'target.svg');
      writeFileSync(target, 'old');
      symlinkSync(target, join(dir, 'link.svg'));
      expect(await plot(join(dir, 'link.svg'))).to.include({ exit: 0 });
      expect(lstatSync(join(dir, 'link.svg')).isSymbolicLink()).to.equal(true);
      expect(readFileSync(target, 'utf8')).to.match(/^<\?xml/);
    });

    it('leaves what was there when it cannot be written, and says why', async () => {
      mkdirSync(join(dir, 'sub'));
      const before = readdirSync(dir);
      for (const [path, words] of [
        [join(dir, 'sub'), /is there and is no regular file\n {2}field: --svg\n {2}allowed: a new file, or/],
        ['/dev/full', /is there and is no regular file/],
        [join(dir, 'nowhere', 'a.svg'), /nowhere\/a\.svg: there is no such file or directory/],
        [join(file(), 'a.svg'), /a\.svg\/a\.svg: a part of the path is no directory/],
        [join(dir, 'x'.repeat(300)), /xxx: ENAMETOOLONG/],
      ] as const) {
        const ran = await plot(path);
        expect([ran.exit, ran.out], path).to.deep.equal([9, '']);
        expect(ran.err).to.match(words);
      }
      expect(readdirSync(dir)).to.deep.equal(before);
      expect(readdirSync(join(dir, 'sub'))).to.deep.equal([]);
    });

    it('refuses more metrics than a chart can show', async () => {
      const values = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`m${i}_percent`, i]));
      tree.handlers['env.query'] = gives({ ...SAMPLES[0], values });
      const { exit, err } = await plot(join(dir, 'many.svg'));
      expect(exit).to.equal(9);
      expect(err).to.match(
        /too many for one chart\n {2}field: --metric\n {2}allowed: fewer metrics, such as m0_percent, /,
      );
      expect(readdirSync(dir)).not.to.include('many.svg');
    });
  });
});
