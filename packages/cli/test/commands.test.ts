import { code, fail, JsonFlow } from '@csm/model';
import { expect } from 'chai';
import { csm, NOW, text, until, type World, world } from './harness.ts';
import { AGGREGATORS, CHANGES, gives, HEALTHY, NODES, SICK, shown, UNREACHABLE, WELL } from './sample.ts';

describe('csm', () => {
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

  describe('health', () => {
    it('shows a well tree', async () => {
      expect(await run('health')).to.deep.equal({
        exit: 0,
        err: '',
        out: text`
          healthy
          MASTER: m1   version 0.1.0   leads 3 d 4 h   term 3   sqlite ok   reports 1042 committed, 0 queued, 3 stale, 0 rejected
          STORE: 2 of 10000 calls wait   last commit 1.2 ms   4.0 MiB
          AGGREGATORS: 2
            NODE   LINK  SINCE    PRIMARY  UNRESPONSIVE  SECONDARY  UNRESPONSIVE  BOUNCED  REASON
            agg-A  up    40 min         2             0          1             0        1  -
            agg-B  up    3 d 3 h        1             0          2             0        0  -
          UTILITIES: 1
            NODE    LINK  LAST SEEN  ADDRESS
            login1  up    2 s        10.0.0.9
          COMPUTES: 3   3 with two links   version 0.1.0 3
          DAEMONS: 3
            DAEMON            VERSION  RUNS     BOUNCED  CERTIFICATE   CLOCK  DROPPED   CREDIT  SINK
            master/m1         0.1.0    3 d 4 h        -  210 d             -        0        -  -
            aggregator/agg-A  0.1.0    3 d 4 h        1  210 d        +0.0 s        0  8.0 MiB  connected
            utility/login1    0.1.0    3 d 4 h        3  210 d        +0.0 s        0        -  -
          LOCAL: utility/login1   primary agg-A   secondary agg-B   outbox 0 waiting, 0 unacknowledged, 0 dropped, 0 refused   journal ok
            CANDIDATE  STATE      REASON
            agg-A      primary    -
            agg-B      secondary  -
        `,
      });
    });

    it('shows a sick one, with exit 1 in every format', async () => {
      tree.handlers['health'] = async () => SICK as never;
      const { exit, out, err } = await run('health');
      expect([exit, err]).to.deep.equal([1, '']);
      expect(out.split('\n')[0]).to.equal(
        'degraded: aggregator agg-B is not linked: stopped answering; utility login1 is not linked',
      );
      expect(out).to.contain('   settling   ');
      expect(out).to.match(/ {2}agg-B {2}lost {2}3 d 3 h +0 +1 +2 +0 +0 {2}stopped answering\n/);
      expect(out).to.contain('OTHER MASTERS: 1\n  NODE  LINK  LAST SEEN  ADDRESS\n  m2    lost  1 min      -\n');
      expect(out).to.contain('REFUSED: 1\n  DAEMON        BY     ADDRESS   CODE         COUNT  LAST   REASON\n');
      expect(out).to.contain('  compute/n009  agg-A  10.0.1.9  certificate     12  2 min  certificate has expired\n');
      expect(out.split('\n')[1]).to.equal(
        'warning: the certificate of compute/n[001-002] expires in 12 days, at 2026-10-29T10:00:00.000Z',
      );
      expect(out).to.contain('COMPUTES: 3   0 with two links   2 with one   1 with none\n');
      expect(out).to.match(/CERTIFICATES: 1\n {2}ROLE {5}NODES {11}EXPIRES\n {2}compute {2}n\[001-002\] \(2\) {2}2026/);
      for (const format of ['json', 'yaml', 'csv']) expect((await run(`health -o ${format}`)).exit).to.equal(1);
      expect((await run('health --tree')).exit).to.equal(1);
    });

    it("shows the tree in the layout of CSM's health check", async () => {
      const { exit, out, err } = await run('health --tree');
      expect([exit, err]).to.deep.equal([0, '']);
      expect(lastInput()).to.deep.equal({});
      expect(out.split('\n')).to.deep.equal([
        'Starting. Contacting local daemon...',
        'Connected. Checking infrastructure... (this may take a moment. Please be patient...)',
        '###### RESPONSE FROM THE LOCAL DAEMON #######',
        'MASTER: m1',
        '\tDB_free_conn_size: 9998',
        '\tDB_locked_conn_pool_size: 2',
        '\tTimer_test: skipped',
        '\tDB_sql_query_test: success',
        '\tMulticast_test: skipped',
        '\tNetwork_vchannel_test: success',
        '\tUser_permission_test: success',
        '\tUniqueID_test: success',
        'Aggregators:2',
        '\tAGGREGATOR: agg-A',
        '\t\tActive_primary: 2',
        '\t\tUnresponsive_primary: 0',
        '\t\tActive_secondary: 1',
        '\t\tUnresponsive_secondary: 0',
        '\tAGGREGATOR: agg-B',
        '\t\tActive_primary: 1',
        '\t\tUnresponsive_primary: 0',
        '\t\tActive_secondary: 2',
        '\t\tUnresponsive_secondary: 0',
        '\tUnresponsive Aggregators: 0',
        'Utility Nodes:1',
        '\tUTILITY: login1',
        '\tUnresponsive Utility Nodes: 0',
        'Local_daemon: UTILITY: login1',
        '\tStatus: primary agg-A, secondary agg-B, outbox 0 reports, 0 dropped',
        '#############################################',
        '',
        'Finished. Cleaning up...',
        'Test complete: rc=0',
        '',
      ]);
    });

    it('with -v the tree has figures, and each node by name', async () => {
      const none = { active: [], unresponsive: '' };
      const aggregators = SICK.aggregators.map((a) =>
        a.connected
          ? {
              ...a,
              primary: { active: 2, unresponsive: 1 },
              nodes: {
                primary: { active: [{ nodes: 'n[001-002]', bounced: 4, version: '1.4' }], unresponsive: 'n003' },
                secondary: none,
              },
            }
          : a,
      );
      const refused = [{ ...(SICK.refused[0] as (typeof SICK.refused)[number]), code: 'duplicate' }];
      tree.handlers['health'] = async () => ({ ...SICK, aggregators, refused }) as never;
      const { exit, out } = await run('health --tree -v');
      expect(exit).to.equal(1);
      expect(lastInput()).to.deep.equal({ nodes: true });
      const from = out.indexOf('MASTER');
      expect(out.slice(from, out.indexOf('\n#####', from)).split('\n')).to.deep.equal([
        'MASTER: m1 (bounced=2; version=0.1.0)',
        '\tDB_free_conn_size: 9998',
        '\tDB_locked_conn_pool_size: 2',
        '\tTimer_test: skipped',
        '\tDB_sql_query_test: success',
        '\tMulticast_test: skipped',
        '\tNetwork_vchannel_test: success',
        '\tUser_permission_test: success',
        '\tUniqueID_test: fail',
        'Aggregators:2',
        '\tAGGREGATOR: agg-A (bounced=1; version=0.1.0)',
        '\t\tActive_primary: 2',
        '\t\tUnresponsive_primary: 1',
        '\t\tActive_secondary: 1',
        '\t\tUnresponsive_secondary: 0',
        '\t\tPrimary Nodes:',
        '\t\t\tActive: 2',
        '\t\t\t\tCOMPUTE: n001 (bounced=4; version=1.4; link=PRIMARY)',
        '\t\t\t\tCOMPUTE: n002 (bounced=4; version=1.4; link=PRIMARY)',
        '\t\t\tUnresponsive: 1',
        '\t\t\t\tCOMPUTE: n003 (bounced=n/a; version=n/a; link=ANY)',
        '\t\tSecondary Nodes:',
        '\t\t\tActive: 0',
        '\t\t\tUnresponsive: 0',
        '\tUnresponsive Aggregators: 1',
        '\t\tAGGREGATOR: agg-B (bounced=n/a; version=n/a; link=ANY)',
        'Utility Nodes:1',
        '\tUnresponsive Utility Nodes: 1',
        '\t\tUTILITY: login1 (bounced=n/a; version=n/a; link=ANY)',
        'Local_daemon: UTILITY: login1 (bounced=n/a; version=n/a)',
        '\tStatus: primary agg-A, secondary agg-B, outbox 0 reports, 0 dropped',
      ]);
    });

    it('shows the tree without a master', async () => {
      tree.handlers['health'] = async () => UNREACHABLE as never;
      const { exit, out } = await run('health --tree -v');
      expect(exit).to.equal(1);
      expect(out).to.contain('\nMASTER: n/a (bounced=n/a; version=n/a; link=ANY)\n\tDB_free_conn_size: skipped\n');
      expect(out).to.contain('\n\tNetwork_vchannel_test: fail\n');
      expect(out).to.contain('\nAggregators:0\n\tUnresponsive Aggregators: 0\n');
      expect(out).to.contain('Test complete: rc=1\n');
    });

    it('shows what a daemon without a master knows', async () => {
      tree.handlers['health'] = async () => UNREACHABLE as never;
      const { exit, out } = await run('health');
      expect(exit).to.equal(1);
      expect(out).to.equal(text`
        degraded: the master is not reachable: agg-A and agg-B are lost
        MASTER: unreachable
        AGGREGATORS: 0
        UTILITIES: 0
        LOCAL: utility/login1   primary none   secondary none   outbox 5 waiting, 0 unacknowledged, 0 dropped, 0 refused   journal ok
          CANDIDATE  STATE     REASON
          agg-A      dialling  connection refused
      `);
    });

    it('shows that a master stands by, and who leads', async () => {
      const why = 'the database csm is in use by csm lease, pid 7 on m1 from 10.0.0.1 since 2026-10-14T06:00:00.000Z';
      const standby = { why, leader: 'm1', term: 3, since: '2026-10-14T06:00:00.000Z' };
      const local = { ...HEALTHY.local, daemon: 'master/m2', standby };
      tree.handlers['health'] = async () => ({ ...HEALTHY, local }) as never;
      const { exit, out } = await run('health');
      expect(exit, 'which is as it should be').to.equal(0);
      expect(out).to.contain(`\nLOCAL: master/m2   standby   primary agg-A`);
      expect(out).to.contain(`\n  leader m1   term 3   since 3 d 4 h   ${why}\n`);
      const unknown = { ...HEALTHY.local, standby: { why: 'no route', leader: null, term: null, since: null } };
      tree.handlers['health'] = async () => ({ ...HEALTHY, local: unknown }) as never;
      expect((await run('health')).out).to.contain('\n  no route\n');
    });

    it('shows an answer of an older master', async () => {
      const { term: _, engine: __, store: _store, self: _self, ...master } = HEALTHY.master;
      const { standby: ___, ...local } = HEALTHY.local;
      const { warnings: _warnings, computes: _computes, certificates: _certificates, ...rest } = HEALTHY;
      tree.handlers['health'] = async () => ({ ...rest, master, local }) as never;
      expect((await run('health --tree')).out).to.contain('\tDB_free_conn_size: n/a\n');
      expect((await run('health')).out).to.contain(
        'MASTER: m1   version 0.1.0   leads 3 d 4 h   database ok   reports',
      );
    });

    it('shows what features count, and nothing of those that have nothing to say', async () => {
      const features = {
        environment: {
          connected: true,
          sent: 12,
          spool: { bytes: 0, oldest: null },
          problem: 'a\u001bb',
          dropped: [1],
        },
        node: {},
        other: 'ok',
        none: null,
      };
      tree.handlers['health'] = async () => ({ ...HEALTHY, local: { ...HEALTHY.local, features } }) as never;
      const { exit, out } = await run('health');
      expect(exit).to.equal(0);
      expect(out.split('\n').slice(-3)).to.deep.equal([
        '  environment: connected yes   sent 12   spool.bytes 0   problem a\\u001bb   dropped [1]',
        '  other: ok',
        '',
      ]);
    });

    it('gives the answer of the API as it is', async () => {
      expect((await run('health -o json')).out).to.equal(`${JSON.stringify(HEALTHY, null, 2)}\n`);
      const csv = (await run('-o csv health')).out;
      expect(csv).to.match(/^field,value\r\ndegraded,false\r\nproblems,\[\]\r\nwarnings,\[\]\r\nmaster.node,m1\r\n/);
      expect(csv).to.contain('\r\naggregators.1.primary.active,1\r\n');
      expect((await run('health -o yaml')).out).to.contain('\naggregators:\n  - node: agg-A\n    connected: true\n');
    });
  });

  describe('node list', () => {
    it('shows a line each', async () => {
      expect((await run('node list')).out).to.equal(text`
        NAME    TYPE     STATE       PRIMARY  SECONDARY  LINK    LAST SEEN  KERNEL          MEMORY GiB  CORES
        n001    compute  DISCOVERED  agg-A    agg-B      up (2)  1 s        6.1.0-25-amd64       125.8     48
        n002    compute  DISCOVERED  agg-A    -          up (1)  1 s        6.1.0-25-amd64       125.8     48
        n003    compute  DISCOVERED  agg-A    -          down    35 min     -                        -      -
        login1  utility  DISCOVERED  agg-A    -          up (1)  1 s        6.1.0-25-amd64       125.8      8
      `);
      expect(lastInput()).to.deep.equal({});
    });

    it('sends the node set as it is given', async () => {
      await run("node list 'n[001-003]!n002' --type compute");
      expect(lastInput()).to.deep.equal({ nodes: 'n[001-003]!n002', type: 'compute' });
    });

    it('shows a long list as it comes, and says where it breaks off, with the code of that', async () => {
      const long = NODES.map((node) => JSON.stringify(node)).join(',\n');
      let broken: Error | undefined;
      tree.handlers['node.list'] = async () =>
        new JsonFlow(
          (async function* () {
            yield Buffer.from('[\n');
            for (const part of [long, broken === undefined ? '\n]' : ',\n']) {
              await new Promise((resolve) => setTimeout(resolve, 5));
              yield Buffer.from(part);
            }
            if (broken !== undefined) throw broken;
          })(),
        );
      expect(await run('node list -o json')).to.deep.equal({ exit: 0, out: `[\n${long}\n]\n`, err: '' });
      broken = new Error('the way was lost');
      const { exit, out, err } = await run('node list -o json');
      expect([exit, out]).to.deep.equal([12, `[\n${long},\n`]);
      expect(JSON.parse(err)).to.include({ code: 12 });
      tree.handlers['node.list'] = async () => ({ no: 'list' });
      expect((await run('node list -o json')).exit).to.equal(code.UNPACK);
    });

    it('speaks every format', async () => {
      const lines = `[\n${NODES.map((node) => JSON.stringify(node)).join(',\n')}\n]\n`;
      expect((await run('node list -o json')).out).to.equal(lines);
      const indented = `${JSON.stringify(NODES, null, 2)}\n`;
      expect((await run('node list -o json', { isTTY: true })).out).to.equal(indented);
      const csv = (await run('node list n003 -o csv')).out.split('\r\n');
      expect(csv[0]).to.match(/^name,type,state,primary_aggregator,secondary_aggregator,connected,links,/);
      expect(csv[1]).to.match(/^n003,compute,DISCOVERED,agg-A,,false,0,/);
      expect((await run('node list n003 -o csv --no-header')).out.split('\r\n')[0]).to.equal(csv[1]);
      expect((await run('node list n001 --no-header')).out).to.match(/^n001 {2}compute/);
      expect((await run('node list -o yaml')).out).to.match(/^- name: n001\n {2}type: compute\n[^-]+/);
    });

    it('colours on a terminal only, and not under NO_COLOR', async () => {
      const down = '\x1b[31mdown\x1b[0m    35 min';
      expect((await run('node list', { isTTY: true })).out).to.contain(down);
      expect((await run('node list', { isTTY: true, env: { NO_COLOR: '' } })).out).to.contain(down);
      for (const env of [{ NO_COLOR: '1' }, { NO_COLOR: '0' }, { TERM: 'dumb' }] as const) {
        expect((await run('node list', { isTTY: true, env: { ...env } })).out).not.to.contain('\x1b');
      }
    });
  });

  describe('node show', () => {
    it('begins with how it is', async () => {
      const out = (await run('node show n001')).out.split('\n');
      expect(out[0]).to.equal(
        'n001 is DISCOVERED since 2026-10-01T00:00:00.000Z (inventory: first contact); next: nothing by itself: csm node resume puts it into service',
      );
      expect(out[1]).to.equal('n001 is up: served by agg-A, agg-B in reserve; last seen 1 s ago');
      expect(out).to.include('  installed_memory:     131890524 kB (125.8 GiB)');
      expect(out).to.include('  machine_model:        -');
      const first = async (name: string) => (await run(`node show ${name}`)).out.split('\n')[1];
      expect(await first('n002')).to.contain('is up: served by agg-A, nothing in reserve; ');
      expect(await first('n003')).to.equal('n003 is down: it was served by agg-A; last seen 35 min ago');
      expect(await first('login1')).to.contain('login1 is up: served by agg-A; ');
    });

    it('speaks every format', async () => {
      expect(JSON.parse((await run('node show n001 -o json')).out)).to.deep.equal(shown(NODES[0]));
      expect((await run('node show n001 -o csv')).out.split('\r\n')).to.have.length(3);
      expect((await run('node show n001 -o yaml')).out).to.contain('\nmachine_model: null\n');
    });
  });

  describe('node watch', () => {
    it('tells each change in a line', async () => {
      expect((await run('node watch n[001-004] --since 1000')).out).to.equal(text`
        1001  2026-10-17T09:00:00.000Z  node       n004  not known → DISCOVERED: first contact
        1002  2026-10-17T09:00:01.000Z  inventory  n004  new inventory after a reboot
        1005  2026-10-17T09:10:00.000Z  link       agg-B  aggregator_lost n[001-003] (3): stopped answering
        1006  2026-10-17T09:11:00.000Z  other      n001  a=1 b=x\u001b
      `);
      expect(lastInput()).to.deep.equal({ nodes: 'n[001-004]', since: 1000 });
    });

    it('speaks every format', async () => {
      const json = (await run('node watch -o json')).out;
      expect(
        json
          .trimEnd()
          .split('\n')
          .map((l) => JSON.parse(l) as unknown),
      ).to.deep.equal(CHANGES);
      const csv = (await run('node watch --since 1005 -o csv')).out;
      expect(csv).to.equal(
        'seq,time,kind,subject,body\r\n1006,2026-10-17T09:11:00.000Z,other,n001,"{""a"":1,""b"":""x\\u001b""}"\r\n',
      );
      expect((await run('node watch --since 1005 -o yaml')).out).to.match(/^- seq: 1006\n/);
    });

    it('goes on until an interrupt, which cancels the call', async () => {
      const stop = new AbortController();
      tree.handlers['node.watch'] = async (_input, ctx) => {
        await ctx.emit(CHANGES[0] as never);
        return new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
      };
      const ran = run('node watch', { interrupt: stop.signal, onOut: () => stop.abort('SIGINT') });
      expect(await ran).to.include({ exit: 0, err: '' });
      await until('the daemon knows', () => tree.calls[0]?.ctx.signal.aborted === true);
    });
  });

  it('aggregator list speaks every format', async () => {
    expect((await run('aggregator list')).out).to.equal(text`
      NODE   LINK  SINCE    PRIMARY  UNRESPONSIVE  SECONDARY  UNRESPONSIVE  BOUNCED  DRAINED  REASON
      agg-A  up    40 min         2             0          1             0        1  -        -
      agg-B  up    3 d 3 h        1             0          2             0        0  -        -
    `);
    expect(JSON.parse((await run('aggregator list -o json')).out)).to.deep.equal(AGGREGATORS);
    const csv = (await run('aggregator list -o csv --no-header')).out.split('\r\n');
    expect(csv[0]).to.equal('agg-A,true,2026-10-17T09:20:00.000Z,,10.0.0.1,1.0,1,2,0,1,0,');
    expect((await run('aggregator list -o yaml')).out).to.contain('  primary:\n    active: 2\n    unresponsive: 0\n');
  });

  describe('ping and tree rebalance', () => {
    it('fold what nodes answered alike, through whichever aggregator', async () => {
      expect(await run('ping n[1-8]')).to.deep.equal({ exit: 0, out: 'n[1-8] (8): alive\n', err: '' });
      expect(JSON.parse((await run('ping n[1-8] -o json')).out)).to.deep.equal([
        { nodes: 'n[1-8]', code: 0, text: 'alive' },
      ]);
      expect((await run('ping n[1-8] -o csv')).out).to.equal('nodes,code,text\r\nn[1-8],0,alive\r\n');
      expect((await run('ping n[1-8] -o yaml')).out).to.equal('- nodes: "n[1-8]"\n  code: 0\n  text: alive\n');
      expect(await run('tree rebalance n[1-3] --spread 0')).to.include({ exit: 0, out: 'n[1-3] (3): moves\n' });
      expect(lastInput()).to.deep.equal({ nodes: 'n[1-3]', spread: 0 });
    });

    it('tell who failed on stderr, and exit with the highest code', async () => {
      tree.handlers['ping'] = gives(
        { nodes: 'n[3-4]', code: 5, text: 'no answer in time' },
        { nodes: 'n9', code: 48, text: 'down since 09:00' },
        { nodes: 'n[1-2]', code: 0, text: 'alive' },
      );
      const ran = await run('ping n[1-9] --deadline 0.5');
      expect(ran.exit).to.equal(48);
      expect(ran.out).to.equal('n[1-2] (2): alive\n');
      expect(ran.err).to.equal(
        'csm: n[3-4] (2): TIMEOUT: no answer in time\ncsm: n9 (1): NODES_UNAVAILABLE: down since 09:00\n',
      );
      expect(lastInput()).to.deep.equal({ nodes: 'n[1-9]', deadline: 0.5 });
      const json = await run('ping n[1-9] -o json');
      expect([json.exit, json.err]).to.deep.equal([48, '']);
      expect((JSON.parse(json.out) as { nodes: string }[]).map(({ nodes }) => nodes)).to.deep.equal([
        'n[1-2]',
        'n[3-4]',
        'n9',
      ]);
    });
  });

  describe('run', () => {
    const parts = [
      { nodes: 'n3', code: 17, text: 'exit 2', body: { exit: 2, output: 'bad\n' } },
      { nodes: 'n[10-12]', code: 0, text: '', body: { exit: 0, output: '\x1b[1ma\n b' } },
      { nodes: 'n[1-2]', code: 0, text: '', body: { exit: 0, output: '\x1b[1ma\n b' } },
      { nodes: 'n4', code: 48, text: 'down since 09:00' },
      {
        nodes: 'n5',
        code: 5,
        text: 'killed at the deadline',
        body: { exit: 137, output: 'x\n', signal: 'SIGKILL', cut_bytes: 12 },
      },
    ];

    it('prints equal output once, as it came', async () => {
      tree.handlers['run'] = gives(...parts);
      expect(await run(['run', 'n[1-12]', '--', 'sh', '-c', 'x -o json'])).to.deep.equal({
        exit: 48,
        out:
          '---- n[1-2,10-12] (5) ----\n\x1b[1ma\n b\n---- n3 (1) exit 2 ----\nbad\n' +
          '---- n5 (1) exit 137 SIGKILL 12 bytes cut ----\nx\n',
        err:
          'csm: n3 (1): SCRIPT_FAILURE: exit 2\ncsm: n4 (1): NODES_UNAVAILABLE: down since 09:00\n' +
          'csm: n5 (1): TIMEOUT: killed at the deadline\n',
      });
      expect(lastInput()).to.deep.equal({ nodes: 'n[1-12]', argv: ['sh', '-c', 'x -o json'], partial: false });
      expect((await run('run n[1-12] --no-header -- x')).out).to.equal('\x1b[1ma\n bbad\nx\n');
    });

    it('gives the parts to programs', async () => {
      tree.handlers['run'] = gives(...parts);
      const { exit, out, err } = await run('run n[1-12] -o json -- x');
      expect([exit, err]).to.deep.equal([48, '']);
      const told = JSON.parse(out) as readonly unknown[];
      expect(out).to.equal(`[\n${told.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`);
      expect(JSON.parse(out)).to.deep.equal([{ ...parts[1], nodes: 'n[1-2,10-12]' }, parts[0], parts[3], parts[4]]);
      const lines = (await run('run n[1-12] --partial -o json -- x')).out.trimEnd().split('\n');
      expect(lines.map((l) => JSON.parse(l) as unknown)).to.deep.equal(parts);
      expect(lastInput()).to.include({ partial: true });
      expect((await run('run n[1-12] -o csv -- x')).out.split('\r\n').slice(0, 3)).to.deep.equal([
        'nodes,code,text,body.exit,body.signal,body.cut_bytes,body.output',
        '"n[1-2,10-12]",0,"",0,,,"\x1b[1ma\n b"',
        'n3,17,exit 2,2,,,"bad\n"',
      ]);
      expect((await run('run n3 -o yaml -- x')).out).to.contain('    output: |\n      bad\n');
    });

    it('shows parts as they come with --partial', async () => {
      let shown = '';
      tree.handlers['run'] = async (_input, ctx) => {
        await ctx.emit(parts[0] as never);
        await until('it is shown', () => shown.includes('---- n3 (1) exit 2 ----\nbad\n'));
        return undefined;
      };
      const ran = await run('run n3 --partial -- x', {
        onOut: (all) => {
          shown = all;
        },
      });
      expect(ran.exit).to.equal(17);
    });

    it('has a key of its own, which -v shows and --key repeats', async () => {
      const { err } = await run('run n1 -v -- x');
      const key = tree.calls[0]?.ctx.idempotencyKey;
      expect(err).to.equal(`csm: key ${key}\n`);
      await run('run n1 -- x');
      expect(tree.calls[1]?.ctx.idempotencyKey)
        .to.match(/^[0-9a-f-]{36}$/)
        .and.not.equal(key);
      await run(`run n1 --key ${key} -- x`);
      expect(tree.calls[2]?.ctx.idempotencyKey).to.equal(key);
      expect((await run(['run', 'n1', '--key', 'a b', '--', 'x'])).exit).to.equal(9);
    });

    it('ends with an interrupt, and says how to learn the outcome', async () => {
      const stop = new AbortController();
      tree.handlers['run'] = async (_input, ctx) => {
        stop.abort('SIGINT');
        return new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
      };
      const ran = await run('run n1 --key k1 -- x', { interrupt: stop.signal });
      expect(ran).to.deep.equal({
        exit: 130,
        out: '',
        err: 'csm: nodes may carry it out all the same; --key k1 shows the outcome\n',
      });
      await until('the daemon knows', () => tree.calls[0]?.ctx.signal.aborted === true);
    });

    it('shows what came before the answer broke off, and then why', async () => {
      tree.handlers['run'] = async (input, ctx) => {
        await gives(parts[0] as object)(input, ctx);
        throw new Error('secret');
      };
      const ran = await run('run n3 -o json -- x');
      expect(ran.exit).to.equal(1);
      expect(JSON.parse(ran.out)).to.deep.equal([parts[0]]);
      expect(JSON.parse(ran.err)).to.include({ code: 1, name: 'GENERIC' });
    });

    it('takes only what stands behind -- for the program', async () => {
      for (const line of ['run n1', 'run n1 --']) expect((await run(line)).exit).to.equal(8);
      const wrong = await run('run n1 rm -v x');
      expect(wrong.exit).to.equal(9);
      expect(wrong.err).to.contain("the program and its options behind '--'");
      expect(tree.calls).to.have.length(0);
      await run('run n1 -- rm -v -- x');
      expect(lastInput()).to.deep.include({ argv: ['rm', '-v', '--', 'x'] });
    });
  });

  describe('--watch', () => {
    it('repeats until an interrupt, with a separator', async () => {
      const stop = new AbortController();
      const onOut = (all: string) => {
        if (all.split('healthy').length > 3) stop.abort('SIGINT');
      };
      const { exit, out } = await run('health --watch 0.1', { interrupt: stop.signal, onOut });
      expect(exit).to.equal(0);
      expect(out.split(`--- ${new Date(NOW).toISOString()}\nhealthy\n`)).to.have.length(4);
    });

    it('clears a terminal, and gives JSON a line each', async () => {
      const twice = async (line: string, isTTY: boolean, mark: string) => {
        const stop = new AbortController();
        const onOut = (all: string) => {
          if (all.split(mark).length > 2) stop.abort('SIGINT');
        };
        return (await run(line, { isTTY, interrupt: stop.signal, onOut })).out;
      };
      const cleared = await twice('node list --watch 0.1', true, '\x1b[2J');
      expect(cleared.startsWith('\x1b[H\x1b[2Jevery 0.1 s, 2026-10-17T10:00:00.000Z\n\nNAME')).to.equal(true);
      const lines = (await twice('node list n001 --watch 0.1 -o json', false, '\n')).trimEnd().split('\n');
      expect(lines.map((l) => JSON.parse(l) as unknown)).to.deep.equal([[NODES[0]], [NODES[0]]]);
    });

    it('goes on over a database that is away for a moment, but not over a refusal', async () => {
      let asked = 0;
      tree.handlers['node.list'] = async () => {
        asked++;
        if (asked === 2) fail(24, 'the database is away');
        if (asked === 4) fail(16, 'no longer');
        return NODES as never;
      };
      const { exit, out, err } = await run('node list --watch 0.1');
      expect(exit).to.equal(16);
      expect(out.split('NAME ')).to.have.length(3);
      expect(err).to.equal('csm: the database is away\ncsm: no longer\n');
      asked = 1;
      expect((await run('node list --watch 0.1')).exit).to.equal(24);
    });
  });
});
