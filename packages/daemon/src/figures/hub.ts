/** Figures of an aggregator: its nodes, what it passes on, its credit, its masters, its receiver. */
import type { Labels, Metrics, GaugeReading as Reading } from '@csm/kit';
import { isObject } from '@csm/model';
import { there } from './common.ts';
import type { Sources } from './sources.ts';

const MASTER_STATES = ['linked', 'standby', 'outdated', 'refused', 'not linked'] as const;

export function addHubFigures(metrics: Metrics, { hub, status }: Sources): void {
  const shell = () => there(hub());
  metrics.gaugeOf(
    'hub_nodes',
    'Daemons it serves as primary or secondary, and those that were here and are not linked',
    (): Reading => {
      const counts = { primary: 0, secondary: 0, absent: 0 };
      for (const { link, claim } of shell().hub.roster.entries())
        counts[link === undefined ? 'absent' : claim === undefined ? 'secondary' : 'primary']++;
      return Object.entries(counts).map(([state, n]) => [{ state }, n]);
    },
    ['state'],
  );
  metrics.gaugeOf(
    'hub_masters',
    'Masters by how this aggregator sees them',
    (): Reading => {
      const masters = shell().masters();
      const of = (state: string) => masters.filter((master) => master.state === state).length;
      return MASTER_STATES.map((state): [Labels, number] => [{ state: state.replace(' ', '_') }, of(state)]);
    },
    ['state'],
  );
  const counter = (name: string, help: string, key: 'reports' | 'dropped' | 'forged' | 'flooded'): void =>
    metrics.counterOf(`hub_${name}_total`, help, () => shell().hub.counters[key]);
  counter('reports', 'Reports passed on to the leading master', 'reports');
  counter(
    'dropped_frames',
    'Frames of reports not passed on since no master leads; the nodes send them again',
    'dropped',
  );
  counter('forged_calls', 'Calls that a daemon sent in the name of another', 'forged');
  counter('flooded', 'Links ended since a node sent more than its credit', 'flooded');
  metrics.gaugeOf('hub_credit_free_bytes', 'Credit that no node holds', () => shell().hub.credit.pool);
  addSink(metrics, status);
}

/** The receiver of environmental data, where one is configured. */
function addSink(metrics: Metrics, status: Sources['status']): void {
  const sink = (): Readonly<Record<string, unknown>> => {
    const environment = status()['environment'];
    return isObject(environment) ? environment : there<never>(undefined);
  };
  const number = (key: string) => () => {
    const value = sink()[key];
    return typeof value === 'number' ? value : there<never>(undefined);
  };
  metrics.gaugeOf('sink_connected', '1 while the receiver of environmental data is connected', () =>
    sink()['state'] === 'connected' ? 1 : 0,
  );
  metrics.counterOf('sink_sent_total', 'Lines the receiver was sent', number('sent'));
  metrics.gaugeOf('sink_spooled_bytes', 'Lines that wait on disk for the receiver, bytes', number('spooled_bytes'));
  metrics.counterOf(
    'sink_dropped_total',
    'Lines dropped before the receiver took them: the spool was full, or they were too old',
    (): Reading => [
      [{ reason: 'full' }, number('dropped_full')()],
      [{ reason: 'old' }, number('dropped_old')()],
    ],
    ['reason'],
  );
  metrics.counterOf('sink_reconnects_total', 'Times the receiver was connected anew', number('reconnects'));
}
