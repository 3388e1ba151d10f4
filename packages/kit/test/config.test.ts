import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  bytes,
  ConfigError,
  type ConfigFault,
  choice,
  configReference,
  describeFault,
  diffReload,
  duration,
  fileMode,
  filePath,
  flag,
  hostPort,
  listOf,
  loadConfig,
  mergeReload,
  nodesetMap,
  oneOrMany,
  printEffective,
  record,
  setting,
  severity,
  socketPath,
  text,
  whole,
} from '../src/index.ts';
import { scratch } from './scratch.ts';

const noNodeset = (key: string): string | undefined =>
  /^[a-z]+(\[[\d,-]+\])?$/.test(key) ? undefined : 'unclosed range';

const schema = {
  node_name: setting({ doc: 'The name of this node.', format: text() }),
  net: {
    heartbeat_interval: setting({
      doc: 'Time between two beats.',
      unit: 's',
      format: duration({ min: 200, max: 3_600_000 }),
      default: 15,
      cost: 'Shorter finds failures sooner; longer costs less traffic.',
      reload: true,
      env: 'CSM_HEARTBEAT',
    }),
    master: setting({ doc: 'The masters.', format: oneOrMany(hostPort({ defaultPort: 9815 })), required: true }),
    aggregators: setting({
      doc: 'Aggregators by nodes.',
      format: nodesetMap(noNodeset, listOf(hostPort(), { min: 1, max: 4 })),
      default: { 'n[1-8]': ['old:1'] },
    }),
    local_client_listen: {
      socket: setting({ doc: 'The local socket.', format: socketPath, default: '/run/csm/csmd.sock' }),
      permissions: setting({ doc: 'Who may open it.', format: fileMode, default: '0777' }),
    },
  },
  log: {
    default_sev: setting({ doc: 'How much is logged.', format: severity, default: 'info', reload: true }),
    rotationSize: setting({ doc: 'Size of a file.', unit: 'bytes', format: bytes({ min: 4096 }), default: '100MiB' }),
    fileLog: setting({ doc: 'The file.', format: filePath }),
  },
  db: {
    enabled: setting({ doc: 'Whether there is one.', format: flag, default: true }),
    password: setting({ doc: 'Its password.', format: text({ max: 8 }), default: 'secret', sensitive: true }),
    pool: setting({ doc: 'Connections.', format: whole({ min: 1, max: 64 }), default: 1 }),
    kind: setting({ doc: 'Which.', format: choice(['SQLite', 'PostgreSQL']), default: 'SQLite' }),
  },
  buckets: setting({
    doc: 'What is collected when.',
    format: listOf(
      record({
        execution_interval: setting({ doc: 'How often.', format: duration(), required: true }),
        item_list: setting({ doc: 'What.', format: listOf(choice(['gpu', 'ssd'])), default: [] }),
      }),
    ),
    default: [],
  }),
};

const load = (json: unknown, env: NodeJS.ProcessEnv = {}) =>
  loadConfig(schema, { file: 'test.cfg', text: typeof json === 'string' ? json : JSON.stringify(json), env });

function faultsOf(json: unknown, env: NodeJS.ProcessEnv = {}): readonly ConfigFault[] {
  try {
    load(json, env);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.faults;
    throw thrown;
  }
  throw new Error('nothing was refused');
}

const oneFault = (json: unknown): ConfigFault => {
  const faults = faultsOf(json);
  expect(faults.map(describeFault)).to.have.length(1);
  return faults[0] as ConfigFault;
};

