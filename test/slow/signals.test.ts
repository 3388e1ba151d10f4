/** What running daemons do with signals, and with a second daemon in their place. */
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { normalSerial, renew } from '@csm/pki';
import { expect } from 'chai';
import { at, type Daemon, freePorts, needs, Site, until } from '../support/daemons.ts';

interface Config {
  readonly csm: {
    state_dir: string;
    node_name: string;
    log: { default_sev?: string };
    privileged_user_id?: string[];
    outbox_max?: string;
    readonly net: {
      heartbeat_interval: number;
      readonly ssl: { ca_file: string; cred_pem: string };
    };
  };
}

interface Told {
  readonly subject: string;
  readonly event: string;
  readonly planned: boolean;
  readonly cause: string;
}

/** A request as another user: Node by itself cannot change who it is for one connection. */
const REQUEST = `
const [path, body] = process.argv.slice(1);
const request = require('node:http').request({ socketPath: path, path: '/csm/v1/run', method: 'POST',
  headers: { 'content-type': 'application/json' } }, (answer) => {
  let text = '';
  answer.on('data', (chunk) => { text += chunk; });
  answer.on('end', () => console.log(answer.statusCode + ' ' + text));
});
request.end(body);
`;
const NOBODY = 65_534;
const LOST = /is lost|no link to master/;

function runAs(uid: number, socket: string, body: object): Promise<string> {
  const child = spawn(process.execPath, ['-e', REQUEST, socket, JSON.stringify(body)], {
    uid,
    gid: uid,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += String(chunk);
  });
  return new Promise((resolve) => child.once('close', () => resolve(out)));
}

