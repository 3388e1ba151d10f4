/** A node's disk: lines that survive its process. A crash in the middle of a write leaves a part of it. */
import type { JournalRecord } from '../../src/outbox/state.ts';
import type { Random } from './random.ts';

export class Journal {
  #lines: string[] = [];

  get size(): number {
    return this.#lines.length;
  }

  /** What a start finds: a torn last line was never acknowledged to anybody and is dropped. */
  read(): JournalRecord[] {
    const last = this.#lines.at(-1);
    if (last !== undefined && !whole(last)) this.#lines.pop();
    return this.#lines.map((line) => JSON.parse(line) as JournalRecord);
  }

  append(records: readonly JournalRecord[]): void {
    for (const record of records) this.#lines.push(JSON.stringify(record));
  }

  /** The process died while it wrote: some first part of it is there, its last line maybe torn. */
  appendTorn(records: readonly JournalRecord[], random: Random): void {
    const kept = random.between(0, records.length);
    this.append(records.slice(0, kept));
    const torn = records[kept];
    if (torn === undefined || random.chance(0.5)) return;
    const line = JSON.stringify(torn);
    this.#lines.push(line.slice(0, random.between(1, line.length - 1)));
  }

  /** Compaction: all at once, by a rename. */
  replace(records: readonly JournalRecord[]): void {
    this.#lines = records.map((record) => JSON.stringify(record));
  }

  lose(): void {
    this.#lines = [];
  }
}

function whole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
