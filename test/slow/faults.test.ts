/**
 * The short form of `npm run faults`: one round of each fault on a small cluster with SQLite, judged by SELECT. What
 * this machine cannot do (root, nftables) is told and left out.
 */
import { FAULTS, rowLine, rowOf, runFaults } from '@csm/sim';
import { expect } from 'chai';

const SEED = 20_260_101;

describe('the fault suite in its short form', function () {
  this.timeout(900_000);

  it('loses nothing, doubles nothing and tells nobody dead who is not', async () => {
    const played: string[] = [];
    const skipped: string[] = [];
    const wrong = await runFaults({
      faults: FAULTS,
      db: 'sqlite',
      seed: SEED,
      short: true,
      keep: process.env['CSM_TEST_KEEP'],
      signal: new AbortController().signal,
      onResult: (result) => {
        played.push(result.name);
        console.log(`      ${rowLine(rowOf(result))}`);
      },
      onSkip: (name, why) => {
        skipped.push(name);
        console.log(`      ${name}: skipped, ${why}`);
      },
      onRound: () => undefined,
    });
    expect(wrong).to.deep.equal([]);
    expect([...played, ...skipped].sort()).to.deep.equal(FAULTS.map(({ name }) => name).sort());
    const always = ['failpoints', 'failpoints-leader', 'kill-stop', 'a-cut-off', 'reconnect-all', 'clocks'];
    expect(played).to.include.members(always);
  });
});
