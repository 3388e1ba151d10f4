/** Figures of a master: whether it leads, the daemons it knows, what comes in, the database. */
import type { Labels, Metrics, GaugeReading as Reading } from '@csm/kit';
import { ROLES } from '@csm/model';
import { there } from './common.ts';
import type { DatabaseLook, Sources } from './sources.ts';

export function addMasterFigures(
  metrics: Metrics,
  { core, store }: Sources,
  look: () => DatabaseLook | undefined,
): void {
  const shell = () => there(core());
  metrics.gaugeOf('master_leads', '1 in the master that leads, 0 in one that stands by', () =>
    core() === undefined ? 0 : 1,
  );
  metrics.gaugeOf('master_term', 'Number of its lead: higher than that of every master before', () => {
    shell();
    return there(store()).term;
  });
  metrics.gaugeOf('master_settling', '1 while it has just begun to lead and learns who is there', () =>
    shell().core.roster.settling ? 1 : 0,
  );
  metrics.gaugeOf(
    'daemons',
    'Daemons the leading master knows, by how many links they have',
    (): Reading => {
      const counts = new Map(ROLES.map((role) => [role, [0, 0, 0] as [number, number, number]]));
      for (const { role, links } of shell().core.roster.daemons()) {
        const of = counts.get(role);
        if (of !== undefined) of[Math.min(links.size, 2) as 0 | 1 | 2]++;
      }
      return [...counts].flatMap(([role, numbers]) =>
        numbers.map((n, links): [Labels, number] => [{ daemon_role: role, links: String(links) }, n]),
      );
    },
    ['daemon_role', 'links'],
  );
  metrics.gaugeOf(
    'aggregator_linked',
    '1 for an aggregator whose link the leading master has, 0 for one it misses',
    (): Reading => hubs().map(({ hub, link }): [Labels, number] => [{ aggregator: hub }, link === undefined ? 0 : 1]),
    ['aggregator'],
  );
  metrics.gaugeOf(
    'aggregator_credit_bytes',
    'Bytes of reports an aggregator may send at present',
    (): Reading =>
      hubs().flatMap(({ hub }): [Labels, number][] => {
        const credit = shell().core.creditOf(hub);
        return credit === undefined ? [] : [[{ aggregator: hub }, credit]];
      }),
    ['aggregator'],
  );
  const hubs = () => [...shell().core.roster.hubs()];
  addIntake(metrics, shell);
  addDatabase(metrics, store, look);
}

function addIntake(metrics: Metrics, shell: () => ReturnType<typeof there<NonNullable<ReturnType<Sources['core']>>>>) {
  const intake = () => shell().core.intake;
  metrics.gaugeOf('intake_queued_batches', 'Batches of reports that wait for the database', () => intake().depth);
  metrics.counterOf('intake_reports_total', 'Reports stored', () => intake().counters.committed);
  metrics.counterOf(
    'intake_failures_total',
    'Commits of reports that failed and are tried again',
    () => intake().counters.failures,
  );
  metrics.counterOf(
    'intake_stale_batches_total',
    'Frames with reports under a claim that no longer counts; their nodes send them again',
    () => shell().core.counters.staleReports,
  );
  metrics.counterOf(
    'intake_overdrawn_total',
    'Links ended since an aggregator sent more than its credit',
    () => shell().core.counters.overdrawn,
  );
  metrics.gaugeOf('served_calls', 'Calls being carried out', () => shell().calls.open);
}

function addDatabase(metrics: Metrics, store: Sources['store'], look: () => DatabaseLook | undefined): void {
  const stats = () => there(look()).stats;
  metrics.gaugeOf('database_up', '0 while the database is away', () => (there(store()).away === undefined ? 1 : 0));
  metrics.gaugeOf('database_queue_calls', 'Calls that wait for the database', () => stats().queue.calls);
  metrics.gaugeOf('database_queue_limit_calls', 'Calls that may wait', () => stats().queue.limitCalls);
  metrics.gaugeOf('database_queue_bytes', 'What they hold, bytes', () => stats().queue.bytes);
  metrics.counterOf(
    'database_refused_total',
    'Calls turned away since the queue was full',
    () => stats().queue.refused,
  );
  metrics.counterOf(
    'database_calls_total',
    'Calls answered, with success or with an error',
    (): Reading => [
      [{ outcome: 'done' }, stats().done],
      [{ outcome: 'failed' }, stats().failed],
    ],
    ['outcome'],
  );
  metrics.counterOf('database_commits_total', 'Transactions committed', () => stats().commits);
  metrics.gaugeOf('database_last_commit_seconds', 'What the last COMMIT took', () => stats().lastCommitMs / 1e3);
  metrics.gaugeOf('database_file_bytes', 'What the database takes on disk', () => stats().fileBytes);
  metrics.gaugeOf('database_wal_bytes', 'What its log takes beside it', () => stats().walBytes);
  metrics.gaugeOf(
    'database_rejected_reports',
    'Reports kept aside since their content was refused',
    () => there(look()).rejected,
  );
  metrics.gaugeOf('database_changes_head', 'Number of the newest change', () => stats().head);
  const follow = () => there(store()).changes.followStats();
  metrics.gaugeOf('stream_followers', 'Clients that follow the changes', () => follow().followers);
  metrics.counterOf('stream_changes_given_total', 'Changes given, of all followers', () => follow().given);
  metrics.counterOf(
    'stream_cut_off_total',
    'Followers cut off since they took nothing for too long',
    () => follow().cutOff,
  );
}
