import type { Collector } from './collector.ts';
import { LARGE_FILE, lineAfter, need, wholeNumbers } from './files.ts';
import { METRICS } from './metrics.ts';
import { addPressure } from './pressure.ts';
import { Reading } from './reading.ts';

const PATH = '/proc/stat';
const M = METRICS.cpu;

/** Processor time, switches, forks (proc_stat(5)), load (proc_loadavg(5)) and pressure of the whole node. */
export const cpu: Collector = async ({ tree }) => {
  const reading = new Reading();
  const text = need(await tree.text(PATH, LARGE_FILE));
  const times = lineAfter(text, 'cpu ');
  if (times === undefined) throw new Error(`${PATH} has no whole line 'cpu …'`);
  // Guests stand in user and nice already.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = wholeNumbers(
    times,
    7,
    `the line cpu of ${PATH}`,
  );
  reading.add(M.user_percent, user + nice);
  reading.add(M.system_percent, system);
  reading.add(M.iowait_percent, iowait);
  reading.add(M.irq_percent, irq + softirq);
  reading.add(M.steal_percent, steal);
  reading.add(M.idle_percent, idle);
  for (const [key, metric] of [
    ['ctxt ', M.context_switches_per_second],
    ['processes ', M.forks_per_second],
    ['procs_running ', M.procs_running],
    ['procs_blocked ', M.procs_blocked],
  ] as const) {
    const rest = lineAfter(text, key);
    if (rest === undefined) throw new Error(`${PATH} has no whole line '${key}N'`);
    reading.add(metric, wholeNumbers(rest, 1, `the line ${key}of ${PATH}`)[0] ?? Number.NaN);
  }
  const load = await tree.text('/proc/loadavg', 256);
  if ('reason' in load) reading.lacks('load1', load.reason);
  else {
    const first = /^(\d{1,9}\.\d{2}) /.exec(load.value)?.[1];
    if (first === undefined)
      throw new Error(`/proc/loadavg holds '${load.value.slice(0, 40).trim()}', no load average`);
    reading.add(M.load1, Number(first));
  }
  await addPressure(tree, 'cpu', { some: M.pressure_some_percent }, reading);
  return reading;
};
