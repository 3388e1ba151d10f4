/** All benchmarks, in the order in which they run; `compute-cost` runs only when asked for. */
import { failover } from './failover.ts';
import type { Bench } from './figure.ts';
import { heartbeatRest } from './heartbeat-rest.ts';
import { leader } from './leader.ts';
import { manyNodes } from './many-nodes.ts';
import { reportThroughput } from './report-throughput.ts';
import { streams } from './streams.ts';
import { treeLoad } from './tree-load.ts';

export const BENCHES: readonly Bench[] = [
  treeLoad,
  reportThroughput,
  failover,
  manyNodes,
  leader,
  streams,
  heartbeatRest,
];

export const benchNames = (benches: readonly Bench[]): string[] => benches.flatMap(({ names }) => names);
