/** The calls about the database, answered while the master runs. */
import type { ApiRow } from '@csm/api';
import { code, type Role } from '@csm/model';
import Type from 'typebox';

const closed = { additionalProperties: false } as const;
const ADMIN_DAEMONS: readonly Role[] = ['master', 'aggregator', 'utility'];
const base = { enters: ADMIN_DAEMONS, reach: 'master', access: 'privileged' } as const;

/** A large database takes its time, s. */
const LONG = 86_400;

const path = (description: string) =>
  Type.String({
    minLength: 2,
    maxLength: 3_000,
    pattern: '^/[^\\u0000]*$',
    description,
    allowed: "an absolute path on the master's machine",
  });
const engine = Type.Union([Type.Literal('sqlite'), Type.Literal('postgresql')]);
const master = Type.String({ description: 'the master on whose machine it is: the one that led' });
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });
const counts = (description: string) => Type.Record(Type.String(), Type.Integer(), { description });

export const dbApi = [
  {
    ...base,
    name: 'db.status',
    summary: 'Shows the database: where it is, what it takes, how busy it is, who follows it',
    changes: false,
    method: 'GET',
    path: '/csm/v1/db',
    input: Type.Object({}, closed),
    output: Type.Object({
      engine,
      version: Type.String({ description: 'of SQLite or the PostgreSQL server' }),
      place: Type.String({ description: 'file, or server and database' }),
      term: Type.Integer({ description: 'rises with each start of a master' }),
      bytes: Type.Integer({ description: 'on disk' }),
      log_bytes: Type.Integer({ description: "SQLite's write-ahead log" }),
      commits: Type.Integer({ description: 'since the master started' }),
      calls_per_commit: Type.Number(),
      last_commit_ms: Type.Number(),
      queued: Type.Integer({ description: 'calls that wait' }),
      refused: Type.Integer({ description: 'calls turned away since the queue was full' }),
      changes: Type.Object({
        oldest: Type.Integer({ description: 'oldest change kept; 0: none' }),
        newest: Type.Integer({ description: 'newest change; 0: none' }),
      }),
      streams: Type.Integer({ description: 'journals of which reports are stored' }),
      rejected_reports: Type.Integer(),
      schema: counts('newest migration by module'),
      followers: Type.Array(
        Type.Object({
          name: Type.String(),
          behind: Type.Integer({ description: 'changes it has yet to get' }),
          updated: Type.String({ description: 'when it last moved, ISO 8601, UTC' }),
        }),
      ),
    }),
    examples: [{ title: 'The database', input: {} }],
  },
  {
    ...base,
    name: 'db.retention',
    summary: 'Shows what is kept how long, what it takes, and what goes next',
    description:
      'Every table is counted, beside the master and without holding it up; on a large database that takes a while.',
    changes: false,
    method: 'GET',
    path: '/csm/v1/db/retention',
    input: Type.Object({}, closed),
    output: Type.Array(
      Type.Object({
        table: Type.String(),
        rows: Type.Integer(),
        bytes: Type.Integer({ description: 'with its indexes' }),
        oldest: orNull(Type.String(), 'of the oldest row that bears a time; ISO 8601, UTC'),
        rule: Type.String({ description: 'in words' }),
        setting: orNull(Type.String(), 'key of the setting that governs it'),
        due: orNull(Type.Integer(), 'rows the next pruning removes; null where none is pruned by age'),
      }),
    ),
    timeoutSeconds: 3_600,
  },
  {
    ...base,
    name: 'db.backup',
    summary: 'Writes a backup of the database while the master runs',
    description:
      'The backup is of one moment, is opened and counted before it gets its name, and has a manifest beside it. PostgreSQL: made by pg_dump, which must be installed where the master runs.',
    changes: true,
    method: 'POST',
    path: '/csm/v1/db/backup',
    input: Type.Object(
      {
        file: path('file to write; `<file>.manifest.json` comes beside it'),
        force: Type.Optional(Type.Boolean({ description: 'replace an older backup of that name' })),
      },
      closed,
    ),
    output: Type.Object({
      master,
      file: Type.String(),
      engine,
      engine_version: Type.String(),
      taken: Type.String({ description: 'what was committed before is in it; ISO 8601, UTC' }),
      seconds: Type.Number(),
      bytes: Type.Integer(),
      sha256: Type.String(),
      schema: counts('newest migration by module'),
      tables: counts('rows by table'),
    }),
    timeoutSeconds: LONG,
    codes: [code.DATABASE_UNAVAILABLE, code.DATABASE, code.SCRIPT_FAILURE, code.BAD_STATE],
    examples: [{ title: 'A backup', input: { file: '/var/backups/csm/monday.db' } }],
  },
  {
    ...base,
    name: 'db.archive',
    summary: 'Writes old changes into files, a day each, and removes them when asked',
    description:
      'Makes `<directory>/changes-before-<date>` with a gzipped file of JSON lines for each day and a manifest with counts and checksums. Nothing is removed before all is written and synced, and never what a follower has yet to get.',
    changes: true,
    method: 'POST',
    path: '/csm/v1/db/archive',
    input: Type.Object(
      {
        directory: path('where the archive is made'),
        before: Type.Integer({ minimum: 0, description: 'ms UTC, the beginning of a day that has begun' }),
        remove: Type.Optional(Type.Boolean({ description: 'remove from the database what was written' })),
      },
      closed,
    ),
    output: Type.Object({
      master,
      path: Type.String(),
      rows: Type.Integer({ description: 'written' }),
      bytes: Type.Integer(),
      files: Type.Integer({ description: 'days' }),
      removed: Type.Integer({ description: 'rows that are in the archive only' }),
      held: Type.Integer({
        description: 'archived rows that stay: a follower has yet to get them, or they are the newest',
      }),
    }),
    timeoutSeconds: LONG,
    codes: [code.NO_RESULTS, code.DATABASE_UNAVAILABLE, code.BAD_STATE],
    examples: [
      { title: 'Changes of before 1 October 2026', input: { directory: '/var/archive/csm', before: 1790812800000 } },
    ],
  },
] as const satisfies readonly ApiRow[];