describe('loadConfig', () => {
  it('gives defaults, and the file over them', () => {
    const config = load({ net: { master: 'm1' }, log: { rotationSize: '1 GB' } });
    expect(config.net.heartbeat_interval).to.equal(15_000);
    expect(config.net.master).to.deep.equal([{ host: 'm1', port: 9815 }]);
    expect(config.log.rotationSize).to.equal(1e9);
    expect(config.net.local_client_listen.permissions).to.equal(0o777);
    expect(config.node_name).to.equal(undefined);
  });

  it('reads what CSM writes: quoted numbers, HH:MM:SS, objects of host and port, words in any case', () => {
    const config = load({
      net: { heartbeat_interval: '00:01:30', master: [{ host: '10.0.0.1', port: '9000' }, '[::1]:7'] },
      db: { pool: '7', enabled: 'false', kind: 'postgresql' },
      buckets: [{ execution_interval: '24:00:00', item_list: ['SSD'] }, { execution_interval: 0.5 }],
    });
    expect(config.net.heartbeat_interval).to.equal(90_000);
    expect(config.net.master).to.deep.equal([
      { host: '10.0.0.1', port: 9000 },
      { host: '::1', port: 7 },
    ]);
    expect(config.db).to.include({ pool: 7, enabled: false, kind: 'PostgreSQL' });
    expect(config.buckets).to.deep.equal([
      { execution_interval: 86_400_000, item_list: ['ssd'] },
      { execution_interval: 500, item_list: [] },
    ]);
  });

  it("takes every key beginning with '#' as a comment, at all levels, also twice", () => {
    const text =
      '{"#":1,"#":{"deep":[]},"net":{"#note":null,"master":{"#":0,"host":"m","port":1}},"buckets":[{"#x":1,"execution_interval":1}]}';
    expect(load(text).net.master).to.deep.equal([{ host: 'm', port: 1 }]);
  });

  it('replaces a map as a whole and keeps dots in its keys and its order', () => {
    const config = load({ net: { master: 'm', aggregators: { zz: ['a.b.c:1'], aa: ['[fe80::1]:2'] } } });
    expect(config.net.aggregators).to.deep.equal([
      ['zz', [{ host: 'a.b.c', port: 1 }]],
      ['aa', [{ host: 'fe80::1', port: 2 }]],
    ]);
    const dotted = { m: setting({ doc: '', format: nodesetMap(() => undefined, whole()), default: {} }) };
    expect(loadConfig(dotted, { file: 'x', text: '{"m":{"n1.cluster.example":1}}', env: {} }).m).to.deep.equal([
      ['n1.cluster.example', 1],
    ]);
  });

  it('is frozen at all levels', () => {
    const config = load({ net: { master: 'm' } });
    expect(Object.isFrozen(config)).to.equal(true);
    expect(Object.isFrozen(config.net.master)).to.equal(true);
    expect(Object.isFrozen(config.net.master[0])).to.equal(true);
  });

  it('lets the environment win over the file', () => {
    const config = load({ net: { master: 'm', heartbeat_interval: 3 } }, { CSM_HEARTBEAT: '00:00:09' });
    expect(config.net.heartbeat_interval).to.equal(9_000);
    const [fault] = faultsOf({ net: { master: 'm' } }, { CSM_HEARTBEAT: 'soon' });
    expect(fault).to.include({ key: 'net.heartbeat_interval', hint: 'from the environment variable CSM_HEARTBEAT' });
    expect(fault).to.not.have.property('line');
  });

  it('tells every fault at once, each with key, value, what is allowed and its place', () => {
    const text = `{
  "nett": {},
  "net": {
    "heartbeat_intervall": 3,
    "heartbeat_interval": "5m",
    "aggregators": {"n[1": ["ok:1"], "n[9]": [], "m": ["a:0", "__AGG__:9"]},
    "local_client_listen": 7
  },
  "log": {"default_sev": "loud", "fileLog": "relative"},
  "db": {"pool": 65, "pool": true},
  "buckets": [{}, {"execution_interval": 1, "item_list": ["cpu"], "intervall": 1}]
}`;
    const faults = faultsOf(text);
    expect(faults.map((fault) => [fault.key, fault.value, fault.hint ?? '', fault.line])).to.deep.equal([
      ['nett', '{}', 'unknown key; did you mean net?', 2],
      ['net.master', '', 'it must be given', 3],
      ['net.heartbeat_intervall', '3', 'unknown key; did you mean heartbeat_interval?', 4],
      ['net.heartbeat_interval', '"5m"', 'write 300', 5],
      ['net.aggregators.n[1', '"n[1"', 'unclosed range', 6],
      ['net.aggregators.n[9]', '[]', '', 6],
      ['net.aggregators.m[0]', '0', '', 6],
      ['net.aggregators.m[1]', '"__AGG__"', 'a placeholder: put the real name here', 6],
      ['net.local_client_listen', '7', '', 7],
      ['log.default_sev', '"loud"', '', 9],
      ['log.fileLog', '"relative"', '', 9],
      ['db.pool', '', 'it stands twice', 10],
      ['db.pool', 'true', '', 10],
      ['buckets[0].execution_interval', '', 'it must be given', 11],
      ['buckets[1].item_list[0]', '"cpu"', '', 11],
      ['buckets[1].intervall', '1', 'unknown key', 11],
    ]);
    for (const fault of faults) expect(fault.allowed, fault.key).to.not.equal('');
    expect(describeFault(faults[3] as ConfigFault)).to.equal(
      'line 5, column 27: net.heartbeat_interval is "5m"; allowed: seconds or \'HH:MM:SS\' from 0.2 s to 3600 s (write 300)',
    );
  });

  it('hides sensitive values in faults', () => {
    const fault = oneFault({ net: { master: 'm' }, db: { password: 'far too long a password' } });
    expect(fault.value).to.equal('(hidden)');
  });

  it('refuses names that reach for the prototype', () => {
    expect(oneFault('{"net":{"master":"m"},"__proto__":{"x":1}}').key).to.equal('__proto__');
    expect(oneFault('{"net":{"master":"m"},"constructor":{"prototype":{"x":1}}}').key).to.equal('constructor');
    expect(({} as Record<string, unknown>)['x']).to.equal(undefined);
  });

  it('cuts long values and names long socket paths by their length', () => {
    const path = `/${'ä'.repeat(60)}`;
    const fault = oneFault({ net: { master: 'm', local_client_listen: { socket: path } } });
    expect(fault.hint).to.equal('it has 121 bytes');
    expect(oneFault({ net: { master: 'm' }, node_name: 'x'.repeat(9_999) }).value).to.have.length.below(120);
  });
});

