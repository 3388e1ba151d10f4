/**
 * Copies of reports on their way through a hub, for a sink beside it: a report the leader has stored is handed to the
 * sink first, and its node hears of the acknowledgement only when the sink has it. A hub that dies in between leaves the
 * report with its node, which sends it again through another hub; the leader knows it and acknowledges it once more.
 *
 * | a stream is… | enters                                       | leaves                                                  |
 * |--------------|----------------------------------------------|---------------------------------------------------------|
 * | followed     | the first report under a claim               | the link is lost; the node claims anew anywhere          |
 * | due          | the leader acknowledged copies we hold       | the next `take`, one at a time for all streams           |
 * | taking       | its copies went out with a `take`            | `taken`: its acknowledgement passes                      |
 * | blind        | no room for the copy of a report             | it holds nothing, and there is room: `again` asks for a  |
 * |              |                                              | new claim                                                |
 *
 * Nothing is passed beyond what was seen here under the claim. A node claimed with `again` sends all it has not seen
 * acknowledged, in order, on one link; so whatever stands below the highest number seen is copied here, or was
 * acknowledged to the node before. A loss of the trunk ends no claim, so copies survive it, and frames that come
 * meanwhile are copied too: once forgotten, what a node sends again could not be told from what was on its way.
 *
 * A blind stream copies nothing more, so only acknowledgements below the report it had no room for still pass.
 *
 * Ignored: acknowledgements of streams that are unknown or of another incarnation. The node's next claim makes it send
 * all of it again.
 */
import { type Json, type Wall, wall } from '@csm/model';
import type { MessageOf } from '@csm/protocol';
import type { LinkId } from '../link/link.ts';

/** What all copies may take: charged bytes, several times what can be under way to a leader, and their number. */
export const COPIES_BYTES = 32 * 1024 * 1024;
export const COPIES_MAX = 100_000;
/** Copies in one `take`; a single stream's are never split. */
const TAKE_MAX = 2000;

/** A report on its way through, as the sink gets it. */
export interface CopiedReport {
  readonly node: string;
  readonly incarnation: string;
  /** Its number in the stream of (daemon, incarnation). */
  readonly seq: number;
  readonly kind: string;
  readonly time: Wall;
  readonly body: Json;
}

export type TapEffect =
  /** To be given to the sink; `taken` must follow. None goes out before that. */
  | { readonly kind: 'take'; readonly reports: readonly CopiedReport[] }
  /** May go to the node now. */
  | ({ readonly kind: 'acked'; readonly link: LinkId } & Ack)
  /** The node of this link must claim anew, for not all it sent is copied. */
  | { readonly kind: 'again'; readonly link: LinkId };

interface Ack {
  readonly incarnation: string;
  readonly cursor: number;
  readonly resend: boolean;
}

interface Copy {
  readonly report: CopiedReport;
  /** Its part of what its frame was charged. */
  readonly cost: number;
}

interface Stream {
  readonly link: LinkId;
  readonly incarnation: string;
  /** The highest number seen under this claim. */
  upTo: number;
  readonly copies: Map<number, Copy>;
  due?: Ack;
  taking: boolean;
  blind: boolean;
}

interface Limits {
  readonly bytes: number;
  readonly count: number;
}

export class Tap {
  readonly kinds: ReadonlySet<string>;
  readonly counters = { copied: 0, taken: 0, forgotten: 0 };
  readonly #limits: Limits;
  readonly #streams = new Map<LinkId, Stream>();
  readonly #due = new Set<Stream>();
  readonly #blind = new Set<Stream>();
  #taking: { readonly acks: readonly (Ack & { readonly of: Stream })[]; readonly size: Limits } | undefined;
  #bytes = 0;
  #count = 0;
  #out: TapEffect[] = [];

  constructor(kinds: Iterable<string>, limits: Limits = { bytes: COPIES_BYTES, count: COPIES_MAX }) {
    this.kinds = new Set(kinds);
    this.#limits = limits;
  }

