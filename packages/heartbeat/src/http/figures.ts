/** Figures of the service for Prometheus, read when asked for. Names get the prefix `csm_`. */
import type { Metrics } from '@csm/kit';
import type { ServicePort } from '../types.ts';

/** What the door counts by itself. */
export interface DoorCounts {
  readonly beats: { readonly accepted: number; readonly refused: number };
  /** Answers by status, of all but accepted heartbeats. */
  readonly answers: ReadonlyMap<number, number>;
  readonly connections: number;
  readonly streams: { readonly open: number; readonly cutOff: number };
  /** Requests sent on to the leader. */
  readonly forwarded: number;
}

/** `service` gives nothing while another process leads. */
export function addFigures(metrics: Metrics, service: () => ServicePort | undefined, counts: () => DoorCounts): void {
  const health = () => service()?.health();
  const each = (values: Readonly<Record<string, number>> | undefined, label: string) =>
    Object.entries(values ?? {}).map(([name, value]) => [{ [label]: name }, value] as const);
  metrics.counterOf(
    'heartbeat_beats_total',
    'Heartbeats that came in over HTTP, by what became of them',
    () => each({ ...counts().beats }, 'outcome'),
    ['outcome'],
  );
  metrics.gaugeOf('heartbeat_components', 'Components that are tracked', () => each(health()?.counts, 'state'), [
    'state',
  ]);
  metrics.gaugeOf(
    'heartbeat_changes_waiting',
    'Changes that wait to be stored, or to be told to the state manager or the message bus',
    () => each(health()?.waiting, 'for'),
    ['for'],
  );
  metrics.counterOf(
    'heartbeat_history_lost_total',
    'Changes whose history was given up while the database was away',
    () => health()?.lostHistory ?? 0,
  );
  metrics.gaugeOf('heartbeat_incidents_open', 'Incidents that last', () => {
    const open = health()?.incidents.filter(({ ended }) => ended === null);
    return open?.length ?? 0;
  });
  metrics.gaugeOf('heartbeat_database_up', 'Whether the database takes what is to be kept', () =>
    health()?.database === 'open' ? 1 : 0,
  );
  metrics.gaugeOf('heartbeat_leads', 'Whether this process takes heartbeats itself', () =>
    health()?.leads === true ? 1 : 0,
  );
  metrics.gaugeOf('heartbeat_connections', 'Connections of clients', () => counts().connections);
  metrics.gaugeOf('heartbeat_streams', 'Clients that follow events', () => counts().streams.open);
  metrics.counterOf(
    'heartbeat_streams_cut_total',
    'Clients that followed events and did not read them',
    () => counts().streams.cutOff,
  );
  metrics.counterOf(
    'heartbeat_answers_total',
    'Answers by HTTP status, without those to accepted heartbeats',
    () => [...counts().answers].map(([status, n]) => [{ status }, n] as const),
    ['status'],
  );
  metrics.counterOf('heartbeat_forwarded_total', 'Requests sent on to the leader', () => counts().forwarded);
}
