import { CsmError } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  componentSet,
  foldComponents,
  isXname,
  normalise,
  placesOf,
  typeNamed,
  typeOf,
  XNAME_MAX,
  XNAME_TYPES,
  xnameOf,
  xnameSet,
} from '../src/xname/index.ts';

/**
 * Every type once more, in another form than the table's: each number as `{min-max}`, `{min-}` where nothing but the
 * length of the name bounds it.
 */
const FORMS: Readonly<Record<string, string>> = {
  All: 'all',
  AllComp: 'all_comp',
  AllSvc: 'all_svc',
  CDU: 'd{0-}',
  CDUMgmtSwitch: 'd{0-}w{0-}',
  CEC: 'x{0-9999}e{0-1}',
  CMMFpga: 'x{0-9999}c{0-7}f{0-0}',
  CMMRectifier: 'x{0-9999}c{0-7}t{0-9}',
  Cabinet: 'x{0-9999}',
  CabinetBMC: 'x{0-9999}b{0-0}',
  CabinetCDU: 'x{0-9999}d{0-1}',
  CabinetPDU: 'x{0-9999}m{0-3}p{0-7}',
  CabinetPDUController: 'x{0-9999}m{0-3}',
  CabinetPDUNic: 'x{0-9999}m{0-3}i{0-3}',
  CabinetPDUOutlet: 'x{0-9999}m{0-3}p{0-7}j{1-}',
  CabinetPDUPowerConnector: 'x{0-9999}m{0-3}p{0-7}v{1-}',
  Chassis: 'x{0-9999}c{0-7}',
  ChassisBMC: 'x{0-9999}c{0-7}b{0-0}',
  ChassisBMCNic: 'x{0-9999}c{0-7}b{0-0}i{0-3}',
  ComputeModule: 'x{0-9999}c{0-7}s{0-}',
  Drive: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}g{0-}k{0-}',
  HSNAsic: 'x{0-9999}c{0-7}r{0-}a{0-3}',
  HSNBoard: 'x{0-9999}c{0-7}r{0-}e{0-}',
  HSNConnector: 'x{0-9999}c{0-7}r{0-}j{1-}',
  HSNConnectorPort: 'x{0-9999}c{0-7}r{0-}j{1-}p{0-2}',
  HSNLink: 'x{0-9999}c{0-7}r{0-}a{0-3}l{0-}',
  Memory: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}d{0-}',
  MgmtHLSwitch: 'x{0-9999}c{0-7}h{1-}s{1-9}',
  MgmtHLSwitchEnclosure: 'x{0-9999}c{0-7}h{1-}',
  MgmtSwitch: 'x{0-9999}c{0-7}w{1-}',
  MgmtSwitchConnector: 'x{0-9999}c{0-7}w{1-}j{1-}',
  Node: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}',
  NodeAccel: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}a{0-}',
  NodeAccelRiser: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}r{0-7}',
  NodeBMC: 'x{0-9999}c{0-7}s{0-}b{0-}',
  NodeBMCNic: 'x{0-9999}c{0-7}s{0-}b{0-}i{0-3}',
  NodeEnclosure: 'x{0-9999}c{0-7}s{0-}e{0-}',
  NodeEnclosurePowerSupply: 'x{0-9999}c{0-7}s{0-}e{0-}t{0-}',
  NodeFpga: 'x{0-9999}c{0-7}s{0-}b{0-}f{0-0}',
  NodeHsnNic: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}h{0-3}',
  NodeNic: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}i{0-3}',
  NodePowerConnector: 'x{0-9999}c{0-7}s{0-}v{1-2}',
  Partition: 'p{0-}.{0-}',
  Processor: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}p{0-3}',
  RouterBMC: 'x{0-9999}c{0-7}r{0-}b{0-}',
  RouterBMCNic: 'x{0-9999}c{0-7}r{0-}b{0-}i{0-3}',
  RouterFpga: 'x{0-9999}c{0-7}r{0-}f{0-1}',
  RouterModule: 'x{0-9999}c{0-7}r{0-}',
  RouterPowerConnector: 'x{0-9999}c{0-7}r{0-}v{1-2}',
  RouterTOR: 'x{0-9999}c{0-7}r{0-}t{0-}',
  RouterTORFpga: 'x{0-9999}c{0-7}r{0-}t{0-}f{0-1}',
  SMSBox: 'sms{0-}',
  StorageGroup: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}g{0-}',
  System: 's{0-0}',
  VirtualNode: 'x{0-9999}c{0-7}s{0-}b{0-}n{0-}v{0-}',
};

