import { code, fail } from '@csm/model';
import { expect } from 'chai';
import { Folder } from '../src/heartbeat/fold.ts';
import { Live } from '../src/heartbeat/live.ts';
import { CHANGEABLE, readPairs } from '../src/heartbeat/pairs.ts';
import { colors } from '../src/print/colors.ts';
import { csm, NOW, text, until, type World, world } from './harness.ts';
import { BEATS, COMPONENTS, HEARTBEAT, INCIDENT, STATUS } from './heartbeat-sample.ts';
import { WELL } from './sample.ts';

const PLAIN = colors('never', false, {});

describe('csm heartbeat', () => {
  let tree: World;
  before(async () => {
    tree = await world();
  });
  after(() => tree.stop());
  beforeEach(() => {
    tree.handlers = { ...WELL, ...HEARTBEAT };
    tree.calls.length = 0;
  });

  const run = (line: string | readonly string[], options: Parameters<typeof csm>[2] = {}) => csm(tree, line, options);
  const lastInput = () => tree.calls.at(-1)?.input;

  it('status tells how the service is', async () => {
    expect(await run('heartbeat status')).to.deep.equal({
      exit: 0,
      err: '',
      out: text`
        6 components: 0 halted, 2 dead, 1 late, 0 left, 0 off, 3 beating
        leads   database open   state manager builtin   bus off
        deadlines looked at 0 s ago
        waiting: 0 to be stored, 0 for the state manager, 0 for the bus
        INCIDENTS: 1
          dead x0c1 since 11 s: 2 of 2 components of x0c1 fell silent at once: x0c1s[0-1]b0n0 (2)
      `,
    });
    const sick = {
      ...STATUS,
      manager: 'not ready' as const,
      problems: ['heartbeats are not written: \u001b[2J'],
      lost_history: 2,
    };
    tree.handlers['heartbeat.status'] = async () => sick as never;
    const { out } = await run('heartbeat status');
    expect(out).to.contain('deadlines looked at 0 s ago   state manager took something never\n');
    expect(out).to.contain('history of 2 changes lost').and.contain('problem: heartbeats are not written: \\u001b[2J');
    expect(JSON.parse((await run('heartbeat status -o json')).out)).to.deep.equal(sick);
  });

  it('list folds those alike, the worst first', async () => {
    expect((await run('heartbeat list')).out).to.equal(text`
      STATE    FLAG     COUNT  SINCE         SILENT AT MOST  LATE/DEAD  WHY             COMPONENTS
      dead     Alert        2  11 s to 12 s  42 s            10/30 s    -               x0c1s[0-1]b0n0 (2)
      late     Warning      1  1 min         3 min           120/300 s  nobody watched  x0c2s0b0 (1)
      beating  OK           2  1 d 2 h       2 s             10/30 s    -               x0c0s[0-1]b0n0 (2)
      beating  OK           1  1 d 2 h       2 s             by links   -               n001 (1)
    `);
  });

  it('list gives each, and every format has every field', async () => {
    const { out } = await run('heartbeat list --each');
    expect(out.split('\n')).to.have.length(COMPONENTS.length + 2);
    expect(out).to.match(/^NAME +STATE +FLAG +SINCE +LAST BEAT +INTERVAL +LATE\/DEAD +STATUS\n/);
    expect(out).to.match(/\nx0c0s1b0n0 +beating +OK +1 d 2 h +2 s +3\.0 s +10\/30 s +a\\u001b\[2J\n/);
    expect(JSON.parse((await run('heartbeat list -o json')).out)).to.deep.equal(COMPONENTS);
    const csv = (await run('heartbeat list -o csv')).out.split('\r\n');
    expect(csv[0]).to.equal('name,source,state,flag,since,last_seen,interval_ms,status,timestamp,gap,warntime,errtime');
    expect(csv).to.have.length(COMPONENTS.length + 2);
  });

  it('list passes its filters on, in the words of the call', async () => {
    const line =
      "heartbeat list 'x0c[0-1]s0b0n0' --state DEAD,late --flag alert --seen-since 2h --seen-before 2026-10-17T09:59:30Z --after n001 --limit 5";
    expect((await run(line)).exit).to.equal(0);
    expect(lastInput()).to.deep.equal({
      nodes: 'x0c[0-1]s0b0n0',
      states: ['dead', 'late'],
      flags: ['Alert'],
      seen_since: '2026-10-17T08:00:00.000Z',
      seen_before: '2026-10-17T09:59:30.000Z',
      after: 'n001',
      limit: 5,
    });
    for (const [wrong, words] of [
      ['heartbeat list --state ded', /did you mean 'dead'\?\n {2}field: --state\n {2}allowed: halted, dead, /],
      ['heartbeat list --flag red', /field: --flag/],
      ['heartbeat list --seen-since soon', /field: --seen-since/],
      ['heartbeat list --limit 0', /field: --limit/],
      ["heartbeat list 'x[2-1]'", /nodeset/],
    ] as const) {
      const { exit, err, out } = await run(wrong);
      expect([exit, out], wrong).to.deep.equal([9, '']);
      expect(err, wrong).to.match(words);
    }
  });

  it('list of nobody is exit 4 with an empty stdout, in every format', async () => {
    for (const format of ['table', 'json', 'yaml', 'csv'])
      expect(await run(`heartbeat list x1c0s0b0n0 -o ${format}`), format).to.include({ exit: 4, out: '' });
  });

  it('show tells state, beats, state manager and what comes next', async () => {
    expect((await run('heartbeat show x0c2s0b0')).out).to.equal(text`
      x0c2s0b0 is late (Warning) since 2026-10-17T09:59:00.000Z, because nobody had watched for a while; next: it is dead, unless it beats at 2026-10-17T10:04:00.000Z (in 4 min)
      last beat 3 min ago, 3.0 s after the one before; late after 120 s, dead after 300 s (type:NodeBMC)
      state manager (builtin): Ready/Warning
      type       NodeBMC
      status     OK
      timestamp  2026-10-17T09:59:57Z
    `);
    expect((await run('heartbeat show')).exit).to.equal(8);
    expect((await run("heartbeat show 'x[1-2]'")).exit).to.equal(9);
  });

  it('history and incidents are tables, newest last', async () => {
    expect(
      (await run('heartbeat history x0c1s0b0n0 --kind dead,started --since 2d --before 200 --limit 9')).out,
    ).to.equal(
      text`
        SEQ  TIME                      COMPONENT   WHAT     SILENT  WHY  INCIDENT  STATUS
         90  2026-10-16T08:00:00.000Z  x0c1s0b0n0  started  -       -    -         OK
        103  2026-10-17T09:59:48.000Z  x0c1s0b0n0  dead     30 s    -    17        OK
      `,
    );
    expect(lastInput()).to.deep.equal({
      nodes: 'x0c1s0b0n0',
      kinds: ['dead', 'started'],
      since: '2026-10-15T10:00:00.000Z',
      before: 200,
      limit: 9,
    });
    expect((await run('heartbeat incidents')).out).to.equal(text`
      ID  BEGAN                     LASTED       KIND   SCOPE  COUNT  WHAT                                           COMPONENTS
      16  2026-10-16T07:59:20.000Z  40 s         blind  all        0  monitoring was blind for 40 s                  -
      17  2026-10-17T09:59:49.000Z  11 s so far  dead   x0c1       2  2 of 2 components of x0c1 fell silent at once  x0c1s[0-1]b0n0 (2)
    `);
    expect((await run('heartbeat incidents --open')).out.split('\n')).to.have.length(3);
    expect(lastInput()).to.deep.equal({ open: true });
  });

  it('params shows all, changes some, and refuses in words what is none', async () => {
    expect((await run('heartbeat params')).out).to.match(/^PARAMETER +VALUE\nDebug +0\n/);
    expect(tree.calls.map(({ name }) => name)).to.deep.equal(['heartbeat.params']);
    const { exit, out } = await run('heartbeat params warntime=35 ERRTIME=60');
    expect([exit, tree.calls.at(-1)?.name]).to.deep.equal([0, 'heartbeat.update-params']);
    expect(lastInput()).to.deep.equal({ Warntime: '35', Errtime: '60' });
    expect(out).to.match(/\nWarntime +35\nErrtime +60\n/);
    tree.calls.length = 0;
    expect((await run('heartbeat params Warntime=35 --dry-run')).out).to.contain(
      'heartbeat.update-params would be asked',
    );
    for (const [line, words] of [
      ['heartbeat params Warntim=3', /'Warntim' is no parameter; did you mean 'Warntime'\?/],
      ['heartbeat params Warntime', /'Warntime' sets nothing/],
      ['heartbeat params Warntime=', /'Warntime=' has no value/],
      ['heartbeat params Warntime=1 warntime=2', /Warntime is given twice/],
      ['heartbeat params port=1', /Port cannot be changed while the service runs/],
    ] as const) {
      const ran = await run(line);
      expect(ran.exit, line).to.equal(9);
      expect(ran.err, line)
        .to.match(words)
        .and.match(/allowed: NAME=VALUE, with NAME one of Debug, /);
    }
    expect(tree.calls, 'nothing was asked').to.have.length(0);
    expect(readPairs(' Telemetry_host=a:1:b=c ')).to.deep.equal({ Telemetry_host: 'a:1:b=c' });
    expect(CHANGEABLE).to.have.length(11);
  });

  it('thresholds shows all, and sets or removes one', async () => {
    expect((await run('heartbeat thresholds')).out).to.equal(text`
      FOR           LATE s  DEAD s  COMPONENTS
      group new        600    3600  x9c[0-1]s0b0n0 (2)
      type NodeBMC     120     300  -
      all others        10      30  -
    `);
    expect((await run('heartbeat thresholds --type NodeBMC --warntime 120 --errtime 300')).exit).to.equal(0);
    expect(lastInput()).to.deep.equal({ type: 'NodeBMC', warntime: 120, errtime: 300 });
    expect((await run("heartbeat thresholds --group new --components 'x9c0s0b0n0' --remove")).exit).to.equal(0);
    expect(lastInput()).to.deep.equal({ group: 'new', components: 'x9c0s0b0n0', remove: true });
    expect((await run('heartbeat thresholds --warntime 5')).err).to.contain('it is not said whose thresholds');
    expect((await run('heartbeat thresholds --type NodeBMC --warntime 0')).exit).to.equal(9);
  });

  it('forget asks above a number of them, and names who was not known', async () => {
    expect(await run("heartbeat forget 'x0c1s[0-1]b0n0'")).to.deep.equal({
      exit: 0,
      err: '',
      out: 'x0c1s[0-1]b0n0 (2): 2 components forgotten\n',
    });
    expect(tree.calls.at(-1)?.ctx.idempotencyKey).to.match(/^[0-9a-f-]{36}$/);
    tree.calls.length = 0;
    expect((await run("heartbeat forget 'x0c1s[0-99]b0n0'")).exit).to.equal(8);
    expect(tree.calls).to.have.length(0);
    tree.handlers['heartbeat.forget'] = async ({ nodes }) =>
      ({ nodes, forgotten: 1, failed: [{ nodes: 'x0c1s1b0n0', code: 46, text: 'not known' }] }) as never;
    const part = await run("heartbeat forget 'x0c1s[0-1]b0n0'");
    expect(part.exit).to.equal(26);
    expect(part.err).to.equal(
      'csm: Could not delete 1 of the 2 record(s):\n  x0c1s1b0n0 (1): UNKNOWN_NODES: not known\n',
    );
  });

  it('watch gives a line a change where there is no terminal', async () => {
    expect((await run('heartbeat watch --since 100')).out).to.equal(text`
      101  2026-10-17T09:59:48.000Z  restarted  x0c0s0b0n0
      102  2026-10-17T09:59:48.000Z  incident   x0c1  2 of 2 components of x0c1 fell silent at once
      103  2026-10-17T09:59:48.000Z  dead       x0c1s0b0n0  last beat 30 s before; incident 17
      104  2026-10-17T09:59:48.000Z  dead       x0c1s1b0n0  last beat 30 s before; incident 17
      105  2026-10-17T09:59:48.000Z  halted     x0c3s0b0  Kernel Oops\u001b
    `);
    expect(lastInput()).to.deep.equal({ since: 100 });
    const lines = (await run('heartbeat watch --since 103 -o json', { isTTY: true })).out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).to.deep.equal(BEATS.slice(3));
    expect((await run('heartbeat watch --since x')).exit).to.equal(9);
    expect((await run('heartbeat watch --since 104 --lines', { isTTY: true })).out).to.match(/^105 /);
  });

  it('watch goes on behind the last change when its stream breaks', async () => {
    let turn = 0;
    tree.handlers['heartbeat.watch'] = async ({ since }, ctx) => {
      const told = BEATS.filter(({ seq }) => seq > Number(since));
      for (const item of turn++ === 0 ? told.slice(0, 2) : told) await ctx.emit(item as never);
      return turn === 1 ? fail(code.COMMUNICATION, 'the master went away') : undefined;
    };
    const { exit, out, err } = await run('heartbeat watch --since 100');
    expect(exit).to.equal(0);
    expect(out.split('\n').map((line) => line.slice(0, 3))).to.deep.equal(['101', '102', '103', '104', '105', '']);
    expect(tree.calls.map(({ input }) => input)).to.deep.equal([{ since: 100 }, { since: 102 }]);
    expect(err).to.contain('the watch goes on behind 102');
  });

  it('watch is a live view on a terminal, until an interrupt', async () => {
    tree.handlers['heartbeat.watch'] = async (_input, ctx) => {
      for (const item of BEATS) await ctx.emit(item as never);
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
      return undefined;
    };
    const interrupt = new AbortController();
    let seen = '';
    const running = run('heartbeat watch', {
      isTTY: true,
      // As a terminal that does not know says.
      columns: 0,
      interrupt: interrupt.signal,
      env: { NO_COLOR: '1' },
      onOut: (all) => {
        seen = all;
      },
    });
    await until('both chassis members stand in one line', () => seen.includes('dead       x0c1s[0-1]b0n0 (2)'));
    interrupt.abort('SIGINT');
    const { exit, out, err } = await running;
    expect([exit, err]).to.deep.equal([0, '']);
    expect(out.startsWith('\x1b[H\x1b[2J')).to.equal(true);
    const last = out.slice(out.lastIndexOf('csm heartbeat watch')).split('\x1b[K\n');
    expect(last.map((line) => line.length).filter((length) => length > 80)).to.deep.equal([]);
    expect(last).to.include('6 components:  0 halted  2 dead  1 late  0 left  0 off  3 beating');
    expect(last).to.include('1 open incident');
  });

  it('watch on a terminal ends with the problem of its stream', async () => {
    tree.handlers['heartbeat.watch'] = async () => fail(code.CONTEXT_LOST, 'changes 101 to 200 are no longer kept');
    const { exit, err } = await run('heartbeat watch --since 100', { isTTY: true });
    expect(exit).to.equal(37);
    expect(err).to.contain('no longer kept');
  });
});

