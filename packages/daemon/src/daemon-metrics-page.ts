/** The reference page of the figures daemons serve, from the registries that serve them. */
import type { MetricRow } from '@csm/kit';
import { ROLES, type Role } from '@csm/model';

const INTRO = `# Metrics of the daemons

<!-- Generated from packages/daemon/src/figures; do not edit. -->

What a daemon with \`net.metrics_listen\` serves at \`/metrics\`, in the text form of Prometheus. Every figure bears the labels
\`role\` and \`node\` of its daemon. A histogram \`x\` is told as \`x_bucket\`, \`x_sum\` and \`x_count\`. A counter begins
anew when its daemon does. What is not known, or does not exist in a daemon at the moment, is left out: a master that stands
by has none of the leader's. \`event_loop_lag_seconds\` is over the time since the last scrape, so let one Prometheus scrape.
How to serve, scrape and watch them: [health and metrics](../operate/health.md). What is collected on nodes is
[something else](metrics.md).
`;

export async function daemonMetricsPage(): Promise<string> {
  // Imported here: the library behind it is loaded by whoever needs it.
  const { figuresOf } = await import('./figures/index.ts');
  const roles = new Map<string, Role[]>();
  const rows = new Map<string, MetricRow>();
  for (const role of ROLES) {
    for (const row of figuresOf(role)) {
      rows.set(row.name, row);
      roles.set(row.name, [...(roles.get(row.name) ?? []), role]);
    }
  }
  const inAll = (name: string) => roles.get(name)?.length === ROLES.length;
  const of = (role: Role) => [...rows.values()].filter(({ name }) => !inAll(name) && roles.get(name)?.includes(role));
  const common = [...rows.values()].filter(({ name }) => inAll(name));
  return [
    INTRO,
    table('In every daemon', common),
    table('In an aggregator', of('aggregator')),
    table('In a master', of('master')),
  ].join('\n');
}

function table(title: string, rows: readonly MetricRow[]): string {
  const lines = [...rows]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, help, labels }) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`);
  return [`## ${title}`, '', '| name | type | labels | what it is |', '|---|---|---|---|', ...lines, ''].join('\n');
}