const NUMBER = /\{(\d+)-(\d*)\}/g;

interface Span {
  readonly min: number;
  readonly max: number;
}

const numbersOf = (form: string): Span[] =>
  [...form.matchAll(NUMBER)].map(([, min, max]) => ({ min: Number(min), max: max === '' ? 99_999 : Number(max) }));

/** The form with its numbers filled in. */
function filled(form: string, numbers: readonly number[]): string {
  let i = 0;
  return form.replace(NUMBER, () => String(numbers[i++]));
}

const anyForm = fc.constantFrom(...Object.entries(FORMS));

/** A type and a name of it. */
const anyName = anyForm.chain(([type, form]) =>
  fc
    .tuple(...numbersOf(form).map(({ min, max }) => fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max }))))
    .map((numbers) => ({ type, name: filled(form, numbers) })),
);

/** Any text that a careless hand may make of a name. */
const disguised = fc
  .tuple(anyName, fc.nat(3), fc.boolean(), fc.constantFrom('', ' ', '\t', ' \n'), fc.constantFrom('', '  ', '\r\n'))
  .map(([{ name, type }, zeros, isUpper, before, behind]) => {
    const padded = name.replace(/[0-9]+/g, (digits) => '0'.repeat(zeros) + digits);
    return { type, name, text: before + (isUpper ? padded.toUpperCase() : padded) + behind };
  });

describe('xnames', () => {
  it('know every type', () => {
    expect(XNAME_TYPES).deep.equals(Object.keys(FORMS).sort());
    expect(XNAME_TYPES).lengthOf(55);
  });

  for (const [type, form] of Object.entries(FORMS)) {
    it(`${type} is ${form}`, () => {
      const numbers = numbersOf(form);
      const smallest = numbers.map(({ min }) => min);
      const largest = numbers.map(({ max }) => max);
      expect(typeOf(filled(form, smallest))).equals(type);
      expect(typeOf(filled(form, largest))).equals(type);
      for (const [i, { min, max }] of numbers.entries()) {
        const isBounded = max !== 99_999;
        if (isBounded) expect(typeOf(filled(form, largest.with(i, max + 1))), `above ${max}`).not.equals(type);
        if (min > 0) expect(typeOf(filled(form, smallest.with(i, min - 1))), `below ${min}`).not.equals(type);
        let at = 0;
        const without = form.replace(NUMBER, () => (at++ === i ? '' : String(min)));
        expect(isXname(without), without).equals(false);
      }
    });
  }

  it('of one type have no second one', () => {
    fc.assert(
      fc.property(anyName, ({ type, name }) => {
        expect(typeOf(name)).equals(type);
      }),
      { numRuns: 2000 },
    );
  });

  it('end where the text ends', () => {
    fc.assert(
      fc.property(anyName, fc.constantFrom('-', '_', ' ', 'x', 'é', '\0', '\n', '.', '/'), ({ name }, more) => {
        expect(isXname(name + more)).equals(false);
        expect(isXname(more + name)).equals(false);
      }),
    );
  });

  it('take what is no xname for none', () => {
    for (const name of [
      '',
      ' ',
      'x',
      'X0',
      'x0C0',
      'xxyyzz',
      'foo',
      'params',
      'HBTD_HEALTH_KEY',
      'INVALID',
      'x10000',
      'x0c8',
      'x0c0s',
      'x0c0s0b0n',
      'x0c0s0b0n0z0',
      'x0c0s0b0n0n0',
      'x0c0w0',
      'x00',
      'x0c0s00',
      's1',
      's00',
      'sms',
      'sms01',
      'p',
      'p1.',
      'p1x2',
      'p01',
      'p1.02',
      'd',
      'd0w',
      'd0x0',
      'all_',
      'allcomp',
      'x-1',
      'x1.5',
      'x1e5',
      'x٣',
      '__proto__',
      'constructor',
    ])
      expect(typeOf(name), name).equals(undefined);
  });

  it('are bounded', () => {
    const name = (length: number) => `d${'9'.repeat(length - 1)}`;
    expect(typeOf(name(XNAME_MAX))).equals('CDU');
    expect(typeOf(name(XNAME_MAX + 1))).equals(undefined);
    expect(normalise(`d${'0'.repeat(1_000_000)}`)).lengthOf(1_000_001);
  });

  it('are one name however they are written', () => {
    fc.assert(
      fc.property(disguised, ({ name, text, type }) => {
        expect(normalise(text)).equals(name);
        expect(xnameOf(text)).equals(name);
        expect(typeOf(normalise(text))).equals(type);
      }),
      { numRuns: 1000 },
    );
    expect(normalise('x0000c0s00b0n00')).equals('x0c0s0b0n0');
    expect(xnameOf('X0C0S0B0N9')).equals('x0c0s0b0n9');
    expect(xnameOf('p01.00')).equals('p1.0');
    expect(xnameOf('x00010')).equals('x10');
    // Small in no alphabet but ours: the sign of Kelvin is no k.
    expect(xnameOf('x0c0s0b0n0g0\u212a0')).equals(undefined);
  });

  it('once normalised stay so', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[ x0-9c]{0,20}$/)), (text) => {
        const once = normalise(text);
        expect(normalise(once)).equals(once);
      }),
      { numRuns: 1000 },
    );
  });

  it('are found by the names of their types, whatever the capitals', () => {
    for (const type of XNAME_TYPES) {
      expect(typeNamed(type.toLowerCase())).equals(type);
      expect(typeNamed(type.toUpperCase())).equals(type);
    }
    expect(typeNamed('Toaster')).equals(undefined);
  });
});

