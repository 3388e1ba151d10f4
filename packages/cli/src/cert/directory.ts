/** What the certificate commands share: the directory of the CA, and work on each node of a set. */
import { access, constants } from 'node:fs/promises';
import { type Code, CsmError, code, codeName, fail, type NodesPart, problem, type Role, toProblem } from '@csm/model';
import { fold, NodeSet } from '@csm/nodeset';
import { type Issued, type IssueResult, revokedFile, type Subject } from '@csm/pki';
import type { Given } from '../command.ts';
import { nodeset, readNumber, role, text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { type Column, table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { fromSystem } from '../system-error.ts';
import { printable } from '../text.ts';

export const DEFAULT_DIR = '/etc/csm/pki';

export const DIR_OPTION = { flags: '--dir <directory>', help: `directory of the CA; default ${DEFAULT_DIR}` };
export const daysOption = (otherwise: number) => ({
  flags: '--days <days>',
  help: `days it is valid, at most 36500; default ${otherwise}. None outlives its CA`,
});
export const ROLE_ARGUMENT = { name: 'role', required: true, help: 'master, aggregator, utility or compute' };
export const NODE_ARGUMENT = { name: 'node', required: true, help: 'name of one node' };

/** Where the CA is, or is to be. */
export const dirOf = (given: Given): string => text(given, 'dir') ?? DEFAULT_DIR;

/** The directory of a CA that exists. Throws code 9 where there is none, 16 where it may not be read. */
export async function caDirOf(given: Given): Promise<string> {
  const dir = dirOf(given);
  const file = revokedFile(dir);
  await access(file, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    fail(code.INVALID_PARAMETER, `${printable(dir)} holds no CA: there is no ${printable(file)}`, {
      field: '--dir',
      allowed: 'a directory made by csm cert init-ca',
    });
  });
  return dir;
}

export const USER_OPTION = {
  flags: '--user <name>',
  help: 'for a user who calls over HTTPS, instead of a role and nodes',
};

/** Daemons of one role, or one user, as `--user` says. Throws code 8 or 9 when it is neither or both. */
export function subjectsOf(given: Given): { readonly role: Subject['role']; readonly names: readonly string[] } {
  const user = text(given, 'user');
  const { role: givenRole } = given.arguments;
  if (user === undefined) {
    if (givenRole !== undefined) return { role: roleOf(given), names: nodesOf(nodeset(given)) };
    return fail(code.MISSING_PARAMETER, "the argument 'role' is missing", {
      field: 'role',
      allowed: 'a role and a node set, or --user',
    });
  }
  if (givenRole === undefined) return { role: 'user', names: [user] };
  return fail(code.INVALID_PARAMETER, 'a user and nodes are given', { field: '--user', allowed: 'one of them' });
}

export const roleOf = (given: Given): Role => role(given.arguments['role'] ?? '', 'role');

export function daysOf(given: Given): { readonly days?: number } {
  const value = text(given, 'days');
  return value === undefined ? {} : { days: readNumber(value, '--days', 0.001, 36_500, 'days') };
}

/** Names of one command; each costs a key pair and a file. */
const NODES_MAX = 20_000;
/** Files under way at a time; calls at the same time share one write of the register. */
const AT_ONCE = 64;

/** The nodes of a set that certificates are made for. */
export function nodesOf(nodeset: string): readonly string[] {
  const names = NodeSet.parse(nodeset).names();
  if (names.length <= NODES_MAX) return names;
  return fail(code.INVALID_PARAMETER, `${names.length} nodes are too many for one command`, {
    field: 'nodeset',
    allowed: `up to ${NODES_MAX} nodes`,
  });
}

export interface Outcome<T> {
  readonly done: readonly T[];
  readonly failed: readonly { readonly node: string; readonly error: unknown }[];
}

/** Does the work for each node, several at a time; none that fails keeps the others from theirs. */
export async function eachNode<T>(nodes: readonly string[], work: (node: string) => Promise<T>): Promise<Outcome<T>> {
  const done: T[] = [];
  const failed: { node: string; error: unknown }[] = [];
  for (let at = 0; at < nodes.length; at += AT_ONCE) {
    const some = nodes.slice(at, at + AT_ONCE);
    const results = await Promise.allSettled(some.map((node) => work(node)));
    for (const [i, result] of results.entries()) {
      if (result.status === 'fulfilled') done.push(result.value);
      else failed.push({ node: some[i] ?? '', error: fromSystem(result.reason) });
    }
  }
  return { done, failed };
}

/** Throws what failed, if anything did: one node's own words, or the words of many folded to node ranges. */
export function refuseFailed({ done, failed }: Outcome<unknown>): void {
  const [first] = failed;
  if (first === undefined) return;
  if (failed.length === 1 && done.length === 0) throw first.error;
  const groups = new Map<string, { code: Code; text: string; nodes: string[] }>();
  for (const { node, error } of failed) {
    const p = toProblem(error);
    // Each node's words name its file; what they have in common is the code.
    const known = groups.get(p.name) ?? { code: p.code, text: p.detail, nodes: [] };
    known.nodes.push(node);
    groups.set(p.name, known);
  }
  const nodes: NodesPart[] = [...groups.values()].map((g) => ({
    nodeset: fold(g.nodes),
    code: g.code,
    text: g.nodes.length === 1 ? g.text : `${codeName(g.code)}, for example: ${g.text}`,
  }));
  const worst = nodes.reduce<Code>((most, part) => (part.code > most ? part.code : most), 1);
  const detail = `${failed.length} of ${failed.length + done.length} nodes failed`;
  throw new CsmError(problem(worst, detail, { nodes }));
}

const iso = (ms: number): string => new Date(ms).toISOString();

export interface CertificateRow {
  readonly role: string;
  readonly node: string;
  readonly names: readonly string[];
  readonly serial: string;
  readonly valid_from: string;
  readonly valid_to: string;
}

export const certificateRow = (row: Issued): CertificateRow => ({
  role: row.role,
  node: row.node,
  names: row.names,
  serial: row.serial,
  valid_from: iso(row.validFrom),
  valid_to: iso(row.validTo),
});

export const day = (isoTime: string): string => isoTime.slice(0, 10);

export const CERTIFICATE_COLUMNS: readonly Column<CertificateRow>[] = [
  { head: 'ROLE', cell: (c) => c.role },
  { head: 'NODE', cell: (c) => c.node },
  { head: 'SERIAL', cell: (c) => c.serial },
  { head: 'VALID TO', cell: (c) => day(c.valid_to) },
];

/** Shows what was written, then tells what failed. */
export async function showWritten(session: Session, outcome: Outcome<IssueResult>): Promise<number> {
  const rows = outcome.done.map((row) => ({ ...certificateRow(row), file: row.file }));
  const columns = [...CERTIFICATE_COLUMNS, { head: 'FILE', cell: (c: (typeof rows)[number]) => c.file }];
  const shown = () => answerText(session, rows, () => table(rows, columns, session.header), 'records');
  if (rows.length > 0) await session.print(shown());
  refuseFailed(outcome);
  return 0;
}
