import { expect } from 'chai';
import { POINTS } from '../src/faults/kinds/failpoints.ts';
import { FAULTS } from '../src/faults/kinds/index.ts';
import { readFaultOptions } from '../src/faults/options.ts';

const read = (...argv: string[]) => readFaultOptions(argv, FAULTS, 42);

describe('the command line of the fault suite', () => {
  it('has all faults, on SQLite, with a drawn seed, when nothing is said', () => {
    expect(read()).to.include({ db: 'sqlite', seed: 42, short: false, json: false, list: false });
    expect(read().names).to.deep.equal([]);
  });

  it('takes names, a database and a seed', () => {
    expect(read('clocks', 'kill-stop', '--db', 'postgresql', '--seed', '7', '--short')).to.deep.include({
      names: ['clocks', 'kill-stop'],
      db: 'postgresql',
      seed: 7,
      short: true,
    });
  });

  for (const [argv, words] of [
    [['nonsense'], /there is no fault 'nonsense'; allowed are failpoints, failpoints-leader, kill-stop/],
    [['--db', 'mysql'], /--db is 'mysql'; allowed is one of sqlite, postgresql/],
    [['--seed', 'x'], /--seed is 'x'; allowed is a whole number/],
    [['--seed', '-1'], /--seed/],
    [['--seed', ''], /--seed is ''/],
    [['--often'], /--often/],
  ] as const) {
    it(`refuses ${argv.join(' ')}`, () => expect(() => read(...argv)).to.throw(words));
  }
});

describe('the faults', () => {
  it('have names of their own and say what they do', () => {
    expect(new Set(FAULTS.map(({ name }) => name)).size).to.equal(FAULTS.length);
    for (const { name, what } of FAULTS) {
      expect(name).to.match(/^[a-z]+(?:-[a-z]+)*$/);
      expect(what, name).to.have.length.above(10);
    }
  });

  it('kill at every failpoint of the tree and of the store', () => {
    const steps = new Set(POINTS.map(({ name }) => name.replace(/\.(?:before|after)$/, '')));
    for (const step of ['journal.append', 'report.send', 'ack.take', 'claim.send', 'leader.change', 'store.commit'])
      expect([...steps], step).to.include(step);
    expect(new Set(POINTS.map(({ name }) => name)).size).to.equal(POINTS.length);
  });
});
