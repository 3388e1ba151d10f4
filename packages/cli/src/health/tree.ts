/** Health in the layout of the health check of IBM CSM, for scripts and eyes that know it. */
import type { HealthOutput } from '@csm/client';
import { isObject } from '@csm/model';
import { parseFolded, printable } from '../text.ts';

type Aggregator = HealthOutput['aggregators'][number];
type Listed = NonNullable<Aggregator['nodes']>['primary'];

/** Beneath each other by tabs, as there. */
interface Line {
  readonly depth: number;
  readonly text: string;
}

const line = (depth: number, text: string): Line => ({ depth, text });

/** With `verbose` each daemon has its figures in parentheses, and aggregators list their nodes. */
export function treeText(health: HealthOutput, verbose: boolean): string {
  const body = [...masterLines(health, verbose), ...aggregatorLines(health, verbose)];
  body.push(...utilityLines(health, verbose), ...localLines(health, verbose));
  return [
    'Starting. Contacting local daemon...',
    'Connected. Checking infrastructure... (this may take a moment. Please be patient...)',
    '###### RESPONSE FROM THE LOCAL DAEMON #######',
    ...body.map(({ depth, text }) => `${'\t'.repeat(depth)}${text}`),
    '#############################################',
    '',
    'Finished. Cleaning up...',
    `Test complete: rc=${health.degraded ? 1 : 0}`,
    '',
  ].join('\n');
}

/** What stands in parentheses; a daemon that is lost tells nothing. */
interface Figures {
  readonly bounced: number | null | undefined;
  readonly version: string | null | undefined;
  readonly link?: string;
}

function entry(role: string, node: string, { bounced, version, link }: Figures, verbose: boolean): string {
  const name = `${role}: ${printable(node)}`;
  if (!verbose) return name;
  const parts = [`bounced=${bounced ?? 'n/a'}`, `version=${printable(version ?? 'n/a')}`];
  return `${name} (${[...parts, ...(link === undefined ? [] : [`link=${link}`])].join('; ')})`;
}

const DEAD: Figures = { bounced: undefined, version: undefined, link: 'ANY' };

function masterLines({ master, refused }: HealthOutput, verbose: boolean): Line[] {
  // Every term before this one was a master that began to lead: the number of restarts and take-overs.
  const bounced = typeof master.term === 'number' ? master.term - 1 : undefined;
  const figures = master.reachable ? { bounced, version: master.version } : DEAD;
  const store = isObject(master.store) ? master.store : undefined;
  const unknown = master.reachable ? 'n/a' : 'skipped';
  const isUnique = !refused.some(({ code }) => code === 'duplicate');
  return [
    line(0, entry('MASTER', master.node ?? 'n/a', figures, verbose)),
    line(1, `DB_free_conn_size: ${store === undefined ? unknown : store.queue_limit - store.queued}`),
    line(1, `DB_locked_conn_pool_size: ${store === undefined ? unknown : store.queued}`),
    line(1, 'Timer_test: skipped'),
    line(1, `DB_sql_query_test: ${verdict(master.reachable, master.database === 'ok')}`),
    line(1, 'Multicast_test: skipped'),
    line(1, `Network_vchannel_test: ${master.reachable ? 'success' : 'fail'}`),
    line(1, `User_permission_test: ${verdict(master.reachable, true)}`),
    line(1, `UniqueID_test: ${verdict(master.reachable, isUnique)}`),
  ];
}

const verdict = (isAsked: boolean, isWell: boolean): string => (isAsked ? (isWell ? 'success' : 'fail') : 'skipped');

function aggregatorLines({ aggregators }: HealthOutput, verbose: boolean): Line[] {
  const lost = aggregators.filter(({ connected }) => !connected);
  return [
    // Without a blank here, and with one below: scripts look for it so.
    line(0, `Aggregators:${aggregators.length}`),
    ...aggregators.filter(({ connected }) => connected).flatMap((a) => servingLines(a, verbose)),
    line(1, `Unresponsive Aggregators: ${lost.length}`),
    ...lost.map(({ node }) => line(2, entry('AGGREGATOR', node, DEAD, verbose))),
  ];
}

function servingLines(
  { node, bounced, version, self, primary, secondary, nodes }: Aggregator,
  verbose: boolean,
): Line[] {
  return [
    line(1, entry('AGGREGATOR', node, { bounced, version: self?.version ?? version }, verbose)),
    line(2, `Active_primary: ${primary.active}`),
    line(2, `Unresponsive_primary: ${primary.unresponsive}`),
    line(2, `Active_secondary: ${secondary.active}`),
    line(2, `Unresponsive_secondary: ${secondary.unresponsive}`),
    ...(verbose && nodes !== undefined
      ? [
          ...listLines('Primary Nodes:', 'PRIMARY', nodes.primary),
          ...listLines('Secondary Nodes:', 'SECONDARY', nodes.secondary),
        ]
      : []),
  ];
}

function listLines(title: string, link: string, { active, unresponsive }: Listed): Line[] {
  const live = active.flatMap(({ nodes, bounced, version }) =>
    names(nodes).map((node) => entry('COMPUTE', node, { bounced, version, link }, true)),
  );
  const dead = names(unresponsive).map((node) => entry('COMPUTE', node, DEAD, true));
  return [
    line(2, title),
    line(3, `Active: ${live.length}`),
    ...live.map((text) => line(4, text)),
    line(3, `Unresponsive: ${dead.length}`),
    ...dead.map((text) => line(4, text)),
  ];
}

function utilityLines({ utilities }: HealthOutput, verbose: boolean): Line[] {
  const lost = utilities.filter(({ connected }) => !connected);
  return [
    line(0, `Utility Nodes:${utilities.length}`),
    ...utilities
      .filter(({ connected }) => connected)
      .map(({ node, bounced, version, self }) =>
        line(1, entry('UTILITY', node, { bounced, version: self?.version ?? version }, verbose)),
      ),
    line(1, `Unresponsive Utility Nodes: ${lost.length}`),
    ...lost.map(({ node }) => line(2, entry('UTILITY', node, DEAD, verbose))),
  ];
}

function localLines({ local, master, aggregators, utilities }: HealthOutput, verbose: boolean): Line[] {
  const [role = '', node = ''] = local.daemon.split('/');
  const known = [...(role === 'aggregator' ? aggregators : []), ...(role === 'utility' ? utilities : [])].find(
    (row) => row.node === node,
  );
  const bounced = role === 'master' && typeof master.term === 'number' ? master.term - 1 : known?.bounced;
  const version = role === 'master' ? master.version : (known?.self?.version ?? known?.version);
  const { outbox } = local;
  const hub = (name: string | null) => (name === null ? 'none' : printable(name));
  const links = `primary ${hub(local.primary)}, secondary ${hub(local.secondary)}`;
  return [
    line(0, `Local_daemon: ${entry(role.toUpperCase(), node, { bounced, version }, verbose)}`),
    line(1, `Status: ${links}, outbox ${outbox.waiting + outbox.unacknowledged} reports, ${outbox.dropped} dropped`),
  ];
}

function names(folded: string): readonly string[] {
  if (folded === '') return [];
  const set = parseFolded(folded);
  return set === undefined ? [printable(folded)] : [...set];
}
