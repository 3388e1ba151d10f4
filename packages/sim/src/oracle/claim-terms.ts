/** The terms of claims as a master has committed them: who has claimed anew since, whichever aggregator it was through. */
import Database from 'better-sqlite3';

const TERMS = "SELECT node_name, term FROM daemon WHERE role = 'compute' AND primary_agg IS NOT NULL";

export class ClaimTerms {
  readonly #db: Database.Database;
  readonly #rows: Database.Statement<[], readonly [string, number]>;
  #version: unknown;

  /** `file`: of a SQLite database that a master has open. */
  constructor(file: string) {
    this.#db = new Database(file, { readonly: true, fileMustExist: true });
    this.#rows = this.#db.prepare<[], readonly [string, number]>(TERMS).raw();
  }

  read(): ReadonlyMap<string, number> {
    return new Map(this.#rows.all());
  }

  /** How many of `before` have claimed since; undefined when nobody has committed anything since it was last asked. */
  risen(before: ReadonlyMap<string, number>): number | undefined {
    const version = this.#db.pragma('data_version', { simple: true });
    if (version === this.#version) return undefined;
    this.#version = version;
    return risen(before, this.read());
  }

  close(): void {
    this.#db.close();
  }
}

/** How many nodes of `before` have a higher term in `now`. Pure. */
export function risen(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): number {
  let count = 0;
  for (const [node, term] of before) if ((now.get(node) ?? term) > term) count++;
  return count;
}
