/** A chart as a self-contained SVG 1.1 document: panels below each other on one time axis. */
import { count, printable } from '../text.ts';
import { type Point, usualGap } from './bins.ts';
import type { Curve, Panel } from './chart.ts';
import { timeTicks, valueScale } from './scale.ts';
import { inUnit } from './unit.ts';

export interface Chart {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** The time axis, ms UTC. */
  readonly from: number;
  readonly to: number;
  /** ms that samples are apart at least, where that is known. */
  readonly stepMs?: number | undefined;
}

/** Pixels. */
const WIDTH = 960;
const LEFT = 92;
const RIGHT = WIDTH - 24;
const TOP = 82;
const HEIGHT = 220;
/** Below a panel: labels of its time axis. */
const LABELS = 24;
const LEGEND_LINE = 18;
/** Columns of a legend, and the longest name that has room in one, in characters. */
const LEGENDS = [
  { columns: 3, most: 40 },
  { columns: 2, most: 64 },
  { columns: 1, most: 130 },
] as const;
/** Characters. */
const TITLE_MAX = 110;
/** Times the usual distance of two samples at which a line breaks. */
const GAP = 2.5;

/** Each has a contrast of at least 3 against both backgrounds; dashes tell the second ten from the first. */
export const COLOURS = [
  '#2f7ed8',
  '#d9480f',
  '#2f9e44',
  '#ae3ec9',
  '#b07d00',
  '#0d8f9c',
  '#e0407b',
  '#7a6ff0',
  '#7d8226',
  '#96705a',
];
export const BACKGROUNDS = { light: '#ffffff', dark: '#16181d' };

const STYLE = `text{font:12px system-ui,sans-serif;fill:#22262e}
.title{font-size:16px;font-weight:600}.end{text-anchor:end}.mid{text-anchor:middle}
.paper{fill:${BACKGROUNDS.light}}.grid{stroke:#d5d9e0;fill:none}.frame{stroke:#8a919e;fill:none}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}.band{fill-opacity:.18;stroke-opacity:.3}
.dashed{stroke-dasharray:6 4}
@media(prefers-color-scheme:dark){text{fill:#e4e7ec}.paper{fill:${BACKGROUNDS.dark}}.grid{stroke:#353a44}.frame{stroke:#79808d}}`;