describe('a running daemon', () => {
  let site: Site;
  let master: Daemon;
  let hub: Daemon;
  let utility: Daemon;
  let node: Daemon;
  let hubPort = 0;
  let masterPort = 0;
  const told: Told[] = [];
  const watching = new AbortController();

  before(async () => {
    site = await Site.open();
    chmodSync(site.root, 0o755);
    const [p = 0, q = 0, r = 0] = await freePorts(3);
    hubPort = r;
    masterPort = p;
    const more = { log: {} };
    master = await site.start('master', 'm', { net: { aggregator_listen: at(p), utility_listen: at(q) }, more });
    hub = await site.start('aggregator', 'a', { net: { compute_listen: at(r), master: at(p) }, more });
    utility = await site.start('utility', 'u', { net: { master: at(q) }, more });
    node = await site.start('compute', 'n1', { net: { aggregatorA: at(r) }, more });
    await Promise.all([master, hub, utility, node].map((daemon) => daemon.started()));
    await until('all are linked', async () => (await linked()).length === 4);
    const watch = async () => {
      for await (const item of master.client.stream('node.watch', { since: 0 }, { signal: watching.signal })) {
        if (item.kind === 'link') told.push({ subject: item.subject, ...(item.body as Omit<Told, 'subject'>) });
      }
    };
    watch().catch(() => undefined);
  });
  after(async () => {
    watching.abort();
    await site?.close();
  });

  const linked = async (): Promise<string[]> =>
    (await master.client.call('node.list', {})).filter(({ connected }) => connected).map(({ name }) => name);

  const change = (daemon: Daemon, how: (csm: Config['csm']) => void): void => {
    const config = JSON.parse(readFileSync(daemon.file, 'utf8')) as Config;
    how(config.csm);
    writeFileSync(daemon.file, JSON.stringify(config));
  };

  /** Sends SIGHUP and waits for what the daemon says of it. */
  async function hangUp(daemon: Daemon, says: RegExp): Promise<string> {
    const from = daemon.lines(says).length;
    daemon.signal('SIGHUP');
    return daemon.says(says, { from });
  }
  const READ_AGAIN = /the configuration was read again/;
  const NOT_READ = /the configuration was not reloaded/;

  /** Starts a stopped daemon again on its configuration. */
  async function again(daemon: Daemon): Promise<Daemon> {
    const next = site.startFile(daemon.role, daemon.node, daemon.file, daemon.socket);
    await next.started();
    return next;
  }

  describe('on SIGTERM', () => {
    it('of a compute node says goodbye and exits 0; its hub and the master know the end for a planned one', async () => {
      const { code, signal } = await node.stop();
      expect([code, signal]).to.deep.equal([0, null]);
      await hub.says(/ info .* compute\/n1 has left: SIGTERM/);
      expect(hub.lines(/the link of compute\/n1 is lost/)).to.deep.equal([]);
      const down = await until('the end is told', () => told.find((t) => t.subject === 'n1' && t.event === 'down'));
      expect(down.planned).to.equal(true);
      node = await again(node);
      await until('it is linked again', async () => (await linked()).includes('n1'));
    });

    it('of a utility daemon does the same', async () => {
      expect((await utility.stop()).code).to.equal(0);
      await master.says(/ info .* utility\/u has left: SIGTERM/);
      const down = await until('the end is told', () => told.find((t) => t.subject === 'u' && t.event === 'down'));
      expect(down.planned).to.equal(true);
      utility = await again(utility);
      await until('it is linked again', async () => (await linked()).includes('u'));
    });

    it('of an aggregator lets its nodes move, and is told as a stop, not as a loss', async () => {
      expect((await hub.stop()).code).to.equal(0);
      await master.says(/ info .* aggregator\/a has left: SIGTERM/);
      const lost = await until('the end is told', () => told.find((t) => t.event === 'aggregator_lost'));
      expect(lost).to.include({ planned: true, cause: 'aggregator a stopped: SIGTERM' });
      hub = await again(hub);
      await until('all are linked again', async () => (await linked()).length === 4);
    });

    it('of the master leaves the others alive, with their sockets open and degraded', async () => {
      watching.abort();
      expect((await master.stop()).code).to.equal(0);
      await hub.says(/no link to master 127\.0\.0\.1:\d+: SIGTERM/);
      const degraded = async (daemon: Daemon) => {
        const answer = await daemon.client.call('health', {});
        return answer.degraded && !answer.master.reachable ? answer : undefined;
      };
      for (const health of await Promise.all(
        [hub, utility, node].map((daemon) => until('degraded', () => degraded(daemon))),
      ))
        expect(health.problems[0]).to.include('no master is reachable');
      expect((await hub.client.call('health', {})).local.candidates).to.deep.include({
        name: `127.0.0.1:${masterPort}`,
        state: 'not linked',
        reason: `cannot connect to 127.0.0.1:${masterPort}: nothing listens there`,
      });
      master = await again(master);
      await until('all are linked again', async () => (await linked()).length === 4);
    });
  });

  describe('on SIGHUP', () => {
    it('takes another log level', async () => {
      const debug = / debug /;
      expect(utility.lines(debug)).to.deep.equal([]);
      change(utility, (csm) => {
        csm.log.default_sev = 'debug';
      });
      await hangUp(utility, READ_AGAIN);
      await utility.client.call('health', {});
      await utility.says(debug);
      change(utility, (csm) => {
        csm.log.default_sev = 'info';
      });
      await hangUp(utility, READ_AGAIN);
      const lines = utility.lines(debug).length;
      await utility.client.call('health', {});
      expect(utility.lines(debug)).to.have.length(lines);
    });

    it('takes other privileged users', async function () {
      needs(this, 'root', process.getuid?.() === 0, 'sudo, and run the tests as root');
      const order = { nodes: 'n1', argv: ['true'] };
      expect(await runAs(NOBODY, utility.socket, order)).to.match(/^403 .*"code":16/);
      for (const daemon of [utility, master]) {
        change(daemon, (csm) => {
          csm.privileged_user_id = ['nobody'];
        });
        await hangUp(daemon, READ_AGAIN);
      }
      expect(await runAs(NOBODY, utility.socket, order)).to.match(/^200 \{"nodes":"n1","code":0/);
    });

    it('takes a renewed certificate for the handshakes that follow; links stand', async () => {
      const shown = () =>
        new Promise<string>((resolve, reject) => {
          const own = readFileSync(join(site.pki, 'compute-n1.pem'));
          const socket = connect({ ...at(hubPort), ca: readFileSync(site.ca), cert: own, key: own }, () => {
            resolve(normalSerial(socket.getPeerCertificate().serialNumber));
            socket.destroy();
          });
          socket.once('error', reject);
        });
      const lost = hub.lines(LOST).length;
      const before = await shown();
      const { serial } = await renew(site.pki, 'aggregator', 'a');
      expect(await shown()).to.equal(before);
      await hangUp(hub, READ_AGAIN);
      expect(await shown())
        .to.equal(normalSerial(serial))
        .and.not.equal(before);
      expect(hub.lines(LOST)).to.have.length(lost);
      expect(await linked()).to.have.length(4);
    });

    it('says which settings change only with a restart, and keeps them', async () => {
      change(node, (csm) => {
        (csm.net as { heartbeat_interval: number }).heartbeat_interval = 7;
        csm.outbox_max = '2MiB';
      });
      const line = await hangUp(node, /change only with a restart/);
      expect(line).to.include('csm.outbox_max').and.include('csm.net.heartbeat_interval');
      expect(line).to.not.include('csm.log');
    });

    it('keeps what it had when the file is bad, says every fault, and goes on', async () => {
      const good = readFileSync(node.file);
      change(node, (csm) => {
        csm.log.default_sev = 'loud';
        csm.outbox_max = 'all';
      });
      const line = await hangUp(node, NOT_READ);
      expect(line).to.include('has 2 faults').and.include('csm.log.default_sev is').and.include('csm.outbox_max is');
      writeFileSync(node.file, '{ "csm": ');
      expect(await hangUp(node, NOT_READ)).to.include('not JSON: the file ends');
      writeFileSync(node.file, good);
      await hangUp(node, READ_AGAIN);
      expect(node.isRunning).to.equal(true);
      expect(await linked()).to.include('n1');
    });

    it('keeps the certificates it had when one of the new ones is bad', async () => {
      const file = join(site.pki, 'aggregator-a.pem');
      const good = readFileSync(file);
      const ca = join(site.root, 'torn-ca.pem');
      copyFileSync(join(site.pki, 'utility-u.pem'), file);
      writeFileSync(ca, readFileSync(site.ca, 'utf8').slice(0, 200));
      change(hub, (csm) => {
        csm.net.ssl.ca_file = ca;
      });
      const line = await hangUp(hub, NOT_READ);
      expect(line).to.include('it is for utility/u, this daemon is aggregator/a');
      expect(line).to.include('there is no certificate in it');
      writeFileSync(file, good);
      change(hub, (csm) => {
        csm.net.ssl.ca_file = site.ca;
      });
      // A node that comes now is still taken in with the old ones.
      await node.stop();
      node = await again(node);
      await until('it is linked again', async () => (await linked()).includes('n1'));
      await hangUp(hub, READ_AGAIN);
    });
  });

  describe('in whose place a second one is started', () => {
    /** Starts it on a copy of the configuration and waits for its end. */
    async function second(like: Daemon, name: string, how: (csm: Config['csm']) => void, socket?: string) {
      const cred = await site.cred(like.role, name);
      const { csm } = JSON.parse(readFileSync(like.file, 'utf8')) as { csm: Config['csm'] };
      csm.node_name = name;
      csm.net.ssl.cred_pem = cred;
      how(csm);
      const file = join(site.root, `second-${like.role}-${name}.cfg`);
      const own = join(site.root, 'run', `second-${like.role[0]}`);
      if (socket === undefined) Reflect.set(csm.net, 'local_client_listen', { socket: own });
      writeFileSync(file, JSON.stringify({ csm }));
      const daemon = site.startFile(like.role, name, file, socket ?? own);
      const { code } = await daemon.ended;
      return { code, log: daemon.log };
    }

    it('on its journal, the second is refused in words and the first goes on', async () => {
      const { code, log } = await second(node, 'n1', () => undefined);
      expect(log).to.match(
        /another daemon uses the journal .*compute-n1\.journal: its pid is \d+; two daemons of one node need two dir/,
      );
      expect(code).to.equal(1);
      expect(await linked()).to.include('n1');
    });

    it('on its socket, likewise', async () => {
      const elsewhere = join(site.root, 'state', 'elsewhere');
      const how = (csm: Config['csm']) => {
        csm.state_dir = elsewhere;
      };
      const { code, log } = await second(node, 'n2', how, node.socket);
      expect(log).to.include(`the socket ${node.socket} is not free: another daemon answers at it`);
      expect(code).to.equal(1);
      expect((await node.client.call('health', {})).local.daemon).to.equal('compute/n1');
    });

    it('on its database, likewise, and the holder is named', async () => {
      const ports = await freePorts(2);
      const how = (csm: Config['csm']) => {
        Reflect.set(csm.net, 'aggregator_listen', at(ports[0] ?? 0));
        Reflect.set(csm.net, 'utility_listen', at(ports[1] ?? 0));
      };
      const { code, log } = await second(master, 'm2', how);
      expect(log).to.match(new RegExp(`the database .*csm\\.db is in use by pid ${master.child.pid} on host`));
      expect(code).to.equal(1);
      expect(await linked()).to.have.length(4);
    });
  });
});
