/** What `--times` prints: each group, and the slowest tests and hooks of all. */

const SLOWEST = 30;

export function timesOf(groups) {
  const rows = [...groups].sort((a, b) => b.wallMs - a.wallMs);
  const sum = (pick) => groups.reduce((total, group) => total + pick(group), 0);
  const tests = groups
    .flatMap(({ name, slowest }) => slowest.map((test) => ({ ...test, name })))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, SLOWEST);
  return [
    '',
    '  wall s   cpu s  group (cpu: its processes and their children that ended before it)',
    ...rows.map(({ name, wallMs, cpuMs }) => `${seconds(wallMs)}${seconds(cpuMs)}  ${name}`),
    `${seconds(sum(({ wallMs }) => wallMs))}${seconds(sum(({ cpuMs }) => cpuMs))}  sum`,
    '',
    '  wall s  slowest tests and hooks',
    ...tests.map(({ title, name, ms }) => `${seconds(ms)}  ${title} (${name})`),
  ].join('\n');
}

const seconds = (ms) => (ms / 1000).toFixed(1).padStart(8);