export function svg(chart: Chart): string {
  const from = chart.to > chart.from ? chart.from : chart.from - 30_000;
  const to = chart.to > chart.from ? chart.to : chart.to + 30_000;
  const x = (time: number): number => LEFT + ((time - from) / (to - from)) * (RIGHT - LEFT);
  let top = TOP;
  const body: string[] = [];
  for (const panel of chart.panels) {
    body.push(panelSvg(panel, { top, from, to, x, stepMs: chart.stepMs ?? 0 }));
    top += HEIGHT + LABELS + Math.ceil(panel.curves.length / legendOf(panel.curves).columns) * LEGEND_LINE + 40;
  }
  const isFolded = chart.panels.some(({ curves }) => curves.some(({ folded }) => folded !== undefined));
  const banded = isFolded ? '; bands from the least to the greatest, lines their mean' : '';
  const title = xml(cut(chart.title, TITLE_MAX));
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img">
<title>${title}</title>
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${top}"/>
<text class="title" x="${LEFT}" y="28">${title}</text>
<text x="${LEFT}" y="48">${isoMinute(chart.from)} to ${isoMinute(chart.to)}, UTC${banded}</text>
${body.join('')}</svg>
`;
}

interface Frame {
  readonly top: number;
  readonly from: number;
  readonly to: number;
  readonly x: (time: number) => number;
  readonly stepMs: number;
}

function panelSvg({ unit, heading, curves }: Panel, frame: Frame): string {
  const { top, from, to, x } = frame;
  const bottom = top + HEIGHT;
  const all = curves.flatMap(({ points, folded }) =>
    points.flatMap(({ avg, min, max }) => (folded === undefined ? [avg] : [min, max])),
  );
  const [least, most] = all.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [all[0] ?? 0, all[0] ?? 0]);
  const scale = valueScale(least, most, 6, unit.base === 1024);
  const y = (value: number): number => bottom - ((value - scale.from) / (scale.to - scale.from)) * HEIGHT;
  const rows = scale.ticks.map(
    (tick) => `<path class="grid" d="M${LEFT} ${px(y(tick))}H${RIGHT}"/>
<text class="end" x="${LEFT - 8}" y="${px(y(tick) + 4)}">${xml(inUnit(unit, tick))}</text>\n`,
  );
  const columns = timeTicks(from, to, 9).map(
    ({ time, label }) => `<path class="grid" d="M${px(x(time))} ${top}V${bottom}"/>
<text class="mid" x="${px(x(time))}" y="${bottom + 16}">${label}</text>\n`,
  );
  const drawn = curves.map((curve, i) => curveSvg(curve, i, frame, y));
  const { columns: across, most: longest } = legendOf(curves);
  const legend = curves.map((curve, i) => legendSvg(cut(legendName(curve), longest), i, across, bottom + LABELS + 14));
  const heads = [
    unit.name === '' ? '' : `<text class="end" x="${LEFT - 8}" y="${top - 12}">${xml(unit.name)}</text>\n`,
    heading === '' ? '' : `<text x="${LEFT}" y="${top - 12}">${xml(cut(heading, TITLE_MAX))}</text>\n`,
  ];
  const box = `<rect class="frame" x="${LEFT}" y="${top}" width="${RIGHT - LEFT}" height="${HEIGHT}"/>\n`;
  return `${heads.join('')}${rows.join('')}${columns.join('')}${box}${drawn.join('')}${legend.join('')}`;
}

const look = (i: number): string => {
  const dash = Math.floor(i / COLOURS.length) % 2 === 1 ? ' dashed' : '';
  return `class="line${dash}" stroke="${COLOURS[i % COLOURS.length] ?? ''}"`;
};

/** The line, and for what is folded the band behind it. */
function curveSvg({ points, folded }: Curve, i: number, { x, stepMs }: Frame, y: (value: number) => number): string {
  const runs = unbroken(points, stepMs);
  const at = (time: number, value: number): string => `${px(x(time))} ${px(y(value))}`;
  // Almost without length, round ends make a dot of a lone sample.
  const line = runs
    .map((run) => `M${run.map((p) => at(p.time, p.avg)).join('L')}${run.length === 1 ? 'h.01' : ''}`)
    .join('');
  const path = line === '' ? '' : `<path ${look(i)} d="${line}"/>\n`;
  if (folded === undefined || line === '') return path;
  const band = runs.map((run) => {
    const back = [...run].reverse().map((p) => at(p.time, p.min));
    return `M${[...run.map((p) => at(p.time, p.max)), ...back].join('L')}Z`;
  });
  const colour = COLOURS[i % COLOURS.length] ?? '';
  return `<path class="band" fill="${colour}" stroke="${colour}" d="${band.join('')}"/>\n${path}`;
}

/** Points in runs: where samples are missing the line breaks. */
export function unbroken(points: readonly Point[], stepMs: number): Point[][] {
  const usual = Math.max(stepMs, usualGap(points.map(({ time }) => time)));
  const runs: Point[][] = [];
  for (const point of points) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run === undefined || last === undefined || point.time - last.time > GAP * usual) runs.push([point]);
    else run.push(point);
  }
  return runs;
}

function legendSvg(name: string, i: number, across: number, top: number): string {
  const left = LEFT + (i % across) * ((RIGHT - LEFT) / across);
  const y = top + Math.floor(i / across) * LEGEND_LINE;
  return `<path ${look(i)} d="M${px(left)} ${y - 4}h22"/>\n<text x="${px(left + 28)}" y="${y}">${xml(name)}</text>\n`;
}

/** As many columns as the longest name allows. */
function legendOf(curves: readonly Curve[]): (typeof LEGENDS)[number] {
  const longest = Math.max(0, ...curves.map((curve) => legendName(curve).length));
  return LEGENDS.find(({ most }) => longest <= most) ?? LEGENDS[2];
}

/** `busy_percent (128 nodes, 4 instances)` */
function legendName({ name, folded }: Curve): string {
  if (folded === undefined) return name;
  const instances = folded.instances > 1 ? `, ${folded.instances} instances` : '';
  return `${name} (${count(folded.nodes, 'node')}${instances})`;
}

const px = (value: number): string => String(Number(value.toFixed(1)) + 0);
const isoMinute = (time: number): string => new Date(time).toISOString().slice(0, 16).replace('T', ' ');
const cut = (text: string, most: number): string => {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
};

const ENTITIES: { readonly [c: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for XML 1.0, which has no way at all to hold most control characters. */
export const xml = (text: string): string =>
  printable(text)
    .replace(/[&<>"']/g, (c) => ENTITIES[c] ?? '')
    .replace(/[\ufffe\uffff]/g, '\ufffd');
