/** What the `change` rows of a round say: who was told down without cause, and when the fault was first told. Pure. */
import { isObject } from '@csm/model';
import { NodeSet } from '@csm/nodeset';

export interface LinkChange {
  readonly seq: number;
  /** Wall ms of the leader. */
  readonly time: number;
  readonly body: unknown;
}

/** Words of trouble. */
const TROUBLE: readonly unknown[] = ['aggregator_lost', 'lost_redundancy', 'down'];

/** Nodes told down whose own way was never cut, each as often as it was told. */
export function falseDeaths(changes: readonly LinkChange[], cut: ReadonlySet<string>): string[] {
  return changes
    .filter(({ body }) => isObject(body) && body['event'] === 'down')
    .flatMap(({ body }) => namesOf(body))
    .filter((node) => !cut.has(node));
}

/** When the first trouble was told, wall ms, from a moment on. */
export function firstTrouble(changes: readonly LinkChange[], from: number): number | undefined {
  return changes.find(({ time, body }) => time >= from && isObject(body) && TROUBLE.includes(body['event']))?.time;
}

function namesOf(body: unknown): string[] {
  const nodes = isObject(body) ? body['nodes'] : undefined;
  if (typeof nodes !== 'string' || nodes === '') return [];
  return [...NodeSet.parse(nodes).names()];
}
