import type { HealthOutput } from '@csm/client';
import { isObject } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { certificateTable, computeLine, daemonTable, storeLine } from '../health/daemons.ts';
import { treeText } from '../health/tree.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import { onceOrWatch, WATCH_OPTION } from '../repeat.ts';
import type { Session } from '../session.ts';
import { age, printable } from '../text.ts';
import { aggregatorTable } from './aggregator-list.ts';

/** Parts of a line, told apart by more than the blanks within them. */
const line = (...parts: (string | undefined)[]): string =>
  `${parts.filter((part) => part !== undefined && part !== '').join('   ')}\n`;

function healthText(session: Session, health: HealthOutput): string {
  const { good, bad } = session.colors;
  const problems = health.problems.map(printable).join('; ');
  const verdict = health.degraded
    ? bad(`degraded: ${problems === '' ? 'no reason given' : problems}`)
    : good('healthy');
  const { aggregators, utilities, refused } = health;
  // A master older than this command tells nothing of others.
  const masters = Array.isArray(health.masters) ? health.masters : [];
  return [
    `${verdict}\n`,
    // A master older than this command warns of nothing.
    ...(Array.isArray(health.warnings) ? health.warnings : []).map(
      (words) => `${session.colors.warn(`warning: ${printable(String(words))}`)}\n`,
    ),
    masterLine(session, health.master),
    storeLine(health.master.store),
    `AGGREGATORS: ${aggregators.length}\n${indent(aggregatorTable(session, aggregators))}`,
    masters.length === 0 ? '' : `OTHER MASTERS: ${masters.length}\n${indent(linkedTable(session, masters))}`,
    `UTILITIES: ${utilities.length}\n${indent(linkedTable(session, utilities))}`,
    health.master.reachable ? computeLine(session, health.computes) : '',
    daemonTable(session, health),
    certificateTable(session, health.certificates),
    refused.length === 0 ? '' : `REFUSED: ${refused.length}\n${indent(refusedTable(session, refused))}`,
    localLines(session, health.local),
  ].join('');
}

function masterLine(session: Session, master: HealthOutput['master']): string {
  const { colors } = session;
  if (!master.reachable) {
    return line(`MASTER: ${colors.bad('unreachable')}`, master.node === null ? undefined : printable(master.node));
  }
  const { queued, committed, stale, rejected } = master.reports;
  const up = age(master.since, session.now());
  return line(
    `MASTER: ${printable(master.node ?? 'unknown')}`,
    master.version === null ? undefined : `version ${printable(master.version)}`,
    up === null ? undefined : `leads ${up}`,
    // A master or daemon older than this command tells nothing of terms.
    typeof master.term === 'number' ? `term ${master.term}` : undefined,
    master.settling ? colors.warn('settling') : undefined,
    databaseWords(master),
    `reports ${committed} committed, ${queued} queued, ${stale} stale, ${rejected} rejected`,
  );
}

function databaseWords({ engine, database }: HealthOutput['master']): string | undefined {
  if (database === null) return undefined;
  return `${typeof engine === 'string' ? printable(engine) : 'database'} ${printable(database)}`;
}

function linkedTable(session: Session, rows: HealthOutput['utilities']): string {
  const { good, bad } = session.colors;
  return table(
    rows,
    [
      { head: 'NODE', cell: (u) => u.node },
      { head: 'LINK', cell: (u) => (u.connected ? { text: 'up', paint: good } : { text: 'lost', paint: bad }) },
      { head: 'LAST SEEN', cell: (u) => age(u.last_seen, session.now()) },
      { head: 'ADDRESS', cell: (u) => u.address },
    ],
    session.header,
  );
}

function refusedTable(session: Session, rows: HealthOutput['refused']): string {
  return table(
    rows,
    [
      { head: 'DAEMON', cell: (r) => r.daemon },
      { head: 'BY', cell: (r) => r.by },
      { head: 'ADDRESS', cell: (r) => r.address },
      { head: 'CODE', cell: (r) => r.code },
      { head: 'COUNT', align: 'right', cell: (r) => r.count },
      { head: 'LAST', cell: (r) => age(r.last, session.now()) },
      { head: 'REASON', cell: (r) => r.reason },
    ],
    session.header,
  );
}

