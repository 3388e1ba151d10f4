import { createRequire } from 'node:module';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type * as Prom from 'prom-client';

/**
 * The figures of one daemon, in a registry of its own: several daemons may live in one process. Names get the prefix
 * `csm_`. Label values come from the program's own small sets, never from input; as a guard each metric keeps at most
 * `SERIES_MAX` combinations and counts what it leaves out in `csm_metrics_left_out_total`.
 */

export const SERIES_MAX = 1_000;
export type Labels = Readonly<Record<string, string | number>>;

export interface Counter {
  inc(by?: number, labels?: Labels): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
  /** Forgets one combination of labels. */
  remove(labels: Labels): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** What a figure that is read at each scrape gives: a number, or one for each combination of labels. */
export type Reading = number | readonly (readonly [Labels, number])[];

/** A figure as the reference page and the checks of rules and dashboards see it. */
export interface MetricRow {
  /** With prefix; a histogram is told as `_bucket`, `_sum` and `_count` of it. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Beside the common ones. */
  readonly labels: readonly string[];
}

export interface Metrics {
  /** Name without prefix, such as `reports_stored_total`. */
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  /** A gauge whose value is read when asked for; a reader that throws leaves it out. */
  gaugeOf(name: string, help: string, read: () => Reading, labels?: readonly string[]): void;
  /** A counter that somebody else keeps, read when asked for; it must never fall while its keeper lives. */
  counterOf(name: string, help: string, read: () => Reading, labels?: readonly string[]): void;
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Histogram;
  /** All figures in the text form of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
  /** All there is, in the order in which it was made. */
  rows(): readonly MetricRow[];
  /** Stops measuring the event loop. */
  close(): void;
}

/** `common` labels stand at every figure, such as `{role: 'master', node: 'm1'}`. */
export function createMetrics(common: Labels = {}): Metrics {
  // Loaded by whoever measures: a compute daemon that does not has one library less in memory.
  const prom = createRequire(import.meta.url)('prom-client') as typeof Prom;
  const registry = new prom.Registry();
  registry.setDefaultLabels({ ...common });
  const registers = [registry];
  const rows: MetricRow[] = [];
  const full = (type: MetricRow['type'], name: string, help: string, labels: readonly string[]) => {
    rows.push({ name: `csm_${name}`, type, help, labels });
    return { name: `csm_${name}`, help, labelNames: [...labels], registers };
  };
  const leftOut = new prom.Counter(
    full('counter', 'metrics_left_out_total', 'Values of label combinations past the limit', ['metric']),
  );

  function guard(name: string): { admits(labels: Labels): boolean; forget(labels: Labels): void } {
    const known = new Set<string>();
    const keyOf = (labels: Labels): string =>
      JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    return {
      admits(labels) {
        const key = keyOf(labels);
        if (known.has(key)) return true;
        if (known.size >= SERIES_MAX) {
          leftOut.inc({ metric: name });
          return false;
        }
        known.add(key);
        return true;
      },
      forget: (labels) => void known.delete(keyOf(labels)),
    };
  }

  /** What a reader gives, within the bound; one that throws gives nothing. */
  function series(name: string, read: () => Reading): readonly (readonly [Labels, number])[] {
    const all = readSafely(read).filter(([, value]) => Number.isFinite(value));
    if (all.length > SERIES_MAX) leftOut.inc({ metric: name }, all.length - SERIES_MAX);
    return all.slice(0, SERIES_MAX);
  }

  const metrics: Metrics = {
    counter(name, help, labelNames = []) {
      const counter = new prom.Counter(full('counter', name, help, labelNames));
      const series = guard(name);
      return {
        inc(by = 1, labels = {}) {
          if (series.admits(labels)) counter.inc({ ...labels }, by);
        },
      };
    },
    gauge(name, help, labelNames = []) {
      const gauge = new prom.Gauge(full('gauge', name, help, labelNames));
      const series = guard(name);
      return {
        set(value, labels = {}) {
          if (series.admits(labels)) gauge.set({ ...labels }, value);
        },
        remove(labels) {
          series.forget(labels);
          gauge.remove({ ...labels });
        },
      };
    },
    gaugeOf(name, help, read, labelNames = []) {
      const gauge = new prom.Gauge({
        ...full('gauge', name, help, labelNames),
        collect() {
          gauge.reset();
          // Without labels a reset leaves a zero behind, which would be told for a reader that failed.
          if (labelNames.length === 0) gauge.remove({});
          for (const [labels, value] of series(name, read)) gauge.set({ ...labels }, value);
        },
      });
    },
    counterOf(name, help, read, labelNames = []) {
      const counter = new prom.Counter({
        ...full('counter', name, help, labelNames),
        collect() {
          counter.reset();
          if (labelNames.length === 0) counter.remove({});
          for (const [labels, value] of series(name, read)) counter.inc({ ...labels }, Math.max(0, value));
        },
      });
    },
    histogram(name, help, buckets, labelNames = []) {
      const histogram = new prom.Histogram({ ...full('histogram', name, help, labelNames), buckets: [...buckets] });
      const series = guard(name);
      return {
        observe(value, labels = {}) {
          if (series.admits(labels)) histogram.observe({ ...labels }, value);
        },
      };
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
    rows: () => rows,
    close: () => void loop.disable(),
  };
  const loop = addProcessFigures(metrics);
  return metrics;
}

function readSafely(read: () => Reading): readonly (readonly [Labels, number])[] {
  try {
    const value = read();
    return typeof value === 'number' ? [[{}, value]] : value;
  } catch {
    return [];
  }
}

const LOOP_RESOLUTION_MS = 20;

function addProcessFigures(metrics: Metrics): IntervalHistogram {
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  // The histogram measures the distance of two ticks, so an idle loop reads its resolution: take that off.
  const lag = (ns: number): number => (Number.isFinite(ns) ? Math.max(0, ns / 1e9 - LOOP_RESOLUTION_MS / 1e3) : 0);
  const readLag = (): Reading => {
    const reading: Reading = [
      [{ percentile: '50' }, lag(loop.percentile(50))],
      [{ percentile: '99' }, lag(loop.percentile(99))],
      [{ percentile: '100' }, lag(loop.max)],
    ];
    loop.reset();
    return reading;
  };
  metrics.gaugeOf('event_loop_lag_seconds', 'How late the event loop ran since the last scrape', readLag, [
    'percentile',
  ]);
  metrics.gaugeOf('process_resident_memory_bytes', 'Memory of the process in RAM', () => process.memoryUsage.rss());
  metrics.gaugeOf('process_heap_used_bytes', 'JavaScript heap in use', () => process.memoryUsage().heapUsed);
  const startedAt = Math.round(Date.now() - process.uptime() * 1e3) / 1e3;
  metrics.gaugeOf('process_start_time_seconds', 'When the process began, seconds since 1970', () => startedAt);
  metrics.counterOf('process_cpu_seconds_total', 'Processor time used so far', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  return loop;
}
