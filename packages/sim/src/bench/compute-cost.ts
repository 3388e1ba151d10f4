/**
 * `compute-cost`: what a compute daemon costs its node, in the sample configuration, held against its limits.
 *
 * Measured at the same time, so that all have the same machine: the daemon as delivered; one that collects nothing and
 * one that collects every few seconds, whose difference is the cost of a round; and a bare Node with two TLS links.
 * The counters are the kernel's, read from outside; no measured process is asked anything while it is measured.
 */
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DaemonProcess } from '../site/daemon-process.ts';
import { freePorts, type Settings, Site } from '../site/site.ts';
import { type BeatServer, beatServer } from './beat-server.ts';
import { cpuMs, type Figures, figuresOf, judge, median, medianFigures, type Verdict } from './figures.ts';
import { type Cost, readCost } from './process-cost.ts';
import { type Bucket, quickest, readSample, type Sample, withInterval } from './sample.ts';

export interface ComputeCostOptions {
  /** Sample configuration of a compute daemon. */
  readonly sample: string;
  /** How long is measured, seconds. */
  readonly seconds: number;
  /** Between the last start and the beginning of the measurement, seconds. */
  readonly settle: number;
  readonly runs: number;
  /** Instead of the sample's interval of its quickest bucket, seconds. */
  readonly interval?: number;
  /** Instead of the sample's heartbeat interval, seconds. */
  readonly heartbeat?: number;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** The four that are measured. */
export const SUBJECTS = ['daemon', 'still', 'busy', 'bare'] as const;
export type Subject = (typeof SUBJECTS)[number];
export type Run = Readonly<Record<Subject, Figures>> & {
  /** Milliseconds of CPU of the daemon until the measurement began: loading, linking, its inventory. */
  readonly startMs: number;
};

export interface ComputeCost {
  readonly seconds: number;
  readonly settle: number;
  readonly heartbeat: number;
  readonly buckets: readonly Bucket[];
  readonly runs: readonly Run[];
  /** Medians of the runs. */
  readonly median: Run;
  readonly limits: readonly Verdict[];
  /** Milliseconds of CPU of one round of the quickest bucket, read every `everySeconds`; `programsMs` of it are programs. */
  readonly round: { readonly everySeconds: number; readonly ms: number; readonly programsMs: number };
}

/** Between two rounds of the busy daemon, seconds: many rounds make their difference from the still one plain. */
const BUSY_SECONDS = 5;
/** How often sizes are looked at while measuring, ms. */
const LOOK_MS = 5000;
const BARE_NODE = fileURLToPath(new URL('./bare-node.js', import.meta.url));

/** Rejects when a process ends, or on `signal`; everything is stopped and removed by then. */
export async function computeCost(options: ComputeCostOptions): Promise<ComputeCost> {
  const { seconds, settle, runs: count, interval } = options;
  const sample = readSample(options.sample);
  const heartbeat = options.heartbeat ?? sample.heartbeat;
  const buckets = interval === undefined ? sample.buckets : withInterval(sample.buckets, interval);
  const runs: Run[] = [];
  for (let i = 0; i < count; i++) {
    options.note(`run ${i + 1} of ${count}: ${settle} s to settle, then ${seconds} s`);
    runs.push(await oneRun(options, { ...sample, buckets, heartbeat }));
  }
  const middle = (subject: Subject): Figures => medianFigures(runs.map((run) => run[subject]));
  const [daemon, still, busy, bare] = [middle('daemon'), middle('still'), middle('busy'), middle('bare')];
  const rounds = seconds / BUSY_SECONDS;
  return {
    seconds,
    settle,
    heartbeat,
    buckets,
    runs,
    median: { daemon, still, busy, bare, startMs: median(runs.map((run) => run.startMs)) },
    limits: judge(daemon),
    round: {
      everySeconds: BUSY_SECONDS,
      ms: (cpuMs(busy) - cpuMs(still)) / rounds,
      programsMs: (busy.childrenMs - still.childrenMs) / rounds,
    },
  };
}

async function oneRun(options: ComputeCostOptions, sample: Sample): Promise<Run> {
  const { signal, settle, seconds } = options;
  const site = await Site.open(signal);
  const servers: BeatServer[] = [];
  try {
    const subjects = await start(site, sample, servers);
    await pause(settle * 1000, undefined, { signal });
    return await measure(site, subjects, seconds, signal);
  } finally {
    await site.close();
    await Promise.all(servers.map((server) => server.close()));
  }
}

type Subjects = Readonly<Record<Subject, DaemonProcess>>;

async function start(site: Site, sample: Sample, servers: BeatServer[]): Promise<Subjects> {
  await site.certify('master', ['master']);
  await site.certify('aggregator', ['agg-a', 'agg-b']);
  await site.certify('compute', ['daemon', 'still', 'busy']);
  const [top = 0, utilities = 0, a = 0, b = 0] = await freePorts(4);
  const at = (port: number) => ({ host: '127.0.0.1', port });
  const beats = { heartbeat_interval: sample.heartbeat };
  site.daemon('master', 'master', { net: { ...beats, aggregator_listen: at(top), utility_listen: at(utilities) } });
  site.daemon('aggregator', 'agg-a', { net: { ...beats, compute_listen: at(a), master: at(top) } });
  site.daemon('aggregator', 'agg-b', { net: { ...beats, compute_listen: at(b), master: at(top) } });
  await ready(site, new Set(['agg-a', 'agg-b']), 0);

  const hubs = { aggregatorA: at(a), aggregatorB: at(b), ...beats };
  const compute = (node: string, buckets: readonly Bucket[]): DaemonProcess =>
    site.daemon('compute', node, computeSettings(sample, hubs, buckets));
  const items = quickest(sample.buckets)?.item_list ?? [];
  const daemon = compute('daemon', sample.buckets);
  const still = compute('still', []);
  const busy = compute('busy', [{ execution_interval: BUSY_SECONDS, item_list: items }]);
  const credFile = site.credFile('compute', 'daemon');
  const intervalMs = sample.heartbeat * 1000;
  for (const hub of ['agg-a', 'agg-b'])
    servers.push(await beatServer(site.caFile, site.credFile('aggregator', hub), intervalMs));
  const order = { ports: servers.map(({ port }) => port), caFile: site.caFile, credFile, intervalMs };
  const bare = site.process({ name: 'bare', kind: 'bare', argv: [BARE_NODE, JSON.stringify(order)] });
  await ready(site, new Set(['daemon', 'still', 'busy']), 2);
  await site.until('the bare Node is linked', () => bare.tail(1) === 'linked');
  return { daemon, still, busy, bare };
}

/** The sample, without its comments and with what this site has instead of names and paths. */
function computeSettings(sample: Sample, hubs: object, buckets: readonly Bucket[]): Settings {
  const { data_collection: collection, ...rest } = sample.csm;
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(rest)) if (!key.startsWith('#') && key !== 'net') settings[key] = value;
  return { ...settings, net: { ...hubs }, data_collection: { ...(collection as object), buckets } };
}

