/** What the system will do next with a node, out of the database. */
import type { Store } from '@csm/store';
import type { NodeDetails, NodeRecord } from './api-records.ts';
import { readDocument } from './records.ts';
import type { Spans } from './states/contact.ts';
import { nextOf, type Upcoming } from './states/next.ts';
import type { NodeState } from './states/table.ts';
import { contactOf } from './store/contact.ts';

export interface Rules extends Spans {
  /** Failures by lost contact heal. */
  readonly heal: boolean;
}

interface Row {
  readonly state: NodeState;
  readonly state_cause: string | null;
  readonly state_back: NodeState | null;
  readonly state_window: number | null;
  readonly reboot_until: number | null;
  readonly what: Parameters<typeof contactOf>[0]['what'] | null;
  readonly since: number | null;
  readonly judge_from: number | null;
  readonly hub: string | null;
  readonly why: string | null;
}

interface WindowRow {
  readonly id: number;
  readonly phase: string;
  readonly state: NodeState;
  readonly begin_at: number;
  readonly end_at: number | null;
}

const NODE = `SELECT n.state, n.state_cause, n.state_back, n.state_window, n.reboot_until,
    c.what, c.since, c.judge_from, c.hub, c.why
  FROM node n LEFT JOIN node_contact c ON c.node_name = n.node_name WHERE n.node_name = $1`;
const WINDOWS = `SELECT w.id, w.phase, w.state, w.begin_at, w.end_at
  FROM node_window_node wn JOIN node_window w ON w.id = wn.window_id
  WHERE wn.node_name = $1 AND w.phase IN ('waiting', 'open') ORDER BY w.begin_at, w.id LIMIT 1000`;

/** A node's record with what comes next, and with its document when that was asked for; null when it has sent none. */
export async function detailsOf(
  store: Store,
  rules: Rules,
  record: NodeRecord,
  now: number,
  full: boolean,
): Promise<NodeDetails> {
  const { text, at } = await outlookOf(store, rules, record.name, now);
  const next = { text, at: at === null ? null : new Date(at).toISOString() };
  return full ? { ...record, next, inventory: (await readDocument(store, record.name)) ?? null } : { ...record, next };
}

async function outlookOf(store: Store, rules: Rules, node: string, now: number) {
  const [row] = await store.query<Row>(NODE, [node]);
  if (row === undefined) return { text: 'nothing: it was deleted', at: null };
  const windows = await store.query<WindowRow>(WINDOWS, [node]);
  const holder = windows.find(({ id }) => id === row.state_window);
  const waiting = windows.find(({ phase }) => phase === 'waiting');
  const takes: Upcoming | undefined =
    waiting === undefined ? undefined : { id: waiting.id, state: waiting.state, at: waiting.begin_at };
  const { what, since, judge_from, hub, why } = row;
  const contact =
    what === null || since === null || judge_from === null
      ? undefined
      : contactOf({ what, since, judge_from, hub, why });
  const expected = row.reboot_until !== null && row.reboot_until > now;
  return nextOf(
    {
      state: row.state,
      cause: row.state_cause ?? '',
      back: row.state_back,
      rebootUntil: expected ? row.reboot_until : null,
      contact,
      holds: holder === undefined ? undefined : { id: holder.id, state: holder.state, at: holder.end_at ?? undefined },
      takes,
    },
    rules,
    rules.heal,
  );
}
