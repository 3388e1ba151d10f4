/**
 * What a chart shows of samples. Metrics of one unit share a panel. In a panel each series (a node's metric) is a line
 * of its own up to a number that can be told apart; more are folded, for each metric over all nodes and instances,
 * into its mean within a band from least to greatest. What is held depends on
 * the names of nodes and of metrics, not on how many samples they gave.
 */
import { code, fail } from '@csm/model';
import { either, printable } from '../text.ts';
import { type Bins, type Point, TimeBins } from './bins.ts';
import { type Sample, timeOf } from './sample.ts';
import { bareMetric, type Unit, unitOf } from './unit.ts';

export interface Curve {
  readonly name: string;
  /** In the panel's unit, by time. */
  readonly points: readonly Point[];
  /** What is folded into it; absent for a line. */
  readonly folded?: { readonly nodes: number; readonly instances: number };
}

export interface Panel {
  readonly unit: Unit;
  /** The metric of all its curves where they have but one and are named by their nodes; else empty. */
  readonly heading: string;
  readonly curves: readonly Curve[];
}

/** Lines and bands of one panel that a person can tell apart. */
export const CURVES_MAX = 20;
/** Panels below each other. */
export const PANELS_MAX = 8;
/** Bins of a curve: about one a pixel. */
const BINS = 1024;
/** Names of metrics told when there are too many. */
const NAMES_MAX = 12;

interface Line {
  readonly node: string;
  readonly metric: string;
  readonly bins: Bins;
}

/** When a node measured. */
interface Rounds {
  first: number;
  last: number;
  gaps: number;
}

interface Band {
  readonly bins: Bins;
  /** Names with their instances. */
  readonly metrics: Set<string>;
}

interface Building {
  readonly unit: Unit;
  /** By node and metric, until there are too many of them. */
  lines: Map<string, Line> | undefined;
  /** By metric without its instance. */
  readonly bands: Map<string, Band>;
}

export class ChartData {
  readonly #bins: TimeBins;
  readonly #panels = new Map<string, Building>();
  readonly #nodes = new Map<string, Rounds>();
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  samples = 0;

  /** `stepMs` when the samples are known to stand on such steps. */
  constructor(stepMs?: number) {
    this.#bins = new TimeBins(BINS, stepMs);
  }

  /** Throws code 9 when there are more metrics than one chart can show. */
  add(sample: Sample): void {
    const time = timeOf(sample);
    this.samples++;
    this.#round(sample.node, time);
    this.#from = Math.min(this.#from, time);
    this.#to = Math.max(this.#to, time);
    for (const [metric, value] of Object.entries(sample.values)) {
      const unit = unitOf(metric);
      this.#add(this.#panel(unit, metric), sample.node, metric, time, value * unit.factor);
    }
  }

  /** ms UTC of the first and the last sample. */
  get span(): { readonly from: number; readonly to: number } {
    return { from: this.#from, to: this.#to };
  }

  /** Panels in the order in which their units came. Ends the collection. */
  panels(): Panel[] {
    const all = [...this.#panels.values()];
    const named = new Map(all.map((panel) => [panel, panel.lines && this.#named([...panel.lines.values()])]));
    // Nodes measure at moments of their own: a band is only true where each of them is in each of its bins.
    if (all.some(({ lines }) => lines === undefined)) this.#bins.coarsen(this.#interval());
    return all.map((panel) => {
      const { unit, bands } = panel;
      const lines = named.get(panel);
      if (lines !== undefined) return { unit, ...lines };
      const nodes = this.#nodes.size;
      const curves = [...bands].map(([name, { bins, metrics }]) => {
        return { name, points: this.#bins.points(bins), folded: { nodes, instances: metrics.size } };
      });
      return { unit, heading: '', curves };
    });
  }

  #round(node: string, time: number): void {
    const rounds = this.#nodes.get(node);
    if (rounds === undefined) {
      this.#nodes.set(node, { first: time, last: time, gaps: 0 });
      return;
    }
    rounds.first = Math.min(rounds.first, time);
    rounds.last = Math.max(rounds.last, time);
    rounds.gaps++;
  }

  /** The usual time between two samples of a node, ms. */
  #interval(): number {
    const all = [...this.#nodes.values()]
      .filter(({ gaps }) => gaps > 0)
      .map(({ first, last, gaps }) => (last - first) / gaps);
    all.sort((a, b) => a - b);
    return all[Math.floor(all.length / 2)] ?? 0;
  }

  #panel(unit: Unit, metric: string): Building {
    let panel = this.#panels.get(unit.name);
    if (panel !== undefined) return panel;
    if (this.#panels.size === PANELS_MAX) {
      const units = [...this.#panels.keys()].map((name) => (name === '' ? 'none' : name)).join(', ');
      tooMany(`metrics of more than ${PANELS_MAX} units (${units}, and that of ${printable(metric)})`, this.#metrics());
    }
    panel = { unit, lines: new Map(), bands: new Map() };
    this.#panels.set(unit.name, panel);
    return panel;
  }

  #add(panel: Building, node: string, metric: string, time: number, value: number): void {
    const key = `${node} ${metric}`;
    const bare = bareMetric(metric);
    let band = panel.bands.get(bare);
    if (band === undefined) {
      if (panel.bands.size === CURVES_MAX) tooMany(`more than ${CURVES_MAX} metrics of one unit`, this.#metrics());
      band = { bins: this.#bins.series(), metrics: new Set() };
      panel.bands.set(bare, band);
    }
    band.metrics.add(metric);
    this.#bins.add(band.bins, time, value);
    if (panel.lines === undefined) return;
    let line = panel.lines.get(key);
    if (line === undefined) {
      if (panel.lines.size === CURVES_MAX) {
        for (const { bins } of panel.lines.values()) this.#bins.drop(bins);
        panel.lines = undefined;
        return;
      }
      line = { node, metric, bins: this.#bins.series() };
      panel.lines.set(key, line);
    }
    this.#bins.add(line.bins, time, value);
  }

  /** A line bears what tells it from the others: its metric, its node or both. */
  #named(lines: readonly Line[]): { readonly heading: string; readonly curves: readonly Curve[] } {
    const [metric = '', ...others] = new Set(lines.map((line) => line.metric));
    const name = (line: Line): string => {
      if (this.#nodes.size === 1) return line.metric;
      return others.length === 0 ? line.node : `${line.node} ${line.metric}`;
    };
    const curves = lines.map((line) => ({ name: name(line), points: this.#bins.points(line.bins) }));
    return { heading: others.length === 0 && this.#nodes.size > 1 ? metric : '', curves };
  }

  #metrics(): string[] {
    return [...this.#panels.values()].flatMap(({ bands }) => [...bands.keys()]);
  }
}

function tooMany(what: string, metrics: readonly string[]): never {
  const some = metrics.slice(0, NAMES_MAX).map(printable);
  return fail(code.INVALID_PARAMETER, `there are ${what}: too many for one chart`, {
    field: '--metric',
    allowed: `fewer metrics, such as ${either(some)}`,
  });
}
