/**
 * Who is refused by running daemons of every role, with raw HTTP on their sockets and HTTPS ports, and with raw frames
 * on the ports of the tree. Nothing that is refused changes anything, and all of it is told in the audit record.
 */
import { chmodSync } from 'node:fs';
import type { TableRow } from '@csm/api';
import { apiTable } from '@csm/daemon';
import { code, type JsonObject } from '@csm/model';
import { issue } from '@csm/pki';
import { VERSION } from '@csm/protocol';
import { expect } from 'chai';
import { encodeFrame } from 'tls-json-stream';
import { at, type Daemon, freePorts, needs, type SmallCluster, smallCluster, until } from '../support/daemons.ts';
import { ask, askAs, problemIn, requestOf, type Wanted } from '../support/http.ts';
import { bareTls, hello, RawPeer } from '../support/peer.ts';

const NOBODY = 65_534;
const STRANGER = 61_234;

interface Call {
  readonly id: string;
  readonly caller: object;
  readonly call?: string;
  readonly input?: JsonObject;
}

const callFrame = ({ id, caller, call = 'node.update', input = { nodes: 'n1', comment: 'forged' } }: Call) => ({
  kind: 'call',
  id,
  call,
  input,
  caller: { user: 'root', uid: 0, gid: 0, groups: ['root'], pid: 1, ...caller },
  trace: 'forged',
  remaining: 10_000,
  window: 65_536,
});

