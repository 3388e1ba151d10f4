/** The terms of claims as a master has committed them: who has claimed anew since, whichever aggregator it was through. */
import Database from 'better-sqlite3';

const TERMS = "SELECT node_name, term FROM daemon WHERE role = 'compute' AND primary_agg IS NOT NULL";

export class ClaimTerms {
  readonly #db: Database.Database;
  readonly #rows: Database.Statement<[], readonly [string, number]>;
  #version: unknown;
  #terms: ReadonlyMap<string, number> = new Map();

  /** `file`: of a SQLite database that a master has open. */
  constructor(file: string) {
    this.#db = new Database(file, { readonly: true, fileMustExist: true });
    this.#rows = this.#db.prepare<[], readonly [string, number]>(TERMS).raw();
  }

  /** The same map as before where nobody has committed anything since. */
  read(): ReadonlyMap<string, number> {
    const version = this.#db.pragma('data_version', { simple: true });
    if (version !== this.#version) this.#terms = new Map(this.#rows.all());
    this.#version = version;
    return this.#terms;
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
