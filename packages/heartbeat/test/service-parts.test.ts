/** The pure parts of the shell: parameters at the start, what a configuration makes of a service, the cut-off machine. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CsmError } from '@csm/model';
import { expect } from 'chai';
import { paramsAtStart } from '../src/configured.ts';
import { cutOffWords, type Interface, readInterfaces } from '../src/cut-off.ts';
import { readOptions } from '../src/params/options.ts';
import { DEFAULT_PARAMS } from '../src/params/rules.ts';
import { serviceFaults } from '../src/settings.ts';
import { busAddressOf, kvUrlOf, setupOf, withOptions } from '../src/setup.ts';
import { configOf } from './service-world.ts';

const optionsOf = (...argv: string[]) => {
  const options = readOptions(argv, {});
  if (options.kind !== 'options') throw new Error(JSON.stringify(options));
  return options;
};

describe('parameters at the start', () => {
  const configured = { ...DEFAULT_PARAMS, Warntime: '10', Errtime: '30' };

  it('are those of the configuration where none were changed', () => {
    expect(paramsAtStart(configured, undefined)).to.deep.equal(configured);
  });

  it('are those that were changed, while the configuration says what it said then', () => {
    const params = { ...configured, Warntime: '35', Errtime: '60', Port: '1', Kv_url: 'elsewhere' };
    const started = paramsAtStart(configured, { params, configured });
    expect(started).to.deep.equal({ ...configured, Warntime: '35', Errtime: '60' });
    expect(Object.keys(started)).to.deep.equal(Object.keys(DEFAULT_PARAMS));
  });

  it('are those of the configuration where that was edited since, each by itself', () => {
    const params = { ...configured, Warntime: '35', Errtime: '60', Debug: '3' };
    const now = { ...configured, Warntime: '20' };
    expect(paramsAtStart(now, { params, configured })).to.include({ Warntime: '20', Errtime: '60', Debug: '3' });
  });

  it('are a pair that may be, also where one was edited and the other changed', () => {
    const params = { ...configured, Errtime: '15' };
    const now = { ...configured, Warntime: '20', Errtime: '30' };
    expect(paramsAtStart(now, { params, configured })).to.include({ Warntime: '20', Errtime: '30' });
  });
});

describe('a setup', () => {
  it('has the parameters of its configuration', () => {
    const config = configOf({
      warntime: 12,
      errtime: 40,
      manager: { kind: 'external', sm_url: 'http://smd/hsm/v2' },
      bus: { url: 'nats://bus.example.org:4222/beats' },
      thresholds: [{ type: 'NodeBMC', group: undefined, components: undefined, warntime: 60, errtime: 120 }],
    });
    const { params, special, bus } = setupOf(config, 'sqlite:/x');
    expect(params).to.deep.equal({
      Debug: '0',
      Nosm: '0',
      Use_telemetry: '1',
      Telemetry_host: 'bus.example.org:4222:beats',
      Warntime: '12',
      Errtime: '40',
      Port: '0',
      Kv_url: 'sqlite:/x',
      Interval: '5',
      Sm_url: 'http://smd/hsm/v2',
      Sm_timeout: '10',
      Sm_retries: '3',
    });
    expect(special).to.deep.equal([{ type: 'NodeBMC', warnMs: 60_000, errMs: 120_000 }]);
    expect(bus).to.include({ host: 'bus.example.org', port: 4222, subject: 'beats' });
  });

  it('names who is told: the built-in state manager, another, or none', () => {
    const params = (kind: 'builtin' | 'none') => setupOf(configOf({ manager: { kind } }), '').params;
    expect(params('builtin')).to.include({ Nosm: '0', Sm_url: '' });
    expect(params('none')).to.include({ Nosm: '1', Sm_url: '' });
  });

  it('is overruled by options, of which only those given count', () => {
    const setup = setupOf(configOf({ warntime: 12, errtime: 40 }), '');
    const changed = withOptions(setup, optionsOf('--errtime=20', '--port=28501', '--nosm'));
    expect(changed.params).to.include({ Warntime: '12', Errtime: '20', Nosm: '1', Sm_url: '', Port: '28501' });
    expect(changed.listen.port).to.equal(28501);
    expect(withOptions(setup, optionsOf('--telemetry_host=h:1:t')).params).to.include({
      Use_telemetry: '1',
      Telemetry_host: 'h:1:t',
    });
  });

  it('refuses what does not go together, with the field', () => {
    const refused = (work: () => unknown) => {
      try {
        work();
      } catch (error) {
        if (error instanceof CsmError) return error.problem;
        throw error;
      }
      throw new Error('it was not refused');
    };
    const setup = setupOf(configOf({ warntime: 12, errtime: 40 }), '');
    expect(refused(() => withOptions(setup, { ...optionsOf('--errtime=11'), given: new Set(['Errtime']) }))).to.include(
      {
        code: 9,
        field: 'errtime',
      },
    );
    const group = { type: undefined, group: 'g', components: 'n[', warntime: 1, errtime: 2 };
    expect(refused(() => setupOf(configOf({ thresholds: [group] }), '')).field).to.equal('thresholds[0].components');
    const type = { type: 'Nope', group: undefined, components: undefined, warntime: 1, errtime: 2 };
    expect(refused(() => setupOf(configOf({ thresholds: [type] }), '')).field).to.equal('thresholds[0].type');
    expect(refused(() => setupOf(configOf({ bus: { url: 'nats://:1/x' } }), '')).code).to.equal(9);
  });

  it('connects to a bus with what only the configuration knows of it', () => {
    const { bus } = setupOf(configOf({ bus: { url: 'tls://u:p@h:1/t' } }), '');
    expect(busAddressOf({ host: 'h', port: 1, topic: 't' }, bus)).to.include({ tls: true, user: 'u', password: 'p' });
    expect(busAddressOf({ host: 'other', port: 1, topic: 't' }, bus)).to.deep.equal({
      tls: false,
      host: 'other',
      port: 1,
      subject: 't',
    });
  });

  it('shows its database without a password', () => {
    const server = { host: 'pg', port: 5432, database: 'hb', user: 'u', password: 'secret' };
    expect(kvUrlOf(undefined)).to.equal('mem:');
    expect(kvUrlOf({ engine: 'sqlite', file: '/var/lib/csm/x.db' })).to.equal('sqlite:/var/lib/csm/x.db');
    expect(kvUrlOf({ engine: 'postgresql', server })).to.equal('postgresql://pg:5432/hb');
    expect(kvUrlOf({ engine: 'postgresql', server: { ...server, host: '/run/pg' } })).to.equal(
      'postgresql:///hb?host=%2Frun%2Fpg&port=5432',
    );
  });
});

describe('settings that do not go together', () => {
  const faults = (wanted: Parameters<typeof configOf>[0]) =>
    serviceFaults(configOf(wanted), 'csm').map(({ key }) => key);
  const tls = { cert_file: undefined, key_file: undefined, ca_file: undefined, identity: 'none' } as const;
  const pair = { type: undefined, group: undefined, components: undefined, warntime: 1, errtime: 2 };

  it('are each refused at their key', () => {
    expect(faults({})).to.deep.equal([]);
    expect(faults({ warntime: 30, errtime: 30 })).to.deep.equal(['csm.errtime']);
    expect(faults({ manager: { kind: 'external' } })).to.deep.equal(['csm.manager.sm_url']);
    expect(faults({ manager: { sm_url: 'http://x' } })).to.deep.equal(['csm.manager.sm_url']);
    expect(faults({ tls: { ...tls, cert_file: '/c' } })).to.deep.equal(['csm.tls.key_file']);
    expect(faults({ tls: { ...tls, key_file: '/k' } })).to.deep.equal(['csm.tls.cert_file']);
    expect(faults({ tls: { ...tls, identity: 'required' } })).to.deep.equal(['csm.tls.identity']);
    expect(faults({ thresholds: [{ ...pair, type: 'Node', errtime: 1 }] })).to.deep.equal([
      'csm.thresholds[0].errtime',
    ]);
    expect(faults({ thresholds: [pair] })).to.deep.equal(['csm.thresholds[0]']);
    expect(faults({ thresholds: [{ ...pair, group: 'g' }] })).to.deep.equal(['csm.thresholds[0].components']);
    expect(
      faults({
        thresholds: [
          { ...pair, type: 'Node' },
          { ...pair, type: 'Node' },
        ],
      }),
    ).to.deep.equal(['csm.thresholds[1]']);
  });
});

describe('a machine that is cut off', () => {
  const eth = (more: Partial<Interface> = {}): Interface => ({
    name: 'eth0',
    carrier: true,
    operstate: 'up',
    device: true,
    ...more,
  });
  const lo: Interface = { name: 'lo', carrier: true, operstate: 'unknown', device: false };
  const bridge: Interface = { name: 'docker0', carrier: true, operstate: 'up', device: false };

  it('has no interface with a carrier, of those that lead outside', () => {
    expect(cutOffWords([lo, eth()])).to.equal(undefined);
    expect(cutOffWords([lo, eth({ carrier: false, operstate: 'down' })])).to.match(
      /no network interface.*eth0 \(down\)/,
    );
    expect(cutOffWords([lo, eth({ operstate: 'lowerlayerdown' })])).to.match(/eth0/);
    expect(cutOffWords([lo, eth({ carrier: false }), eth({ name: 'eth1' })])).to.equal(undefined);
    expect(cutOffWords([lo, bridge, eth({ carrier: false })])).to.match(/eth0/);
    expect(cutOffWords([lo, bridge])).to.equal(undefined);
    expect(cutOffWords([lo])).to.equal(undefined);
    expect(cutOffWords([])).to.equal(undefined);
  });

  it('is read from /sys as the kernel shows it', async () => {
    const root = mkdtempSync(join(tmpdir(), 'csm-net-'));
    try {
      const at = (name: string) => join(root, 'sys/class/net', name);
      for (const name of ['lo', 'eth0', 'eth1']) mkdirSync(at(name), { recursive: true });
      writeFileSync(join(at('lo'), 'carrier'), '1\n');
      writeFileSync(join(at('lo'), 'operstate'), 'unknown\n');
      writeFileSync(join(at('eth0'), 'carrier'), '1\n');
      writeFileSync(join(at('eth0'), 'operstate'), 'up\n');
      mkdirSync(join(at('eth0'), 'device'));
      // An interface that is down has a carrier that cannot be read.
      writeFileSync(join(at('eth1'), 'operstate'), 'down\n');
      const found = (await readInterfaces(root)).sort((a, b) => (a.name < b.name ? -1 : 1));
      expect(found).to.deep.equal([
        { name: 'eth0', carrier: true, operstate: 'up', device: true },
        { name: 'eth1', carrier: false, operstate: 'down', device: false },
        { name: 'lo', carrier: true, operstate: 'unknown', device: false },
      ]);
      expect(await readInterfaces(join(root, 'nowhere'))).to.deep.equal([]);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
