/** Certificates that must not pass, on running daemons: refused, said at both ends, shown in health; nothing changes. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '@csm/model';
import { caCertFile, initCa, issue, revoke, revokedFile } from '@csm/pki';
import { expect } from 'chai';
import { listen } from 'tls-json-stream';
import { at, type Daemon, freePorts, needs, Site, type StartOptions, until } from '../support/daemons.ts';
import { bareTls, hello, RawPeer, tlsOf } from '../support/peer.ts';

const SECONDS_A_DAY = 86_400;
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

interface Refused {
  readonly by: string;
  readonly daemon: string;
  readonly code: string;
  readonly reason: string;
  readonly count: number;
}

describe('a certificate', () => {
  let site: Site;
  let master: Daemon;
  let hub: Daemon;
  let good: Daemon;
  let other: string;
  const ports = { aggregators: 0, utilities: 0, hub: 0 };

  before(async () => {
    site = await Site.open();
    const [aggregators = 0, utilities = 0, hubPort = 0] = await freePorts(3);
    Object.assign(ports, { aggregators, utilities, hub: hubPort });
    const revocations = { ssl: { revoked_file: revokedFile(site.pki) } };
    master = await site.start('master', 'm', {
      net: { aggregator_listen: at(aggregators), utility_listen: at(utilities), ...revocations },
    });
    hub = await site.start('aggregator', 'a', {
      net: { compute_listen: at(hubPort), master: at(aggregators), ...revocations },
    });
    good = await site.start('compute', 'n1', { net: { aggregatorA: at(hubPort) } });
    await Promise.all([master, hub, good].map((daemon) => daemon.started()));
    other = join(site.root, 'other-ca');
    await initCa(other, { name: 'a CA of somebody else' });
    await until('all are linked', async () => (await linked()).length === 3);
  });
  after(() => site?.close());
  afterEach(async () => {
    // Whoever was refused: those who belong here stand as they stood.
    expect(await linked()).to.include.members(['a', 'm', 'n1']);
    expect(hub.lines(/the link of compute\/n1 is lost/)).to.deep.equal([]);
  });

  const linked = async (): Promise<string[]> =>
    (await master.client.call('node.list', {})).filter(({ connected }) => connected).map(({ name }) => name);
  const nodes = async (): Promise<string[]> => (await master.client.call('node.list', {})).map(({ name }) => name);

  /** Waits until `csm health` of the master shows such a refusal. */
  const shown = (by: Daemon, daemon: string, code: string, reason: RegExp): Promise<Refused> =>
    until(`health shows that ${daemon} was refused`, async () => {
      const { refused } = await master.client.call('health', {});
      const found = refused.find(
        (r) => r.by === `${by.role}/${by.node}` && r.daemon === daemon && r.code === code && reason.test(r.reason),
      );
      if (found === undefined) throw new Error(JSON.stringify(refused));
      return found;
    });

  /** Waits until the daemon's own health says why it has no link. */
  const excused = (daemon: Daemon, state: string, reason: RegExp) =>
    until(`${daemon.node} says why`, async () => {
      const { local } = await daemon.client.call('health', {});
      const found = local.candidates.find((c) => c.state === state && reason.test(c.reason ?? ''));
      if (found === undefined) throw new Error(JSON.stringify(local.candidates));
      return found;
    });

  const started = async (role: Role, node: string, options: StartOptions): Promise<Daemon> => {
    const daemon = await site.start(role, node, options);
    await daemon.started();
    return daemon;
  };

  describe('of the wrong role', () => {
    interface Case {
      readonly role: Role;
      readonly options: () => StartOptions;
      readonly by: () => Daemon;
      readonly port: () => number;
      /** What the dialer says, which is the first to see it, and what the listener says to one who does not mind. */
      readonly dialer: RegExp;
      readonly listener: RegExp;
    }
    const cases: Case[] = [
      {
        role: 'utility',
        options: () => ({ net: { master: at(ports.hub) } }),
        by: () => hub,
        port: () => ports.hub,
        dialer: /its certificate is not of a daemon of role master, but of URI:csm:aggregator:a/,
        listener: /an aggregator takes links of compute daemons, not of utility daemons/,
      },
      {
        role: 'compute',
        options: () => ({ net: { aggregatorA: at(ports.aggregators) } }),
        by: () => master,
        port: () => ports.aggregators,
        dialer: /its certificate is not of a daemon of role aggregator, but of URI:csm:master:m/,
        listener: /this port takes links of aggregators, not of compute daemons/,
      },
      {
        role: 'compute',
        options: () => ({ net: { aggregatorA: at(ports.utilities) } }),
        by: () => master,
        port: () => ports.utilities,
        dialer: /its certificate is not of a daemon of role aggregator, but of URI:csm:master:m/,
        listener: /this port takes links of utility daemons and other masters, not of compute daemons/,
      },
    ];
    for (const [i, { role, options, by, port, dialer, listener }] of cases.entries()) {
      it(`is refused by the dialer and by the listener: ${listener.source}`, async () => {
        const node = `role${i}`;
        const daemon = await started(role, node, options());
        await daemon.says(new RegExp(`no link to .*${dialer.source}`));
        await excused(daemon, 'not linked', dialer);
        await by().says(/refused unknown from 127.*it may have refused our certificate.* code=closed/);
        expect(daemon.isRunning).to.equal(true);
        await daemon.stop();

        const peer = await RawPeer.connect(port(), { ca: site.ca, cred: await site.cred(role, node) });
        peer.stream.send(hello(role, node));
        expect(await peer.hears('refused'))
          .to.include({ code: 'role' })
          .and.satisfy((said: { reason: string }) => listener.test(said.reason));
        await peer.closed();
        await by().says(new RegExp(`refused ${role}/${node} from 127.*${listener.source}.* code=role`));
        await shown(by(), `${role}/${node}`, 'role', listener);
        expect(await nodes()).to.not.include(node);
      });
    }

    it('is refused to an aggregator too, which shows why in its own health', async () => {
      const [port = 0] = await freePorts(1);
      const daemon = await started('aggregator', 'role9', {
        net: { compute_listen: at(port), master: at(ports.utilities) },
      });
      const reason = /this port takes links of utility daemons and other masters, not of aggregator daemons/;
      await daemon.says(/no link to master .*: refused: this port takes links of utility daemons.* refused=role/);
      await excused(daemon, 'refused', reason);
      await shown(master, 'aggregator/role9', 'role', reason);
      await daemon.stop();
    });

    it('cannot pose as an aggregator before a node', async () => {
      const cred = await site.cred('compute', 'imposter');
      const arrived: string[] = [];
      const listener = await listen({
        ...at(0),
        tls: tlsOf({ ca: site.ca, cred }),
        onStream: (stream) =>
          stream.start({
            onMessage: (value) => arrived.push(JSON.stringify(value)),
            onClose: () => undefined,
          }),
      });
      try {
        const { port } = listener.address;
        const daemon = await started('compute', 'n2', { net: { aggregatorA: at(port), aggregatorB: at(ports.hub) } });
        const reason = /its certificate is not of a daemon of role aggregator, but of URI:csm:compute:imposter/;
        await daemon.says(new RegExp(`no link to 127.0.0.1:${port}: .*${reason.source}`));
        await excused(daemon, 'not linked', reason);
        await until('the node is served by the real one', async () => (await linked()).includes('n2'));
        expect(arrived).to.deep.equal([]);
        await daemon.stop();
      } finally {
        await listener.close();
      }
    });

    it('cannot pose as an aggregator before the master, nor one node as another', async () => {
      const cred = await site.cred('compute', 'poser');
      const own = { ca: site.ca, cred };
      const cases: [number, Daemon, Role, string, RegExp][] = [
        [
          ports.aggregators,
          master,
          'aggregator',
          'a',
          /the certificate is for compute\/poser, but hello says aggregator\/a/,
        ],
        [
          ports.utilities,
          master,
          'utility',
          'poser',
          /the certificate is for compute\/poser, but hello says utility\/poser/,
        ],
        [ports.hub, hub, 'compute', 'n1', /the certificate is for compute\/poser, but hello says compute\/n1/],
      ];
      for (const [port, by, role, node, reason] of cases) {
        const peer = await RawPeer.connect(port, own);
        peer.stream.send(hello(role, node));
        const refused = await peer.hears('refused');
        expect(refused['code']).to.equal('identity');
        expect(refused['reason']).to.match(reason);
        await peer.closed();
        await by.says(new RegExp(`refused compute/poser from 127.*${reason.source}`));
        await shown(by, 'compute/poser', 'identity', reason);
      }
    });
  });

  describe('that is not ours', () => {
    const ENDS = /refused|certificate|closed/;

    /** Both ends of a handshake with a certificate the listener must not take. */
    async function refusedByTls(
      node: string,
      cred: string,
      code: string,
      reason: RegExp,
      theirs: RegExp,
    ): Promise<void> {
      const daemon = await RawPeer.connect(ports.hub, { ca: site.ca, cred }).catch((error: Error) => error);
      if (daemon instanceof Error) expect(daemon.message).to.match(theirs);
      else {
        daemon.stream.send(hello('compute', node));
        expect(await daemon.closed()).to.match(theirs);
        expect(daemon.heard).to.deep.equal([]);
      }
      await hub.says(new RegExp(`refused unknown from 127.*${reason.source}`));
      await shown(hub, 'unknown', code, reason);
      expect(await nodes()).to.not.include(node);
    }

    it('because another CA signed it, is refused', async () => {
      const { file } = await issue(other, { role: 'compute', node: 'foreign', names: ['localhost', '127.0.0.1'] });
      await refusedByTls('foreign', file, 'unknown-ca', /signed by an unknown CA/, ENDS);
      const daemon = await started('compute', 'foreign', { cred: file, net: { aggregatorA: at(ports.hub) } });
      await daemon.says(
        /no link to .*: (?:the other end does not know the CA of our certificate|.*refused our certificate)/,
      );
      await excused(daemon, 'not linked', /does not know the CA of our certificate|refused our certificate/);
      await daemon.stop();
    });

    it('because the node trusts another CA, is refused by the node', async () => {
      const cred = await site.cred('compute', 'stranger');
      const daemon = await started('compute', 'stranger', {
        cred,
        ca: caCertFile(other),
        net: { aggregatorA: at(ports.hub) },
      });
      await daemon.says(/no link to .*: the certificate is signed by an unknown CA/);
      await excused(daemon, 'not linked', /the certificate is signed by an unknown CA/);
      await hub.says(
        /refused unknown from 127.*(?:it may have refused our certificate|does not know the CA of our certificate)/,
      );
      await daemon.stop();
    });

    it('because it names no daemon, is refused', async function () {
      needs(this, 'openssl', hasOpenssl);
      for (const [name, san] of Object.entries({ nobody: undefined, host: 'DNS:n1,IP:127.0.0.1' })) {
        const [key, cert, pem] = ['key', 'crt', 'pem'].map((ending) => join(site.root, `${name}.${ending}`));
        const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
        args.push('-subj', '/CN=n1', '-CA', site.ca, '-CAkey', join(site.pki, 'ca.key'));
        args.push('-keyout', key ?? '', '-out', cert ?? '');
        if (san !== undefined) args.push('-addext', `subjectAltName=${san}`);
        const made = spawnSync('openssl', args);
        expect(String(made.stderr)).to.not.match(/[Ee]rror/);
        writeFileSync(pem ?? '', spawnSync('cat', [cert ?? '', key ?? '']).stdout);
        const peer = await RawPeer.connect(ports.hub, { ca: site.ca, cred: pem ?? '' });
        peer.stream.send(hello('compute', 'n1'));
        const { code, reason } = await peer.hears('refused');
        expect(code).to.equal('certificate');
        expect(reason).to.match(/the certificate names no CSM daemon/);
        await peer.closed();
        await hub.says(/refused .* the certificate names no CSM daemon \(URI:csm:<role>:<node>\), but (?:nothing|DNS)/);
        await until('health shows it', async () =>
          (await master.client.call('health', {})).refused.find(
            (r) => r.code === 'certificate' && /names no CSM/.test(r.reason),
          ),
        );
      }
    });

    it('because there is none, is refused', async () => {
      const peer = await bareTls(ports.hub, site.ca);
      await until('it is closed', () => peer.isClosed());
      await hub.says(/refused unknown from 127.*no client certificate was sent/);
      await shown(hub, 'unknown', 'no-certificate', /no client certificate was sent/);
    });

    it('because it has expired, is refused', async () => {
      const { file } = await issue(site.pki, {
        role: 'compute',
        node: 'old',
        names: ['localhost', '127.0.0.1'],
        validFrom: Date.now() - 2 * SECONDS_A_DAY * 1000,
        days: 1,
      });
      await refusedByTls(
        'old',
        file,
        'expired',
        /the certificate has expired/,
        /our certificate has expired|refused our certificate/,
      );
      // The daemon itself does not even start on it.
      const daemon = await site.start('compute', 'old', { net: { aggregatorA: at(ports.hub) } });
      const { code, stderr } = await daemon.ended;
      expect(stderr).to.match(/csm\.net\.ssl\.cred_pem is .* \(its certificate expired on /);
      expect(code).to.equal(78);
    });

    it('because it is not valid yet, is refused', async () => {
      const { file } = await issue(site.pki, {
        role: 'compute',
        node: 'early',
        names: ['localhost', '127.0.0.1'],
        validFrom: Date.now() + SECONDS_A_DAY * 1000,
      });
      await refusedByTls('early', file, 'not-yet-valid', /the certificate is not valid yet/, ENDS);
    });

    it('because it does not name the host that was dialled, is refused by the dialer', async () => {
      const [port = 0] = await freePorts(1);
      const { file } = await issue(site.pki, { role: 'aggregator', node: 'elsewhere', names: ['elsewhere.example'] });
      const elsewhere = await started('aggregator', 'elsewhere', {
        cred: file,
        net: { compute_listen: at(port), master: at(ports.aggregators) },
      });
      const daemon = await started('compute', 'n3', { net: { aggregatorA: at(port) } });
      const reason =
        /its certificate does not name '127\.0\.0\.1', but URI:csm:aggregator:elsewhere, DNS:elsewhere\.example/;
      await daemon.says(new RegExp(`no link to .*${reason.source}`));
      await excused(daemon, 'not linked', reason);
      await Promise.all([daemon.stop(), elsewhere.stop()]);
    });
  });

  describe('that ends while its link stands', () => {
    /** A node that was linked before its certificate ended: of the shortest life that this machine is quick enough for. */
    async function shortLived() {
      for (const seconds of [8, 20, 60]) {
        const node = `short${seconds}`;
        const { file, validTo } = await issue(site.pki, {
          role: 'compute',
          node,
          names: ['localhost', '127.0.0.1'],
          validFrom: Date.now(),
          days: seconds / SECONDS_A_DAY,
        });
        const daemon = await site.start('compute', node, { cred: file, net: { aggregatorA: at(ports.hub) } });
        const isLinked = async () => (await linked()).includes(node);
        await until('it is linked, or too late', async () => (await isLinked()) || Date.now() > validTo, 90_000);
        if (await isLinked()) return { daemon, node, validTo };
        await daemon.stop();
      }
      throw new Error('this machine is too slow for a certificate of one minute');
    }

    it('by its date, is refused at the next look, on a resumed session too', async () => {
      const { daemon, node, validTo } = await shortLived();
      await until('its day is over', () => Date.now() > validTo + 1000, 90_000);
      expect(await linked()).to.include(node);
      hub.signal('SIGHUP');
      await hub.says(new RegExp(`the link of compute/${node} is lost: the certificate of compute/${node} expired at`));
      await until('it is no longer linked', async () => !(await linked()).includes(node));
      await hub.says(new RegExp(`refused (?:unknown|compute/${node}) from 127.*the certificate .*expired`));
      await until('it says why', async () => {
        const [c] = (await daemon.client.call('health', {})).local.candidates;
        return c !== undefined && c.state !== 'linked' && /expired|refused our certificate/.test(c.reason ?? '');
      });
      await daemon.stop();
    });

    it('because it is revoked, is refused when the list is read again', async () => {
      const daemon = await started('compute', 'gone', { net: { aggregatorA: at(ports.hub) } });
      await until('it is linked', async () => (await linked()).includes('gone'));
      await revoke(site.pki, { role: 'compute', node: 'gone' }, 'sold');
      hub.signal('SIGHUP');
      const reason = /the certificate of compute\/gone \(serial [0-9A-F]+\) is revoked/;
      await hub.says(new RegExp(`the link of compute/gone is lost: ${reason.source}`));
      await hub.says(new RegExp(`refused compute/gone from 127.*${reason.source}`));
      await daemon.says(new RegExp(`no link to .*refused: ${reason.source}.* refused=certificate`));
      await excused(daemon, 'refused', reason);
      await shown(hub, 'compute/gone', 'certificate', reason);
      await until('it is no longer linked', async () => !(await linked()).includes('gone'));
      await daemon.stop();
    });

    it('because the node knows it for revoked, is refused by the node', async () => {
      const list = join(site.root, 'list.json');
      const empty = join(site.root, 'empty.json');
      writeFileSync(empty, '[]\n');
      copyFileSync(empty, list);
      const [port = 0] = await freePorts(1);
      const bad = await started('aggregator', 'bad', {
        net: { compute_listen: at(port), master: at(ports.aggregators) },
      });
      const daemon = await started('compute', 'n4', {
        net: { aggregatorA: at(port), aggregatorB: at(ports.hub), ssl: { revoked_file: list } },
      });
      await until('it is served by the first', async () => {
        const found = (await master.client.call('node.list', {})).find(({ name }) => name === 'n4');
        return found?.primary_aggregator === 'bad' && found.links === 2;
      });
      const before = JSON.stringify(
        await until('a list', () => revoke(site.pki, { role: 'aggregator', node: 'bad' }, 'x')),
      );
      writeFileSync(list, before);
      daemon.signal('SIGHUP');
      const reason = /the certificate of aggregator\/bad \(serial [0-9A-F]+\) is revoked/;
      await daemon.says(reason);
      await excused(daemon, 'refused', reason);
      await until('it is served by the other', async () => {
        const found = (await master.client.call('node.list', {})).find(({ name }) => name === 'n4');
        return found?.primary_aggregator === 'a';
      });
      // The list is taken back: the node links to it again, without a restart.
      copyFileSync(empty, list);
      daemon.signal('SIGHUP');
      await excused(daemon, 'linked', /^$/);
      await until('both links stand', async () =>
        (await daemon.client.call('health', {})).local.candidates.every((c) => c.state === 'linked'),
      );
      await Promise.all([daemon.stop(), bad.stop()]);
    });

    it('because an aggregator knows its master for revoked, ends the trunk until the list is mended', async () => {
      const list = join(site.root, 'masters.json');
      writeFileSync(list, '[]\n');
      const [port = 0] = await freePorts(1);
      const careful = await started('aggregator', 'careful', {
        net: { compute_listen: at(port), master: at(ports.aggregators), ssl: { revoked_file: list } },
      });
      await careful.says(/linked to master m/);
      const { serial } = JSON.parse(
        JSON.stringify(
          (await import('@csm/pki').then(({ list: all }) => all(site.pki))).find((c) => c.role === 'master'),
        ),
      ) as { serial: string };
      writeFileSync(list, JSON.stringify([{ serial, role: 'master', node: 'm', time: 1, reason: 'x' }]));
      careful.signal('SIGHUP');
      const reason = /the certificate of master\/m \(serial [0-9A-F]+\) is revoked/;
      await careful.says(new RegExp(`no link to master .*${reason.source}`));
      await excused(careful, 'refused', reason);
      expect(
        (await master.client.call('health', {})).aggregators.find((a) => a.node === 'careful')?.connected,
      ).to.equal(false);
      writeFileSync(list, '[]\n');
      careful.signal('SIGHUP');
      await careful.says(/linked to master m/, { from: 1 });
      await careful.stop();
    });
  });

  describe('that is in order', () => {
    let cred = '';
    const link = () => RawPeer.link(ports.hub, 'compute', 'spy', { ca: site.ca, cred });
    before(async () => {
      cred = await site.cred('compute', 'spy');
    });

    const call = (over: object) => ({
      kind: 'call',
      id: 'spy-1',
      call: 'run',
      input: { nodes: 'n1', argv: ['touch', join(site.root, 'touched')] },
      caller: { user: 'root', uid: 0, gid: 0, groups: ['root'], pid: 1, vouchedBy: 'compute/spy', ...over },
      trace: 'spy',
      remaining: 10_000,
      window: 65_536,
    });

    it('does not let a node vouch for another', async () => {
      const peer = await link();
      peer.stream.send(call({ vouchedBy: 'utility/login' }));
      await peer.closed();
      const reason = /sent a call in the name of utility\/login/;
      await hub.says(new RegExp(`refused compute/spy from 127.*${reason.source}`));
      await shown(hub, 'compute/spy', 'broken', reason);
      expect(existsSync(join(site.root, 'touched'))).to.equal(false);
    });

    it('does not let a node say that its caller is an admin of the cluster', async () => {
      const peer = await link();
      peer.stream.send({ kind: 'claim', term: 1, incarnation: 'spy' });
      await peer.hears('claimed');
      peer.stream.send(call({}));
      const end = await peer.hears('end');
      expect(end['problem']).to.include({ code: 16 });
      expect(existsSync(join(site.root, 'touched'))).to.equal(false);
      peer.close();
    });

    const entry = {
      ref: 1,
      role: 'compute',
      node: 'n1',
      session: 's',
      version: '1.1',
      address: 'x',
      since: 0,
      bounced: 0,
    };
    const forged: [string, object][] = [
      ['roster', { kind: 'roster', session: 's', sequence: 0, entries: [entry], more: false }],
      ['links', { kind: 'links', sequence: 1, events: [{ event: 'lost', ref: 1, reason: 'x', planned: false }] }],
      [
        'reports',
        {
          kind: 'reports',
          batches: [
            {
              daemon: 'compute/n1',
              term: 99,
              incarnation: 'x',
              first: 1,
              bytes: 1,
              items: [{ kind: 'node.inventory', time: 1, body: {} }],
            },
          ],
        },
      ],
      ['acks', { kind: 'acks', list: [] }],
      ['command', { kind: 'command', id: 'x', command: 'run', nodes: 'n1', remaining: 1000, room: 1000, input: {} }],
      ['verdicts', { kind: 'verdicts', list: [] }],
      ['welcome', { kind: 'welcome', version: '1.1', node: 'a', session: 's', interval: 500, leader: true, credit: 0 }],
      ['hello', hello('compute', 'spy')],
      ['credit', { kind: 'credit', bytes: 1 }],
    ];
    for (const [kind, message] of forged) {
      it(`does not let a node send '${kind}', which is not its to send`, async () => {
        const before = JSON.stringify(await stable());
        const peer = await link();
        const refusals = hub.lines(/refused compute\/spy/).length;
        peer.stream.send(message);
        await peer.closed();
        await shown(hub, 'compute/spy', 'broken', new RegExp(`'${kind}' (?:is not a message for the way|came again)`));
        expect(hub.lines(/refused compute\/spy/).length).to.be.at.least(refusals);
        expect(JSON.stringify(await stable())).to.equal(before);
      });
    }

    /** What the master knows of the nodes that have nothing to do with it. */
    const stable = async () =>
      (await master.client.call('node.list', { nodes: 'a,m,n1' })).map(({ last_seen: _seen, ...rest }) => rest);
  });
});
