/// <reference types="mocha" />
import { expect } from 'chai';
import fc from 'fast-check';
import { isSigned64, signed64, unsigned32 } from '../src/params/integer.ts';
import { storageOf } from '../src/params/kv-url.ts';
import { changeParams, patchParams } from '../src/params/patch.ts';
import { allowedWords, DEFAULT_PARAMS, PARAM_NAMES, readParam } from '../src/params/rules.ts';
import { telemetryTarget } from '../src/params/telemetry.ts';

describe('numbers as Go reads them', () => {
  it('by their prefix', () => {
    const rows: readonly (readonly [string, number | undefined])[] = [
      ['0', 0],
      ['7', 7],
      ['0x10', 16],
      ['0XfF', 255],
      ['040', 32],
      ['00', 0],
      ['0o17', 15],
      ['0b101', 5],
      ['1_000', 1000],
      ['0x_1f', 31],
      ['0_17', 15],
      ['4294967295', 4_294_967_295],
      ['4294967296', undefined],
      ['0008', undefined],
      ['', undefined],
      [' 5', undefined],
      ['5 ', undefined],
      ['1.5', undefined],
      ['1e3', undefined],
      ['-1', undefined],
      ['+1', undefined],
      ['_1', undefined],
      ['1_', undefined],
      ['1__0', undefined],
      ['0x', undefined],
      ['0b2', undefined],
      ['x', undefined],
      ['٣', undefined],
    ];
    for (const [text, value] of rows) expect(unsigned32(text), `'${text}'`).equals(value);
  });

  it('with a sign, to the last of 64 bits', () => {
    expect(signed64('-5')).equals(-5n);
    expect(signed64('+0x10')).equals(16n);
    expect(signed64('9223372036854775807')).equals(9_223_372_036_854_775_807n);
    expect(signed64('9223372036854775808')).equals(undefined);
    expect(signed64('-9223372036854775808')).equals(-9_223_372_036_854_775_808n);
    expect(signed64('-9223372036854775809')).equals(undefined);
    expect(signed64(`0x${'0'.repeat(60_000)}1`)).equals(1n);
    expect(signed64('9'.repeat(60_000))).equals(undefined);
    expect(signed64('--5')).equals(undefined);
  });

  it('the quick look agrees with the long one', () => {
    const odd = fc.string({ unit: fc.constantFrom(...'0123456789xob_+- f'.split('')), maxLength: 22 });
    fc.assert(
      fc.property(fc.oneof(odd, fc.bigInt().map(String), fc.string()), (text) => {
        expect(isSigned64(text)).equals(signed64(text) !== undefined);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const isNegative = value < 0n;
        const [sign, digits] = [isNegative ? '-' : '', isNegative ? -value : value];
        for (const text of [`${sign}${digits}`, `${sign}0x${digits.toString(16)}`, `${sign}0${digits.toString(8)}`])
          expect(signed64(text), text).equals(value);
      }),
    );
  });
});