  /** Charged bytes of all copies, those that the sink is just taking too. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /** A frame of reports under the claim that counts here, whether it can be passed on or not. */
  reports(link: LinkId, node: string, frame: MessageOf<'report'>): void {
    const { incarnation, first, items } = frame;
    const stream = this.#stream(link, incarnation);
    if (stream.blind) return;
    const cost = frame.bytes / items.length;
    for (const [i, { kind, time, body }] of items.entries()) {
      const seq = first + i;
      const isWanted = this.kinds.has(kind) && !stream.copies.has(seq);
      if (isWanted && (this.#bytes + cost > this.#limits.bytes || this.#count >= this.#limits.count)) {
        stream.blind = true;
        this.#blind.add(stream);
        return;
      }
      stream.upTo = Math.max(stream.upTo, seq);
      if (!isWanted) continue;
      const report = { node, incarnation, seq, kind, time: wall(time), body: body as Json };
      stream.copies.set(seq, { report, cost });
      this.#bytes += cost;
      this.#count++;
      this.counters.copied++;
    }
  }

  /** The leader stored a stream up to a cursor. */
  ack(link: LinkId, { incarnation, cursor, resend }: Ack): void {
    const stream = this.#streams.get(link);
    if (stream === undefined || stream.incarnation !== incarnation) return;
    const ack = { incarnation, cursor: Math.min(cursor, stream.upTo), resend: resend || stream.due?.resend === true };
    if (stream.taking || holds(stream, ack.cursor)) {
      stream.due = ack;
      this.#due.add(stream);
    } else this.#out.push({ kind: 'acked', link, ...ack });
  }

  /** The claim does not count any more: its link is lost, or the node claimed anew, here or elsewhere. */
  ended(link: LinkId): void {
    const stream = this.#streams.get(link);
    if (stream !== undefined) this.#forget(stream);
  }

  /** The sink has what the last `take` gave it. */
  taken(): void {
    const { acks = [], size } = this.#taking ?? {};
    this.#taking = undefined;
    this.#bytes -= size?.bytes ?? 0;
    this.#count -= size?.count ?? 0;
    this.counters.taken += size?.count ?? 0;
    // What is left is the rounding of parts of frames.
    if (this.#count === 0) this.#bytes = 0;
    for (const { of, ...ack } of acks) {
      of.taking = false;
      if (this.#streams.get(of.link) === of) this.#out.push({ kind: 'acked', link: of.link, ...ack });
    }
  }

  takeEffects(): TapEffect[] {
    if (this.#taking === undefined && this.#due.size > 0) this.#take();
    if (this.#blind.size > 0 && this.#bytes <= this.#limits.bytes / 2 && this.#count <= this.#limits.count / 2) {
      for (const stream of this.#blind) {
        // With a new claim it would lose what it holds, and might never come to its end.
        if (stream.taking || stream.copies.size > 0) continue;
        this.#blind.delete(stream);
        this.#out.push({ kind: 'again', link: stream.link });
      }
    }
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #stream(link: LinkId, incarnation: string): Stream {
    const known = this.#streams.get(link);
    if (known?.incarnation === incarnation) return known;
    if (known !== undefined) this.#forget(known);
    const stream: Stream = { link, incarnation, upTo: 0, copies: new Map(), taking: false, blind: false };
    this.#streams.set(link, stream);
    return stream;
  }

  #take(): void {
    const reports: CopiedReport[] = [];
    const acks: (Ack & { readonly of: Stream })[] = [];
    let bytes = 0;
    for (const stream of this.#due) {
      if (reports.length >= TAKE_MAX) break;
      const { due } = stream;
      this.#due.delete(stream);
      if (due === undefined) continue;
      delete stream.due;
      stream.taking = true;
      acks.push({ ...due, of: stream });
      for (const [seq, { report, cost }] of stream.copies) {
        if (seq > due.cursor) continue;
        stream.copies.delete(seq);
        reports.push(report);
        bytes += cost;
      }
    }
    this.#taking = { acks, size: { bytes, count: reports.length } };
    // Copies of a stream that was taken from a moment ago may all have gone with it.
    if (reports.length > 0) this.#out.push({ kind: 'take', reports });
    else this.taken();
  }

  #forget(stream: Stream): void {
    for (const { cost } of stream.copies.values()) this.#bytes -= cost;
    this.#count -= stream.copies.size;
    this.counters.forgotten += stream.copies.size;
    this.#streams.delete(stream.link);
    this.#due.delete(stream);
    this.#blind.delete(stream);
  }
}

function holds({ copies }: Stream, cursor: number): boolean {
  for (const seq of copies.keys()) if (seq <= cursor) return true;
  return false;
}
