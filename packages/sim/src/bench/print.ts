/** Figures for people, a line each, and the result of `compute-cost` as a table. Pure. */
import type { ComputeCost, Run } from './compute-cost.ts';
import type { Figure } from './figure.ts';
import { cpuMs, type Figures } from './figures.ts';

const SIGNIFICANT = 4;
/** Four digits say all that a shared machine can; whole numbers stay whole. */
const short = (value: number): number =>
  Number.isInteger(value) ? value : Number(value.toPrecision(Math.max(SIGNIFICANT, String(Math.trunc(value)).length)));

/** The figure as a line of JSON. */
export function figureJson(figure: Figure): string {
  const rounded = Object.entries(figure).map(([key, value]) => [key, typeof value === 'number' ? short(value) : value]);
  return JSON.stringify(Object.fromEntries(rounded));
}

export const HEAD = line(['figure', 'value', 'unit', 'baseline', 'ratio', 'nodes', 's', 'must reach']);

/** The figure as a line of a table whose head is `HEAD`. */
export function figureLine(figure: Figure): string {
  const { name, value, unit, baseline, ratio, nodes, seconds, must = '', holds, more = {} } = figure;
  const number = (given: number | null): string => (given === null ? '-' : String(short(given)));
  const verdict = holds === undefined ? must : `${holds ? 'holds ' : 'MISSED'} ${must}`;
  const rest = Object.entries(more).map(([key, of]) => `${key} ${of}`);
  return line([
    name,
    number(value),
    unit,
    number(baseline),
    ratio === null ? '-' : ratio.toFixed(2),
    String(nodes),
    seconds.toFixed(0),
    [verdict, ...rest].filter(Boolean).join('; '),
  ]);
}

function line([
  name = '',
  value = '',
  unit = '',
  baseline = '',
  ratio = '',
  nodes = '',
  seconds = '',
  rest = '',
]: readonly string[]): string {
  const left = `${name.padEnd(24)}${value.padStart(10)} ${unit.padEnd(26)}`;
  return `${left}${baseline.padStart(10)}${ratio.padStart(7)}${nodes.padStart(7)}${seconds.padStart(5)}  ${rest}`.trimEnd();
}

const mib = (bytes: number): string => (bytes / 1024 ** 2).toFixed(1);
interface Row {
  readonly what: string;
  readonly of: (figures: Figures) => number;
  readonly print: (value: number) => string;
}

const ROWS: readonly Row[] = [
  { what: 'RSS, most seen      MiB', of: (f) => f.rssMost, print: mib },
  { what: 'RSS at the end      MiB', of: (f) => f.rssEnd, print: mib },
  { what: 'RSS, peak ever      MiB', of: (f) => f.rssPeak, print: mib },
  { what: 'PSS at the end      MiB', of: (f) => f.pss, print: mib },
  { what: 'CPU, own threads    % of a core', of: (f) => f.cpuPercent, print: (v) => v.toFixed(3) },
  { what: 'CPU, programs run   % of a core', of: (f) => f.childrenPercent, print: (v) => v.toFixed(3) },
  { what: 'CPU in all          ms', of: cpuMs, print: (v) => v.toFixed(0) },
  { what: '  event loop        ms', of: (f) => f.loopMs, print: (v) => v.toFixed(0) },
  { what: '  other threads     ms', of: (f) => f.othersMs, print: (v) => v.toFixed(0) },
  { what: '  programs          ms', of: (f) => f.childrenMs, print: (v) => v.toFixed(0) },
  { what: 'wake-ups            a second', of: (f) => f.wakeUps, print: (v) => v.toFixed(2) },
  { what: '  event loop        count', of: (f) => f.loopWakeUps, print: (v) => v.toFixed(0) },
  { what: '  other threads     count', of: (f) => f.othersWakeUps, print: (v) => v.toFixed(0) },
];

export function computeCostText(cost: ComputeCost): string {
  const { median, round, buckets } = cost;
  const collected = buckets.map((b) => `${b.item_list.join(',')} every ${b.execution_interval}`).join('; ');
  const lines = [
    `compute-cost: ${cost.runs.length} x ${cost.seconds} s, heartbeat ${cost.heartbeat} s, begun ${cost.settle} s after the start`,
    `collected: ${collected}`,
    '',
    [
      'median'.padEnd(32),
      ...['daemon', 'no rounds', 'bare Node', 'difference', 'ratio'].map((t) => t.padStart(11)),
    ].join(''),
    ...ROWS.map((row) => rowText(row, median)),
    '',
    `until the measurement began the daemon had used ${median.startMs.toFixed(0)} ms of CPU`,
    `a round costs ${round.ms.toFixed(2)} ms of CPU, ${round.programsMs.toFixed(2)} of it programs (a daemon with rounds every ${round.everySeconds} s less one without)`,
    '',
    ...cost.limits.map(
      ({ what, unit, most, value, holds }) =>
        `${holds ? 'holds' : 'BROKEN'}  ${what}: ${value.toFixed(2)} ${unit}, allowed ${most}`,
    ),
  ];
  return lines.join('\n');
}

function rowText({ what, of, print }: Row, { daemon, still, bare }: Run): string {
  const [own, base] = [of(daemon), of(bare)];
  const ratio = base > 0 ? (own / base).toFixed(2) : '-';
  return [
    what.padEnd(32),
    ...[print(own), print(of(still)), print(base), print(own - base), ratio].map((t) => t.padStart(11)),
  ].join('');
}
