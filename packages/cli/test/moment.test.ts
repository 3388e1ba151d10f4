import { CsmError } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { readMoment, readStep } from '../src/moment.ts';

const NOW = Date.parse('2026-10-17T10:00:00Z');
const refusal = (work: () => unknown): CsmError => {
  try {
    work();
  } catch (error) {
    if (error instanceof CsmError) return error;
    throw error;
  }
  throw new Error('it was taken');
};

describe('moments', () => {
  const taken: readonly (readonly [string, string])[] = [
    ['now', '2026-10-17T10:00:00.000Z'],
    ['30s', '2026-10-17T09:59:30.000Z'],
    ['10m', '2026-10-17T09:50:00.000Z'],
    ['2h', '2026-10-17T08:00:00.000Z'],
    ['1.5h', '2026-10-17T08:30:00.000Z'],
    ['1d', '2026-10-16T10:00:00.000Z'],
    ['1w', '2026-10-10T10:00:00.000Z'],
    ['2026-10-17', '2026-10-17T00:00:00.000Z'],
    ['2026-10-17T08:00', '2026-10-17T08:00:00.000Z'],
    ['2026-10-17 08:00:01', '2026-10-17T08:00:01.000Z'],
    ['2026-10-17T08:00:00Z', '2026-10-17T08:00:00.000Z'],
    ['2026-10-17T08:00:00.1234567z', '2026-10-17T08:00:00.123Z'],
    ['2026-10-17T08:00:00+02:00', '2026-10-17T06:00:00.000Z'],
    ['2026-10-17T08:00-0330', '2026-10-17T11:30:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2031-01-01', '2031-01-01T00:00:00.000Z'],
  ];
  for (const [text, iso] of taken) {
    it(`takes ${text}`, () => expect(new Date(readMoment(text, '--since', NOW)).toISOString()).to.equal(iso));
  }

  const refused = [
    ['', 'yesterday', '1x', '-1h', '1h30m', '1e3s', '10 m', '60y', '1970', '2026-13-01', '2026-02-30', '2025-02-29'],
    ['2026-10-17T24:00', '2026-10-17T10:60', '2026-10-17T10', '2026-10-17T10:00:00+15:00', '26-10-17', '１d'],
    ['1969-12-31', '0000-01-01', '99999d', '2026-10-17T10:00Z ', '12345678901s', '2026-10-17T10:00+1'],
  ].flat();
  for (const text of refused) {
    it(`refuses '${text}'`, () => {
      const { problem } = refusal(() => readMoment(text, '--since', NOW));
      expect(problem).to.include({ code: 9, field: '--since' });
      expect(problem.allowed).to.contain('ISO 8601').and.to.contain('10m');
    });
  }

  it('reads every moment back as it is written', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        (date) => {
          expect(readMoment(date.toISOString(), 'x', NOW)).to.equal(date.getTime());
        },
      ),
    );
  });

  it('takes or refuses whatever it is given, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789-:TZ.+smhdw'.split('')) })),
        (text) => {
          for (const read of [() => readMoment(text, 'x', NOW), () => readStep(text, 'x')]) {
            try {
              expect(read()).to.be.finite.and.at.least(0);
            } catch (error) {
              if (!(error instanceof CsmError)) throw error;
              expect(error.code).to.equal(9);
            }
          }
        },
      ),
    );
  });
});

describe('steps', () => {
  it('are whole numbers with a unit', () => {
    expect(['1s', '30s', '10m', '1h', '1d', '2w', '366d'].map((text) => readStep(text, '--step'))).to.deep.equal([
      1, 30, 600, 3600, 86_400, 1_209_600, 31_622_400,
    ]);
    for (const text of ['', '0s', '30', '1.5h', '367d', '-1h', '1y', '999999999w', 'h', '1h ']) {
      expect(refusal(() => readStep(text, '--step')).problem, text).to.include({ code: 9, field: '--step' });
    }
  });
});