/** Waits until the master knows each of these nodes, with so many links or more, and its inventory. */
async function ready(site: Site, nodes: ReadonlySet<string>, links: number): Promise<void> {
  const client = site.client('master');
  await site.until(`${[...nodes].join(', ')} are linked and known`, async () => {
    if (!existsSync(site.socket('master'))) return false;
    const known = await client.call('node.list', {}, { timeoutSeconds: 5, signal: site.signal });
    const there = known.filter((n) => nodes.has(n.name) && n.connected && n.kernel_release !== null);
    return there.filter((n) => links === 0 || n.links >= links).length === nodes.size;
  });
}

async function measure(site: Site, subjects: Subjects, seconds: number, signal: AbortSignal): Promise<Run> {
  const began = performance.now();
  const begin = await readAll(subjects);
  const sizes: Record<Subject, number[]> = { daemon: [], still: [], busy: [], bare: [] };
  for (;;) {
    const left = began + seconds * 1000 - performance.now();
    if (left <= 0) break;
    await pause(Math.min(LOOK_MS, left), undefined, { signal });
    site.checkAlive();
    for (const [subject, { rss }] of Object.entries(await readAll(subjects))) sizes[subject as Subject].push(rss);
  }
  const end = await readAll(subjects);
  const took = (performance.now() - began) / 1000;
  const figures = (subject: Subject): Figures =>
    figuresOf(subjects[subject].pid, begin[subject], end[subject], took, sizes[subject]);
  return {
    daemon: figures('daemon'),
    still: figures('still'),
    busy: figures('busy'),
    bare: figures('bare'),
    startMs: begin.daemon.cpuMs + begin.daemon.childrenMs,
  };
}

async function readAll(subjects: Subjects): Promise<Record<Subject, Cost>> {
  const read = (subject: Subject): Promise<Cost> => readCost(subjects[subject].pid);
  const [daemon, still, busy, bare] = await Promise.all([read('daemon'), read('still'), read('busy'), read('bare')]);
  return { daemon, still, busy, bare };
}
