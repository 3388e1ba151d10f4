import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { fail, type Json } from '@csm/model';
import { expect } from 'chai';
import { allCommands } from '../src/commands/index.ts';
import { chooseSocket, DEFAULT_SOCKETS } from '../src/socket.ts';
import { chooseTarget } from '../src/target.ts';
import { csm, until, type World, world } from './harness.ts';
import { NODES, WELL } from './sample.ts';

const COMMANDS = await allCommands();
const BIN = fileURLToPath(new URL('../../bin/csm.cjs', import.meta.url));

describe('csm that goes wrong', () => {
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

  it('says where no daemon answers, with 22', async () => {
    const { exit, out, err } = await run(`node list --socket ${tree.dir}/nobody`);
    expect([exit, out]).to.deep.equal([22, '']);
    expect(err).to.equal(
      `csm: no daemon answers at ${tree.dir}/nobody: there is no such socket. Is csmd running? (systemctl status "csmd-*")\n`,
    );
  });

  it('refuses a socket path that the kernel would cut', async () => {
    const { exit, err } = await run('health', { env: { CSM_SOCKET: `/tmp/${'x'.repeat(110)}` } });
    expect(exit).to.equal(9);
    expect(err).to.match(
      /has 115 bytes: the kernel would cut it without an error\n {2}field: socket\n {2}allowed: a path of/,
    );
  });

  it('chooses the socket: option, environment, what exists, utility', () => {
    const none = () => false;
    expect(chooseSocket('/a', { CSM_SOCKET: '/b' }, none)).to.equal('/a');
    expect(chooseSocket(undefined, { CSM_SOCKET: '/b' }, none)).to.equal('/b');
    expect(chooseSocket(undefined, { CSM_SOCKET: '' }, (path) => /aggregator|compute/.test(path))).to.equal(
      '/run/csm/aggregator.sock',
    );
    expect(chooseSocket(undefined, {}, none)).to.equal('/run/csm/utility.sock');
    expect(DEFAULT_SOCKETS).to.have.length(5);
  });

  it('chooses between a socket and an address, with what says who calls', async () => {
    const none = { socket: undefined, url: undefined, cert: undefined, certKey: undefined, ca: undefined };
    const file = `${tree.dir}/target.pem`;
    writeFileSync(file, 'PEM');
    const chosen = (given: Partial<typeof none> | object, env = {}) => chooseTarget({ ...none, ...given }, env);
    const url = 'https://h:1';
    expect(chosen({ socket: '/a' }, { CSM_URL: url })).to.deep.equal({ socket: '/a' });
    expect(chosen({ url }, { CSM_TOKEN: 't', CSM_CA: file }).https).to.deep.equal({
      url,
      ca: Buffer.from('PEM'),
      token: 't',
    });
    expect(chosen({}, { CSM_URL: url, CSM_TOKEN: 't', CSM_CERT: file, CSM_CA: file }).https).to.have.property(
      'token',
      't',
    );
    const certified = chosen({ url, cert: file, ca: file }, { CSM_TOKEN: 't' }).https;
    expect(certified).to.not.have.property('token');
    expect(certified).to.deep.include({ cert: Buffer.from('PEM'), key: Buffer.from('PEM') });
    expect(() => chosen({ url })).to.throw(/nothing says who calls/);
    expect(() => chosen({ url, socket: '/a' })).to.throw(/a socket and an address are given/);
    expect(() => chosen({ cert: file })).to.throw(/--cert is given without an address/);
    const { exit, err } = await run('health --url https://h:1 --cert /nowhere/x.pem');
    expect(exit).to.equal(9);
    expect(err).to.match(/\/nowhere\/x\.pem: there is no such file/);
  });

  it('exits with the code of the daemon, tells its words, and the trace with -v', async () => {
    tree.handlers['run'] = async () => fail(16, 'user nobody may not run programs', { allowed: 'root' });
    const plain = await run('run n1 -- x');
    expect(plain).to.deep.equal({ exit: 16, out: '', err: 'csm: user nobody may not run programs\n  allowed: root\n' });
    const { err } = await run('run n1 -v -- x');
    expect(err).to.match(
      /^csm: key .*\ncsm: user .*\n {2}allowed: root\n {2}code: 16 PERMISSION\n {2}trace: [0-9a-f]{16}\n/,
    );
    const json = await run('run n1 -o json -- x');
    expect(json.exit).to.equal(16);
    expect(JSON.parse(json.err)).to.deep.include({ code: 16, name: 'PERMISSION', allowed: 'root' });
    expect(JSON.parse(json.err)).to.have.property('trace');
    tree.handlers['node.list'] = async () => fail(4, "no node matches 'n9'", { field: 'nodes' });
    expect(await run('node list n9')).to.include({ exit: 4, err: "csm: no node matches 'n9'\n  field: nodes\n" });
  });

  it('tells parts of an error folded, a bounded number of them, and nothing that moves the cursor', async () => {
    const nodes = Array.from({ length: 25 }, (_, i) => ({ nodeset: `n${i}`, code: 48 as const, text: 'down\x1b[2J' }));
    tree.handlers['node.show'] = async () => fail(33, 'some\nnodes failed', { nodes });
    const { exit, err } = await run('node show n1');
    expect(exit).to.equal(33);
    expect(err.split('\n').slice(0, 3)).to.deep.equal([
      'csm: some\\nnodes failed',
      '  nodes:',
      '    n0 (1): NODES_UNAVAILABLE: down\\u001b[2J',
    ]);
    expect(err).to.contain('    and 5 parts more');
    expect((JSON.parse((await run('node show n1 -o json')).err) as { nodes: unknown }).nodes).to.have.length(25);
  });

  it('ends after --timeout', async () => {
    tree.handlers['health'] = () => new Promise(() => undefined);
    const { exit, err } = await run('health --timeout 0.05');
    expect(exit).to.equal(5);
    expect(err).to.contain('did not end within 0.05 s');
  });

  it('limits an order by its deadline', async () => {
    tree.handlers['ping'] = async (_input, ctx) => {
      expect(ctx.remaining()).to.be.within(20_000, 22_000);
      return undefined;
    };
    // An order without any part is no success.
    expect((await run('ping n1 --deadline 7')).exit).to.equal(4);
  });

  const usage: readonly (readonly [string, number, RegExp])[] = [
    ['nod list', 9, /^csm: unknown command 'nod'; did you mean 'node'\?\n {2}allowed: see csm --help\n$/],
    ['node lst', 9, /unknown command 'lst'; did you mean 'list'\?\n {2}allowed: see csm node --help/],
    ['node list --tpye compute', 9, /unknown option '--tpye'; did you mean '--type'\?\n {2}field: --tpye/],
    ['--sokcet x health', 9, /did you mean '--socket'\?/],
    [
      'node list --type comptue',
      9,
      /'comptue' is not allowed; did you mean 'compute'\?\n {2}field: --type\n {2}allowed: master,/,
    ],
    ['node list -o jsn', 9, /did you mean 'json'\?\n {2}field: --output\n {2}allowed: table, json, yaml or csv/],
    ['node list n1 n2', 9, /too many arguments for 'list': 2 instead of 1\n {2}allowed: one node set, such as 'n1,n2'/],
    ['node list n[1-', 9, /node set 'n\[1-': .*\n {2}field: nodeset\n {2}allowed: /],
    [
      'node list --watch n1',
      9,
      /'n1' is not a number of seconds\n {2}field: --watch\n {2}allowed: .*stands before --watch/,
    ],
    ['node list --watch 0', 9, /field: --watch/],
    ['node list --timeout -1', 9, /'-1' is not a number of 0.001 to 86400/],
    ['node watch --since 1.5', 9, /field: --since/],
    ['node show n[1-2]', 9, /is not a node name \(a node set names several; this takes one\)/],
    ['node show', 8, /the argument 'node' is missing\n {2}field: node\n {2}allowed: see csm node show --help/],
    ['ping', 8, /the argument 'nodeset' is missing/],
    ['ping n1!n1', 9, /names no node/],
    ['ping n1 --deadline 1e3', 9, /field: --deadline\n {2}allowed: a number of 0.1 to 86400 \(seconds\)/],
    ['ping n1 --deadline', 8, /the option '--deadline <seconds>' needs a value/],
    ['ping n1 -- x', 9, /takes nothing behind '--'/],
    [
      'node hardware --kind dim',
      9,
      /'dim' is not allowed; did you mean 'dimm'\?\n {2}field: --kind\n {2}allowed: cpu, dimm,/,
    ],
    [`node hardware --serial ${'x'.repeat(257)}`, 9, /field: --serial\n {2}allowed: a serial number of 1 to 256/],
    [
      'node history --since yesterday',
      9,
      /'yesterday' is no moment since 1970\n {2}field: --since\n {2}allowed: ISO 8601/,
    ],
    ['node history --limit 0', 9, /'0' is not a whole number of 1 to 10000\n {2}field: --limit/],
    ['node history --limit 2.5', 9, /field: --limit/],
    ['node diff n1', 8, /the argument 'b' is missing/],
    ['node diff n1 n[2-3]', 9, /is not a node name .*\n {2}field: b/],
    ['node collect n1 --deadline 601', 9, /field: --deadline\n {2}allowed: a number of 0.1 to 600 \(seconds\)/],
    ['node collect', 8, /the argument 'nodeset' is missing/],
    ['node update n1', 8, /nothing is to be changed\n {2}field: --comment\n {2}allowed: at least one of/],
    ['env query n1', 8, /the option '--item' is missing\n {2}field: --item\n {2}allowed: cpu, memory,/],
    ['env query --item cpu', 8, /the argument 'nodeset' is missing/],
    ['env query n1 --item cpus', 9, /did you mean 'cpu'\?\n {2}field: --item/],
    ['env query n1 --item cpu --since 2026-02-30', 9, /'2026-02-30' is no moment .*\n {2}field: --since/],
    ['env query n1 --item cpu --until 10', 9, /field: --until\n {2}allowed: ISO 8601/],
    [
      'env query n1 --item cpu --since 1h --until 2h',
      9,
      /--since, 2026-10-17T09:00:00.000Z, is not before --until, 2026-10-17T08:00:00.000Z\n {2}field: --since/,
    ],
    [
      'env query n1 --item cpu --since 2031-01-01',
      9,
      /is not before now\n {2}field: --since\n {2}allowed: a time before now/,
    ],
    [
      'env query n1 --item cpu --step 10',
      9,
      /'10' is no step\n {2}field: --step\n {2}allowed: a whole number and a unit: 30s/,
    ],
    ['env query n1 --item cpu --agg max', 8, /--agg max says nothing without --step\n {2}field: --step/],
    ['env query n1 --item cpu --step 1h --agg mean', 9, /field: --agg\n {2}allowed: min, avg, max or p95/],
    [
      'env query n1 --item cpu --metric a,,b',
      9,
      /'' is not the name of a metric\n {2}field: --metric\n {2}allowed: names such as/,
    ],
    [
      `env query n1 --item cpu --metric ${Array(101).fill('a').join(',')}`,
      9,
      /101 metrics are too many\n {2}field: --metric/,
    ],
    ['env top', 8, /the option '--item' is missing/],
    ['env top --item cpu --limit 1001', 9, /field: --limit\n {2}allowed: a whole number of 1 to 1000/],
    ['env top --item cpu --metric A', 9, /'A' is not the name of a metric/],
    ['env watch --item tempreature', 9, /did you mean 'temperature'\?/],
    ['env watch --for 0', 9, /field: --for\n {2}allowed: a number of 0.1 to/],
    [
      'env plot n1 --item cpu',
      8,
      /the option '--svg' is missing\n {2}field: --svg\n {2}allowed: the file for the chart/,
    ],
    ['cert issue comptue n1', 9, /'comptue' is not a role; did you mean 'compute'\?\n {2}field: role/],
    [
      'cert list --dir /nowhere',
      9,
      /\/nowhere holds no CA: .*\n {2}field: --dir\n {2}allowed: a directory made by csm cert init-ca/,
    ],
    ['cert csr compute n1', 8, /the option '--out' is missing/],
  ];
  for (const [line, exit, words] of usage) {
    it(`refuses csm ${line}`, async () => {
      const ran = await run(line);
      expect([ran.exit, ran.out]).to.deep.equal([exit, '']);
      expect(ran.err).to.match(words);
      expect(tree.calls).to.have.length(0);
    });
  }

  it('tells what is no command as JSON too, when asked', async () => {
    for (const line of ['node lst -o json', '-o=json nod', 'node list --output=json --tpye']) {
      expect(JSON.parse((await run(line)).err)).to.include({ code: 9, name: 'INVALID_PARAMETER' });
    }
    expect((await run('run n1 rm -- -o json')).err).to.match(/^csm: /);
  });

  it('shows help with examples for every command, and exits with 0', async () => {
    for (const spec of COMMANDS) {
      const { exit, out, err } = await run([...spec.path, '--help']);
      expect([exit, err]).to.deep.equal([0, '']);
      expect(out).to.contain(`Usage: csm ${spec.path.join(' ')} [options]`);
      expect(out).to.contain('Examples:\n  # ').and.contain('--output <format>');
      expect(Math.max(...out.split('\n').map((l) => (l.startsWith('  csm') ? 0 : l.length)))).to.be.at.most(86);
    }
    const all = await run('');
    expect([all.exit, all.err]).to.deep.equal([0, '']);
    for (const spec of COMMANDS) expect(all.out).to.contain(`\n  ${spec.path.join(' ')}`);
    expect((await run('--help')).out).to.equal(all.out);
    const node = await run('node');
    expect([node.exit, node.err]).to.deep.equal([0, '']);
    expect(node.out).to.contain('\n  node watch [nodeset]').and.not.contain('cert init-ca');
    expect((await run('--version')).out).to.match(/^\d+\.\d+\.\d+\n$/);
  });

  it('tells of a full disk, but not of a reader that went away', async () => {
    const broken = (name: string) =>
      new Writable({
        write: (_chunk, _encoding, done) => done(Object.assign(new Error(name), { code: name, syscall: 'write' })),
      });
    expect(await run('node list', { stdout: broken('EPIPE') })).to.deep.equal({ exit: 0, out: '', err: '' });
    expect(await run('--help', { stdout: broken('EPIPE') })).to.include({ exit: 0, err: '' });
    expect(await run('node list', { stdout: broken('ENOSPC') })).to.include({
      exit: 1,
      err: 'csm: write: no space is left on the device\n',
    });
  });

  describe('as a process', () => {
    const start = (...argv: string[]) => {
      const child = spawn(process.execPath, [BIN, ...argv], { env: { ...process.env, CSM_SOCKET: tree.socket } });
      let err = '';
      child.stderr.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      const end = once(child, 'close').then(([code, signal]: unknown[]) => ({ code, signal, err }));
      return { child, end };
    };

    it('runs', async () => {
      const { child, end } = start('node', 'list', '-o', 'json');
      let out = '';
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
      expect(await end).to.deep.equal({ code: 0, signal: null, err: '' });
      expect(JSON.parse(out)).to.deep.equal(NODES);
      expect((await start('node', 'lst').end).code).to.equal(9);
    });

    it('ends quietly when its reader goes away', async () => {
      let sent = 0;
      tree.handlers['node.watch'] = async (_input, ctx) => {
        for (;;) await ctx.emit({ seq: ++sent, time: 'x'.repeat(200), kind: 'node', subject: 'n1', body: {} } as Json);
      };
      const { child, end } = start('node', 'watch');
      await once(child.stdout, 'data');
      child.stdout.destroy();
      expect(await end).to.deep.equal({ code: 0, signal: null, err: '' });
    });

    it('ends a watch with Ctrl-C and 0, an order with 130 or 143', async () => {
      const wait = (_input: unknown, ctx: { signal: AbortSignal }) =>
        new Promise<undefined>((_r, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
      tree.handlers['node.watch'] = wait;
      tree.handlers['ping'] = wait;
      const cases = [
        ['node watch', 'SIGINT', 0],
        ['ping n1', 'SIGINT', 130],
        ['ping n1', 'SIGTERM', 143],
      ] as const;
      for (const [line, signal, code] of cases) {
        const before = tree.calls.length;
        const { child, end } = start(...line.split(' '));
        await until('it asks', () => tree.calls.length > before, 5_000);
        child.kill(signal);
        expect(await end).to.deep.equal({ code, signal: null, err: '' });
        await until('the call is over', () => tree.calls[before]?.ctx.signal.aborted === true);
      }
    });
  });
});
