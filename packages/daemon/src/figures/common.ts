/** Figures that every daemon has: its links, its outbox, its certificate and clock, the calls that enter here. */
import type { Labels, Metrics, GaugeReading as Reading } from '@csm/kit';
import { VERSION as PROTOCOL_VERSION } from '@csm/protocol';
import { type LeafShell, type Links, oldestTime } from '@csm/tree';
import type { Sources } from './sources.ts';

/** The ends of a daemon's links: `up` to hubs or masters, `down` to those it serves. */
export type Sides = () => readonly (readonly ['up' | 'down', Links])[];

const PHASES = ['greeting', 'probing', 'up'] as const;

/** Throws where there is nothing: the figure is left out. */
export function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('not there');
  return value;
}

export function addCommonFigures(metrics: Metrics, sources: Sources, sides: Sides): void {
  const { self, leaf, certificateExpires, clockAhead } = sources;
  const labels = { version: self.version, protocol: PROTOCOL_VERSION };
  metrics.gaugeOf('build_info', 'Always 1; the versions are labels', () => [[labels, 1]], ['version', 'protocol']);
  addLinks(metrics, sides);
  metrics.gaugeOf(
    'certificate_expiry_timestamp_seconds',
    "When this daemon's certificate ends, seconds since 1970",
    () => there(certificateExpires()) / 1e3,
  );
  metrics.gaugeOf(
    'clock_ahead_seconds',
    'How far its clock was ahead of that of the daemon it links to, when they linked, and has been set since',
    () => there(clockAhead()).ms / 1e3,
  );
  const failover = () => there(leaf()).leaf.failover;
  metrics.gaugeOf('leader_reachable', '1 while the leading master has confirmed this daemon', () =>
    failover().claim === 'confirmed' ? 1 : 0,
  );
  metrics.gaugeOf(
    'hubs_linked',
    'Aggregators (of a compute daemon) or masters it is linked to',
    () => failover().candidates.filter(({ phase }) => phase === 'up').length,
  );
  metrics.gaugeOf('hubs_configured', 'Aggregators or masters it may link to', () => failover().candidates.length);
  addOutbox(metrics, sources, () => there(leaf()));
  addServers(metrics, sources);
}

function addLinks(metrics: Metrics, sides: Sides): void {
  metrics.gaugeOf(
    'links',
    'Connections by state; only `up` carries messages',
    () =>
      sides().flatMap(([side, { table }]) => {
        const counts = { greeting: 0, probing: 0, up: 0 };
        for (const { phase } of table.links()) counts[phase]++;
        return PHASES.map((state): [Labels, number] => [{ side, state }, counts[state]]);
      }),
    ['side', 'state'],
  );
  const counter = (name: string, help: string, of: (counters: Links['table']['counters']) => number): void =>
    metrics.counterOf(
      name,
      help,
      () =>
        sides().map(
          ([
            side,
            {
              table: { counters },
            },
          ]): [Labels, number] => [{ side }, of(counters)],
        ),
      ['side'],
    );
  counter('links_accepted_total', 'Peers that linked', (c) => c.accepted);
  metrics.counterOf(
    'links_refused_total',
    'Times a peer was refused: by its certificate, its version, its name, or for breaking the protocol',
    () => sides().map(([side, { refusals }]): [Labels, number] => [{ side }, refusals]),
    ['side'],
  );
  counter('links_broken_total', 'Links ended since the peer broke the protocol', (c) => c.broken);
  counter('links_silent_total', 'Links lost for three intervals of silence', (c) => c.silent);
  counter('messages_unsupported_total', 'Messages of a kind that is not known here', (c) => c.unsupported);
  counter('stalls_total', 'Times this process was asleep for longer than half an interval', (c) => c.stalls);
  counter(
    'beats_sent_total',
    'Beats sent since an interval had passed without another frame, or in answer to one',
    (c) => c.beats,
  );
  counter('beats_received_total', 'Beats that came', (c) => c.beatsHeard);
}

function addOutbox(metrics: Metrics, { outboxMax, now }: Sources, leaf: () => LeafShell): void {
  const outbox = () => leaf().leaf.outbox;
  metrics.gaugeOf('outbox_bytes', 'Reports that wait to be acknowledged, bytes', () => outbox().bytes);
  metrics.gaugeOf('outbox_limit_bytes', 'What the outbox may hold, bytes', outboxMax);
  metrics.gaugeOf(
    'outbox_reports',
    'Reports in the outbox: not sent yet, or sent and not acknowledged',
    (): Reading => {
      const { waiting, numbered } = outbox();
      const unsent = waiting.urgent.size + waiting.normal.size + waiting.sample.size;
      return [
        [{ state: 'waiting' }, unsent],
        [{ state: 'unacknowledged' }, numbered.size],
      ];
    },
    ['state'],
  );
  metrics.gaugeOf('outbox_oldest_age_seconds', 'Age of the oldest report in the outbox; 0 when it is empty', () => {
    const oldest = oldestTime(outbox());
    return oldest === undefined ? 0 : Math.max(0, now() - oldest) / 1e3;
  });
  metrics.gaugeOf('outbox_credit_bytes', 'Bytes of reports it may send at present', () => outbox().credit);
  const counter = (name: string, help: string, key: keyof ReturnType<typeof outbox>['counters']): void =>
    metrics.counterOf(`outbox_${name}_total`, help, () => outbox().counters[key]);
  counter('accepted', 'Reports accepted', 'accepted');
  counter('acknowledged', 'Reports the master has stored', 'acknowledged');
  counter('dropped', 'Samples dropped since the outbox was full', 'dropped');
  counter('refused', 'Reports refused to their maker', 'refused');
  counter('resent', 'Reports sent more than once', 'resent');
  metrics.gaugeOf('journal_writable', '0 while the journal of the outbox cannot be written', () =>
    leaf().journalFault === undefined ? 1 : 0,
  );
}

function addServers(metrics: Metrics, { servers }: Sources): void {
  const sum = (of: (stats: ReturnType<ReturnType<Sources['servers']>[number]['stats']>) => number) => () =>
    servers().reduce((n, server) => n + of(server.stats()), 0);
  metrics.gaugeOf(
    'api_connections',
    'Connections of clients',
    sum((s) => s.connections),
  );
  metrics.gaugeOf(
    'api_calls',
    'Calls of clients under way',
    sum((s) => s.calls),
  );
  metrics.counterOf(
    'api_turned_away_total',
    'Connections and calls refused since a bound was reached',
    sum((s) => s.refused),
  );
  metrics.counterOf(
    'api_garbage_total',
    'Connections that sent what is no HTTP, or sent it too slowly',
    sum((s) => s.garbage),
  );
}
