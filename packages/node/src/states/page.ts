/** The page of the node states, made from their tables. */
import { CAUSE_MEANS, CAUSES, type Cause, MOVES, NODE_STATES, type NodeState, STATES } from './table.ts';

const INTRO = `# Node states

<!-- Made from packages/node/src/states/table.ts; do not edit. -->

What each state means to a scheduler (only a node that is *ready* takes work) and to events about the node, and who may
move a node from where to where. How to work with them: [node states](../operate/node-states.md).
`;

export function statesPage(): string {
  const means = table(
    ['state', 'ready', 'events', 'means'],
    STATES.map(({ state, ready, ras, means }) => [state, ready ? 'yes' : 'no', ras, means]),
  );
  const causes = table(
    ['cause', 'who'],
    CAUSES.map((cause) => [cause, CAUSE_MEANS[cause]]),
  );
  const moves = table(
    ['from ↓ to →', ...NODE_STATES, '(deleted)'],
    [null, ...NODE_STATES].map((from) => [
      from ?? '(not known)',
      ...[...NODE_STATES, null].map((to) => by(from, to).join(', ') || '–'),
    ]),
  );
  return `${INTRO}
## What they mean

${means}
## Who moves nodes

${causes}
## Moves

A move that is not in this table is refused with code 43, in words such as \`IN_SERVICE → DISCOVERED is not allowed; from
IN_SERVICE: ADMIN_RESERVED, MAINTENANCE, OUT_OF_SERVICE\`. Who moves a node to ADMIN_RESERVED, MAINTENANCE or
OUT_OF_SERVICE says why: without a reason the code is 8.

${moves}`;
}

const by = (from: NodeState | null, to: NodeState | null): readonly Cause[] =>
  MOVES.find((row) => row.from === from && row.to === to)?.by ?? [];

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');
