import { code, err, type JsonObject, nearest, ok, type Problem, problem, type Result } from '@csm/model';
import type { TSchema } from 'typebox';
// The check alone: `typebox/compile` brings conversion, defaults and codecs along, 180 modules more at each start.
import { Compile } from 'typebox/schema';
import { faultProblem, faults } from './faults.ts';
import { type InputParts, mergeInput } from './input.ts';
import { type Placement, place } from './placement.ts';
import { type ApiRow, DEFAULT_TIMEOUT_SECONDS } from './row.ts';
import { rowMistakes } from './row-check.ts';

/** A row as the table keeps it: time-out filled in, fields placed. */
export interface TableRow extends ApiRow {
  readonly timeoutSeconds: number;
  readonly placement: Placement;
}

/** A path longer than this is not compared with the known ones. */
const NEAREST_PATH_MAX = 200;

/** All calls of the API. Immutable; a mistake in a row throws at once, with every mistake named. */
export class ApiTable {
  readonly rows: readonly TableRow[];
  /** Those that are offered over HTTP: all but the internal ones. */
  readonly offered: readonly TableRow[];
  readonly #byName = new Map<string, TableRow>();
  readonly #checks = new Map<
    string,
    { Check(value: unknown): boolean; Errors(value: unknown): readonly [boolean, readonly { message: string }[]] }
  >();

  constructor(rows: readonly ApiRow[]) {
    const mistakes = rowMistakes(rows);
    if (mistakes.length > 0) throw new Error(`the API table has mistakes:\n  ${mistakes.join('\n  ')}`);
    this.rows = rows.map((row) =>
      Object.freeze({ ...row, timeoutSeconds: row.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS, placement: place(row) }),
    );
    this.offered = this.rows.filter((row) => row.internal !== true);
    for (const row of this.rows) this.#byName.set(row.name, row);
  }

  /** The row of a call; undefined when there is none. */
  row(name: string): TableRow | undefined {
    return this.#byName.get(name);
  }

  /** Code 11 for a call that is not in the table, with the nearest name. */
  unknownCall(name: string): Problem {
    const cut = name.slice(0, 64);
    const near = nearest(
      cut,
      this.offered.map((row) => row.name),
    );
    const hint = near === undefined ? '' : `; did you mean '${near}'?`;
    return problem(code.UNKNOWN_COMMAND, `there is no call '${cut}'${hint}`);
  }

  /** Which row a method and path (without query, not decoded) mean, and which methods the path has at all. */
  match(method: string, path: string): { readonly row?: TableRow; readonly methods: readonly string[] } {
    const given = path.split('/');
    const hits = this.offered.filter((row) => pathFits(row.path.split('/'), given));
    // A fixed segment beats a parameter, as in the router.
    hits.sort((a, b) => a.placement.path.length - b.placement.path.length);
    const row = hits.find((hit) => hit.method === method);
    const methods = [...new Set(hits.map((hit) => hit.method))];
    return row === undefined ? { methods } : { row, methods };
  }

  /** Code 11 for a path that no row has, with the nearest path. */
  unknownPath(path: string): Problem {
    const cut = path.length > NEAREST_PATH_MAX ? `${path.slice(0, NEAREST_PATH_MAX)}…` : path;
    if (path.length > NEAREST_PATH_MAX) return problem(code.UNKNOWN_COMMAND, `there is no path ${cut}`);
    const given = path.split('/');
    // The given segments stand for the parameters, so that only the fixed ones are compared.
    const filled = new Map<string, string>();
    for (const row of this.offered) {
      const segments = row.path.split('/');
      if (segments.length !== given.length) continue;
      filled.set(segments.map((s, i) => (s.startsWith(':') ? (given[i] ?? s) : s)).join('/'), row.path);
    }
    const near =
      nearest(path, filled.keys()) ??
      nearest(
        path,
        this.offered.map((row) => row.path),
      );
    const pattern = near === undefined ? undefined : (filled.get(near) ?? near);
    const hint = pattern === undefined ? '; GET /csm/v1/ lists the calls' : `; did you mean ${pattern}?`;
    return problem(code.UNKNOWN_COMMAND, `there is no path ${cut}${hint}`);
  }

  /** Checks an input against its row. The problem names every fault (at most 8); field and code are of the first. */
  validate(name: string, input: unknown): Result<JsonObject> {
    const row = this.row(name);
    if (row === undefined) return err(this.unknownCall(name));
    const wrong = this.#fault(`${name} input`, row.input, input);
    return wrong === undefined ? ok(input as JsonObject) : err(wrong);
  }

  /** Merges and coerces the parts of a request, then checks them. */
  read(row: TableRow, parts: InputParts): Result<JsonObject> {
    const merged = mergeInput(row, parts);
    return merged.ok ? this.validate(row.name, merged.value) : merged;
  }

  /** What is wrong with an answer or an item of a stream; for tests, since answers are our own. */
  outputFault(name: string, part: 'output' | 'item', value: unknown): Problem | undefined {
    const row = this.row(name);
    if (row === undefined) return this.unknownCall(name);
    const schema = row[part];
    if (schema !== undefined) return this.#fault(`${name} ${part}`, schema, value);
    return value === undefined ? undefined : problem(code.INVALID_PARAMETER, `${name} has no ${part}`);
  }

  #fault(key: string, schema: TSchema, value: unknown): Problem | undefined {
    let check = this.#checks.get(key);
    if (check === undefined) {
      check = Compile(schema);
      this.#checks.set(key, check);
    }
    if (check.Check(value)) return undefined;
    const found = faults(schema, value);
    if (found.length > 0) return faultProblem(found);
    // The walk above knows the common keywords only; the compiled check has the last word.
    const why = check.Errors(value)[1][0]?.message ?? 'does not fit its schema';
    return problem(code.INVALID_PARAMETER, `the ${key} is not as it should be: ${why}`);
  }
}

function pathFits(pattern: readonly string[], given: readonly string[]): boolean {
  return (
    pattern.length === given.length &&
    pattern.every((segment, i) => (segment.startsWith(':') ? given[i] !== '' : segment === given[i]))
  );
}
