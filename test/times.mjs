/** What `--times` prints: each group, and the slowest and the dearest tests and hooks of all. */

const SLOWEST = 30;

export function timesOf(groups) {
  const rows = [...groups].sort((a, b) => b.wallMs - a.wallMs);
  const sum = (pick) => groups.reduce((total, group) => total + pick(group), 0);
  const most = (list, key) =>
    groups
      .flatMap((group) => group[list].map((test) => ({ ...test, name: group.name })))
      .sort((a, b) => b[key] - a[key])
      .slice(0, SLOWEST)
      .map(({ title, name, ms, cpuMs }) => `${seconds(ms)}${seconds(cpuMs)}  ${title} (${name})`);
  return [
    '',
    '  wall s   cpu s  group (cpu: its processes and their children that ended before it)',
    ...rows.map(({ name, wallMs, cpuMs }) => `${seconds(wallMs)}${seconds(cpuMs)}  ${name}`),
    `${seconds(sum(({ wallMs }) => wallMs))}${seconds(sum(({ cpuMs }) => cpuMs))}  sum`,
    '',
    '  wall s   cpu s  slowest tests and hooks',
    ...most('slowest', 'ms'),
    '',
    '  wall s   cpu s  those that cost most',
    ...most('dearest', 'cpuMs'),
  ].join('\n');
}

const seconds = (ms) => (ms / 1000).toFixed(1).padStart(8);
