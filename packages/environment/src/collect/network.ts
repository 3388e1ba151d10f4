import type { Collector } from './collector.ts';
import { LARGE_FILE, need, wholeLines, wholeNumbers } from './files.ts';
import { METRICS } from './metrics.ts';
import { instanceName, Reading } from './reading.ts';

const PATH = '/proc/net/dev';
const M = METRICS.network;

/**
 * Interfaces that come and go with containers and virtual machines, or carry nothing to other nodes: they would fill
 * the database with names nobody asks for. What they send is counted at the interface below them.
 */
const SKIPPED =
  /^(?:lo|(?:veth|docker|br-|virbr|vnet|cali|cni|flannel|tap|tun|ifb|dummy|sit|gre|erspan|ip6|nodelocal|kube-)\S*)$/;

/** Bytes, packets, errors and drops of the interfaces (proc_pid_net(5)); the kernel counts them in 64 bits. */
export const network: Collector = async ({ tree }) => {
  const reading = new Reading();
  const lines = wholeLines(need(await tree.text(PATH, LARGE_FILE)), PATH);
  if (lines.length < 2) throw new Error(`${PATH} has no heading of two lines`);
  for (const line of lines.slice(2)) {
    // A name may hold a colon itself (an alias), a number may follow the colon without a blank.
    const colon = line.lastIndexOf(':');
    if (colon === -1) throw new Error(`${PATH} has the line '${line.slice(0, 60).trim()}' without an interface`);
    const name = line.slice(0, colon).trim();
    const n = wholeNumbers(line.slice(colon + 1), 16, `the line ${name.slice(0, 20)} of ${PATH}`);
    if (SKIPPED.test(name)) continue;
    const instance = instanceName(name);
    reading.add(M.receive_bytes_per_second, n[0] ?? Number.NaN, instance);
    reading.add(M.receive_packets_per_second, n[1] ?? Number.NaN, instance);
    reading.add(M.receive_errors_per_second, n[2] ?? Number.NaN, instance);
    reading.add(M.receive_drops_per_second, n[3] ?? Number.NaN, instance);
    reading.add(M.transmit_bytes_per_second, n[8] ?? Number.NaN, instance);
    reading.add(M.transmit_packets_per_second, n[9] ?? Number.NaN, instance);
    reading.add(M.transmit_errors_per_second, n[10] ?? Number.NaN, instance);
    reading.add(M.transmit_drops_per_second, n[11] ?? Number.NaN, instance);
  }
  return reading.orAbsent(`${PATH} names no interface to other nodes`);
};
