/** The store's own module, named `store`: its tables, and the procedures the store itself calls. */
import { code, fail, type Wall } from '@csm/model';
import { CHANGE_POSTGRESQL, OLDEST } from './change-table.ts';
import { contextLost } from './changes.ts';
import { commitReports, cursors, forgetStreams } from './intake.ts';
import type { AnyProcedure, Migration, ReportApplier, StoreModule, Tx } from './module.ts';
import { checkModule } from './module.ts';
import { CALL_KEY, once } from './once.ts';
import { pruneChanges } from './prune.ts';

const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'changes, followers, report streams',
    // No index but the keys: changes are read by seq, streams by (daemon, incarnation), the rest by hand.
    sql: {
      sqlite: `
        CREATE TABLE change (
          seq INTEGER PRIMARY KEY, time INTEGER NOT NULL,
          kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL
        ) STRICT;
        CREATE TABLE follower (
          name TEXT PRIMARY KEY, cursor INTEGER NOT NULL, updated INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE stream (
          id INTEGER PRIMARY KEY, daemon TEXT NOT NULL, incarnation TEXT NOT NULL,
          cursor INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (daemon, incarnation)
        ) STRICT;
        CREATE TABLE rejected_report (
          id INTEGER PRIMARY KEY, time INTEGER NOT NULL, daemon TEXT NOT NULL, incarnation TEXT NOT NULL,
          seq INTEGER NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL
        ) STRICT;`,
      postgresql: `
        ${CHANGE_POSTGRESQL}
        CREATE TABLE follower (
          name TEXT PRIMARY KEY, cursor BIGINT NOT NULL, updated BIGINT NOT NULL
        );
        CREATE TABLE stream (
          id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, daemon TEXT NOT NULL, incarnation TEXT NOT NULL,
          cursor BIGINT NOT NULL, updated BIGINT NOT NULL, UNIQUE (daemon, incarnation)
        );
        CREATE TABLE rejected_report (
          id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, time BIGINT NOT NULL, daemon TEXT NOT NULL,
          incarnation TEXT NOT NULL, seq BIGINT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL
        );`,
    },
  },
  {
    id: 2,
    title: 'who leads',
    sql: {
      sqlite: `
        CREATE TABLE leader (
          id INTEGER PRIMARY KEY CHECK (id = 1), term INTEGER NOT NULL, master TEXT NOT NULL, session TEXT NOT NULL,
          since INTEGER NOT NULL, lease INTEGER NOT NULL
        ) STRICT;`,
      // A commit leaves a mark where nobody may be left to answer it: within this process there always is.
      postgresql: `
        CREATE TABLE leader (
          id BIGINT PRIMARY KEY CHECK (id = 1), term BIGINT NOT NULL, master TEXT NOT NULL, session TEXT NOT NULL,
          since BIGINT NOT NULL, lease BIGINT NOT NULL
        );
        CREATE TABLE commit_mark (term BIGINT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (term, number));`,
    },
  },
  { id: 3, title: 'calls made under a key', sql: CALL_KEY },
];

const FOLLOWERS_MAX = 1_000;

/**
 * The stored cursor of a follower; a new one begins after the head, before the oldest row, or after a change. In the
 * transaction of a feature it begins with what is committed next.
 */
export async function openFollower(
  tx: Tx,
  { name, from }: { readonly name: string; readonly from: 'now' | 'oldest' | number },
): Promise<{ readonly cursor: number }> {
  const known = await tx.get<{ cursor: number }>('SELECT cursor FROM follower WHERE name = $1', [name]);
  if (known !== undefined) return known;
  const count = (await tx.get<{ n: number }>('SELECT count(*) AS n FROM follower'))?.n ?? 0;
  if (count >= FOLLOWERS_MAX) {
    fail(code.MEMORY, `follower ${name} would be number ${count + 1}`, { allowed: `${FOLLOWERS_MAX} followers` });
  }
  const newest = (await tx.get<{ head: number | null }>('SELECT max(seq) AS head FROM change'))?.head ?? 0;
  const first = (await tx.get<{ oldest: number }>(OLDEST))?.oldest ?? 0;
  if (typeof from === 'number' && first > from + 1) throw contextLost('since', from, first);
  if (typeof from === 'number' && from > newest) {
    fail(code.INVALID_PARAMETER, `there is no change ${from} yet`, { field: 'since', allowed: `up to ${newest}` });
  }
  const cursor = from === 'now' ? newest : from === 'oldest' ? Math.max(0, first - 1) : from;
  await tx.run('INSERT INTO follower (name, cursor, updated) VALUES ($1, $2, $3)', [name, cursor, tx.now]);
  return { cursor };
}

