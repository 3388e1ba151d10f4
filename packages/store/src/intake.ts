/**
 * Reports into the database exactly once. A node numbers its reports 1, 2, 3 … within one incarnation of its journal,
 * and may send any of them again. The master keeps one cursor per (daemon, incarnation): all up to it are stored. A
 * batch is judged against the cursor; what is new goes to the appliers, and the cursor moves in the same transaction,
 * so that after a crash either both have happened or neither.
 *
 * An applier that throws has met bad content: its group is undone and halved until the culprit stands alone. That one
 * goes to `rejected_report`, counts as committed, and the rest is stored. Code 24 (no room, I/O error) says nothing
 * about content: it fails the whole call, and the nodes send again later.
 */
import { type Code, code, codeName, fail, isObject, type Problem, parseDaemonId, toProblem, wall } from '@csm/model';
import { type Among, rowsAmong } from './among.ts';
import type { ReportApplier, ReportItem, Tx } from './module.ts';

export interface ReportBatch {
  /** `role/node`, such as `compute/n001`. */
  readonly daemon: string;
  readonly incarnation: string;
  /** The number of the first item; the others follow without a gap. */
  readonly first: number;
  readonly items: readonly { readonly kind: string; readonly time: number; readonly body: unknown }[];
}

/** Input of `store.commitReports`. */
export interface CommitReports {
  readonly batches: readonly ReportBatch[];
}

export interface BatchResult {
  readonly daemon: string;
  readonly incarnation: string;
  /** The number of the last report stored. */
  readonly cursor: number;
  /** The batch began above cursor + 1: nothing of it was stored, the node must resend from there. */
  readonly gap: boolean;
  readonly stored: number;
  readonly repeated: number;
  readonly rejected: number;
}

/** Output of `store.commitReports`: one result a batch, in the same order. */
export interface CommitReportsResult {
  readonly results: readonly BatchResult[];
}

export interface StreamId {
  readonly daemon: string;
  readonly incarnation: string;
}

export interface Judgement {
  readonly kind: 'gap' | 'repeat' | 'store';
  /** How many items at the beginning are stored already. */
  readonly skip: number;
}

/** A batch of `count` items numbered from `first`, held against a cursor. */
export function judgeBatch(cursor: number, first: number, count: number): Judgement {
  if (first > cursor + 1) return { kind: 'gap', skip: 0 };
  const known = cursor + 1 - first;
  return known >= count ? { kind: 'repeat', skip: count } : { kind: 'store', skip: known };
}

/** Characters of a rejected report's body that are kept, and how many such reports. */
export const REJECTED_BODY_MAX = 64 * 1024;
export const REJECTED_KEPT = 10_000;
const REASON_MAX = 1_000;
const INCARNATION_MAX = 128;

interface Stream extends StreamId {
  /** The cursor in the table; undefined when the stream has no row yet. */
  readonly from: number | undefined;
  cursor: number;
}

interface Kinded extends ReportItem {
  readonly kind: string;
  /** The batch it came in, for the count of rejected ones. */
  readonly batch: number;
}

/** The procedure `store.commitReports`, with the appliers of all modules. */
export function commitReports(appliers: ReadonlyMap<string, ReportApplier>) {
  return async (tx: Tx, input: CommitReports): Promise<CommitReportsResult> => {
    const batches = checkBatches(input);
    const streams = await openStreams(tx, batches);
    const groups = new Map<string, Kinded[]>();
    const results: { cursor: number; gap: boolean; stored: number; repeated: number; rejected: number }[] = [];
    for (const [b, batch] of batches.entries()) {
      const stream = required(streams.get(keyOf(batch)));
      const { kind, skip } = judgeBatch(stream.cursor, batch.first, batch.items.length);
      const stored = kind === 'store' ? batch.items.length - skip : 0;
      if (stored > 0) {
        stream.cursor += stored;
        sortByKind(groups, batch, b, skip);
      }
      results.push({ cursor: stream.cursor, gap: kind === 'gap', stored, repeated: skip, rejected: 0 });
    }
    for (const [kind, items] of groups) {
      await apply(tx, kind, appliers.get(kind), items, (item) => {
        const result = results[item.batch];
        if (result !== undefined) {
          result.rejected += 1;
          result.stored -= 1;
        }
      });
    }
    await saveCursors(tx, [...streams.values()]);
    return {
      results: batches.map(({ daemon, incarnation }, b) => ({ daemon, incarnation, ...required(results[b]) })),
    };
  };
}

