/** Settings of the environment feature, by role; they stand under `csm`. Names are IBM CSM's where it has one. */
import {
  bytes,
  type ConfigOf,
  choice,
  duration,
  filePath,
  flag,
  host,
  listOf,
  port,
  record,
  type Schema,
  setting,
} from '@csm/kit';
import { ITEMS } from './items.ts';

const DAY_S = 86_400;
const GIB = 1024 ** 3;

export const computeSettings = {
  data_collection: {
    buckets: setting({
      doc: `What is collected, and how often: each bucket has an execution_interval and an item_list of ${ITEMS.join(', ')}. An item may stand in several buckets. An empty list collects nothing.`,
      format: listOf(
        record({
          execution_interval: setting({
            doc: 'Time between two rounds.',
            format: duration({ min: 1000, max: DAY_S * 1000 }),
            required: true,
          }),
          item_list: setting({
            doc: 'Items.',
            format: listOf(choice(ITEMS), { min: 1, max: ITEMS.length }),
            required: true,
          }),
        }),
        { max: 16 },
      ),
      default: [
        {
          execution_interval: '00:10:00',
          item_list: ['cpu', 'memory', 'network', 'disk', 'gpu', 'temperature', 'power', 'infiniband', 'filesystem'],
        },
        { execution_interval: '24:00:00', item_list: ['ssd'] },
      ],
      cost: 'Shorter: finer graphs; more noise on the node, and in proportion more rows in the database.',
    }),
    aligned: setting({
      doc: 'Whether all nodes read at the same moments of the wall clock (multiples of the interval, UTC), so that jobs are disturbed on all nodes together. Otherwise each node reads at an offset of its own, drawn from its name, which spreads the load on the tree.',
      format: flag,
      default: false,
    }),
    item_timeout: setting({
      doc: 'An item that has not answered by then is given up for this round, and its programs are ended.',
      format: duration({ min: 100, max: 300_000 }),
      default: 10,
      unit: 's',
    }),
  },
} as const satisfies Schema;

export const aggregatorSettings = {
  bds: {
    host: setting({
      doc: 'Receiver of a copy of all environmental data: newline-delimited JSON over TCP, such as Logstash or rsyslog. All aggregators that a node can reach must have it: one without acknowledges without copying. Default: none, and then nothing is copied.',
      format: host,
    }),
    port: setting({ doc: 'Its port.', format: port(), default: 10522 }),
    spool: setting({
      doc: 'Directory of lines that wait for the receiver. Default: bds in state_dir.',
      format: filePath,
    }),
    spool_max: setting({
      doc: 'Bytes that may wait; beyond them the oldest lines are dropped and counted.',
      format: bytes({ min: 1024 * 1024, max: 1024 * GIB }),
      default: '1GiB',
      unit: 'bytes',
    }),
    data_cache_expiration: setting({
      doc: 'Lines that have waited longer are dropped and counted.',
      format: duration({ min: 1000, max: 365 * DAY_S * 1000 }),
      default: 7 * DAY_S,
      unit: 's',
    }),
    reconnect_interval_max: setting({
      doc: 'Longest pause between two attempts to connect; the first is a tenth of it.',
      format: duration({ min: 100, max: 300_000 }),
      default: 5,
      unit: 's',
    }),
  },
} as const satisfies Schema;

export const masterSettings = {
  environment: {
    keep_samples: setting({
      doc: 'Samples older than this are removed; their hourly and daily figures stay. On PostgreSQL they go in partitions, once all of one is too old: up to a quarter of this time later.',
      format: duration({ min: 3_600_000, max: 3650 * DAY_S * 1000 }),
      default: 3 * DAY_S,
      unit: 's',
    }),
    keep_hourly: setting({
      doc: 'Hourly minimum, average and maximum older than this are removed; on PostgreSQL up to a quarter of this time later.',
      format: duration({ min: DAY_S * 1000, max: 3650 * DAY_S * 1000 }),
      default: 10 * DAY_S,
      unit: 's',
    }),
    keep_daily: setting({
      doc: 'Daily minimum, average and maximum older than this are removed; on PostgreSQL up to a quarter of this time later.',
      format: duration({ min: DAY_S * 1000, max: 3650 * DAY_S * 1000 }),
      default: 90 * DAY_S,
      unit: 's',
    }),
    keep_bytes: setting({
      doc: 'Bytes all figures may take in the database; beyond them the oldest samples go first, then the oldest hourly, then the oldest daily figures. On PostgreSQL they go in partitions, each up to a quarter of the time one item is kept, but for those that hold what is new: these lose their oldest hours or days. The names of values take up to a sixteenth of it more (4 MiB at least); an item whose names change without end is refused on its node before they do.',
      format: bytes({ min: 16 * 1024 * 1024, max: 64 * 1024 * GIB }),
      default: '20GiB',
      unit: 'bytes',
      cost: 'The defaults keep 10,000 nodes that read every 10 minutes below it.',
    }),
  },
} as const satisfies Schema;

export type CollectionConfig = ConfigOf<typeof computeSettings>;
export type SinkConfig = ConfigOf<typeof aggregatorSettings>;
export type KeepConfig = ConfigOf<typeof masterSettings>;
