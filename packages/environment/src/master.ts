/** The environment feature in a master: answers to its calls, retention, and what fails on which nodes. */
import type { Handler } from '@csm/api';
import { type MasterPart, type MasterPorts, Once } from '@csm/feature';
import type { Json } from '@csm/model';
import { type ArchiveInput, archiveSamples } from './archive.ts';
import { currentFaults, faultSentences } from './faults.ts';
import { type QueryInput, query } from './query/query.ts';
import { type TopInput, top } from './query/top.ts';
import { type WatchInput, watch } from './query/watch.ts';
import { Retention } from './retention.ts';
import type { KeepConfig } from './settings.ts';

export function masterPart(ports: MasterPorts): MasterPart {
  const { store, clock, log } = ports;
  const { keep_samples, keep_hourly, keep_daily, keep_bytes } = (ports.config as KeepConfig).environment;
  const keep = { samples: keep_samples, hourly: keep_hourly, daily: keep_daily, bytes: keep_bytes };
  const retention = new Retention(store, keep, log);
  retention.start();
  const queryCall: Handler<QueryInput> = async (input, ctx) => {
    await query(store, clock.now().wall, input, ctx);
    return undefined;
  };
  const topCall: Handler<TopInput> = async (input) => (await top(store, clock.now().wall, input)) as unknown as Json;
  const watchCall: Handler<WatchInput> = async (input, ctx) => {
    await watch((kind, listener) => ports.onStored(kind, listener), input, ctx);
    return undefined;
  };
  const once = new Once('one archive of samples at a time');
  const archiveCall: Handler<ArchiveInput> = (input, ctx) => {
    const asked = { what: `an archive in ${input.directory}`, input };
    return once.run(asked, ctx, (signal) => archiveSamples(store, clock.now().wall, input, signal));
  };
  return {
    handlers: { 'env.query': queryCall, 'env.top': topCall, 'env.watch': watchCall, 'env.archive': archiveCall },
    problems: async () => [...faultSentences(await currentFaults(store, clock.now().wall)), ...retention.problems()],
    stop: () => retention.stop(),
  };
}
