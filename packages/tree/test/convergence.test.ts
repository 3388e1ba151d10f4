/**
 * Whole clusters under random faults: whatever is killed, stopped, cut, frozen or refused by the database, and in
 * whatever order, nothing accepted is lost or stored twice, no command runs twice, everybody agrees in the end, and no
 * machine keeps what is over. `CSM_SEED` and `CSM_RUNS` choose other histories, and more of them.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { atRest } from './world/invariants.ts';
import { LOSSES, play, type Scenario, scenarios, story } from './world/scenario.ts';
import { World } from './world/world.ts';

const seed = Number(process.env['CSM_SEED'] ?? 20_260_101);
const runs = Number(process.env['CSM_RUNS'] ?? 300);

function holds(arbitrary: fc.Arbitrary<Scenario>, numRuns: number): void {
  const property = fc.property(arbitrary, (scenario) => play(scenario).wrong.length === 0);
  const result = fc.check(property, { seed, numRuns });
  if (!result.failed) return;
  const scenario = result.counterexample?.[0];
  if (scenario === undefined) throw new Error(`the property failed without a counterexample, seed ${seed}`);
  const { wrong, world } = play(scenario);
  const how = `seed ${seed}, run ${result.numRuns}: ${JSON.stringify(scenario)}`;
  expect.fail(`${wrong.join('\n')}\n\n${how}\n${story(world)}`);
}

describe('a cluster under random faults', () => {
  it('loses nothing, doubles nothing, agrees in the end', () => {
    holds(scenarios(), runs);
  }).timeout(0);

  it('doubles nothing and agrees in the end, also when journals are lost and the database is set back', () => {
    holds(scenarios(LOSSES), Math.ceil(runs / 2));
  }).timeout(0);

  it('holds for as many nodes as need their roster in parts', () => {
    const nodes = Array.from({ length: 450 }, (_, i) => `n${i + 1}`);
    const world = new World(seed, { nodes, alternate: true, interval: 5000 });
    const quiet = (ms: number) => {
      world.advance(ms);
      expect(atRest(world)).to.deep.equal([]);
    };
    world.startAll();
    quiet(20_000);
    for (const node of nodes) world.offer(node, 'normal');
    world.run('c1', nodes, 20_000);
    world.advance(3);
    world.kill('A');
    world.advance(5000);
    world.start('A');
    quiet(20_000);
    world.network.cut('A', 'M');
    world.kill('M');
    for (const node of nodes.slice(0, 50)) world.kill(node);
    world.advance(5000);
    world.start('M');
    world.advance(1000);
    world.network.join('A', 'M');
    world.advance(20_000);
    expect(world.database.tellings.filter((t) => t.what === 'down').flatMap((t) => t.daemons)).to.have.length(50);
    world.heal();
    quiet(20_000);
  });

  it('is one history for one seed', () => {
    const scenario = fc.sample(scenarios(LOSSES), { seed, numRuns: 1 })[0];
    if (scenario === undefined) throw new Error('no scenario');
    expect(play(scenario).world.lines).to.deep.equal(play(scenario).world.lines);
  });
});
