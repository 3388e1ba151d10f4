/// <reference types="mocha" />
import { expect } from 'chai';
import { hasOptions, type Options, readOptions } from '../src/params/options.ts';
import { DEFAULT_PARAMS } from '../src/params/rules.ts';

type Read = Extract<Options, { kind: 'options' }>;

function taken(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Read {
  const read = readOptions(argv, env);
  if (read.kind !== 'options') throw new Error(`not taken: ${JSON.stringify(read)}`);
  return read;
}

function faults(argv: readonly string[], env: Readonly<Record<string, string>> = {}): readonly string[] {
  const read = readOptions(argv, env);
  if (read.kind !== 'refused') throw new Error(`not refused: ${JSON.stringify(read)}`);
  return read.faults;
}

describe("hbtd's options", () => {
  it('are not there unless one is given', () => {
    expect(hasOptions([], { PATH: '/bin', HBTD_DEBUG: '' })).equals(false);
    expect(hasOptions(['--debug=1'], {})).equals(true);
    expect(hasOptions([], { HBTD_WARNTIME: '5' })).equals(true);
    const { params, given, notes, clearOnGap } = taken([]);
    expect(params).deep.equals(DEFAULT_PARAMS);
    expect([given.size, notes.length, clearOnGap]).deep.equals([0, 0, false]);
  });

  it('are written as Go takes them', () => {
    for (const argv of [['--warntime=20'], ['-warntime=20'], ['--warntime', '20'], ['-warntime', '0x14']])
      expect(taken(argv).params.Warntime, argv.join(' ')).equals('20');
    expect(taken(['--warntime=5', '--warntime=6']).params.Warntime).equals('6');
    for (const [argv, nosm] of [
      [['--nosm'], '1'],
      [['-nosm'], '1'],
      [['--nosm=true'], '1'],
      [['--nosm=false'], '0'],
      [['--nosm', '--debug=1'], '1'],
    ] as const)
      expect(taken(argv).params.Nosm, argv.join(' ')).equals(nosm);
    expect([...taken(['--debug=1', '--port=0']).given]).deep.equals(['Debug', 'Port']);
  });

  it('count more than the environment', () => {
    const env = { HBTD_WARNTIME: '5', HBTD_PORT: '1000', HBTD_NOSM: '1', HBTD_ERRTIME: '50' };
    const { params } = taken(['--warntime=7', '--port', '2000', '--nosm=off'], env);
    expect(params).includes({ Warntime: '7', Port: '2000', Nosm: '0', Errtime: '50' });
  });

  it('are refused in words', () => {
    expect(faults(['--warmtime=5'])[0]).matches(/^--warmtime=5 is no option; allowed: .*--warntime.*--help$/);
    expect(faults(['serve'])[0]).contains('serve is no option');
    expect(faults(['--'])[0]).contains('is no option');
    expect(faults(['--port'])[0]).equals('--port has no value; it is --port=n');
    expect(faults(['--warntime=abc'])[0]).equals(
      '--warntime=abc is not allowed; allowed: a whole number of 1 to 604799',
    );
    expect(faults(['--port=70000'])[0]).contains('--port=70000 is not allowed');
    expect(faults(['--port=-1'])[0]).contains('--port=-1 is not allowed');
    expect(faults(['--sm_url=nowhere'])[0]).contains('--sm_url=nowhere is not allowed; allowed: an http or https URL');
    expect(faults(['--interval=0'])[0]).contains('--interval=0 is not allowed');
    expect(faults([], { HBTD_INTERVAL: '-3' })[0]).contains('HBTD_INTERVAL=-3 comes to 0, which is not allowed');
    // All that is wrong, at once.
    expect(faults(['--a', '--b=1', '--errtime=x'])).has.length(3);
  });

  it('must let a component be late before it is dead', () => {
    expect(faults(['--errtime=5'])).deep.equals([
      '--errtime=5 is not above the default warntime of 10: nobody could be warned of before he is dead',
    ]);
    expect(faults(['--warntime=30'])[0]).contains('the default errtime of 30 is not above --warntime=30');
    expect(faults(['--errtime=9'], { HBTD_WARNTIME: '9' })[0]).contains('--errtime=9 is not above HBTD_WARNTIME=9');
    expect(taken(['--warntime=35', '--errtime=60']).params).includes({ Warntime: '35', Errtime: '60' });
  });

  it('pass over in the environment what makes no sense there', () => {
    const { params, notes } = taken([], { HBTD_ERRTIME: 'soon', HBTD_TELEMETRY_HOST: 'x', HBTD_PORT: 'http' });
    expect(params).deep.equals(DEFAULT_PARAMS);
    expect(notes).deep.equals([
      'HBTD_TELEMETRY_HOST=x is passed over; allowed: host:port:topic or nats://host:port/topic, with a port of 1 to 65535',
      'HBTD_ERRTIME=soon is passed over; allowed: a whole number of 2 to 604800',
      'HBTD_PORT=http is passed over; allowed: a whole number of 0 to 65535',
    ]);
  });

  it('know the etcd of its host and port', () => {
    expect(taken(['--kv_url='], { ETCD_HOST: 'etcd', ETCD_PORT: '2380' }).params.Kv_url).equals('http://etcd:2380');
    expect(taken(['--kv_url='], { ETCD_HOST: 'etcd' }).params.Kv_url).equals('http://etcd:2379');
    expect(taken(['--kv_url=']).params.Kv_url).equals('');
    expect(taken(['--sm_url=']).params.Sm_url).equals('');
  });

  it('forget all after a gap when told so', () => {
    expect(taken([], { HBTD_CLEAR_ON_GAP: '1' }).clearOnGap).equals(true);
    expect(taken([], { HBTD_CLEAR_ON_GAP: '0' }).clearOnGap).equals(false);
    const { clearOnGap, notes } = taken([], { HBTD_CLEAR_ON_GAP: 'yes' });
    expect(clearOnGap).equals(false);
    expect(notes[0]).contains('HBTD_CLEAR_ON_GAP=yes');
  });

  it('are told by help, whatever else is asked', () => {
    for (const argv of [['--help'], ['-h'], ['--debug=1', '-help'], ['--wrong', '--help']]) {
      const read = readOptions(argv, {});
      expect(read.kind, argv.join(' ')).equals('help');
      expect(read.kind === 'help' && read.text)
        .contains('--errtime=seconds')
        .and.contains('HBTD_ERRTIME, default 30');
    }
  });
});
