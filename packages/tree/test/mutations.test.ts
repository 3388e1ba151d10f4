/** The property of `convergence.test.ts` can fail: each rule that is broken on purpose turns it red within a few runs. */
import { expect } from 'chai';
import fc from 'fast-check';
import { MUTATIONS } from './world/mutations.ts';
import { play, scenarios } from './world/scenario.ts';

const seed = Number(process.env['CSM_SEED'] ?? 20_260_101);
/** A rule whose breach this many random histories do not show is not guarded. */
const RUNS = 400;

describe('a rule broken on purpose', () => {
  for (const [rule, { breakage, says }] of Object.entries(MUTATIONS)) {
    it(rule, () => {
      const property = fc.property(scenarios(), (scenario) => !says.test(play(scenario, breakage).wrong.join('\n')));
      const { failed, numRuns } = fc.check(property, { seed, numRuns: RUNS, endOnFailure: true });
      expect(failed, `${numRuns} random histories did not notice`).to.equal(true);
    });
  }

  it('and unbroken, the same histories hold', () => {
    const property = fc.property(scenarios(), (scenario) => play(scenario).wrong.length === 0);
    expect(fc.check(property, { seed, numRuns: 60, endOnFailure: true }).failed).to.equal(false);
  });
});
