import type { RootTree } from '@csm/host';
import type { Collector } from './collector.ts';
import { isNotThere, need, smallLine } from './files.ts';
import { METRICS, type Metric } from './metrics.ts';
import { Absent, instanceName, inWords, Reading } from './reading.ts';

const ROOT = '/sys/class/infiniband';
const M = METRICS.infiniband;

/** Files of a port's directory `counters` (Documentation/ABI/stable/sysfs-class-infiniband). */
const FILES: readonly (readonly [file: string, metric: Metric])[] = [
  ['port_rcv_data', M.receive_bytes_per_second],
  ['port_xmit_data', M.transmit_bytes_per_second],
  ['port_rcv_packets', M.receive_packets_per_second],
  ['port_xmit_packets', M.transmit_packets_per_second],
  ['symbol_error', M.symbol_errors],
  ['port_rcv_errors', M.receive_errors],
  ['port_xmit_discards', M.transmit_discards],
  ['link_error_recovery', M.link_recoveries],
  ['link_downed', M.link_downed],
];

/** Traffic and errors of every port of every InfiniBand or RoCE adapter. Old adapters' counters stop at their end. */
export const infiniband: Collector = async ({ tree }) => {
  const reading = new Reading();
  let ports = 0;
  for (const device of need(await tree.names(ROOT))) {
    const numbers = await tree.names(`${ROOT}/${device}/ports`);
    if ('reason' in numbers) reading.fault(device, numbers.reason);
    else
      for (const port of numbers.value) {
        ports++;
        await addPort(tree, device, port, reading);
      }
  }
  if (ports === 0 && reading.faults.size === 0) throw new Absent(`${ROOT} names no port`);
  if (reading.size > 0) return reading;
  if (reading.faults.size > 0) throw new Error(inWords(reading.faults));
  throw new Error([...reading.missing.values()][0] ?? `none of ${ports} ports has counters`);
};

async function addPort(tree: RootTree, device: string, port: string, reading: Reading): Promise<void> {
  const instance = instanceName(`${device}/${port}`);
  for (const [file, metric] of FILES) {
    const path = `${ROOT}/${device}/ports/${port}/counters/${file}`;
    const line = await smallLine(tree, path);
    if ('reason' in line) {
      if (isNotThere(line.reason)) reading.lacks(`${instance}.${metric.name}`, line.reason);
      else reading.fault(`${instance}.${metric.name}`, line.reason);
    } else if (/^\d{1,20}$/.test(line.value)) reading.add(metric, Number(line.value), instance);
    // An adapter without performance management says `N/A (no PMA)`.
    else if (line.value.startsWith('N/A')) reading.lacks(`${instance}.${metric.name}`, `${path} says ${line.value}`);
    else reading.fault(`${instance}.${metric.name}`, `${path} holds '${line.value.slice(0, 40)}', not a whole number`);
  }
}
