/**
 * A real Prometheus scrapes a whole cluster: each daemon serves what its role is to serve, what happens is counted, and
 * the listener holds against those who are no Prometheus.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { figuresOf } from '@csm/daemon';
import { ROLES, type Role } from '@csm/model';
import { expect } from 'chai';
import { at, type Daemon, freePorts, needs, ROOT, type SmallCluster, smallCluster, until } from '../support/daemons.ts';

const NODES = ['n1', 'n2'];
const WHO: Readonly<Record<string, Role>> = {
  master: 'master',
  'agg-a': 'aggregator',
  'agg-b': 'aggregator',
  login: 'utility',
  n1: 'compute',
  n2: 'compute',
};
/** A series that only comes with what does not happen here. */
const ABSENT = /^csm_metrics_left_out_total/;

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function fetched(port: number, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('metrics', () => {
  let cluster: SmallCluster;
  let prometheus: ChildProcess | undefined;
  let api = 0;
  let dir = '';
  const ports = new Map<string, number>();

  before(async function () {
    needs(this, 'prometheus', spawnSync('prometheus', ['--version']).error === undefined);
    const [own = 0, ...free] = await freePorts(1 + Object.keys(WHO).length);
    api = own;
    for (const [i, who] of Object.keys(WHO).entries()) ports.set(who, free[i] ?? 0);
    const [nobody = 0] = await freePorts(1);
    cluster = await smallCluster(NODES, (who) => ({
      net: { metrics_listen: at(ports.get(who) ?? 0) },
      // Both have a receiver, which is away.
      ...(who.startsWith('agg') ? { more: { bds: at(nobody) } } : {}),
    }));
    dir = join(cluster.site.root, 'prometheus');
    mkdirSync(dir);
    const targets = [...ports.values()].map((port) => `'127.0.0.1:${port}'`).join(', ');
    const config = `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ['${join(ROOT, 'etc/prometheus/alerts.yml')}']
scrape_configs:
  - job_name: csm
    scrape_interval: 2s
    scrape_timeout: 2s
    static_configs: [{ targets: [${targets}] }]
`;
    writeFileSync(join(dir, 'prometheus.yml'), config);
    const args = [
      `--config.file=${join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${api}`,
      '--log.level=warn',
    ];
    prometheus = spawn('prometheus', args, { stdio: 'ignore' });
  });
  after(async () => {
    if (prometheus !== undefined && prometheus.exitCode === null) {
      const ended = new Promise((resolve) => prometheus?.once('exit', resolve));
      prometheus.kill('SIGKILL');
      await ended;
    }
    if (dir !== '') rmSync(dir, { recursive: true, force: true });
    await cluster?.site.close();
  });

  async function query(expression: string): Promise<Sample[]> {
    const { status, body } = await fetched(api, `/api/v1/query?query=${encodeURIComponent(expression)}`);
    if (status !== 200) throw new Error(`${expression}: ${status} ${body}`);
    return (JSON.parse(body) as { data: { result: Sample[] } }).data.result;
  }

  /** The value of the only series, once there is one for which `wanted` holds. */
  const figure = (expression: string, wanted: (value: number) => boolean = () => true): Promise<number> =>
    until(expression, async () => {
      const found = await query(expression);
      const value = Number(found[0]?.value[1]);
      if (found.length !== 1 || !wanted(value)) throw new Error(JSON.stringify(found));
      // Zero is a value, too.
      return { value };
    }).then(({ value }) => value);

  const pageOf = (who: string) => fetched(ports.get(who) ?? 0, '/metrics');
  const daemons = (): Readonly<Record<string, Daemon>> => ({
    master: cluster.master,
    login: cluster.utility,
    'agg-a': cluster.a,
  });

  it('are scraped from every daemon', async () => {
    await until('all are up', async () => {
      const up = await query('up == 1');
      if (up.length !== Object.keys(WHO).length) throw new Error(`${up.length} are up`);
      return true;
    });
    const built = await until('every daemon tells its version', async () => {
      const found = await query('csm_build_info');
      return found.length === Object.keys(WHO).length ? found : undefined;
    });
    const seen = Object.fromEntries(built.map(({ metric }) => [metric['node'], metric['role']]));
    expect(seen).to.deep.equal(WHO);
  });

  for (const role of ROLES) {
    it(`has all figures of a ${role}, and their types`, async () => {
      const [who = ''] = Object.entries(WHO).find(([, its]) => its === role) ?? [];
      // Each call and each acknowledgement makes its series.
      if (role !== 'compute')
        await daemons()
          [who]?.client.call('health', {})
          .catch(() => undefined);
      const { status, headers, body } = await until(`${who} serves`, () => pageOf(who));
      expect(status).to.equal(200);
      expect(headers['content-type']).to.match(/^text\/plain; version=0\.0\.4/);
      const missing = figuresOf(role).filter(({ name, type }) => {
        if (ABSENT.test(name)) return false;
        if (!body.includes(`# TYPE ${name} ${type}\n`)) return true;
        // Of itself, the leading master has no offset.
        if (role === 'master' && name === 'csm_clock_ahead_seconds') return false;
        if (role === 'compute' && name === 'csm_api_call_seconds') return false;
        return !new RegExp(`^${name}(?:_bucket)?\\{[^}]*role="${role}"`, 'm').test(body);
      });
      expect(missing.map(({ name }) => name)).to.deep.equal([]);
      const checked = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
      expect(checked.status, checked.stdout + checked.stderr).to.equal(0);
    });
  }

  it('tell how the tree stands', async () => {
    expect(await figure('sum(csm_master_leads)')).to.equal(1);
    await figure('sum(csm_daemons{daemon_role="compute",links="2"})', (n) => n === NODES.length);
    // Each aggregator is its own primary; that of a node is the one it reached first.
    await figure('sum(csm_hub_nodes{state="primary"})', (n) => n === NODES.length + 2);
    await figure('csm_links{node="agg-b",side="down",state="up"}', (n) => n === NODES.length + 1);
    await figure('csm_hubs_linked{node="n1"}', (n) => n === 2);
    await figure('min(csm_leader_reachable)', (n) => n === 1);
    await figure('csm_database_up', (n) => n === 1);
    await figure('csm_sink_connected{node="agg-a"}', (n) => n === 0);
    const left = await figure('min(csm_certificate_expiry_timestamp_seconds) - time()');
    expect(left / 86_400).to.be.within(360, 366);
  });

  it('count what happens: beats, reports, acknowledgements, commits, calls with their codes', async () => {
    await figure('sum(csm_beats_received_total{node="agg-a",side="down"})', (n) => n > 2);
    await figure('sum(csm_beats_sent_total{node="n1"})', (n) => n > 2);
    await figure('sum(csm_intake_reports_total)', (n) => n >= Object.keys(WHO).length);
    await figure('csm_acknowledgement_seconds_count{node="n1"}', (n) => n >= 1);
    await figure('csm_report_commit_seconds_count', (n) => n >= 1);
    await figure('csm_outbox_bytes{node="n1"}', (n) => n === 0);
    const { utility } = cluster;
    for (let i = 0; i < 3; i++) await utility.client.call('health', {});
    await utility.client.call('node.show', { name: 'none-such' }).catch(() => undefined);
    await figure('csm_api_call_seconds_count{node="login",call="health",code="SUCCESS"}', (n) => n >= 3);
    await figure('sum(csm_api_call_seconds_count{node="login",call="node.show",code!="SUCCESS"})', (n) => n >= 1);
    await figure('sum(csm_served_call_seconds_count{call="health"})', (n) => n >= 3);
  });

  it('show a lost node, and the alert that is for it begins to count', async () => {
    const [first] = cluster.computes;
    first?.signal('SIGKILL');
    await first?.ended;
    await figure('sum(csm_daemons{daemon_role="compute",links="0"})', (n) => n === 1);
    await figure(`up{instance="127.0.0.1:${ports.get('n1')}"}`, (n) => n === 0);
    await until('CsmNodesLost is pending', async () => {
      const found = await query('ALERTS{alertname="CsmNodesLost"}');
      return found.length === 1 && found[0]?.metric['alertstate'] === 'pending';
    });
  });

  it('are all the listener serves', async () => {
    const port = ports.get('login') ?? 0;
    expect(await fetched(port, '/')).to.include({ status: 200 });
    expect(await fetched(port, '/metrics?x=1')).to.include({ status: 200 });
    expect((await fetched(port, '/csm/v1/health')).status).to.equal(404);
    expect((await fetched(port, '/metrics/../etc/passwd')).status).to.equal(404);
    const posted = await fetched(port, '/metrics', 'POST');
    expect([posted.status, posted.headers['allow']]).to.deep.equal([405, 'GET, HEAD']);
    const head = await fetched(port, '/metrics', 'HEAD');
    expect([head.status, head.body]).to.deep.equal([200, '']);
  });

  it('are served on while strangers hold as many connections as they may, and those are cut off', async () => {
    const port = ports.get('login') ?? 0;
    const strangers = await Promise.all(
      Array.from(
        { length: 12 },
        () =>
          new Promise<{ closed: Promise<void> }>((resolve, reject) => {
            const socket = connect({ host: '127.0.0.1', port }, () => {
              socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ');
              resolve({ closed: new Promise((gone) => socket.once('close', () => gone())) });
            });
            socket.on('error', () => undefined);
            socket.once('error', reject);
            // What the server says before it closes must be read, or the end is never seen.
            socket.resume();
          }),
      ),
    );
    expect((await fetched(port, '/metrics')).status).to.equal(200);
    await Promise.all(strangers.map(({ closed }) => closed));
    expect((await fetched(port, '/metrics')).status).to.equal(200);
    const garbage = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port }, () => socket.write('\u0016\u0003\u0001 no HTTP\r\n\r\n'));
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(true));
      socket.resume();
    });
    expect(garbage).to.equal(true);
    expect((await fetched(port, '/metrics')).status).to.equal(200);
  });

  it('keep a daemon from starting whose port is taken, in words', async () => {
    const { utility, site } = cluster;
    const { file } = await site.config('utility', 'other', {
      net: { master: at(cluster.ports.utilities), metrics_listen: at(ports.get('login') ?? 0) },
    });
    const { csmd } = await import('../support/daemons.ts');
    const { code, stdout, stderr } = await csmd(['--role', 'utility', '--file', file]);
    expect(code).not.to.equal(0);
    expect(stdout + stderr).to.match(/cannot listen on 127\.0\.0\.1:\d+: EADDRINUSE/);
    expect(utility.isRunning).to.equal(true);
  });
});
