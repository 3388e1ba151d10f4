/** The reference page of what can be collected, from the table the collectors read. */
import { METRIC_ROWS } from '@csm/environment';

const INTRO = `# What can be collected

<!-- Made from the table in packages/environment/src/collect/metrics.ts; do not edit. -->

The items of a bucket and their values. Where a machine has several of a thing, its name stands before a dot, such as
\`eth0.receive_bytes_per_second\`. A *gauge* is as read; a *rate* is the growth of a counter per second between two rounds
of one bucket, a *share* its part of the whole growth, a *count* its growth: these three begin with the second round
after the daemon has started. What a machine does not have is left out. A value no machine can have is not believed, and
its item fails for that round.
`;

export function metricsPage(): string {
  const items = [...new Set(METRIC_ROWS.map(({ item }) => item))];
  const sections = items.map((item) => {
    const rows = METRIC_ROWS.filter((row) => row.item === item).map(
      ({ name, unit, kind, about, source }) => `| \`${name}\` | ${unit} | ${kind} | ${about} | \`${source}\` |`,
    );
    return [`## ${item}`, '', '| value | unit | kind | what it is | from |', '|---|---|---|---|---|', ...rows, ''].join(
      '\n',
    );
  });
  return [INTRO, ...sections].join('\n');
}