describe('a configuration that is not JSON', () => {
  const cases: readonly [text: string, line: number, column: number, allowed: RegExp, hint?: RegExp][] = [
    ['', 1, 1, /a value/],
    ['{"a": 1,\n  }', 2, 3, /a key/, /no comma/],
    ['{\n "a" 1}', 2, 6, /':'/],
    ['{"a": 1 "b": 2}', 1, 9, /','/],
    ['// note\n{}', 1, 1, /a value/, /comment/],
    ['{"a": tru}', 1, 7, /true, false/],
    ['{"a": 01}', 1, 7, /number/],
    ["{'a': 1}", 1, 2, /double quotes/, /double quotes/],
    ['{"a": "x\n"}', 1, 7, /closing double quote/],
    ['{"a": "\\q"}', 1, 7, /escapes/],
    ['{} {}', 1, 4, /end of the file/],
    ['{"a": [1, 2', 1, 12, /','/],
    [`${'['.repeat(10_000)}`, 1, 34, /levels deep/],
  ];
  for (const [input, line, column, allowed, hint] of cases) {
    it(`says where and what: ${JSON.stringify(input.slice(0, 20))}`, () => {
      const fault = oneFault(input);
      expect(fault).to.include({ key: '', line, column });
      expect(fault.allowed).to.match(allowed);
      if (hint !== undefined) expect(fault.hint).to.match(hint);
    });
  }

  it('is refused when it is no object', () => {
    expect(oneFault('[]').allowed).to.match(/object/);
  });

  it('agrees with JSON.parse on everything JSON', () => {
    const plain = { v: setting({ doc: '', format: { name: 'any', read: (raw) => ({ raw }), print: () => 0 } }) };
    const noComments = fc.json({ maxDepth: 4 }).filter((one) => !/"#|__proto__/.test(one));
    fc.assert(
      fc.property(noComments, (one) => {
        const { v } = loadConfig(plain, { file: 'x', text: `{"v":${one}}`, env: {} });
        expect(JSON.stringify((v as { raw: unknown }).raw)).to.equal(JSON.stringify(JSON.parse(one)));
      }),
    );
  });

  it('never throws anything but a ConfigError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '#', '1', 'a', '\\', '\n') }),
        ),
        (input) => {
          try {
            load(input);
          } catch (thrown) {
            expect(thrown).to.be.instanceOf(ConfigError);
          }
        },
      ),
    );
  });
});

