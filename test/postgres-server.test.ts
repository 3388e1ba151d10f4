/** A master's settings against a real PostgreSQL over the network: its password, its certificate, and who is no server of ours. */
import { chmodSync, chownSync, copyFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { issue } from '@csm/pki';
import { type DaemonProcess, freePorts, PostgresSite, postgresPrograms, Site } from '@csm/sim';
import { expect } from 'chai';

/** No other server of this machine listens there. */
const HOST = '127.83.81.80';
const PASSWORD = 'correct horse';

describe('PostgreSQL over the network', function () {
  this.timeout(120_000);
  const calledOff = new AbortController();
  let site: Site;
  let postgres: PostgresSite;

  before(async function () {
    if (postgresPrograms() === undefined) {
      const words = 'skipped: needs initdb and postgres (apt-get install --no-install-recommends postgresql)';
      if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(words);
      console.log(`      ${words}`);
      return this.skip();
    }
    site = await Site.open(calledOff.signal);
    postgres = await PostgresSite.start({ durable: false, settings: [`listen_addresses=${HOST}`] });
    await postgres.create('csm');
    await postgres.admin(`ALTER ROLE csm PASSWORD '${PASSWORD}'`);
    const { file: cred } = await issue(site.pki, { role: 'master', node: 'pg', names: [HOST], days: 1 });
    // The server refuses a key that others may read, and reads it as its own user.
    const own = join(postgres.directory, 'server.pem');
    copyFileSync(cred, own);
    const { uid, gid } = statSync(postgres.directory);
    chownSync(own, uid, gid);
    chmodSync(own, 0o600);
    const rules = 'local all all trust\nhostssl csm csm 127.0.0.0/8 scram-sha-256\n';
    writeFileSync(join(postgres.directory, 'data/pg_hba.conf'), rules);
    for (const setting of [`ssl_cert_file = '${own}'`, `ssl_key_file = '${own}'`, 'ssl = on'])
      await postgres.admin(`ALTER SYSTEM SET ${setting}`);
    await postgres.admin('SELECT pg_reload_conf()');
  });
  after(async () => {
    calledOff.abort();
    await site?.close();
    await postgres?.remove();
  });

  /** Where other masters link to each. */
  const ports = new Map<string, number>();
  /** A master with these settings of the server. */
  async function master(node: string, more: object, others: readonly object[] = []) {
    await site.certify('master', [node]);
    const [aggregators, utilities = 0] = await freePorts(2);
    ports.set(node, utilities);
    return site.daemon('master', node, {
      db: { engine: 'postgresql', postgresql: { host: HOST, port: 5433, ...more } },
      net: {
        aggregator_listen: { host: '127.0.0.1', port: aggregators },
        utility_listen: { host: '127.0.0.1', port: utilities },
        heartbeat_interval: 1,
        ...(others.length === 0 ? {} : { master: others }),
      },
    });
  }
  const clients = new Map<string, ReturnType<Site['client']>>();
  const health = (node: string) => {
    const client = clients.get(node) ?? site.client(node);
    clients.set(node, client);
    return client.call('health', {}, { timeoutSeconds: 5 });
  };
  const waitsFor = (node: string, why: RegExp) =>
    site.until(`${node} stands by, since: ${why}`, async () => why.test((await health(node)).local.standby?.why ?? ''));

  const rows = async () => (await health('m1')).masters.map(({ node, connected }) => `${node} ${connected}`).join();

  /** With m1 as the one that leads. Gives the other one, which stands by. */
  async function tellsOfOthers(secret: string): Promise<DaemonProcess> {
    const m1 = { host: '127.0.0.1', port: ports.get('m1') };
    const other = await master('m4', { password_file: secret, ca_file: site.caFile }, [m1]);
    await site.until('m1 knows that m4 stands by', async () => (await rows()) === 'm4 true');
    await other.kill('SIGKILL');
    await site.until('m1 misses it', async () => (await rows()) === 'm4 false');
    expect((await health('m1')).problems).to.include('master m4 is not linked, and does not stand by');
    other.start();
    await site.until('m1 knows that m4 stands by again', async () => (await rows()) === 'm4 true');
    return other;
  }

  /** Without a bound of its own the goodbye would wait 5 s for who does not read it. */
  async function leavesAtOnce(leader: DaemonProcess, other: DaemonProcess): Promise<void> {
    await site.until('m4 is linked', async () => (await rows()) === 'm4 true');
    other.pause();
    const began = performance.now();
    expect(await leader.end()).to.equal(undefined);
    expect(performance.now() - began).to.be.below(4_500);
    other.resume();
    await site.until('m4 leads', async () => (await health('m4')).master.term === 2);
  }

  /** What systemd is told is logged as well. */
  async function tellsOfTheDatabase(leader: DaemonProcess): Promise<void> {
    const tells = (words: RegExp) => site.until(`it tells ${words}`, () => words.test(leader.tail(20)));
    await tells(/m1 leads under term 1 since 20\S+Z\W*$/m);
    await postgres.stop();
    await tells(/m1 leads under term 1 since 20\S+Z; the database is away: the /);
    const { master: at } = await health('m1');
    expect([at.node, at.database]).to.satisfy(([node, why]: string[]) => node === 'm1' && why !== 'ok');
    await postgres.start();
    await site.until('it is back', async () => (await health('m1')).master.database === 'ok');
  }

  it('is reached with password and certificate, and in no other way; what was mended counts at once', async () => {
    const stranger = await Site.open(calledOff.signal);
    try {
      const secret = join(site.root, 'secret');
      writeFileSync(secret, 'wrong\n', { mode: 0o600 });
      const right = await master('m1', { password_file: secret, ca_file: site.caFile });
      await master('m2', { password_file: secret, ca_file: stranger.caFile });
      await master('m3', { password_file: secret });
      await waitsFor('m1', /does not let us in \(28P01/);
      await waitsFor('m2', /cannot be opened: .*(?:certificate|self-signed)/);
      await waitsFor('m3', /does not let us in \(28000.*no encryption/);
      writeFileSync(secret, 'two\nlines\n');
      await waitsFor('m1', /holds no password: one line/);
      writeFileSync(secret, `${PASSWORD}\n`);
      await site.until('m1 leads', async () => (await health('m1')).master.term === 1);
      const sessions = await postgres.admin(
        `SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'csm %, pid ${right.pid} %'`,
      );
      expect(sessions.length).to.be.least(2);
      expect(sessions.every(({ ssl }) => ssl === true)).to.equal(true);
      const other = await tellsOfOthers(secret);
      await tellsOfTheDatabase(right);
      await leavesAtOnce(right, other);
      expect(await site.stop(), 'a master that stands by ends in order').to.deep.equal([]);
    } finally {
      await stranger.close();
    }
  });
});