describe('the places of a component', () => {
  const PLACES: Readonly<Record<string, readonly string[]>> = {
    x3: ['x3'],
    x3000m0p1: ['x3000'],
    x3b0: ['x3'],
    x3c1: ['x3', 'x3c1'],
    x3c1b0: ['x3', 'x3c1'],
    x3c1s5: ['x3', 'x3c1'],
    x3c1s5b0n1: ['x3', 'x3c1'],
    x3c10s5: [],
    x3c1r7: ['x3', 'x3c1', 'x3c1r7'],
    x3c1r7b0: ['x3', 'x3c1', 'x3c1r7'],
    x3c1r7j10p2: ['x3', 'x3c1', 'x3c1r7'],
    x3c1w14j3: ['x3', 'x3c1', 'x3c1w14'],
    x3c1h2s1: ['x3', 'x3c1', 'x3c1h2'],
    d2: ['d2'],
    d2w1: ['d2', 'd2w1'],
    sms1: [],
    'p1.2': [],
    all: [],
    s0: [],
    n001: [],
    xylophone: [],
    'x3-login': [],
  };
  for (const [name, places] of Object.entries(PLACES)) {
    it(`${name}: ${places.join(', ') || 'none'}`, () => expect(placesOf(name)).deep.equals(places));
  }

  it('are xnames, each within the one before', () => {
    fc.assert(
      fc.property(anyName, ({ name }) => {
        let before = '';
        for (const place of placesOf(name)) {
          expect(isXname(place)).equals(true);
          expect(place.startsWith(before) && name.startsWith(place)).equals(true);
          before = place;
        }
      }),
    );
  });
});

describe('sets of xnames', () => {
  it('are written as node sets, each name normalised', () => {
    const set = xnameSet('x0c[0-7]s[0-7]b0n0,X3000M0', 'components');
    expect(set.size).equals(65);
    expect(set.has('x0c7s3b0n0')).equals(true);
    expect(set.has('x3000m0')).equals(true);
    expect(set.has('X3000M0')).equals(false);
    expect([...xnameSet('x[0001-0003]', 'components').names()]).deep.equals(['x1', 'x2', 'x3']);
    expect(xnameSet('', 'components').size).equals(0);
  });

  it('may name nodes, which keep their names, where those are wanted', () => {
    const set = componentSet('x00[1-2],N001', 'nodes');
    expect([...set.names()].sort()).deep.equals(['N001', 'x1', 'x2']);
  });

  it('fold to text that reads back', () => {
    fc.assert(
      fc.property(fc.array(anyName.map(({ name }) => name)), (names) => {
        expect(new Set(xnameSet(foldComponents(names), 'x').names())).deep.equals(new Set(names));
      }),
    );
  });

  const refused: readonly (readonly [string, string])[] = [
    ['x0,foo', "'foo' is no xname"],
    ['x[0-3', "'[' is not closed"],
    ['x[0-9999]c[0-7]s[0-63]b0n0', 'names'],
    ['x01!x1', "'x01' stands in a set with one of the operators"],
    ['@rack1', 'groups'],
  ];
  for (const [text, words] of refused) {
    it(`refuse ${text}`, () => {
      let thrown: unknown;
      try {
        xnameSet(text, 'components');
      } catch (e) {
        thrown = e;
      }
      expect(thrown).instanceOf(CsmError);
      const { problem } = thrown as CsmError;
      expect(problem.code).equals(9);
      expect(problem.field).equals('components');
      expect(problem.detail).contains(words);
      expect(problem.allowed).not.equals(undefined);
    });
  }
});
