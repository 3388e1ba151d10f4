/** Configurations as a real `csmd` takes or refuses them: everything that is wrong at once, in words, with exit 78. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROLES, type Role } from '@csm/model';
import { expect } from 'chai';
import { csmd, Site } from './support/daemons.ts';

const REFUSED = 78;
/** `csmd` takes half a second, more where the machine is busy, and several run at once here. */
const PATIENCE = 60_000;

describe('a configuration', function () {
  this.timeout(PATIENCE);
  let site: Site;
  before(async () => {
    site = await Site.open();
  });
  after(() => site.close());

  let files = 0;
  /** Writes a file below a directory in which nothing else may appear. */
  function write(content: object | string): string {
    const file = join(site.root, `${files++}.cfg`);
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
    return file;
  }

  /** A configuration that is in order, with `csm.net` and `csm` as given laid over it. */
  async function sound(role: Role, net: object, more: object = {}, node = 'n1'): Promise<object> {
    const ssl = { ca_file: site.ca, cred_pem: await site.cred(role, node) };
    const socket = join(site.root, 'run', 'x');
    const state = join(site.root, 'state');
    return {
      csm: { node_name: node, state_dir: state, ...more, net: { ssl, local_client_listen: { socket }, ...net } },
    };
  }

  const effective = async (role: Role, file: string) => {
    const { code, stdout, stderr } = await csmd(['--role', role, '--file', file, '--print-effective']);
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    return (JSON.parse(stdout) as { readonly csm: Record<string, unknown> & { readonly net: Record<string, unknown> } })
      .csm;
  };

  it('is refused with every fault at once, each with key path, value and what is allowed', async () => {
    const file = write(
      [
        '{',
        '  "#note": { "nothing": "here counts" },',
        '  "csm": {',
        '    "role": "master",',
        '    "state_dirr": "/x",',
        '    "outbox_max": "1kB",',
        '    "node_name": "no/name",',
        '    "log": { "default_sev": "loud", "#": 3 },',
        '    "net": {',
        '      "heartbeat_interval": "5m",',
        '      "hartbeat_interval": 3,',
        `      "local_client_listen": { "socket": "/tmp/${'a'.repeat(101 - 5)}" },`,
        '      "aggregatorA": "::1",',
        '      "aggregatorB": { "host": "__AGGREGATOR_B__", "port": 99999 },',
        '      "aggregators": { "n[3-": ["a"], "n[1-2]": [] }',
        '    }',
        '  }',
        '}',
      ].join('\n'),
    );
    const [check, start, print] = await Promise.all([
      csmd(['--role', 'compute', '--file', file, '--check']),
      csmd(['--role', 'compute', '--file', file]),
      csmd(['--role', 'compute', '--file', file, '--print-effective']),
    ]);
    const keys =
      'role, node_name, state_dir, outbox_max, privileged_user_id, privileged_group_id, api_permission_file, api_configuration_file, api, host, log, net, inventory, data_collection';
    const nets =
      'heartbeat_interval, local_client_listen, metrics_listen, ssl, aggregatorA, aggregatorB, aggregators, return_after';
    expect(check.stderr.trimEnd().split('\n')).to.deep.equal([
      `csmd: ${file} has 14 faults:`,
      '  line 4, column 13: csm.role is "master"; allowed: one of compute',
      `  line 5, column 19: csm.state_dirr is "/x"; allowed: one of ${keys} (unknown key; did you mean state_dir?)`,
      '  line 6, column 19: csm.outbox_max is "1kB"; allowed: bytes as a number or with B, kB, MB, GB, TB, KiB, MiB, GiB, TiB from 1MiB to 4GiB',
      "  line 7, column 18: csm.node_name is \"no/name\"; allowed: 1 to 64 letters, digits, '.', '-' or '_', beginning and ending with a letter or digit",
      '  line 8, column 29: csm.log.default_sev is "loud"; allowed: one of trace, debug, info, warning, error, critical, always, disable, off',
      '  line 9, column 12: csm.net.ssl.ca_file; allowed: path (it must be given)',
      '  line 9, column 12: csm.net.ssl.cred_pem; allowed: path (it must be given)',
      '  line 10, column 29: csm.net.heartbeat_interval is "5m"; allowed: seconds or \'HH:MM:SS\' from 0.2 s to 3600 s (write 300)',
      `  line 11, column 28: csm.net.hartbeat_interval is 3; allowed: one of ${nets} (unknown key; did you mean heartbeat_interval?)`,
      `  line 12, column 42: csm.net.local_client_listen.socket is "/tmp/${'a'.repeat(74)}… (103 characters); allowed: an absolute path of at most 100 bytes (it has 101 bytes)`,
      '  line 14, column 32: csm.net.aggregatorB.host is "__AGGREGATOR_B__"; allowed: a host name, an IPv4 or an IPv6 address (a placeholder: put the real name here)',
      '  line 14, column 60: csm.net.aggregatorB.port is 99999; allowed: a port from 1 to 65535',
      `  line 15, column 32: csm.net.aggregators.n[3- is "n[3-"; allowed: a key that is a node set (node set 'n[3-': '[' is not closed (position 2))`,
      '  line 15, column 49: csm.net.aggregators.n[1-2] is []; allowed: a list of 1 to 8 entries, each host:port',
    ]);
    for (const { code, stdout, stderr } of [check, start, print]) {
      expect(code).to.equal(REFUSED);
      expect(stdout).to.equal('');
      expect(stderr).to.equal(check.stderr);
    }
  });

  it('is refused when no machine is seen at host.root', async () => {
    const config = (await sound('compute', { aggregatorA: 'agg-a:9800' })) as {
      csm: Record<string, unknown>;
    };
    const root = join(site.root, 'nowhere');
    config.csm['host'] = { root };
    const file = write(JSON.stringify(config));
    const { code, stderr } = await csmd(['--role', 'compute', '--file', file, '--check']);
    expect(stderr).to.contain(
      `csm.host.root is "${root}"; allowed: a directory that holds the proc and sys of a machine`,
    );
    expect(code).to.equal(REFUSED);
  });

  it('is refused where its parts do not go together', async () => {
    const at = 'agg-a:9800';
    const cases: [object, string][] = [
      [
        { aggregatorA: at, aggregatorB: { host: 'agg-a', port: 9800 } },
        'csm.net.aggregatorB is agg-a:9800; allowed: another aggregator than aggregatorA',
      ],
      [{}, 'csm.net.aggregatorA; allowed: host:port of an aggregator, or net.aggregators instead (it must be given)'],
      [
        { aggregatorA: at, aggregators: { n1: [at] } },
        'csm.net.aggregators is given together with aggregatorA or aggregatorB; allowed: one way or the other',
      ],
      [
        { aggregators: { 'm[1-9]': [at], login: [at] } },
        'csm.net.aggregators is for m[1-9] | login; allowed: a node set that holds this node, n1',
      ],
    ];
    await Promise.all(
      cases.map(async ([net, words]) => {
        const file = write(await sound('compute', net));
        const { code, stderr } = await csmd(['--role', 'compute', '--file', file, '--check']);
        expect(stderr).to.equal(`csmd: ${file} has 1 fault:\n  ${words}\n`);
        expect(code).to.equal(REFUSED);
      }),
    );
  });

  it('is refused where the settings of its database do not go together', async () => {
    const secret = join(site.root, 'secret');
    writeFileSync(secret, 'x\n', { mode: 0o600 });
    const open = join(site.root, 'open');
    writeFileSync(open, 'x\n', { mode: 0o644 });
    const broken = join(site.root, 'broken.pem');
    writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const two = join(site.root, 'two');
    writeFileSync(two, 'x\ny\n', { mode: 0o600 });
    const line = "a file of one line of 1 to 1000 characters that only the daemon's user may read";
    const password = (file: string, hint: string): [object, object, string[]] => [
      { engine: 'postgresql', postgresql: { ...postgresql, password_file: file } },
      {},
      [`csm.db.postgresql.password_file is "${file}"; allowed: ${line} (${hint})`],
    ];
    const nowhere = join(site.root, 'nowhere');
    const postgresql = { host: '/run/pg' };
    const cases: [object, object, string[]][] = [
      [{ engine: 'mysql' }, {}, ['csm.db.engine is "mysql"; allowed: one of sqlite, postgresql']],
      [
        { engine: 'sqlite', postgresql: { host: 'pg', port: 5433, lease: 5 } },
        { master: ['m2'] },
        [
          'csm.db.postgresql.host is "pg"; allowed: nothing with db.engine sqlite; or db.engine postgresql',
          'csm.db.postgresql.port is 5433; allowed: nothing with db.engine sqlite; or db.engine postgresql',
          'csm.db.postgresql.lease is 5; allowed: nothing with db.engine sqlite; or db.engine postgresql',
          'csm.net.master is given; allowed: nothing with db.engine sqlite; or db.engine postgresql (a SQLite file has one master)',
        ],
      ],
      [
        { engine: 'postgresql', file: '/x.db' },
        {},
        [
          'csm.db.file is "/x.db"; allowed: nothing with db.engine postgresql; or db.engine sqlite',
          'csm.db.postgresql.host; allowed: the name of the server, or the directory of its socket such as /var/run/postgresql (it must be given)',
        ],
      ],
      [
        { engine: 'postgresql', postgresql: { ...postgresql, ca_file: site.ca, password_file: nowhere } },
        {},
        [
          `csm.db.postgresql.ca_file is "${site.ca}"; allowed: nothing where host is a directory: no TLS is spoken on a unix socket`,
          `csm.db.postgresql.password_file is "${nowhere}"; allowed: ${line} (ENOENT: no such file or directory, open '${nowhere}')`,
        ],
      ],
      password(site.root, 'EISDIR: illegal operation on a directory, read'),
      password(two, 'it holds no password: one line of 1 to 1000 characters'),
      password(open, 'its mode is 644: others may read or change it'),
      [
        { engine: 'postgresql', postgresql: { host: 'pg', ca_file: secret } },
        { master: ['m2', 'n1'] },
        [
          'csm.net.master is n1:9816; allowed: the other masters of this database (it is this one)',
          `csm.db.postgresql.ca_file is "${secret}"; allowed: a PEM file with the certificate of the CA (there is no certificate in it)`,
        ],
      ],
      [
        { engine: 'postgresql', postgresql: { host: 'pg', ca_file: broken } },
        {},
        [
          `csm.db.postgresql.ca_file is "${broken}"; allowed: a PEM file with the certificate of the CA (its certificate cannot be read)`,
        ],
      ],
      [
        { engine: 'postgresql', postgresql: { ...postgresql, lease: 0.4, readers: 33, user: 'a"b', host: 'a b' } },
        {},
        [
          'csm.db.postgresql.host is "a b"; allowed: a host name, an address, or a directory that begins with /',
          "csm.db.postgresql.lease is 0.4; allowed: seconds or 'HH:MM:SS' from 0.5 s to 60 s",
          'csm.db.postgresql.readers is 33; allowed: a whole number from 1 to 32',
          'csm.db.postgresql.user is "a\\"b"; allowed: letters, digits, _, $ and -, beginning with a letter or _',
        ],
      ],
    ];
    await Promise.all(
      cases.map(async ([db, net, words]) => {
        const file = write(await sound('master', net, { db }));
        const { code, stderr } = await csmd(['--role', 'master', '--file', file, '--check']);
        const told = stderr.trimEnd().split('\n').slice(1);
        expect(told.map((line) => line.replace(/^ +(?:line \d+, column \d+: )?/, ''))).to.deep.equal(words);
        expect(code).to.equal(REFUSED);
      }),
    );
    const sane = { engine: 'postgresql', postgresql: { ...postgresql, password_file: secret } };
    const file = write(await sound('master', { master: ['m2', 'm3:1'] }, { db: sane }));
    expect((await csmd(['--role', 'master', '--file', file, '--check'])).stderr).to.equal('');
  });

  it('that is missing, no JSON or no object is refused in words', async () => {
    const missing = join(site.root, 'missing.cfg');
    const cases: [string, RegExp][] = [
      [missing, /missing\.cfg has 1 fault:\n {2}the file cannot be read: ENOENT.*; allowed: a readable JSON file/],
      [
        write('{ "csm": {\n  "role": "compute",\n} }'),
        /line 3, column 1: not JSON: "\} \}"; allowed: a key in double quotes \(no comma after the last one\)/,
      ],
      [write('# csm\n{}'), /line 1, column 1: not JSON: "# csm"; allowed: .* \(a comment is a key beginning with #/],
      [write('[1]'), /the file is no object; allowed: an object/],
      [
        write('{ "csm": { "role": "compute", "role": "compute" } }'),
        /csm\.role; allowed: each key once \(it stands twice\)/,
      ],
    ];
    await Promise.all(
      cases.map(async ([file, words]) => {
        const { code, stdout, stderr } = await csmd(['--role', 'compute', '--file', file]);
        expect(stderr).to.match(words);
        expect(code).to.equal(REFUSED);
        expect(stdout).to.equal('');
      }),
    );
  });

  it('is refused with every fault of its certificates, and nothing is made', async () => {
    const dir = join(site.root, 'untouched');
    const other = await site.cred('utility', 'n1');
    const ssl = { ca_file: join(site.root, 'no-ca'), cred_pem: other, revoked_file: site.ca };
    const file = write({
      csm: {
        node_name: 'n1',
        state_dir: dir,
        net: { ssl, aggregatorA: 'agg-a', local_client_listen: { socket: join(site.root, 'run', 'y') } },
      },
    });
    const [check, start] = await Promise.all([
      csmd(['--role', 'compute', '--file', file, '--check']),
      csmd(['--role', 'compute', '--file', file]),
    ]);
    expect(check.stderr.trimEnd().split('\n')).to.have.length(4);
    expect(check.stderr).to.match(
      /csm\.net\.ssl\.cred_pem is ".*utility-n1\.pem"; allowed: certificate and key of compute\/n1 \(csm cert issue compute n1\) \(it is for utility\/n1, this daemon is compute\/n1\)/,
    );
    expect(check.stderr).to.match(/csm\.net\.ssl\.ca_file is ".*no-ca"; allowed: .* \(it cannot be read: ENOENT/);
    expect(check.stderr).to.match(/csm\.net\.ssl\.revoked_file is ".*ca\.pem"; allowed: .* \(it is not whole JSON/);
    expect(start.stderr).to.equal(check.stderr);
    expect([check.code, start.code]).to.deep.equal([REFUSED, REFUSED]);
    expect(existsSync(dir)).to.equal(false);
    expect(readdirSync(join(site.root, 'run'))).to.deep.equal([]);
  });

  it('that is in order is said to be, and nothing is started', async () => {
    const file = write(await sound('compute', { aggregatorA: 'agg-a' }));
    const { code, stdout, stderr } = await csmd(['--role', 'compute', '--file', file, '--check']);
    expect(stderr).to.equal('');
    expect(stdout).to.match(/in order for compute\/n1; the certificate is valid until \d{4}-/);
    expect(code).to.equal(0);
    expect(existsSync(join(site.root, 'state'))).to.equal(false);
  });

  it('is printed as it is in force: durations, addresses of both families, one master or many', async () => {
    const compute = effective(
      'compute',
      write(
        await sound('compute', {
          '#': 'half a minute',
          heartbeat_interval: '00:00:30',
          return_after: 90,
          '#aggregatorA': 'not this one',
          aggregators: {
            'm[1-9]': ['x'],
            'n[1-4]': ['::1', '[fe80::1]:9801', { host: '10.0.0.1', port: '9802' }],
            n1: ['y'],
          },
        }),
      ),
    );
    const aggregator = effective(
      'aggregator',
      write(await sound('aggregator', { master: ['m1', '[::1]:1234'], compute_listen: { host: '::1' } })),
    );
    const utility = effective('utility', write(await sound('utility', { master: { host: 'm1', port: 1 } })));
    const master = effective('master', write(await sound('master', {}, { db: { change_keep: '01:00:00' } })));
    expect((await compute).net).to.deep.include({
      heartbeat_interval: 30,
      return_after: 90,
      aggregators: {
        'm[1-9]': ['x:9800'],
        'n[1-4]': ['[::1]:9800', '[fe80::1]:9801', '10.0.0.1:9802'],
        n1: ['y:9800'],
      },
    });
    expect((await aggregator).net).to.deep.include({
      master: ['m1:9815', '[::1]:1234'],
      compute_listen: { host: '::1', port: 9800 },
    });
    expect((await utility).net['master']).to.deep.equal(['m1:1']);
    expect((await master)['db']).to.deep.include({ engine: 'sqlite', change_keep: 3600 });
  });

  it('that was printed means the same when it is read again', async () => {
    await Promise.all(
      ROLES.map(async (role) => {
        const net = {
          compute: { aggregatorA: 'a', aggregatorB: 'b' },
          aggregator: { master: 'm' },
          utility: { master: 'm' },
          master: {},
        };
        const first = await effective(role, write(await sound(role, net[role])));
        expect(await effective(role, write({ csm: first }))).to.deep.equal(first);
      }),
    );
    const db = { engine: 'postgresql', postgresql: { host: '/run/pg', lease: '00:00:05' } };
    const master = await effective('master', write(await sound('master', { master: 'm2' }, { db })));
    expect(master.net['master']).to.deep.equal(['m2:9816']);
    expect(master['db']).to.deep.nested.include({ 'postgresql.lease': 5, 'postgresql.database': 'csm' });
    expect(await effective('master', write({ csm: master }))).to.deep.equal(master);
  });

  it('is named by the command line, which is refused in words too', async () => {
    const cases: [string[], string][] = [
      [['--role', 'king'], "csmd: --role is 'king'; allowed is one of master, aggregator, utility, compute\n"],
      [['--file', 'x'], "error: required option '-r, --role <role>' not specified\n"],
      [['--role', 'compute', '--fill', 'x'], "error: unknown option '--fill'\n(Did you mean --file?)\n"],
    ];
    await Promise.all(
      cases.map(async ([args, words]) => {
        const { code, stdout, stderr } = await csmd(args);
        expect([code, stdout, stderr]).to.deep.equal([REFUSED, '', words]);
      }),
    );
  });
});
