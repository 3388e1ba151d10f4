/**
 * The live view: counts by state, what is wrong, open incidents and the newest changes, on one screen. It keeps what
 * it shows and no more, and knows neither clock nor terminal.
 */
import type { HeartbeatStatusOutput, HeartbeatWatchItem } from '@csm/client';
import type { Colors } from '../print/colors.ts';
import { count, duration, printable } from '../text.ts';
import { foldedOf } from './fold.ts';
import { incidentLine, paintOf, STATES, toldOf } from './words.ts';

/** With its heads it fits the 24 lines of the smallest terminal. */
const CHANGES_SHOWN = 8;
const INCIDENTS_SHOWN = 4;
const PROBLEMS_SHOWN = 2;
/** Names of one line that are kept; of more it is told how many there are. */
const NAMES_KEPT = 2000;
/** Changes alike join while they come within so many ms of the first. */
const TOGETHER_MS = 2000;

/** Changes of one kind, of one moment. */
interface Line {
  readonly key: string;
  readonly time: string;
  readonly what: string;
  readonly why: string;
  readonly names: Set<string>;
  count: number;
}

type Paint = (text: string) => string;
/** A line of the screen; each part is painted after the line was cut to the width. */
type Row = readonly (readonly [text: string, paint: Paint])[];
const plain: Paint = (text) => text;
const row = (text: string, paint: Paint = plain): Row => [[text, paint]];
const BLANK = row('');

export class Live {
  /** The newest last. */
  readonly #lines: Line[] = [];
  /** Changes since it began. */
  #changes = 0;

  add(item: HeartbeatWatchItem): void {
    const { what, subject, why, incident } = toldOf(item);
    this.#changes++;
    const isIncident = item.kind === 'heartbeat.incident';
    // Silence of many has as many lengths: what joins is what they have in common.
    const key = isIncident ? `${item.seq}` : `${what} ${incident ?? ''}`;
    const at = Date.parse(item.time);
    const known = this.#lines.findLast((line) => line.key === key && at - Date.parse(line.time) <= TOGETHER_MS);
    if (known !== undefined) {
      known.count++;
      if (known.names.size < NAMES_KEPT) known.names.add(subject);
      return;
    }
    this.#lines.push({ key, time: item.time, what, why, names: new Set([subject]), count: 1 });
    if (this.#lines.length > CHANGES_SHOWN) this.#lines.shift();
  }

  /** All lines, each ended. `status` is undefined before the first answer; `note`: why there is no newer one. */
  screen(
    view: {
      readonly status: HeartbeatStatusOutput | undefined;
      readonly note: string | undefined;
      readonly now: number;
    },
    colors: Colors,
    columns: number,
  ): string {
    const { status, note, now } = view;
    const head = `  ${new Date(now).toISOString()}  ${count(this.#changes, 'change')}  Ctrl-C ends`;
    const rows: Row[] = [
      [
        ['csm heartbeat watch', colors.strong],
        [head, plain],
      ],
      BLANK,
      ...(status === undefined ? [row('waiting for the first answer')] : statusRows(status, now, colors)),
      ...(note === undefined ? [] : [row(`! ${printable(note)}`, colors.bad)]),
      BLANK,
      row('newest changes', colors.strong),
      ...(this.#lines.length === 0 ? [row('  none yet')] : []),
      ...this.#lines.toReversed().map((line) => changeRow(line, colors)),
    ];
    return rows.map((one) => `${cut(one, columns)}\n`).join('');
  }
}

function statusRows(status: HeartbeatStatusOutput, now: number, colors: Colors): Row[] {
  const { components, counts, incidents, problems, waiting, last_check: checked, database, manager, bus } = status;
  const waits = waiting.store + waiting.manager + waiting.bus;
  const look = checked === null ? 'not looked yet' : `looked ${duration(now - Date.parse(checked))} ago`;
  const states = STATES.map(
    (state) => [`  ${counts[state]} ${state}`, counts[state] > 0 ? paintOf(colors, state) : plain] as const,
  );
  return [
    [[`${count(components, 'component')}:`, plain], ...states],
    row(`${look}  database ${database}  state manager ${manager}  bus ${bus}  ${count(waits, 'change')} on the way`),
    ...problems.slice(0, PROBLEMS_SHOWN).map((problem) => row(`! ${printable(problem)}`, colors.bad)),
    BLANK,
    row(incidents.length === 0 ? 'no open incident' : count(incidents.length, 'open incident'), colors.strong),
    ...incidents
      .slice(-INCIDENTS_SHOWN)
      .toReversed()
      .map((incident) => row(`  ${incidentLine(incident, now)}`, paintOf(colors, incident.kind))),
  ];
}

function changeRow({ time, what, why, names, count: n }: Line, colors: Colors): Row {
  const folded = foldedOf(names);
  const who = n > 1 ? `${folded} (${n})` : folded;
  // How long one was silent says nothing of the others.
  const reason = n > 1 || why === '' ? '' : `  ${why}`;
  return [
    [`  ${printable(time).slice(11, 19)}  `, plain],
    [printable(what).padEnd(9), paintOf(colors, what)],
    [`  ${printable(who)}${printable(reason)}`, plain],
  ];
}

/** No line is longer than the terminal is wide: it would take two. */
function cut(parts: Row, columns: number): string {
  let room = columns;
  return parts
    .map(([text, paint]) => {
      const part = text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}${room > 0 ? '…' : ''}`;
      room -= part.length;
      return part === '' ? '' : paint(part);
    })
    .join('');
}