const keyOf = ({ daemon, incarnation }: StreamId): string => `${daemon} ${incarnation}`;

/** The streams named, each once, with their cursors; one statement however many they are. */
async function openStreams(tx: Tx, named: readonly StreamId[]): Promise<Map<string, Stream>> {
  const streams = new Map<string, Stream>();
  for (const { daemon, incarnation } of named) {
    streams.set(keyOf({ daemon, incarnation }), { daemon, incarnation, from: undefined, cursor: 0 });
  }
  const keys = [...streams.values()].map(({ daemon, incarnation }) => [daemon, incarnation]);
  for (const { daemon, incarnation, cursor } of await rowsAmong<StreamId & { readonly cursor: number }>(
    tx,
    STREAM,
    keys,
  )) {
    streams.set(keyOf({ daemon, incarnation }), { daemon, incarnation, from: cursor, cursor });
  }
  return streams;
}

const STREAM: Among = {
  table: 'stream',
  columns: ['daemon', 'incarnation', 'cursor'],
  key: [
    ['daemon', 'TEXT'],
    ['incarnation', 'TEXT'],
  ],
};

/** A stream without news is not written: repeats and gaps cost no row. */
async function saveCursors(tx: Tx, streams: readonly Stream[]): Promise<void> {
  const moved = streams.filter(({ from, cursor }) => cursor !== (from ?? 0));
  await tx.insert(
    'stream',
    ['daemon', 'incarnation', 'cursor', 'updated'],
    moved.map(({ daemon, incarnation, cursor }) => [daemon, incarnation, cursor, tx.now]),
    { onConflict: '(daemon, incarnation) DO UPDATE SET cursor = excluded.cursor, updated = excluded.updated' },
  );
}

function sortByKind(groups: Map<string, Kinded[]>, batch: ReportBatch, b: number, skip: number): void {
  const { daemon, incarnation, first } = batch;
  const { role, node } = required(parseDaemonId(daemon));
  for (let i = skip; i < batch.items.length; i++) {
    const { kind, time, body } = required(batch.items[i]);
    const item = { daemon, role, node, incarnation, seq: first + i, time: wall(time), body, kind, batch: b };
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [item]);
    else group.push(item);
  }
}

/** Stores a group; a group that fails for its content is halved until the culprit is alone. */
async function apply(
  tx: Tx,
  kind: string,
  applier: ReportApplier | undefined,
  items: readonly Kinded[],
  rejected: (item: Kinded) => void,
): Promise<void> {
  if (applier === undefined) {
    for (const item of items) {
      await setAside(tx, item, { code: code.BAD_EVENT_TYPE, detail: `no feature stores reports of kind ${kind}` });
      rejected(item);
    }
    return;
  }
  try {
    await tx.attempt((inner) => applier(inner, items));
  } catch (thrown) {
    const reason = toProblem(thrown, code.DATABASE);
    // No room, no time: that says nothing about content.
    if (reason.code === code.DATABASE_UNAVAILABLE || reason.code === code.TIMEOUT) throw thrown;
    const [culprit] = items;
    if (items.length === 1 && culprit !== undefined) {
      await setAside(tx, culprit, reason);
      rejected(culprit);
      return;
    }
    const half = Math.ceil(items.length / 2);
    await apply(tx, kind, applier, items.slice(0, half), rejected);
    await apply(tx, kind, applier, items.slice(half), rejected);
  }
}