describe('configuration files', () => {
  const dir = scratch();

  it('are read from disk, with a byte order mark too', () => {
    const file = join(dir.path, 'a.cfg');
    writeFileSync(file, '\uFEFF{"net": {"master": "m:1"}}');
    expect(loadConfig(schema, { file, env: {} }).net.master).to.deep.equal([{ host: 'm', port: 1 }]);
  });

  it('that are missing or huge are refused in words', () => {
    expect(() => loadConfig(schema, { file: join(dir.path, 'none') })).to.throw(ConfigError, /cannot be read: ENOENT/);
    const file = join(dir.path, 'huge.cfg');
    writeFileSync(file, Buffer.alloc(4 * 1024 * 1024 + 1, ' '));
    expect(() => loadConfig(schema, { file })).to.throw(ConfigError, /4194305 bytes/);
  });
});

describe('printEffective', () => {
  it('gives a file that loads to the same configuration, without secrets', () => {
    const config = load({
      net: { master: ['a', '[::1]:7'], aggregators: { 'n[1-8]': ['b:2'] }, heartbeat_interval: 0.2 },
      log: { rotationSize: 4097, fileLog: '/var/log/x' },
      buckets: [{ execution_interval: '00:10:00', item_list: ['gpu'] }],
    });
    const printed = printEffective(schema, config);
    expect(printed).to.not.include('secret');
    expect(JSON.parse(printed).db.password).to.equal('(hidden)');
    expect(load(printed.replace('(hidden)', 'secret'))).to.deep.equal(config);
  });

  it('prints every duration and size so that it reads the same again', () => {
    const one = {
      d: setting({ doc: '', format: duration(), default: 0 }),
      b: setting({ doc: '', format: bytes(), default: 0 }),
    };
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 2 ** 45 }), (ms, size) => {
        const config = loadConfig(one, { file: 'x', text: JSON.stringify({ d: ms / 1000, b: size }), env: {} });
        expect(config).to.deep.equal({ d: ms, b: size });
        expect(loadConfig(one, { file: 'x', text: printEffective(one, config), env: {} })).to.deep.equal(config);
      }),
    );
  });
});

describe('configReference', () => {
  it('has a row for each setting with unit, default, cost and how it changes', () => {
    const page = configReference(schema);
    expect(page).to.include(
      '| `net.heartbeat_interval` | duration | s | `15` | Time between two beats. Environment: `CSM_HEARTBEAT`. | Shorter finds failures sooner; longer costs less traffic. | SIGHUP |',
    );
    expect(page).to.match(/`net\.master` \|.*must be given.*restart/);
    expect(page).to.include('SQLite \\| PostgreSQL');
    expect(page).to.not.include('secret');
    expect(page.match(/^## .*$/gm)).to.deep.equal(['## net', '## log', '## db']);
  });
});

describe('reloading', () => {
  const before = load({ net: { master: 'm' }, log: { default_sev: 'info' } });
  const after = load({
    net: { master: ['m', 'n'], heartbeat_interval: 3 },
    log: { default_sev: 'debug' },
    node_name: 'x',
  });

  it('tells what may change now and what needs a restart', () => {
    expect(diffReload(schema, before, after)).to.deep.equal({
      changed: ['net.heartbeat_interval', 'log.default_sev'],
      needsRestart: ['node_name', 'net.master'],
    });
    expect(diffReload(schema, before, before)).to.deep.equal({ changed: [], needsRestart: [] });
  });

  it('takes over only what may change', () => {
    const merged = mergeReload(schema, before, after);
    expect(merged.net.heartbeat_interval).to.equal(3_000);
    expect(merged.log.default_sev).to.equal('debug');
    expect(merged.net.master).to.equal(before.net.master);
    expect(merged.node_name).to.equal(undefined);
    expect(diffReload(schema, merged, after).changed).to.deep.equal([]);
  });
});