describe('the live view', () => {
  const view = (live: Live, more: Partial<Parameters<Live['screen']>[0]> = {}, columns = 200) =>
    live.screen({ status: STATUS, note: undefined, now: NOW, ...more }, PLAIN, columns);

  it('is one screen', () => {
    const live = new Live();
    for (const item of BEATS) live.add(item);
    expect(view(live)).to.equal(text`
      csm heartbeat watch  2026-10-17T10:00:00.000Z  5 changes  Ctrl-C ends

      6 components:  0 halted  2 dead  1 late  0 left  0 off  3 beating
      looked 0 s ago  database open  state manager builtin  bus off  0 changes on the way

      1 open incident
        dead x0c1 since 11 s: 2 of 2 components of x0c1 fell silent at once: x0c1s[0-1]b0n0 (2)

      newest changes
        09:59:48  halted     x0c3s0b0  Kernel Oops\u001b
        09:59:48  dead       x0c1s[0-1]b0n0 (2)
        09:59:48  incident   x0c1  2 of 2 components of x0c1 fell silent at once
        09:59:48  restarted  x0c0s0b0n0
    `);
  });

  it('stays one screen, and bounded, whatever happens', () => {
    const live = new Live();
    const [, , dead] = BEATS;
    if (dead === undefined) throw new Error('no sample');
    for (let i = 0; i < 50_000; i++)
      live.add({ ...dead, seq: i, subject: `x${i}c0s0b0n0`, time: new Date(NOW + i).toISOString() });
    const lots = Array.from({ length: 40 }, (_, i) => ({ ...INCIDENT, id: `${i}` }));
    const problems = Array.from({ length: 40 }, (_, i) => `problem ${i}`);
    const screen = view(live, { status: { ...STATUS, incidents: lots, problems }, note: 'x'.repeat(500) }, 80);
    const lines = screen.split('\n');
    // The last line break is one of them: the smallest terminal has 24.
    expect(lines.length).to.be.at.most(24);
    for (const line of lines) expect(line.length, line).to.be.at.most(80);
    expect(screen).to.contain('50000 changes');
  });

  it('says that it waits before the first answer, and why there is no newer one', () => {
    const screen = view(new Live(), { status: undefined, note: 'no daemon answers' });
    expect(screen).to.contain('waiting for the first answer\n! no daemon answers\n').and.contain('  none yet\n');
  });
});

describe('components that are alike', () => {
  it('are folded by state, thresholds, source and reason; names of others stand as they are', () => {
    const folder = new Folder();
    for (const one of COMPONENTS) folder.add(one);
    const [sample] = COMPONENTS;
    if (sample === undefined) throw new Error('no sample');
    folder.add({ ...sample, name: '-odd-', last_seen: null });
    const alike = folder.alike();
    expect(alike.map(({ state, count, components }) => [state, count, components])).to.deep.equal([
      ['dead', 2, 'x0c1s[0-1]b0n0'],
      ['late', 1, 'x0c2s0b0'],
      ['beating', 2, 'n001,-odd-'],
      ['beating', 2, 'x0c0s[0-1]b0n0'],
    ]);
    expect(alike[2]?.oldest).to.equal(null);
    expect(alike[0]).to.include({ first: '2026-10-17T09:59:48.000Z', last: '2026-10-17T09:59:49.000Z' });
  });
});
