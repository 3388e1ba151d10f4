/** A node as a person reads it: how it is, its record in groups, and, when asked for, its whole inventory. */
import type { NodeShowOutput } from '@csm/client';
import { isObject } from '@csm/model';
import { type Column, table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { paintOf } from '../states/words.ts';
import { age, duration, gib, printable } from '../text.ts';
import { type PartRow, partsTable, recordsTable, told, wrapped } from './parts.ts';

type Field = keyof NodeShowOutput;

/** Every field of the record stands in one group. */
const GROUPS: readonly (readonly [string, readonly Field[]])[] = [
  [
    'STATE',
    [
      'name',
      'type',
      'state',
      'ready',
      'state_since',
      'state_cause',
      'state_reason',
      'state_by',
      'connected',
      'links',
      'primary_aggregator',
      'secondary_aggregator',
    ],
  ],
  ['SEEN', ['first_seen', 'last_seen', 'address', 'version']],
  ['ADMIN', ['comment', 'features', 'location']],
  [
    'MACHINE',
    ['machine_model', 'serial_number', 'bios_version', 'bmc_address', 'architecture', 'cpu_model', 'profile'],
  ],
  ['SIZE', ['installed_memory', 'installed_swap', 'discovered_sockets', 'discovered_cores', 'discovered_threads']],
  ['PARTS', ['discovered_dimms', 'discovered_gpus', 'discovered_hcas', 'discovered_nics', 'discovered_ssds']],
  ['SYSTEM', ['os_image_name', 'kernel_release', 'kernel_version', 'boot_id', 'collection_time']],
];
/** Characters of a line of words, such as the flags of a CPU. */
const LINE_MAX = 100;

/** Its state, since when, why, and what the system will do next, in one line. */
function stateLine(
  { name, state, state_since, state_cause, state_reason, state_by, next }: NodeShowOutput,
  now: number,
): string {
  // A reason such as `contact lost: …` has its cause in it.
  const says = state_cause !== null && state_reason?.startsWith(state_cause) === true;
  const why = [
    state_by === null ? (says ? '' : (state_cause ?? '')) : `by ${state_by}`,
    ...(state_reason === null ? [] : [state_reason]),
  ].filter((word) => word !== '');
  const then = next.at === null ? '' : ` at ${next.at}${coming(next.at, now)}`;
  const reason = why.length === 0 ? '' : ` (${why.join(': ')})`;
  return `${name} is ${state} since ${state_since}${reason}; next: ${next.text}${then}`;
}

/** ` (in 5 min)` */
function coming(at: string, now: number): string {
  const ms = Date.parse(at) - now;
  return Number.isNaN(ms) ? '' : ms > 0 ? ` (in ${duration(ms)})` : ' (now)';
}

/** How it is linked, in one sentence. */
function inWords(node: NodeShowOutput, now: number): string {
  const seen = age(node.last_seen, now);
  const state = seen === null ? 'never seen' : `last seen ${seen} ago`;
  const primary = node.primary_aggregator ?? 'no aggregator';
  if (!node.connected) return `${node.name} is down: it was served by ${primary}; ${state}`;
  const reserve =
    node.secondary_aggregator === null
      ? node.type === 'compute'
        ? ', nothing in reserve'
        : ''
      : `, ${node.secondary_aggregator} in reserve`;
  return `${node.name} is up: served by ${primary}${reserve}; ${state}`;
}

export function showText(session: Session, node: NodeShowOutput): string {
  const { good, bad } = session.colors;
  const state = paintOf(session.colors, node.state)(printable(stateLine(node, session.now())));
  const first = `${state}\n${(node.connected ? good : bad)(printable(inWords(node, session.now())))}`;
  const known = new Set<string>(['inventory', 'next', ...GROUPS.flatMap(([, fields]) => fields)]);
  const others = Object.keys(node).filter((key) => !known.has(key)) as Field[];
  const groups = [...GROUPS, ['OTHER', others] as const].map(([head, fields]) => {
    const there = fields.filter((field) => node[field] !== undefined);
    return group(
      session,
      head,
      there.map((field) => [field, node[field]] as const),
    );
  });
  return `${first}\n${groups.join('')}${inventory(session, node)}`;
}

type Entry = readonly [string, unknown];

function group(session: Session, head: string, entries: readonly Entry[]): string {
  if (entries.length === 0) return '';
  const room = Math.max(ROOM, ...entries.map(([key]) => key.length + 1));
  const lines = entries.flatMap(([key, found]) => {
    const [line = '-', ...more] = wrapped(printable(value(key, found)), LINE_MAX);
    return [
      `  ${`${printable(key)}:`.padEnd(room)} ${line}\n`,
      ...more.map((rest) => `  ${' '.repeat(room)} ${rest}\n`),
    ];
  });
  return `${session.colors.strong(head)}\n${lines.join('')}`;
}

/** The values of all groups stand below each other. */
const ROOM = Math.max(...GROUPS.flatMap(([, fields]) => fields.map((field) => field.length))) + 1;

function value(key: string, found: unknown): string {
  const text = told(found);
  if (text === null || text === '') return '-';
  const isMemory = (key === 'installed_memory' || key === 'installed_swap') && typeof found === 'number';
  return isMemory ? `${text} kB (${gib(found)} GiB)` : text;
}

/** What the document has beyond the record: more facts, lists as tables, and why something is missing. */
function inventory(session: Session, node: NodeShowOutput): string {
  const { inventory: document } = node;
  if (document === undefined) return '';
  if (!isObject(document)) return 'INVENTORY: none has come yet\n';
  const facts: Entry[] = [];
  const tables: string[] = [];
  const { strong } = session.colors;
  for (const [key, found] of Object.entries(document)) {
    if (key === 'reasons' || Object.hasOwn(node, key)) continue;
    if (isRecords(found))
      tables.push(`${strong(printable(key.toUpperCase()))}: ${found.length}\n${indent(list(session, found))}`);
    else if (isObject(found)) facts.push(...Object.entries(found).map(([name, v]) => [`${key}.${name}`, v] as const));
    else facts.push([key, found]);
  }
  return group(session, 'INVENTORY', facts) + tables.join('') + missing(session, document['reasons']);
}

const isRecords = (found: unknown): found is readonly PartRow[] =>
  Array.isArray(found) && found.length > 0 && found.every(isObject);

function list(session: Session, rows: readonly PartRow[]): string {
  const isParts = rows.every((row) => 'kind' in row && 'location' in row);
  return isParts ? partsTable(rows, session.header, ['kind', 'location']) : recordsTable(rows, session.header);
}

function missing(session: Session, reasons: unknown): string {
  if (!isObject(reasons)) return '';
  const columns: Column<Entry>[] = [
    { head: 'FIELD', cell: ([field]) => field },
    { head: 'REASON', cell: ([, reason]) => told(reason) },
  ];
  const rows = Object.entries(reasons);
  if (rows.length === 0) return '';
  return `${session.colors.strong('NOT KNOWN')}: ${rows.length}\n${indent(table(rows, columns, session.header))}`;
}

export const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ');
