/** What stands in `health` of items that give nothing, or not all, folded: one sentence for all nodes with the same trouble. */
import { NodeSet } from '@csm/nodeset';
import type { Store } from '@csm/store';
import type { Item } from './items.ts';
import { itemOf } from './store/slot.ts';

export interface Fault {
  readonly node: string;
  readonly item: Item;
  /** The item gives values, but not of all the machine has. */
  readonly part: boolean;
  readonly reason: string;
  /** ms UTC. */
  readonly since: number;
}

/** Faults that are read, sentences that are told, and characters of a node set in one. */
const FAULTS_MAX = 20_000;
const SENTENCES_MAX = 20;
const NODES_TEXT_MAX = 400;

/** The faults that are not over (see store/faults.ts for how long one lasts). */
export async function currentFaults(store: Store, now: number): Promise<readonly Fault[]> {
  const rows = await store.query<{ node: string; item: number; part: number; reason: string; since: number }>(
    `SELECT n.node_name AS node, f.item, f.part, f.reason, f.since FROM env_fault f JOIN env_node n ON n.id = f.node
     WHERE f.ends >= $1 ORDER BY f.node, f.item LIMIT $2`,
    [now, FAULTS_MAX],
    { limit: FAULTS_MAX },
  );
  return rows.flatMap(({ item: id, part, ...rest }) => {
    const item = itemOf(id);
    return item === undefined ? [] : [{ ...rest, item, part: part === 1 }];
  });
}

/** Sentences, those that concern most nodes first. */
export function faultSentences(faults: readonly Fault[]): string[] {
  const groups = new Map<string, { readonly first: Fault; readonly nodes: string[]; since: number }>();
  for (const fault of faults) {
    const key = `${fault.item} ${fault.part} ${fault.reason}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: fault, nodes: [fault.node], since: fault.since });
    else {
      group.nodes.push(fault.node);
      group.since = Math.min(group.since, fault.since);
    }
  }
  const sorted = [...groups.values()].sort((a, b) => b.nodes.length - a.nodes.length || a.since - b.since);
  const told = sorted.slice(0, SENTENCES_MAX).map(({ first, nodes, since }) => {
    const when = new Date(since).toISOString();
    const how = first.part ? `${first.item} in part on` : `${first.item} fails on`;
    return `environment: ${how} ${folded(nodes)}: ${oneLine(first.reason)} (since ${when})`;
  });
  const more = sorted.length - told.length;
  return more > 0 ? [...told, `environment: items fail for ${more} more reasons`] : told;
}

function folded(nodes: readonly string[]): string {
  const text = NodeSet.of(nodes).toString();
  return text.length > NODES_TEXT_MAX ? `${text.slice(0, NODES_TEXT_MAX)}… (${nodes.length} nodes)` : text;
}

/** What a node says goes to terminals and logs as one line. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
