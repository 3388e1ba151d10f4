/** The heartbeat service as real daemons: alone on SQLite and on PostgreSQL, by hbtd's options, and in a master. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type PostgresSite, startPostgres } from '@csm/sim';
import { expect } from 'chai';
import { at, csmd, Daemon, freePorts, type SmallCluster, smallCluster, until } from '../support/daemons.ts';
import { HeartbeatSite } from '../support/heartbeat.ts';

const N1 = 'x1000c0s0b0n1';
const N2 = 'x1000c0s0b0n2';

describe('the heartbeat service alone', function () {
  this.timeout(180_000);
  let site: HeartbeatSite;
  beforeEach(() => {
    site = new HeartbeatSite();
  });
  afterEach(() => site.close());

  it('notices who started, is late, dead and back, and shows it over HTTP and its socket', async () => {
    const daemon = await site.start('alone', { config: { warntime: 1, errtime: 3 } });
    await daemon.started();
    expect((await daemon.get('/hmi/v1/readiness')).status).to.equal(204);
    expect(await daemon.beat(N1)).to.equal(200);
    await until('it is dead', async () => (await daemon.story(N1)).includes('dead'));
    expect(await daemon.story(N1)).to.deep.equal(['started', 'warning', 'dead']);
    expect((await daemon.get(`/hsm/v2/State/Components/${N1}`)).json).to.include({ State: 'Standby', Flag: 'Alert' });
    expect(await daemon.beat(N1)).to.equal(200);
    await until('it is back', async () => (await daemon.story(N1)).at(-1) === 'started');
    const status = await daemon.client.call('heartbeat.status', {});
    expect(status).to.include({ database: 'open', manager: 'builtin', leads: true, components: 1 });
    const params = await daemon.client.call('heartbeat.update-params', { Warntime: '100', Errtime: '200' });
    expect(params).to.include({ Warntime: '100', Errtime: '200' });
    expect((await daemon.get('/hmi/v1/params')).json).to.include({ Warntime: '100', Errtime: '200' });
    const { code } = await daemon.stop();
    expect(code).to.equal(0);
    expect(existsSync(join(site.directory, 'alone/heartbeat.db'))).to.equal(true);
  });

  it('knows after kill -9 who beat, declares nobody dead for the time it was away, and says so', async () => {
    const options = { config: { warntime: 4, errtime: 8, flush_interval: 0.2 } };
    const first = await site.start('alone', options);
    await first.started();
    for (const name of [N1, N2]) expect(await first.beat(name)).to.equal(200);
    await until('they are written', async () => (await first.story(N2)).length === 1);
    await first.stop('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 9_000));
    const second = await site.start('alone', options, first.port);
    await second.started();
    await until('it has restored them', async () => {
      const { json } = await second.get('/hmi/v1/health');
      return (json as { Components: { late: number } }).Components.late === 2;
    });
    expect(await second.beat(N1)).to.equal(200);
    expect((await second.story(N1)).slice(0, 2)).to.deep.equal(['started', 'warning']);
    await until('who beats is back', async () => (await second.story(N1)).at(-1) === 'restarted');
    const { json } = await second.get('/hmi/v1/incidents');
    const [blind] = (json as { Incidents: { Kind: string; Words: string }[] }).Incidents;
    expect(blind?.Kind).to.equal('blind');
    // Who stays silent is dead once he has had his time.
    await until('who is silent is dead', async () => (await second.story(N2)).at(-1) === 'dead');
    expect(await second.story(N2)).to.deep.equal(['started', 'warning', 'dead']);
  });

  it('declares nobody dead when it is stopped for longer than the error time', async () => {
    const daemon = await site.start('alone', { config: { warntime: 3, errtime: 6 } });
    await daemon.started();
    const names = Array.from({ length: 20 }, (_, n) => `x1000c0s${n}b0n0`);
    for (const name of names) expect(await daemon.beat(name)).to.equal(200);
    daemon.child.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    daemon.child.kill('SIGCONT');
    const beats = await Promise.all(names.map((name) => daemon.beat(name)));
    expect(new Set(beats)).to.deep.equal(new Set([200]));
    for (const name of names) expect(await daemon.story(name), name).to.not.include('dead');
  });

  it('says why it does not begin, and ends: another program has its port, or the options do not go together', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as { port: number };
      const taken = await (await site.start('taken', { config: {} }, port)).ended;
      expect(taken.code).to.equal(1);
      expect(taken.stdout + taken.stderr).to.match(/cannot listen for heartbeats.*another program listens there/);
    } finally {
      server.close();
    }
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['--warntime=40', '--errtime=30'], /errtime.*is not above.*warntime/],
      [['--interval', '0'], /interval/],
      [['--sm_url=nowhere'], /sm_url/],
      [['--kv_url', 'http://etcd:2379'], /kv_url is "http:\/\/etcd:2379".*sqlite:.*postgresql:/s],
      [['--kv_url=sqlite:'], /^csmd: the command line has 1 fault:\n {2}kv_url is "sqlite:"; allowed: [^(]*$/],
      [['--warn=1'], /--warn=1 is no option/],
    ];
    for (const [args, words] of cases) {
      const { code, stdout, stderr } = await csmd(['--role', 'heartbeat', ...args]);
      expect(stderr, args.join(' ')).to.match(words);
      expect([code, stdout], args.join(' ')).to.deep.equal([78, '']);
    }
    // What hbtd puts right, or passes over, is said.
    const checked = await csmd(['--role', 'heartbeat', '--sm_timeout=-1', '--telemetry_host=a:1', '--check']);
    expect([checked.code, checked.stdout]).to.deep.equal([
      0,
      `the command line: in order for heartbeat/${hostname()}\n`,
    ]);
    expect(checked.stderr).to.match(/^csmd: .*sm_timeout.*\ncsmd: .*telemetry_host.*\n$/);
    const help = await csmd(['--role=heartbeat', '--help']);
    expect(help.code).to.equal(0);
    for (const option of [
      'warntime',
      'errtime',
      'interval',
      'port',
      'sm_url',
      'kv_url',
      'use_telemetry',
      'nosm',
      'file',
    ])
      expect(help.stdout).to.match(new RegExp(`--${option}\\b`));
  });

  it("takes hbtd's options and environment, of which the options count more, without a file and over one", async () => {
    const [port = 0] = await freePorts(1);
    const bare = await site.start(
      'bare',
      {
        args: ['--kv_url=mem:', `--port=${port}`, '--warntime', '7', '--nosm', '--debug=1'],
        env: { HBTD_WARNTIME: '9', HBTD_ERRTIME: '21', HBTD_INTERVAL: '3' },
      },
      port,
    );
    await bare.started();
    expect((await bare.get('/hmi/v1/params')).json).to.include({
      Warntime: '7',
      Errtime: '21',
      Interval: '3',
      Nosm: '1',
      Debug: '1',
      Port: String(port),
      Kv_url: 'mem:',
    });
    const filed = await site.start('filed', { config: { warntime: 12, errtime: 40 }, args: ['--errtime=25'] });
    await filed.started();
    expect((await filed.get('/hmi/v1/params')).json).to.include({ Warntime: '12', Errtime: '25', Nosm: '0' });
  });
});

describe('the heartbeat service alone on PostgreSQL', function () {
  this.timeout(240_000);
  let postgres: PostgresSite;
  let site: HeartbeatSite;
  before(async function () {
    postgres = await startPostgres(this);
    await postgres.create('beats');
    site = new HeartbeatSite();
  });
  after(async () => {
    await site?.close();
    await postgres?.remove();
  });

  it('has one instance lead; the other forwards to it, and takes over when it dies', async () => {
    const ports = await freePorts(2);
    const start = (name: string, port: number) =>
      site.start(
        name,
        {
          config: {
            warntime: 20,
            errtime: 40,
            advertise: `127.0.0.1:${port}`,
            db: { engine: 'postgresql', postgresql: { ...postgres.at('beats'), lease: 1 } },
          },
        },
        port,
      );
    const a = await start('a', ports[0] ?? 0);
    await a.started();
    await until('a leads', async () => (await a.get('/hmi/v1/readiness')).status === 204);
    const b = await start('b', ports[1] ?? 0);
    await b.started();
    await until('b knows who leads', async () => (await b.get('/hmi/v1/readiness')).status === 204);
    await until('b forwards', async () => (await b.beat(N1)) === 200);
    expect(await b.beat(N2)).to.equal(200);
    // Both see the same, whoever was asked.
    expect((await a.get(`/hmi/v1/hbstate/${N2}`)).json).to.deep.equal({ XName: N2, Heartbeating: true });
    expect((await b.get(`/hmi/v1/hbstate/${N2}`)).json).to.deep.equal({ XName: N2, Heartbeating: true });
    const refused = await b.client.call('heartbeat.status', {}).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    expect(refused).to.match(/stands by.*leads/);
    expect((await b.ask('PATCH', '/hmi/v1/params', { Warntime: '25' })).json).to.include({ Warntime: '25' });
    await until('it is written', async () => (await b.story(N2)).length === 1);
    await a.stop('SIGKILL');
    await until('b leads', async () => {
      const { leads } = await b.client.call('heartbeat.status', {});
      return leads;
    });
    expect((await b.get('/hmi/v1/params')).json).to.include({ Warntime: '25', Errtime: '40' });
    expect((await b.get(`/hmi/v1/hbstate/${N2}`)).json).to.deep.equal({ XName: N2, Heartbeating: true });
    expect(await b.beat(N1)).to.equal(200);
    expect(await b.story(N1)).to.deep.equal(['started']);
    const again = await start('a', ports[0] ?? 0);
    await again.started();
    await until('the one that came back forwards', async () => (await again.beat(N1)) === 200);
    const { code } = await again.stop();
    expect(code).to.equal(0);
  });
});

describe('the heartbeat service in a master', function () {
  this.timeout(240_000);
  let cluster: SmallCluster;
  let port = 0;
  before(async () => {
    [port = 0] = await freePorts(1);
    const heartbeat = { listen: at(port), warntime: 2, errtime: 4 };
    cluster = await smallCluster(['n1', 'n2'], (who) => (who === 'master' ? { more: { heartbeat } } : {}));
  });
  after(() => cluster?.site.close());

  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, signal: AbortSignal.timeout(20_000) });
    return { status: answer.status, text: await answer.text() };
  };
  const lifeOf = async (name: string) =>
    cluster.utility.client.call('heartbeat.show', { name }, { timeoutSeconds: 5 }).then(({ state }) => state);

  it('shows the nodes of the tree beside those that beat, and answers on every socket of the cluster', async () => {
    const body = { Component: N1, Hostname: 'n', NID: '1', Status: 'OK', Timestamp: 'now' };
    await until('it takes heartbeats', async () => {
      const { status } = await ask('/hmi/v1/heartbeat', { method: 'POST', body: JSON.stringify(body) });
      return status === 200;
    });
    for (const node of ['n1', 'n2', 'agg-a', 'login'])
      await until(`${node} is there`, async () => (await lifeOf(node)) === 'beating');
    const components: string[] = [];
    for await (const { name } of cluster.utility.client.stream('heartbeat.list', {})) components.push(name);
    expect(components).to.include.members([N1, 'agg-a', 'agg-b', 'login', 'n1', 'n2']);
    // A node of the tree is none that may beat over HTTP.
    const forged = await ask('/hmi/v1/heartbeat', {
      method: 'POST',
      body: JSON.stringify({ ...body, Component: 'n1' }),
    });
    expect(forged.status).to.equal(400);
  });

  it('tells what becomes of nodes: lost, back, and gone in peace', async () => {
    const [first] = cluster.computes;
    expect(first).to.be.instanceOf(Daemon);
    first?.signal('SIGKILL');
    await until('n1 is dead', async () => (await lifeOf('n1')) === 'dead');
    const [, second] = cluster.computes;
    await second?.stop();
    await until('n2 has left', async () => (await lifeOf('n2')) === 'left');
    const back = cluster.site.startFile('compute', 'n1', first?.file ?? '', first?.socket ?? '');
    await back.started();
    await until('n1 is back', async () => (await lifeOf('n1')) === 'beating');
    const told = await cluster.utility.client.call('heartbeat.history', { nodes: 'n1' });
    expect(told.map(({ kind }) => kind)).to.include.members(['started', 'dead']);
    expect(told.at(-1)?.kind).to.be.oneOf(['started', 'restarted']);
  });

  it('goes on in the next master on the same database', async () => {
    await cluster.master.stop();
    const { file, socket } = cluster.master;
    const again = cluster.site.startFile('master', 'master', file, socket);
    await again.started();
    await until('it knows the component', async () => {
      const { status, text } = await ask(`/hmi/v1/components/${N1}`);
      return status === 200 && text.includes(N1);
    });
    await until('the tree is there', async () => (await lifeOf('n1')) === 'beating');
  });
});