function localLines(session: Session, local: HealthOutput['local']): string {
  const { outbox } = local;
  const name = (hub: string | null) => (hub === null ? 'none' : printable(hub));
  const first = line(
    `LOCAL: ${printable(local.daemon)}`,
    isObject(local.standby) ? session.colors.warn('standby') : undefined,
    `primary ${name(local.primary)}`,
    `secondary ${name(local.secondary)}`,
    `outbox ${outbox.waiting} waiting, ${outbox.unacknowledged} unacknowledged, ${outbox.dropped} dropped, ${outbox.refused} refused`,
    `journal ${printable(local.journal)}`,
    local.refused === 0 ? undefined : `refused ${local.refused}`,
  );
  const candidates = table(
    local.candidates,
    [
      { head: 'CANDIDATE', cell: (c) => c.name },
      { head: 'STATE', cell: (c) => c.state },
      { head: 'REASON', cell: (c) => c.reason },
    ],
    session.header,
  );
  return (
    first +
    standbyLine(session, local.standby) +
    (local.candidates.length === 0 ? '' : indent(candidates)) +
    featureLines(local.features)
  );
}

/** Who leads instead, and why this one does not. */
function standbyLine(session: Session, standby: HealthOutput['local']['standby']): string {
  if (!isObject(standby)) return '';
  const { leader, term, since, why } = standby;
  const led = age(since, session.now());
  const words = line(
    leader === null ? undefined : `leader ${printable(leader)}`,
    term === null ? undefined : `term ${term}`,
    led === null ? undefined : `since ${led}`,
    printable(why),
  );
  return indent(words);
}

/** `  environment: connected yes   sent 12   spool.bytes 0`; nothing for a feature that has nothing to say. */
function featureLines(features: unknown): string {
  if (!isObject(features)) return '';
  return Object.entries(features)
    .map(([name, status]) => ({ name, words: states(status, '') }))
    .filter(({ words }) => words.length > 0)
    .map(({ name, words }) => `  ${printable(name)}: ${line(...words)}`)
    .join('');
}

/** A counter or state each, those of nested objects by their path; what is not known is left out. */
function states(status: unknown, path: string): string[] {
  if (status === null || status === undefined) return [];
  if (isObject(status)) {
    return Object.entries(status).flatMap(([key, value]) => states(value, path === '' ? key : `${path}.${key}`));
  }
  const isFlag = typeof status === 'boolean';
  const value = isFlag ? (status ? 'yes' : 'no') : typeof status === 'string' ? status : JSON.stringify(status);
  return value === '' ? [] : [printable(path === '' ? value : `${path} ${value}`)];
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ');

export const health: CommandSpec = {
  path: ['health'],
  arguments: [],
  options: [
    WATCH_OPTION,
    { flags: '--tree', help: "in the layout of IBM CSM's health check; with -v each node by name" },
  ],
  call: 'health',
  purpose: `The first thing to ask when something seems wrong. The first line is the verdict, with the reasons when there are any;
warnings follow, of what works yet: a certificate that ends within 30 days, a clock that is off by more than a second, an
outbox that was full. Then the master and its database, the aggregators with their nodes, the masters that stand by, the
utility daemons, how many compute nodes are linked, each daemon's version, age, certificate, clock, credit and receiver, peers that
were refused (a wrong or expired certificate, a second daemon under one name) and the daemon that answers, with what its features count, such as the copies of samples an
aggregator sends on. A daemon that reaches no master still answers, says so, and
shows which aggregators it tries. A master that stands by says so, and who leads.`,
  examples: [
    { title: 'How the tree is', line: 'csm health' },
    { title: 'The same for a program', line: 'csm health -o json' },
    { title: "As IBM CSM's health check shows it, with the nodes", line: 'csm health --tree -v' },
  ],
  exits: [
    [0, 'healthy'],
    [1, 'degraded'],
  ],
  run: (session, given) =>
    onceOrWatch(session, given, async () => {
      const { verbose } = session;
      const isTree = given.options['tree'] === true;
      const input = isTree && verbose ? { nodes: true } : {};
      const answer = await session.client.call('health', input, session.callOptions);
      const show = () => (isTree ? treeText(answer, verbose) : healthText(session, answer));
      const text = answerText(session, answer, show, 'document');
      return { text, exit: answer.degraded ? 1 : 0 };
    }),
};
