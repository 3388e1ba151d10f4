/** Reboots: announced, or not. A changed boot id of an inventory tells that there was one. */
import { code, fail } from '@csm/model';
import type { Sql, Tx } from '@csm/store';
import { refusal } from '../states/judge.ts';
import { type Failed, Failures, NOT_KNOWN } from './failures.ts';
import { moveAll, readStates } from './states.ts';

/** Nodes are expected to boot until then; a second announcement replaces the first. */
export async function expectReboot(
  tx: Tx,
  input: {
    readonly nodes: readonly string[];
    readonly within: number;
    readonly reason: string | null;
    readonly by: string;
  },
): Promise<{ readonly updated: number; readonly until: number; readonly failed: readonly Failed[] }> {
  const failures = new Failures();
  const known = await readStates(tx, input.nodes);
  for (const name of new Set(input.nodes)) if (!known.has(name)) failures.add(name, NOT_KNOWN);
  const until = tx.now + input.within;
  if (!Number.isSafeInteger(until)) fail(code.INVALID_PARAMETER, `within is ${input.within}`, { field: 'within' });
  await tx.run(EXPECT, [JSON.stringify([...known.keys()]), until, input.reason, input.by]);
  for (const node of known.keys())
    await tx.change('node', node, {
      event: 'reboot_expected',
      until,
      reason: input.reason,
      by: input.by,
      cause: 'user',
    });
  return { updated: known.size, until, failed: failures.list() };
}

const EXPECT: Sql = {
  sqlite: `UPDATE node SET reboot_until = $2, reboot_reason = $3, reboot_by = $4
    WHERE node_name IN (SELECT k.value FROM json_each($1) k)`,
  postgresql: `UPDATE node SET reboot_until = $2, reboot_reason = $3, reboot_by = $4
    WHERE node_name IN (SELECT k.value FROM json_array_elements_text(CAST($1 AS json)) k(value))`,
};

/** The inventory of a node has another boot id than the one before. */
export async function rebooted(tx: Tx, node: string, bootId: string | null): Promise<void> {
  const row = await tx.get<{ reboot_until: number | null; reboot_reason: string | null; reboot_by: string | null }>(
    'SELECT reboot_until, reboot_reason, reboot_by FROM node WHERE node_name = $1',
    [node],
  );
  if (row === undefined) return;
  const isExpected = row.reboot_until !== null && row.reboot_until >= tx.now;
  await tx.run(
    'UPDATE node SET reboot_until = NULL, reboot_reason = NULL, reboot_by = NULL WHERE node_name = $1 AND reboot_until IS NOT NULL',
    [node],
  );
  const more = isExpected ? { reason: row.reboot_reason, by: row.reboot_by } : { reason: null, by: null };
  await tx.change('node', node, { event: 'rebooted', expected: isExpected, boot_id: bootId, cause: 'event', ...more });
  if (isExpected || (await readRule(tx, 'unexpected_reboot')) !== 'soft_failure') return;
  const known = (await readStates(tx, [node])).get(node);
  const reason = 'a reboot that nobody announced';
  if (known === undefined || refusal({ from: known.state, to: 'SOFT_FAILURE', cause: 'event', reason }) !== undefined)
    return;
  await moveAll(tx, [{ node: known, to: 'SOFT_FAILURE', cause: 'event', reason, by: null }]);
}

/** Settings that procedures go by: the leading master writes its own when it begins. */
export async function rules(tx: Tx, given: Readonly<Record<string, string>>): Promise<null> {
  await tx.insert('node_rule', ['name', 'value'], Object.entries(given), {
    onConflict: '(name) DO UPDATE SET value = excluded.value',
  });
  return null;
}

async function readRule(tx: Tx, name: string): Promise<string | undefined> {
  return (await tx.get<{ value: string }>('SELECT value FROM node_rule WHERE name = $1', [name]))?.value;
}