async function setAside(tx: Tx, item: Kinded, reason: Pick<Problem, 'code' | 'detail'>): Promise<void> {
  const text = `${reason.code} ${codeName(reason.code as Code)}: ${reason.detail}`.slice(0, REASON_MAX);
  const body = (JSON.stringify(item.body) ?? 'null').slice(0, REJECTED_BODY_MAX);
  await tx.run(
    `INSERT INTO rejected_report (time, daemon, incarnation, seq, kind, reason, body)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [tx.now, item.daemon, item.incarnation, item.seq, plain(item.kind.slice(0, 128)), plain(text), body],
  );
  await tx.run('DELETE FROM rejected_report WHERE id <= (SELECT max(id) FROM rejected_report) - $1', [REJECTED_KEPT]);
}

/** No column takes U+0000, and a report that is set aside must find its place whatever it holds. */
const plain = (text: string): string => text.replaceAll('\0', '\uFFFD');

/** The cursors of streams, in the order asked; 0 for one never seen. */
export async function cursors(
  tx: Tx,
  input: { readonly streams: readonly StreamId[] },
): Promise<{ readonly cursors: readonly (StreamId & { readonly cursor: number })[] }> {
  const asked = checkStreams(input);
  const streams = await openStreams(tx, asked);
  return {
    cursors: asked.map(({ daemon, incarnation }) => {
      return { daemon, incarnation, cursor: streams.get(keyOf({ daemon, incarnation }))?.cursor ?? 0 };
    }),
  };
}

/**
 * Forgets streams that will never speak again: journals that are gone, nodes that were removed. Either those named, or
 * all not heard of since a moment. A forgotten journal that does come back would be stored a second time.
 */
export async function forgetStreams(
  tx: Tx,
  input: { readonly streams?: readonly StreamId[]; readonly unusedSince?: number },
): Promise<{ readonly forgotten: number }> {
  let forgotten = 0;
  if (input.streams !== undefined) {
    for (const { daemon, incarnation } of checkStreams({ streams: input.streams })) {
      const sql = 'DELETE FROM stream WHERE daemon = $1 AND incarnation = $2';
      forgotten += (await tx.run(sql, [daemon, incarnation])).changes;
    }
  }
  if (input.unusedSince !== undefined) {
    forgotten += (await tx.run('DELETE FROM stream WHERE updated < $1', [input.unusedSince])).changes;
  }
  return { forgotten };
}

function checkBatches(input: CommitReports): readonly ReportBatch[] {
  if (!isObject(input) || !Array.isArray(input.batches)) refuse('batches', input?.batches, 'an array of batches');
  for (const [b, batch] of input.batches.entries()) {
    const at = `batches[${b}]`;
    checkStream(batch, at);
    if (!Number.isSafeInteger(batch.first) || batch.first < 1) refuse(`${at}.first`, batch.first, 'an integer from 1');
    if (!Array.isArray(batch.items)) refuse(`${at}.items`, batch.items, 'an array of reports');
    for (const [i, item] of batch.items.entries()) {
      if (!isObject(item)) refuse(`${at}.items[${i}]`, item, '{kind, time, body}');
      if (typeof item.kind !== 'string') refuse(`${at}.items[${i}].kind`, item.kind, 'a string');
      if (!Number.isSafeInteger(item.time)) refuse(`${at}.items[${i}].time`, item.time, 'integer milliseconds');
    }
  }
  return input.batches;
}

function checkStreams(input: { readonly streams: readonly StreamId[] }): readonly StreamId[] {
  if (!isObject(input) || !Array.isArray(input.streams)) refuse('streams', input?.streams, 'an array of streams');
  for (const [s, stream] of input.streams.entries()) checkStream(stream, `streams[${s}]`);
  return input.streams;
}

/** What no database keeps as it is: U+0000, and half a surrogate pair. */
const NO_TEXT = /\0|\p{Surrogate}/u;

function checkStream(stream: StreamId, at: string): void {
  if (!isObject(stream)) refuse(at, stream, 'an object');
  const { daemon, incarnation } = stream;
  if (typeof daemon !== 'string' || parseDaemonId(daemon) === undefined) {
    refuse(`${at}.daemon`, daemon, 'role/node, such as compute/n001');
  }
  if (
    typeof incarnation !== 'string' ||
    incarnation === '' ||
    incarnation.length > INCARNATION_MAX ||
    NO_TEXT.test(incarnation)
  ) {
    refuse(`${at}.incarnation`, incarnation, `text of 1 to ${INCARNATION_MAX} characters, none of them U+0000`);
  }
}

const refuse = (field: string, given: unknown, allowed: string): never =>
  fail(code.INVALID_PARAMETER, `${field} is ${(JSON.stringify(given) ?? 'missing').slice(0, 100)}`, { field, allowed });

function required<T>(value: T | undefined): T {
  return value ?? fail(code.DATABASE, 'the database gave no row where one must be');
}
