/** Whatever admins, contact, windows and deletions do to some nodes: what holds after each step. */
import { expect } from 'chai';
import fc from 'fast-check';
import { isOut, MOVES, NODE_STATES, type NodeState } from '../../src/states/table.ts';
import { States } from './cluster.ts';

const NAMES = ['n1', 'n2', 'n3'];
type Step = (nodes: States) => Promise<unknown>;

const refused = (call: Promise<unknown>) => call.catch(() => undefined);
const some = fc.subarray(NAMES, { minLength: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  some.map(
    (names): Step =>
      (nodes) =>
        nodes.meet(names),
  ),
  fc.tuple(some, fc.constantFrom(...NODE_STATES)).map(
    ([names, state]): Step =>
      (nodes) =>
        nodes.move(names, state),
  ),
  fc.tuple(some, fc.boolean(), fc.option(fc.constant('agg-A'), { nil: undefined })).map(
    ([names, planned, within]): Step =>
      (nodes) =>
        nodes.tell('down', names, {
          planned,
          ...(within === undefined ? {} : { within: { [within]: names.map((name) => `compute/${name}` as const) } }),
        }),
  ),
  some.map(
    (names): Step =>
      (nodes) =>
        nodes.tell('up', names),
  ),
  fc.constant<Step>((nodes) => nodes.hubBack('agg-A')),
  fc.integer({ min: 1, max: 100 }).map(
    (seconds): Step =>
      async (nodes) =>
        nodes.pass(seconds),
  ),
  fc.constant<Step>((nodes) => nodes.judge()),
  fc.constant<Step>((nodes) => nodes.turnWindows()),
  fc
    .tuple(
      some,
      fc.constantFrom('MAINTENANCE', 'OUT_OF_SERVICE', 'ADMIN_RESERVED'),
      fc.integer({ min: -10, max: 100 }),
      fc.integer({ min: 1, max: 100 }),
    )
    .map(
      ([names, state, begin, length]): Step =>
        (nodes) => {
          const from = begin <= 0 ? {} : { from: nodes.now + begin * 1000 };
          const until = nodes.now + (Math.max(0, begin) + length) * 1000;
          return nodes.store.call('node.openWindow', { nodes: names, state, reason: 'w', by: 'root', until, ...from });
        },
    ),
  fc.integer({ min: 1, max: 6 }).map(
    (id): Step =>
      (nodes) =>
        refused(nodes.store.call('node.cancelWindow', { id, by: 'root' })),
  ),
  some.map(
    (names): Step =>
      (nodes) =>
        nodes.store.call('node.remove', { nodes: names, by: 'root' }),
  ),
);

async function check(nodes: States): Promise<void> {
  const last = new Map<string, string | null>();
  for (const { node_name, from_state, to_state, cause } of await nodes.history()) {
    expect(from_state, `${node_name}: each row goes on where the last one ended`).to.equal(last.get(node_name) ?? null);
    // An admin who drains a node that a window holds stays where it is, and it is his.
    const isTaken = cause === 'user' && from_state === to_state && isOut(from_state as NodeState);
    const legal =
      isTaken ||
      MOVES.some(
        ({ from, to, by }) => from === from_state && to === to_state && (by as readonly string[]).includes(cause),
      );
    expect(legal, `${from_state} → ${to_state} by ${cause}`).to.equal(true);
    last.set(node_name, to_state);
  }
  const known = [...last].filter(([, state]) => state !== null);
  expect(await nodes.states(), 'a node is where its newest row says').to.deep.equal(Object.fromEntries(known));
  const held = await nodes.store.query<{ n: number }>(
    `SELECT count(*) AS n FROM node WHERE state_window IS NOT NULL AND NOT EXISTS
       (SELECT 1 FROM node_window w WHERE w.id = node.state_window AND w.phase = 'open')`,
  );
  expect(held, 'only open windows hold nodes').to.deep.equal([{ n: 0 }]);
  const judged = await nodes.store.query(
    `SELECT c.node_name FROM node_contact c LEFT JOIN node n ON n.node_name = c.node_name
     WHERE n.node_name IS NULL OR (c.what = 'lost' AND n.state NOT IN ('IN_SERVICE', 'DISCOVERED'))
       OR (c.what = 'absent' AND n.state IN ('IN_SERVICE', 'DISCOVERED'))`,
  );
  expect(judged, 'who is lost in a state that is judged has a deadline, and nobody else').to.deep.equal([]);
}

describe('states of nodes, whatever happens', () => {
  it('follow each other as the table allows, and the node is where its history says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const nodes = await States.open();
        try {
          await nodes.meet(NAMES);
          for (const one of steps) {
            await one(nodes);
            await check(nodes);
          }
        } finally {
          await nodes.store.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});
