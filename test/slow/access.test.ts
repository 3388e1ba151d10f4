/** Who may make which calls, on running daemons: by the socket, over HTTPS, with a permission file, and as it changes. */
import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import http, { type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from '@csm/client';
import type { JsonObject } from '@csm/model';
import { issue, revoke, revokedFile } from '@csm/pki';
import { expect } from 'chai';
import { at, csmd, type Daemon, freePorts, needs, ROOT, Site, type StartOptions, until } from '../support/daemons.ts';

const run = promisify(execFile);
const CSM = join(ROOT, 'packages/cli/bin/csm.cjs');
const NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];

describe('access to calls', () => {
  let site: Site;
  let master: Daemon;
  let utility: Daemon;
  const ports = { aggregators: 0, utilities: 0, master: 0, utility: 0 };
  const files: Record<string, string> = {};
  const shipped = JSON.parse(readFileSync(join(ROOT, 'etc/csm_api.acl'), 'utf8')) as Record<string, string[]>;

  /** Every call has the class of its table, but for those given. */
  function acl(
    name: string,
    classes: Readonly<Record<string, 'public' | 'private' | 'privileged'>> = {},
    more = {},
  ): void {
    const lists = Object.fromEntries(
      ['public', 'private', 'privileged'].map((access) => [
        access,
        [
          ...(shipped[access] ?? []).filter((call) => classes[call] === undefined),
          ...Object.keys(classes).filter((call) => classes[call] === access),
        ],
      ]),
    );
    writeFileSync(files[name] ?? '', JSON.stringify({ ...lists, ...more }));
  }

  before(async function () {
    needs(this, 'setpriv', (await run('setpriv', ['--version']).catch(() => undefined)) !== undefined, 'util-linux');
    site = await Site.open();
    // Users of this machine need to get through.
    for (const dir of [site.root, join(site.root, 'run')]) chmodSync(dir, 0o755);
    for (const name of ['master', 'utility', 'times']) files[name] = join(site.root, `${name}.json`);
    acl('master');
    acl('utility');
    writeFileSync(files['times'] ?? '', '{}');
    const [aggregators = 0, utilities = 0, a = 0, b = 0] = await freePorts(4);
    Object.assign(ports, { aggregators, utilities, master: a, utility: b });
    const options = (name: string, net: object): StartOptions => ({
      net: { ...net, ssl: { revoked_file: revokedFile(site.pki) } },
      more: { api_permission_file: files[name], api_configuration_file: files['times'] },
    });
    const listens = { aggregator_listen: at(aggregators), utility_listen: at(utilities), api_listen: at(a) };
    master = await site.start('master', 'm', options('master', listens));
    utility = await site.start('utility', 'login', options('utility', { master: at(utilities), api_listen: at(b) }));
    await Promise.all([master, utility].map((daemon) => daemon.started()));
    await until('the utility has its master', async () => (await utility.client.call('health', {})).degraded === false);
  });
  after(() => site?.close());

  /** Rereads everything; resolves when that is through. */
  async function reread(daemon: Daemon, says = /the configuration was read again/): Promise<void> {
    const before = daemon.lines(says).length;
    daemon.signal('SIGHUP');
    await daemon.says(says, { from: before });
  }

  interface Answer {
    readonly status: number;
    readonly json: JsonObject;
  }

  /** A request of user nobody on a local socket, over a process of his own. */
  async function asNobody(daemon: Daemon, method: string, path: string, body?: object, who = NOBODY): Promise<Answer> {
    const script = `const [, socketPath, method, path, body] = process.argv;
      const r = require('http').request({ socketPath, method, path, headers: { 'content-type': 'application/json' } }, (s) => {
        let t = ''; s.on('data', (d) => t += d); s.on('end', () => console.log(JSON.stringify({ status: s.statusCode, text: t })));
      }); r.end(body);`;
    const words = [...who, process.execPath, '-e', script, daemon.socket, method, path];
    const { stdout } = await run('setpriv', [...words, ...(body === undefined ? [] : [JSON.stringify(body)])]);
    const { status, text } = JSON.parse(stdout) as { status: number; text: string };
    return { status, json: (text === '' ? {} : JSON.parse(text)) as JsonObject };
  }

  /** A request over HTTPS, with whatever is to prove who calls. */
  function remote(
    port: number,
    method: string,
    path: string,
    who: { readonly pem?: string; readonly token?: string },
    body?: string,
  ): Promise<Answer> {
    const pem = who.pem === undefined ? {} : { cert: readFileSync(who.pem), key: readFileSync(who.pem) };
    const headers = {
      ...(who.token === undefined ? {} : { authorization: `Bearer ${who.token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const options = { host: '127.0.0.1', port, ca: readFileSync(site.ca), ...pem, agent: false, method, path, headers };
    return answerOf(https.request(options), body);
  }

  const local = (daemon: Daemon, method: string, path: string, body?: string, headers: OutgoingHttpHeaders = {}) =>
    answerOf(
      http.request({
        socketPath: daemon.socket,
        method,
        path,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      }),
      body,
    );

  function answerOf(request: http.ClientRequest, body: string | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      request.on('error', reject);
      request.on('response', (res) => {
        let text = '';
        res.on('data', (chunk) => {
          text += String(chunk);
        });
        res.on('error', reject);
        res.on('end', () => {
          const isJson = /json$|json;/.test(res.headers['content-type'] ?? '');
          resolve({ status: res.statusCode ?? 0, json: (isJson ? JSON.parse(text) : {}) as JsonObject });
        });
      });
      request.end(body);
    });
  }

  const pemOf = async (user: string): Promise<string> => {
    const file = join(site.pki, `user-${user}.pem`);
    await issue(site.pki, { role: 'user', node: user }).catch(() => undefined);
    return file;
  };
  /** Words of a refusal by class. */
  const refused = ({ status, json }: Answer): unknown => [status, json['code']];
  const DENIED = [403, 16];

  describe('by a permission file', () => {
    afterEach(async () => {
      acl('master');
      acl('utility');
      await Promise.all([reread(master), reread(utility)]);
    });

    it('is given to an ordinary user by class', async () => {
      for (const daemon of [master, utility]) {
        expect((await asNobody(daemon, 'GET', '/csm/v1/nodes')).status).to.equal(200);
        const change = await asNobody(daemon, 'PATCH', '/csm/v1/nodes', { nodes: 'login', comment: 'mine' });
        expect(refused(change)).to.deep.equal(DENIED);
        expect(change.json['detail']).to.match(/^node\.update is privileged and refused to user nobody \(uid 65534\)/);
      }
      expect((await local(utility, 'PATCH', '/csm/v1/nodes', '{"nodes":"login","comment":"by root"}')).status).to.equal(
        200,
      );
    });

    it('changes with SIGHUP, without a restart; what is not listed is privileged', async () => {
      expect((await asNobody(utility, 'GET', '/csm/v1/nodes')).status).to.equal(200);
      writeFileSync(files['utility'] ?? '', '{"public":["health"]}');
      expect((await asNobody(utility, 'GET', '/csm/v1/nodes')).status).to.equal(200);
      await reread(utility);
      expect(refused(await asNobody(utility, 'GET', '/csm/v1/nodes'))).to.deep.equal(DENIED);
      expect((await asNobody(utility, 'GET', '/csm/v1/health')).status).to.equal(200);
      expect((await local(utility, 'GET', '/csm/v1/nodes')).status).to.equal(200);
      writeFileSync(files['utility'] ?? '', '{"public":["CSM_Node_Attributes_Query"]}');
      await reread(utility);
      expect((await asNobody(utility, 'GET', '/csm/v1/nodes')).status).to.equal(200);
      expect(refused(await asNobody(utility, 'GET', '/csm/v1/health'))).to.deep.equal(DENIED);
    });

    it('is judged again at the master, by its own file', async () => {
      acl('utility', { 'node.update': 'public' });
      await reread(utility);
      const change = () => asNobody(utility, 'PATCH', '/csm/v1/nodes', { nodes: 'login', comment: 'mine' });
      expect(refused(await change())).to.deep.equal(DENIED);
      acl('master', { 'node.update': 'public' });
      await reread(master);
      expect((await change()).status).to.equal(200);
    });

    it('is given to users and groups by name and number', async () => {
      const given = async (more: object, who = NOBODY): Promise<number> => {
        const change = () => asNobody(utility, 'PATCH', '/csm/v1/nodes', { nodes: 'login', comment: 'mine' }, who);
        acl('master', {}, more);
        acl('utility', {}, more);
        await Promise.all([reread(master), reread(utility)]);
        return (await change()).status;
      };
      expect(await given({ privileged_user_id: 'nobody' })).to.equal(200);
      // Of somebody who has no name here.
      const numbers = ['--reuid', '4242', '--regid', '4243', '--clear-groups'];
      expect(await given({ privileged_user_id: ['x', 4242] }, numbers)).to.equal(200);
      expect(await given({ privileged_group_id: [4243] }, numbers)).to.equal(200);
      expect(await given({ privileged_group_id: 'nogroup' })).to.equal(200);
      expect(await given({ privileged_group_id: ['x'] }, numbers)).to.equal(403);
      expect(await given({ privileged_user_id: ['#nobody'], privileged_group_id: 'adm' })).to.equal(403);
    });

    it('stays as it was when the file is broken at SIGHUP, and that is an error in the log', async () => {
      const broken: readonly (readonly [string, RegExp])[] = [
        ['{"public": ["node.list"', /utility\.json has 1 fault/],
        ['{"public":["node.lsit"]}', /public\[0\] is "node\.lsit".*did you mean node\.list\?/],
        ['{"public":["node.list"],"privileged":["csm_node_attributes_query"]}', /each call in one list/],
        ['{"private":["run"]}', /run asks for no owner/],
        ['{"publik":["node.list"]}', /did you mean public\?/],
      ];
      for (const [text, why] of broken) {
        writeFileSync(files['utility'] ?? '', text);
        await reread(utility, /the configuration was not reloaded/);
        expect(utility.log.replaceAll(/\\+"/g, '"'), text).to.match(why);
        expect((await asNobody(utility, 'GET', '/csm/v1/nodes')).status).to.equal(200);
        expect(refused(await asNobody(utility, 'PATCH', '/csm/v1/nodes', {}))).to.deep.equal(DENIED);
      }
    });
  });

  it('of a file that is broken or missing keeps a daemon from starting, in words, with exit 78', async () => {
    const cases: readonly (readonly [object, string, RegExp])[] = [
      [
        { api_permission_file: 'acl' },
        '{"public":["node.lst"]}',
        /public\[0\] is "node\.lst"; .*did you mean node\.list\?/,
      ],
      [
        { api_permission_file: 'acl' },
        '{"private":["node.list"]}',
        /line 1, column 13: private\[0\] .*node\.list asks for no owner/,
      ],
      [{ api_permission_file: 'none' }, '{}', /csm\.api_permission_file is ".*none".*ENOENT/],
      [{ api_configuration_file: 'acl' }, '{"node.list":4}', /node\.list is 4; allowed: whole seconds from 5 to 86400/],
      [{ api_configuration_file: 'acl' }, '{"csm_nod_delete":30}', /did you mean node[._]delete\?/],
      [{ api_configuration_file: 'acl' }, '[]', /acl has 1 fault/],
    ];
    for (const [i, [setting, text, why]] of cases.entries()) {
      const more = Object.fromEntries(
        Object.entries(setting).map(([key, name]) => [key, join(site.root, String(name))]),
      );
      writeFileSync(join(site.root, 'acl'), text);
      const { file } = await site.config('utility', `broken${i}`, { net: { master: at(ports.utilities) }, more });
      for (const args of i === 0 ? [['--check'], []] : [['--check']]) {
        const { code, stderr } = await csmd(['--role', 'utility', '--file', file, ...args]);
        expect(stderr).to.match(why);
        expect(code).to.equal(78);
      }
    }
    for (const name of ['csm_api.acl', 'csm_api.cfg']) {
      const more = {
        [name.endsWith('acl') ? 'api_permission_file' : 'api_configuration_file']: join(ROOT, 'etc', name),
      };
      const { file } = await site.config('utility', `shipped-${name}`, { net: { master: at(ports.utilities) }, more });
      const { code, stderr } = await csmd(['--role', 'utility', '--file', file, '--check']);
      expect([code, stderr], name).to.deep.equal([0, '']);
    }
  });

  it('takes as long as the time-out file of the entry says, from the next SIGHUP on', async () => {
    try {
      for (const seconds of [6, 5]) {
        writeFileSync(files['times'] ?? '', JSON.stringify({ RUN: seconds }));
        await reread(utility);
        const began = performance.now();
        const { status, json } = await local(
          utility,
          'POST',
          '/csm/v1/run',
          '{"nodes":"login","argv":["sleep","60"],"deadline":50}',
        );
        expect([status, json['code']]).to.deep.equal([504, 5]);
        // The entry and its link look at the same clock; whichever says it, it is long before the order's own time.
        expect(json['detail']).to.match(
          new RegExp(`run did not end within ${seconds} s|'run' was not answered in time`),
        );
        expect(performance.now() - began).to.be.within(seconds * 1000 - 500, 45_000);
      }
    } finally {
      writeFileSync(files['times'] ?? '', '{}');
      await reread(utility);
    }
  });

  describe('over HTTPS', () => {
    it('has a certificate of a user, who may what he may', async () => {
      for (const port of [ports.master, ports.utility]) {
        const [nobody, root] = [await pemOf('nobody'), await pemOf('root')];
        expect((await remote(port, 'GET', '/csm/v1/nodes', { pem: nobody })).status).to.equal(200);
        const change = (pem: string) =>
          remote(port, 'PATCH', '/csm/v1/nodes', { pem }, '{"nodes":"login","comment":"over https"}');
        expect(refused(await change(nobody))).to.deep.equal(DENIED);
        expect((await change(root)).status).to.equal(200);
      }
    });

    it('has nothing for a daemon, a stranger, or a user whose certificate is revoked', async () => {
      const daemon = join(site.pki, 'utility-login.pem');
      expect(refused(await remote(ports.utility, 'GET', '/csm/v1/nodes', { pem: daemon }))).to.deep.equal([401, 16]);
      expect(refused(await remote(ports.utility, 'GET', '/csm/v1/nodes', {}))).to.deep.equal([401, 16]);
      const mallory = await pemOf('mallory');
      expect((await remote(ports.utility, 'GET', '/csm/v1/nodes', { pem: mallory })).status).to.equal(200);
      await revoke(site.pki, { role: 'user', node: 'mallory' }, 'left');
      await reread(utility);
      const gone = await remote(ports.utility, 'GET', '/csm/v1/nodes', { pem: mallory });
      expect(refused(gone)).to.deep.equal([401, 16]);
      expect(gone.json['detail']).to.match(/of mallory \(serial [0-9A-F]+\) is revoked/);
    });

    it('has tokens, for what they are made for, until they are revoked', async () => {
      const made = await utility.client.call('token.create', { user: 'nobody', scopes: ['node.list', 'node.update'] });
      const ask = (path: string) => remote(ports.utility, 'GET', path, { token: made.token });
      expect((await ask('/csm/v1/nodes')).status).to.equal(200);
      expect(refused(await ask('/csm/v1/health'))).to.deep.equal(DENIED);
      const change = await remote(
        ports.utility,
        'PATCH',
        '/csm/v1/nodes',
        { token: made.token },
        '{"nodes":"login","comment":"x"}',
      );
      expect(refused(change)).to.deep.equal(DENIED);
      expect((await remote(ports.utility, 'GET', '/csm/v1/nodes', { token: `${made.token}x` })).status).to.equal(401);
      await utility.client.call('token.revoke', { id: made.id });
      await until('it is refused', async () => (await ask('/csm/v1/nodes')).status === 401);
      expect(utility.log).to.not.include(made.token);
      expect(master.log).to.not.include(made.token);
    });

    it('has no route for calls between daemons', async () => {
      const body = JSON.stringify({ bearer: 'csm_x_y' });
      const pem = await pemOf('root');
      expect((await remote(ports.master, 'POST', '/csm/v1/tokens/resolve', { pem }, body)).status).to.be.oneOf([
        404, 405,
      ]);
      expect((await local(master, 'POST', '/csm/v1/tokens/resolve', body)).status).to.be.oneOf([404, 405]);
    });

    it('is spoken by csm', async () => {
      const csm = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
        const own = { PATH: process.env['PATH'], CSM_CA: site.ca, ...env };
        return run(process.execPath, [CSM, ...args], { env: own }).then(
          ({ stdout }) => ({ exit: 0, out: stdout, err: '' }),
          (error: { code: number; stdout: string; stderr: string }) => ({
            exit: error.code,
            out: error.stdout,
            err: error.stderr,
          }),
        );
      };
      const url = ['--url', `https://127.0.0.1:${ports.utility}`];
      const [nobody, root] = [await pemOf('nobody'), await pemOf('root')];
      const listed = await csm(['node', 'list', ...url, '--cert', nobody]);
      expect([listed.exit, listed.err]).to.deep.equal([0, '']);
      expect(listed.out).to.match(/^login /m);
      expect((await csm(['node', 'update', 'login', '--comment', 'x', ...url, '--cert', nobody])).exit).to.equal(16);
      expect((await csm(['node', 'update', 'login', '--comment', 'x', ...url, '--cert', root])).exit).to.equal(0);
      const { token } = await utility.client.call('token.create', { scopes: ['public'] });
      expect((await csm(['node', 'list'], { CSM_URL: url[1], CSM_TOKEN: token })).exit).to.equal(0);
      expect((await csm(['node', 'list', ...url])).exit).to.equal(8);
      const elsewhere = await csm(['node', 'list', '--url', 'https://127.0.0.1:1', '--cert', root]);
      expect([elsewhere.exit, elsewhere.err]).to.satisfy(
        ([exit, err]: [number, string]) => exit === 22 && /nobody listens/.test(err),
      );
      expect((await csm(['node', 'list', '--url', 'http://127.0.0.1', '--cert', root])).exit).to.equal(9);
      const untrusted = await csm(['node', 'list', ...url, '--cert', root, '--ca', root]);
      expect([untrusted.exit, untrusted.err]).to.satisfy(
        ([exit, err]: [number, string]) => exit === 22 && /not signed by a CA that is trusted here/.test(err),
      );
    });
  });

  it('takes bodies of 16 MiB and no byte more, by the socket and over HTTPS', async () => {
    const pem = await pemOf('root');
    const body = (bytes: number) => '{"nodes":"login","comment":"large"}'.padEnd(bytes);
    const path = '/csm/v1/nodes';
    for (const send of [
      (bytes: number) => local(utility, 'PATCH', path, body(bytes)),
      (bytes: number) => remote(ports.utility, 'PATCH', path, { pem }, body(bytes)),
    ]) {
      expect((await send(16_777_216)).status).to.equal(200);
      const { status, json } = await send(16_777_217);
      expect([status, json['code'], json['allowed']]).to.deep.equal([413, 12, 'at most 16777216 bytes']);
    }
    const large = { nodes: 'login', comment: 'x'.repeat(16_777_216) };
    const told = await utility.client.call('node.update', large).catch((error: unknown) => error);
    expect(told).to.include({ code: 12, message: 'the body of the request is too large' });
  });

  it('is refused to a client of another version, which says which versions', async () => {
    const { status, json } = await local(utility, 'GET', '/csm/v1/nodes', undefined, { 'csm-api-version': '2.0' });
    expect([status, json['code']]).to.deep.equal([400, 12]);
    const client = new Client({ socket: utility.socket, apiVersion: '2.0' });
    const told = await client.call('node.list', {}).catch((error: Error) => error);
    client.close();
    expect(told).to.include({ code: 12 });
    expect(told).to.have.property('message', 'the client speaks version 2.0 of the API, this daemon 1.0');
  });
});