describe('the parameters', () => {
  it('have defaults that may be', () => {
    for (const name of PARAM_NAMES) {
      if (DEFAULT_PARAMS[name] === '') continue;
      expect(readParam(name, DEFAULT_PARAMS[name]), name).equals(DEFAULT_PARAMS[name]);
      expect(allowedWords(name), name).matches(/\w/);
    }
  });

  it('are refused at their bounds', () => {
    const rows: readonly (readonly [(typeof PARAM_NAMES)[number], readonly string[], readonly string[]])[] = [
      ['Warntime', ['1', '604799'], ['0', '604800']],
      ['Errtime', ['2', '604800'], ['1', '604801']],
      ['Interval', ['1', '4294967295'], ['0']],
      ['Sm_timeout', ['1', '86400'], ['0', '86401']],
      ['Sm_retries', ['0'], ['x']],
      ['Nosm', ['1', 'Yes', 'ON', 'true', '0', 'no', 'off', 'False'], ['2', '', 'y']],
      [
        'Sm_url',
        ['http://a/b', 'https://[::1]:8/hsm/v2'],
        ['a', 'ftp://a', 'http://', 'http://a b', 'http://a?x', 'x'.repeat(3000)],
      ],
      ['Kv_url', ['mem:', 'anything'], ['x'.repeat(2049)]],
    ];
    for (const [name, good, bad] of rows) {
      for (const text of good) expect(readParam(name, text), `${name} ${text}`).not.equals(undefined);
      for (const text of bad) expect(readParam(name, text), `${name} ${text.slice(0, 20)}`).equals(undefined);
    }
  });

  it('are changed all or not at all', () => {
    const value = fc.oneof(fc.constantFrom('', '0', '1', '9', '11', '31', '0x20', 'x', 'yes'), fc.string());
    const given = fc.dictionary(fc.constantFrom(...PARAM_NAMES), value);
    fc.assert(
      fc.property(given, (changes) => {
        const patched = patchParams(DEFAULT_PARAMS, JSON.stringify(changes));
        if (patched.ok) {
          const { params } = patched;
          expect(Object.keys(params)).deep.equals([...PARAM_NAMES]);
          expect(Number(params.Errtime)).above(Number(params.Warntime));
          expect(params.Port).equals(DEFAULT_PARAMS.Port);
          for (const name of PARAM_NAMES)
            if ((changes[name] ?? '') === '') expect(params[name], name).equals(DEFAULT_PARAMS[name]);
        } else {
          expect(patched.detail).matches(/^(Parameter '.*; )+$/s);
          for (const { name, value: blamed, allowed } of patched.faults) {
            expect(changes[name]).equals(blamed);
            expect(allowed).not.equals('');
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('are not read from what is no object of texts', () => {
    for (const [body, detail] of [
      ['', 'Invalid JSON data type'],
      ['1', 'Invalid JSON data type'],
      ['["Debug"]', 'Invalid JSON data type'],
      ['{"debug":3}', 'Invalid JSON data type'],
      ['{"Debug":3}', 'Invalid data type in Debug field. '],
      ['{"Interval":true,"Debug":{}}', 'Invalid data type in Debug field. Invalid data type in Interval field. '],
    ] as const) {
      const patched = patchParams(DEFAULT_PARAMS, body);
      expect(!patched.ok && patched.detail, body).equals(detail);
    }
    const passed = patchParams(DEFAULT_PARAMS, '{"Debug":null,"Foo":1,"INTERVAL":"7"}');
    expect(passed.ok && passed.params).deep.equals({ ...DEFAULT_PARAMS, Interval: '7' });
  });

  it('name whom of a pair is to blame', () => {
    const blamed = (given: Parameters<typeof changeParams>[1]) => {
      const patched = changeParams(DEFAULT_PARAMS, given);
      return patched.ok ? [] : patched.faults.map(({ name, value, allowed }) => `${name} ${value} ${allowed}`);
    };
    expect(blamed({ Errtime: '5' })).deep.equals(['Errtime 5 more than 10']);
    expect(blamed({ Warntime: '30' })).deep.equals(['Warntime 30 less than 30']);
    expect(blamed({ Warntime: '50', Errtime: '40' })).deep.equals(['Errtime 40 more than 50']);
    expect(blamed({ Warntime: '50', Errtime: '60' })).deep.equals([]);
    // Of a value that is none nothing can be said beside that.
    expect(blamed({ Warntime: 'x', Errtime: '5' })).has.length(1);
  });
});

describe('where changes are published, and kept', () => {
  it('is a host, a port and a topic', () => {
    expect(telemetryTarget('localhost:9092:a_b-c.d')).deep.equals({ host: 'localhost', port: 9092, topic: 'a_b-c.d' });
    expect(telemetryTarget('nats://bus:4222/csm.heartbeat')).deep.equals({
      host: 'bus',
      port: 4222,
      topic: 'csm.heartbeat',
    });
    expect(telemetryTarget('nats://[fe80::1]:4222/x')).deep.equals({ host: 'fe80::1', port: 4222, topic: 'x' });
    expect(telemetryTarget('[::1]:1:t')).deep.equals({ host: '::1', port: 1, topic: 't' });
    for (const text of [
      '',
      'a',
      'a:1',
      'a:b:c',
      'a:0:c',
      'a:65536:c',
      'a:1:',
      ':1:c',
      'a:1:c:d',
      'nats://a:1',
      'a b:1:c',
    ])
      expect(telemetryTarget(text), text).equals(undefined);
  });

  it('is a database of ours, or none', () => {
    expect(storageOf('mem:')).deep.equals({ kind: 'memory' });
    expect(storageOf('sqlite:/var/lib/csm/hb.db')).deep.equals({ kind: 'sqlite', path: '/var/lib/csm/hb.db' });
    expect(storageOf('file:///var/hb.db')).deep.equals({ kind: 'sqlite', path: '/var/hb.db' });
    expect(storageOf('postgres://a/b')).deep.equals({ kind: 'postgresql', url: 'postgres://a/b' });
    for (const url of ['', 'https://localhost:2379', 'etcd:2379', 'sqlite:relative'])
      expect(storageOf(url), url).deep.equals({ kind: 'own' });
  });
});