/** Moves a follower's cursor, never back. */
async function moveFollower(
  tx: Tx,
  { name, cursor }: { readonly name: string; readonly cursor: number },
): Promise<null> {
  const sql = 'UPDATE follower SET cursor = $1, updated = $2 WHERE name = $3 AND cursor < $4';
  await tx.run(sql, [cursor, tx.now, name, cursor]);
  return null;
}

/** Removes a follower's stored cursor, so that it no longer holds changes back from pruning. */
export async function forgetFollower(tx: Tx, { name }: { readonly name: string }): Promise<null> {
  await tx.run('DELETE FROM follower WHERE name = $1', [name]);
  return null;
}

/** What an engine runs: the store's own module first, then the features', each procedure and applier by name. */
export interface Registry {
  readonly modules: readonly StoreModule[];
  /** `module.procedure` to the function. */
  readonly procedures: ReadonlyMap<string, (tx: Tx, input: never) => Promise<unknown>>;
}

/** Puts modules together. Throws code 9 for a name or a report kind that two of them claim. */
export function registry(features: readonly { readonly exports: unknown; readonly from: string }[]): Registry {
  const appliers = new Map<string, ReportApplier>();
  const procedures = new Map<string, AnyProcedure>();
  const core: StoreModule = {
    name: 'store',
    migrations,
    procedures: {
      commitReports: commitReports(appliers),
      cursors,
      forgetStreams,
      pruneChanges,
      openFollower,
      moveFollower,
      forgetFollower,
      once: once(procedures),
    },
  };
  const modules = [core, ...features.map(({ exports, from }) => checkModule(exports, from))];
  const owners = new Map<string, string>();
  const names = new Set<string>();
  for (const module of modules) {
    if (names.has(module.name)) {
      fail(code.INVALID_PARAMETER, `two store modules are named ${module.name}`, { field: 'name' });
    }
    names.add(module.name);
    for (const [name, procedure] of Object.entries(module.procedures))
      procedures.set(`${module.name}.${name}`, procedure);
    for (const [kind, applier] of Object.entries(module.reports ?? {})) {
      const owner = owners.get(kind);
      if (owner !== undefined) {
        fail(code.INVALID_PARAMETER, `reports of kind ${kind} are claimed by ${owner} and ${module.name}`, {
          field: `reports.${kind}`,
          allowed: 'one module a kind',
        });
      }
      owners.set(kind, module.name);
      appliers.set(kind, applier);
    }
  }
  return { modules, procedures };
}

/** Bounds of one change row. */
export const CHANGE_KIND_MAX = 64;
export const CHANGE_SUBJECT_MAX = 256;
export const CHANGE_BODY_MAX = 256 * 1024;

/** A change's body as text. Throws code 9 or 30 naming what is too long. */
export function changeText(kind: string, subject: string, body: unknown): string {
  if (typeof kind !== 'string' || kind === '' || kind.length > CHANGE_KIND_MAX) {
    fail(code.INVALID_PARAMETER, `a change's kind is ${JSON.stringify(kind)}`, {
      field: 'kind',
      allowed: `text of 1 to ${CHANGE_KIND_MAX} characters`,
    });
  }
  if (typeof subject !== 'string' || subject === '' || subject.length > CHANGE_SUBJECT_MAX) {
    fail(code.INVALID_PARAMETER, `the subject of a change of kind ${kind} is ${JSON.stringify(subject)}`, {
      field: 'subject',
      allowed: `text of 1 to ${CHANGE_SUBJECT_MAX} characters`,
    });
  }
  const text = JSON.stringify(body) ?? 'null';
  if (text.length > CHANGE_BODY_MAX) {
    fail(code.BUFFER_OVERFLOW, `the body of change ${kind} ${subject} has ${text.length} characters`, {
      field: 'body',
      allowed: `${CHANGE_BODY_MAX} characters`,
    });
  }
  return text;
}

/** Numbers are given in commit order, since one writer runs one transaction at a time. */
export const INSERT_CHANGE = `
  INSERT INTO change (seq, time, kind, subject, body)
  VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM change), $1, $2, $3, $4) RETURNING seq`;

export const NEWEST_CHANGE = 'SELECT coalesce(max(seq), 0) AS head FROM change';

/** A row of `change` as the engine gives it, before its body is parsed. */
export interface StoredChange {
  readonly seq: number;
  readonly time: Wall;
  readonly kind: string;
  readonly subject: string;
  readonly body: string;
}
