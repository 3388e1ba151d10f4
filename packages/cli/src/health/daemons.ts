/** The daemons in `csm health`, a line each, and what of all daemons is worth a line. */
import type { HealthOutput } from '@csm/client';
import { isObject } from '@csm/model';
import { type Cell, type Column, table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { age, duration, nodesWords, printable } from '../text.ts';

type Self = HealthOutput['master']['self'];

interface Row {
  readonly daemon: string;
  readonly self: Self;
  readonly bounced: number | null;
  readonly credit: number | null;
}

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;
const CLOCK_OFF_MS = 1000;

/** Master, masters that stand by, aggregators and utilities; those that have said nothing of themselves are left out. */
export function daemonTable(session: Session, health: HealthOutput): string {
  const { master, aggregators, utilities } = health;
  const masters = Array.isArray(health.masters) ? health.masters : [];
  const all: Row[] = [
    { daemon: `master/${master.node ?? ''}`, self: master.self, bounced: null, credit: null },
    ...masters.map(({ node, self, bounced }) => ({ daemon: `master/${node}`, self, bounced, credit: null })),
    ...aggregators.map(({ node, self, bounced, credit }) => ({ daemon: `aggregator/${node}`, self, bounced, credit })),
    ...utilities.map(({ node, self, bounced }) => ({ daemon: `utility/${node}`, self, bounced, credit: null })),
  ];
  const rows = all.filter(({ self }) => isObject(self));
  if (rows.length === 0) return '';
  const of = (read: (self: NonNullable<Self>) => Cell) => (row: Row) => (row.self === null ? null : read(row.self));
  const sinks = rows.some(({ self }) => sinkOf(self) !== null);
  const columns: Column<Row>[] = [
    { head: 'DAEMON', cell: (r) => r.daemon },
    { head: 'VERSION', cell: of((s) => s.version) },
    { head: 'RUNS', cell: of((s) => age(s.started, session.now())) },
    { head: 'BOUNCED', align: 'right', cell: (r) => r.bounced },
    { head: 'CERTIFICATE', cell: of((s) => certificateCell(session, s.certificate_expires)) },
    { head: 'CLOCK', align: 'right', cell: of((s) => clockCell(session, s.clock_ahead_ms)) },
    { head: 'DROPPED', align: 'right', cell: of((s) => s.dropped + s.refused) },
    { head: 'CREDIT', align: 'right', cell: (r) => (typeof r.credit === 'number' ? mib(r.credit) : null) },
    ...(sinks ? [{ head: 'SINK', cell: (r: Row) => sinkOf(r.self) }] : []),
  ];
  return `DAEMONS: ${rows.length}\n${table(rows, columns, session.header).replace(/^(?=.)/gm, '  ')}`;
}

const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

/** `210 d`: how long it is valid yet. */
function certificateCell(session: Session, expires: string): Cell {
  const { colors } = session;
  const left = Date.parse(expires) - session.now();
  if (left <= 0) return { text: 'expired', paint: colors.bad };
  const text = duration(left);
  return left < SOON_DAYS * DAY_MS ? { text, paint: colors.warn } : text;
}

/** `+1.2 s`: it is ahead. */
function clockCell({ colors }: Session, ms: number | null): Cell {
  if (ms === null) return null;
  const text = `${ms < 0 ? '-' : '+'}${(Math.abs(ms) / 1000).toFixed(1)} s`;
  return Math.abs(ms) > CLOCK_OFF_MS ? { text, paint: colors.warn } : text;
}

/** How the receiver of an aggregator is. */
function sinkOf(self: Self): string | null {
  const environment = isObject(self) ? self.features['environment'] : undefined;
  const state = isObject(environment) ? environment['state'] : undefined;
  return typeof state === 'string' ? state : null;
}

/** `COMPUTES: 128   120 with two links   6 with one   2 with none   version 0.1.0 126, 0.0.9 2` */
export function computeLine(session: Session, computes: HealthOutput['computes'] | undefined): string {
  // A master older than this command tells nothing of them.
  if (!isObject(computes)) return '';
  const { known, redundant, single, lost, versions } = computes;
  const { warn, bad } = session.colors;
  const parts = [
    `COMPUTES: ${known}`,
    `${redundant} with two links`,
    single === 0 ? '' : warn(`${single} with one`),
    lost === 0 ? '' : bad(`${lost} with none`),
    versions.length === 0 ? '' : `version ${versions.map((v) => `${printable(v.version)} ${v.count}`).join(', ')}`,
  ];
  return `${parts.filter((part) => part !== '').join('   ')}\n`;
}

/** `STORE:` the queue of the database and what it takes. */
export function storeLine(store: HealthOutput['master']['store'] | undefined): string {
  if (!isObject(store)) return '';
  const parts = [
    `STORE: ${store.queued} of ${store.queue_limit} calls wait`,
    store.refused === 0 ? '' : `${store.refused} turned away`,
    `last commit ${store.last_commit_ms.toFixed(1)} ms`,
    mib(store.file_bytes),
    store.wal_bytes === 0 ? '' : `log ${mib(store.wal_bytes)}`,
  ];
  return `${parts.filter((part) => part !== '').join('   ')}\n`;
}

/** Certificates that end soon; the master's words for them stand among warnings and problems, these are the dates. */
export function certificateTable(session: Session, rows: HealthOutput['certificates'] | undefined): string {
  if (!Array.isArray(rows) || rows.length === 0) return '';
  const text = table(
    rows as HealthOutput['certificates'],
    [
      { head: 'ROLE', cell: (c) => c.role },
      { head: 'NODES', cell: (c) => nodesWords(c.nodes) },
      { head: 'EXPIRES', cell: (c) => c.expires },
    ],
    session.header,
  );
  return `CERTIFICATES: ${rows.length}\n${text.replace(/^(?=.)/gm, '  ')}`;
}