describe('refusals by running daemons', () => {
  const table = apiTable();
  const inputOf = (row: TableRow): JsonObject => row.examples?.[0]?.input ?? {};
  /** Calls that an ordinary user may never make: they change something that is nobody's own, or need privilege. */
  const never = table.offered.filter((row) => row.access === 'privileged' || (row.changes && row.owned !== true));
  let cluster: SmallCluster;
  let https: Readonly<Record<string, number>>;
  let was = '';

  before(async () => {
    const [master = 0, agg = 0, login = 0] = await freePorts(3);
    https = { master, 'agg-a': agg, login };
    cluster = await smallCluster(['n1'], (who) => {
      const port = https[who];
      return port === undefined ? {} : { net: { api_listen: at(port) } };
    });
    chmodSync(cluster.site.root, 0o755);
    chmodSync(`${cluster.site.root}/run`, 0o755);
    was = await state();
  });
  after(() => cluster?.site.close());
  afterEach(async () => {
    expect(await state(), 'something was changed').to.equal(was);
  });

  const audit = (input: object = {}) =>
    cluster.master.client.call('audit.list', { limit: 1000, ...input }).catch((error: { code?: number }) => {
      if (error.code === code.NO_RESULTS) return [];
      throw error;
    });

  /** What people and programs can change of this cluster; and nobody but root has made a change. */
  async function state(): Promise<string> {
    const { client } = cluster.master;
    const nodes = await client.call('node.list', {});
    const n1 = await client.call('node.show', { name: 'n1' });
    const done = (await audit()).filter(({ outcome, user }) => outcome !== 'refused' && user !== 'root');
    return JSON.stringify([
      nodes.filter(({ name }) => name !== 'evil').map(({ name, state }) => [name, state]),
      [n1.comment, n1.features, n1.location],
      done.map(({ call, user }) => [call, user]),
    ]);
  }

  describe('on the socket of each daemon', () => {
    before(function () {
      needs(this, 'root', process.getuid?.() === 0, 'sudo, and run the tests as root');
    });

    const daemons = (): readonly Daemon[] => [
      cluster.master,
      cluster.a,
      cluster.b,
      cluster.utility,
      ...cluster.computes,
    ];

    for (const uid of [NOBODY, STRANGER]) {
      it(`uid ${uid} makes none of the calls that are not for all`, async () => {
        expect(never.length).to.be.above(8);
        for (const daemon of daemons()) {
          const answers = await askAs(
            uid,
            daemon.socket,
            never.map((row) => requestOf(row, inputOf(row))),
          );
          for (const [i, answer] of answers.entries()) {
            const what = `${never[i]?.name} at ${daemon.role}/${daemon.node}: ${answer.text}`;
            expect([answer.status, problemIn(answer)?.['code']], what).to.deep.equal([403, code.PERMISSION]);
          }
        }
      });
    }

    it('nor does anybody but root, who makes them, by a compute daemon', async () => {
      for (const row of never) {
        const answer = await ask({ socket: (cluster.computes[0] as Daemon).socket }, requestOf(row, inputOf(row)));
        expect([answer.status, problemIn(answer)?.['code']], row.name).to.deep.equal([403, code.PERMISSION]);
      }
      const read = await ask(
        { socket: (cluster.computes[0] as Daemon).socket },
        { method: 'GET', path: '/csm/v1/nodes' },
      );
      expect(read.status).to.equal(200);
    });

    it('a user has his own tokens, and nobody else’s', async () => {
      const { socket } = cluster.utility;
      const create = (body: object): Wanted => ({ method: 'POST', path: '/csm/v1/tokens', body: JSON.stringify(body) });
      const revoke = (id: string): Wanted => ({ method: 'DELETE', path: `/csm/v1/tokens/${id}` });
      const [made, others, forRoot] = await askAs(NOBODY, socket, [
        create({ scopes: ['node.list'] }),
        create({ scopes: ['node.list'], user: 'daemon' }),
        create({ scopes: ['privileged'], user: 'root' }),
      ]);
      expect([made?.status, others?.status, forRoot?.status]).to.deep.equal([200, 403, 403]);
      const { id, user } = JSON.parse(made?.text ?? '') as { id: string; user: string };
      expect(user).to.equal('nobody');
      const [listed, revoked] = await askAs(STRANGER, socket, [{ method: 'GET', path: '/csm/v1/tokens' }, revoke(id)]);
      expect(JSON.parse(listed?.text ?? '')).to.deep.equal([]);
      expect(revoked?.status).to.equal(403);
      expect((await askAs(NOBODY, socket, [revoke(id)]))[0]?.status).to.equal(200);
      // His own are changes of his; what is compared from here on has them.
      was = await state();
    });

    it('and all of it stands in the audit record, told by the daemon where it was', async () => {
      await until('the compute daemon has told', async () => {
        const rows = await audit({ user: 'nobody', call: 'node.update' });
        return rows.some(({ vouched_by, outcome }) => vouched_by === 'compute/n1' && outcome === 'refused');
      });
      const rows = await audit({ user: 'nobody', call: 'token.create' });
      expect(rows.map(({ outcome, vouched_by }) => [outcome, vouched_by])).to.deep.include.members([
        ['refused', 'utility/login'],
        ['ok', 'utility/login'],
      ]);
      expect(rows.every(({ input }) => !JSON.stringify(input).includes('csm_'))).to.equal(true);
    });
  });

  describe('over HTTPS', () => {
    const list: Wanted = { method: 'GET', path: '/csm/v1/nodes' };
    const update: Wanted = {
      method: 'PATCH',
      path: '/csm/v1/nodes',
      body: JSON.stringify({ nodes: 'n1', comment: 'forged' }),
    };
    const ports = (): readonly (readonly [string, number])[] => Object.entries(https);
    const over = (port: number, proof: object = {}) => ({ port, ca: cluster.site.ca, ...proof });
    const tokenOf = async (input: { scopes: string[]; user?: string; lifetime?: number }) =>
      cluster.master.client.call('token.create', input);
    const status = async (port: number, proof: object, wanted: Wanted): Promise<number> =>
      (await ask(over(port, proof), wanted)).status;

    it('nobody gets in without a proof, with a daemon’s certificate or with a token that is none', async () => {
      const daemon = await cluster.site.cred('utility', 'login');
      const wrong = [{}, { cred: daemon }, { token: 'x' }, { token: `csm_aaaaaaaaaaaa_${'A'.repeat(43)}` }];
      for (const [name, port] of ports()) {
        for (const proof of wrong) {
          for (const wanted of [list, update]) {
            const answer = await ask(over(port, proof), wanted);
            expect([answer.status, problemIn(answer)?.['code']], `${name} ${JSON.stringify(proof)}`).to.deep.equal([
              401,
              code.PERMISSION,
            ]);
          }
        }
      }
    });

    it('a certificate is the user it names, and no more', async () => {
      await issue(cluster.site.pki, { role: 'user', node: 'nobody' });
      const cred = `${cluster.site.pki}/user-nobody.pem`;
      for (const [name, port] of ports()) {
        expect(await status(port, { cred }, list), name).to.equal(200);
        for (const row of never) {
          const answer = await ask(over(port, { cred }), requestOf(row, inputOf(row)));
          expect([answer.status, problemIn(answer)?.['code']], `${row.name} at ${name}`).to.deep.equal([403, 16]);
        }
      }
    });

    it('a token gives what its scopes say, and no more than its user may', async () => {
      const narrow = await tokenOf({ scopes: ['node.list'] });
      const all = await tokenOf({ scopes: ['public', 'private', 'privileged'], user: 'nobody' });
      for (const [name, port] of ports()) {
        expect(await status(port, { token: narrow.token }, list), name).to.equal(200);
        expect(await status(port, { token: narrow.token }, update), name).to.equal(403);
        expect(await status(port, { token: all.token }, list), name).to.equal(200);
        for (const row of never) {
          expect(
            await status(port, { token: all.token }, requestOf(row, inputOf(row))),
            `${row.name} at ${name}`,
          ).to.equal(403);
        }
        const more = { method: 'POST', path: '/csm/v1/tokens', body: JSON.stringify({ scopes: ['public'] }) };
        expect(await status(port, { token: all.token }, more), 'a token makes no token').to.equal(403);
      }
      // One altered character.
      const last = narrow.token.at(-1) === 'A' ? 'B' : 'A';
      expect(await status(https['login'] ?? 0, { token: narrow.token.slice(0, -1) + last }, list)).to.equal(401);
    });

    it('a revoked token is refused at once by the master, and nowhere believed for longer than 10 s', async () => {
      const { id, token } = await tokenOf({ scopes: ['node.list'] });
      for (const [name, port] of ports()) expect(await status(port, { token }, list), name).to.equal(200);
      await cluster.master.client.call('token.revoke', { id });
      const since = performance.now();
      for (const [name, port] of ports()) {
        // The entry daemon may still believe it; the master, which has the call carried out, does not.
        expect(await status(port, { token }, list), name).to.be.oneOf([401, 403]);
        await until(`${name} knows`, async () => (await status(port, { token }, list)) === 401);
        const index = { method: 'GET', path: '/csm/v1/' };
        expect(await status(port, { token }, index), 'what the daemon answers by itself').to.equal(401);
      }
      expect(performance.now() - since).to.be.below(60_000);
    });

    it('the record of a token has all but the token', async () => {
      const { token } = await tokenOf({ scopes: ['node.list'], lifetime: 60 });
      const rows = await audit({ call: 'token.create' });
      expect(JSON.stringify(rows)).to.not.include(token);
      expect(rows[0]?.input).to.deep.equal({ scopes: ['node.list'], lifetime: 60 });
    });
  });

  describe('on the ports of the tree', () => {
    const creds = async (role: 'aggregator' | 'utility' | 'compute') => ({
      ca: cluster.site.ca,
      cred: await cluster.site.cred(role, 'evil'),
    });

    it('a node’s certificate gets no link to the master, whatever it says it is', async () => {
      const compute = await creds('compute');
      for (const port of [cluster.ports.aggregators, cluster.ports.utilities]) {
        for (const role of ['compute', 'aggregator', 'utility', 'master'] as const) {
          const peer = await RawPeer.connect(port, compute);
          peer.stream.send(hello(role, 'evil'));
          peer.stream.send(callFrame({ id: `n-${role}`, caller: { vouchedBy: `${role}/evil` } }));
          await peer.closed();
          expect(peer.heard.map(({ kind }) => kind)).to.not.include.members(['welcome', 'end', 'data']);
        }
      }
    });

    it('a call before the greeting ends the link, whoever sends it', async () => {
      for (const [port, role] of [
        [cluster.ports.aggregators, 'aggregator'],
        [cluster.ports.utilities, 'utility'],
        [cluster.ports.a, 'compute'],
      ] as const) {
        const connection = await bareTls(port, cluster.site.ca, (await creds(role)).cred);
        connection.socket.write(encodeFrame(callFrame({ id: 'early', caller: { vouchedBy: `${role}/evil` } })));
        await until('it is closed', () => connection.isClosed());
        expect(connection.received()).to.not.include('"end"');
      }
    });

    /** An aggregator of its own certificate, linked and with itself in its roster. */
    async function evilHub(): Promise<RawPeer> {
      const peer = await RawPeer.link(cluster.ports.aggregators, 'aggregator', 'evil', await creds('aggregator'));
      const entry = { ref: 1, role: 'aggregator', node: 'evil', session: 's', version: VERSION, address: 'x' };
      const entries = [{ ...entry, since: Date.now(), bounced: 0 }];
      peer.stream.send({ kind: 'roster', session: 'evil', sequence: 0, entries, more: false });
      await peer.hears('noted');
      return peer;
    }
    const outcome = async (peer: RawPeer, call: Call): Promise<unknown> => {
      peer.stream.send(callFrame(call));
      const said = await until('an answer', () => peer.heard.find((one) => one['id'] === call.id));
      return said.kind === 'lost' ? 'lost' : (said['problem'] as { code?: number } | undefined)?.code;
    };

    it('an aggregator vouches for nobody at another daemon', async () => {
      const peer = await evilHub();
      for (const vouchedBy of ['utility/login', 'aggregator/agg-a', 'compute/n1', 'master/master', 'utility/none']) {
        expect(await outcome(peer, { id: vouchedBy, caller: { vouchedBy } }), vouchedBy).to.equal('lost');
      }
      peer.close();
    });

    it('an aggregator’s ordinary users stay so, and a token is what the master knows of it', async () => {
      const peer = await evilHub();
      const mine = { vouchedBy: 'aggregator/evil' };
      const { id: token } = await cluster.master.client.call('token.create', { scopes: ['node.list'], user: 'nobody' });
      const refused: [string, object][] = [
        ['an ordinary user', { ...mine, user: 'nobody', uid: NOBODY, gid: NOBODY, groups: ['users'] }],
        ['a certificate', { ...mine, user: 'nobody', uid: NOBODY, gid: NOBODY, groups: [], via: 'certificate' }],
        ['a token that is none', { ...mine, via: 'token', token: 'aaaaaaaaaaaa' }],
        ['a token of another user', { ...mine, via: 'token', token }],
        ['a token without saying so', { ...mine, token }],
        ['no token', { ...mine, via: 'token' }],
        ['the user of a token, as root', { ...mine, user: 'nobody', uid: 0, via: 'token', token }],
      ];
      for (const [words, caller] of refused) {
        expect(await outcome(peer, { id: words.replaceAll(' ', '-'), caller }), words).to.equal(code.PERMISSION);
      }
      peer.close();
    });

    it('a node has no admin, whatever it says of its callers', async () => {
      const peer = await RawPeer.link(cluster.ports.a, 'compute', 'evil', await creds('compute'));
      peer.stream.send({ kind: 'claim', term: 1e6, incarnation: 'evil' });
      await peer.hears('claimed');
      const { id: token } = await cluster.master.client.call('token.create', { scopes: ['privileged'] });
      const mine = { vouchedBy: 'compute/evil' };
      for (const row of [...never, table.row('token.resolve') as TableRow]) {
        const call = { call: row.name, input: inputOf(row) };
        expect(await outcome(peer, { id: `k-${row.name}`, caller: mine, ...call }), row.name).to.equal(16);
        const bearing = { ...mine, via: 'token', token };
        expect(await outcome(peer, { id: `t-${row.name}`, caller: bearing, ...call }), row.name).to.equal(16);
      }
      peer.stream.send(callFrame({ id: 'other', caller: { vouchedBy: 'aggregator/agg-a' } }));
      await peer.closed();
    });

    it('and the record has who vouched for what was refused', async () => {
      const rows = await audit({ call: 'node.update' });
      const seen = new Set(rows.filter(({ outcome: o }) => o === 'refused').map((row) => row.vouched_by));
      expect([...seen]).to.include.members(['aggregator/evil', 'compute/evil']);
    });
  });
});
