/** Which database a master keeps its record in, and where that is. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  type ConfigFault,
  type ConfigOf,
  choice,
  duration,
  filePath,
  port,
  type Schema,
  setting,
  text,
  whole,
} from '@csm/kit';
import type { PostgresServer } from '@csm/store';

/** A database or user of PostgreSQL: at most 63 bytes (NAMEDATALEN), here without what would need quotes. */
const pgName = text({
  max: 63,
  pattern: /^[A-Za-z_][A-Za-z0-9_$-]*$/,
  rule: 'letters, digits, _, $ and -, beginning with a letter or _',
});

/** A password of the server's is one line of at most so many characters. */
const PASSWORD_MAX = 1000;

export const DATABASE = {
  engine: setting({
    doc: 'The database. With postgresql several masters may share one database: one leads, the others stand by.',
    format: choice(['sqlite', 'postgresql']),
    default: 'sqlite',
  }),
  file: setting({ doc: 'The SQLite file. Default: csm.db in state_dir.', format: filePath }),
  postgresql: {
    host: setting({
      doc: 'Name or address of the PostgreSQL server, or the directory of its unix socket. It must be the server itself, not a pooler such as PgBouncer.',
      format: text({
        max: 253,
        pattern: /^(?:\/[^\0]*|[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?|::[A-Fa-f0-9:.]*)$/,
        rule: 'a host name, an address, or a directory that begins with /',
      }),
    }),
    port: setting({
      doc: 'Port of the server; of a unix socket, the number in its name.',
      format: port(),
      default: 5432,
    }),
    database: setting({
      doc: 'The database, made with: createdb -T template0 -E UTF8 -l C.',
      format: pgName,
      default: 'csm',
    }),
    user: setting({ doc: 'The user that owns it.', format: pgName, default: 'csm' }),
    password_file: setting({
      doc: "File whose only line is the user's password; read at each connecting. Default: none, where the server knows the user otherwise.",
      format: filePath,
    }),
    ca_file: setting({
      doc: "Certificate of the CA that has issued the server's, PEM; with it TLS is spoken, and only with a server it vouches for. Default: none, without TLS.",
      format: filePath,
    }),
    lease: setting({
      doc: 'A leading master of which PostgreSQL has heard nothing for so long leads no more, and a standby takes over.',
      // As `standForLeader` takes it.
      format: duration({ min: 500, max: 60_000 }),
      default: 3,
      unit: 's',
      cost: 'Shorter: a leader that was stopped or cut off is replaced sooner; a busy moment costs it the lead. One that died is replaced at once either way.',
    }),
    readers: setting({
      doc: 'Connections for queries, besides the one that writes and the one of the lease.',
      format: whole({ min: 1, max: 32 }),
      default: 2,
      cost: 'More: long queries hold up fewer others. Each is a process of the server.',
    }),
  },
  change_keep: setting({
    doc: 'Changes (what csm node watch shows) older than this are removed.',
    format: duration({ min: 60_000 }),
    default: 30 * 86_400,
    unit: 's',
  }),
} as const satisfies Schema;

export type DatabaseConfig = ConfigOf<typeof DATABASE>;

const ONLY_POSTGRESQL = 'nothing with db.engine sqlite; or db.engine postgresql';

/** What no single setting of the database can know. `masters`: whether other masters are named. */
export function databaseFaults(db: DatabaseConfig, masters: boolean): ConfigFault[] {
  return db.engine === 'sqlite' ? sqliteFaults(db, masters) : postgresFaults(db);
}

function sqliteFaults({ postgresql }: DatabaseConfig, masters: boolean): ConfigFault[] {
  const faults: ConfigFault[] = [];
  for (const [key, value] of Object.entries(postgresql)) {
    const kept = (DATABASE.postgresql as Readonly<Record<string, object>>)[key];
    const fallback = kept === undefined ? undefined : (Reflect.get(kept, 'default') as unknown);
    const given = key === 'lease' ? postgresql.lease / 1000 : value;
    if (given !== undefined && given !== fallback)
      faults.push({ key: `csm.db.postgresql.${key}`, value: JSON.stringify(given), allowed: ONLY_POSTGRESQL });
  }
  if (masters) {
    faults.push({
      key: 'csm.net.master',
      value: 'given',
      allowed: ONLY_POSTGRESQL,
      hint: 'a SQLite file has one master',
    });
  }
  return faults;
}

function postgresFaults({ file, postgresql: pg }: DatabaseConfig): ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (file !== undefined) {
    const allowed = 'nothing with db.engine postgresql; or db.engine sqlite';
    faults.push({ key: 'csm.db.file', value: JSON.stringify(file), allowed });
  }
  if (pg.host === undefined) {
    const allowed = 'the name of the server, or the directory of its socket such as /var/run/postgresql';
    faults.push({ key: 'csm.db.postgresql.host', value: '', allowed, hint: 'it must be given' });
  }
  if (pg.ca_file !== undefined && pg.host?.startsWith('/') === true) {
    const allowed = 'nothing where host is a directory: no TLS is spoken on a unix socket';
    faults.push({ key: 'csm.db.postgresql.ca_file', value: JSON.stringify(pg.ca_file), allowed });
  }
  for (const key of ['password_file', 'ca_file'] as const) {
    const path = pg[key];
    const hint = path === undefined ? undefined : unreadable(path);
    if (hint !== undefined) {
      const allowed = 'a file that this daemon may read';
      faults.push({ key: `csm.db.postgresql.${key}`, value: JSON.stringify(path), allowed, hint });
    }
  }
  return faults;
}

function unreadable(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The server of a checked configuration. */
export function serverOf({ postgresql: pg }: DatabaseConfig): PostgresServer {
  const { host = '', port: number, database, user, password_file: file, ca_file: ca } = pg;
  return {
    host,
    port: number,
    database,
    user,
    ...(file === undefined ? {} : { password: () => passwordIn(file) }),
    ...(ca === undefined ? {} : { tls: { ca: readFileSync(ca) } }),
  };
}

/** Read anew each time: a password that was changed counts at the next connecting. */
async function passwordIn(file: string): Promise<string> {
  const [line = '', ...more] = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const password = line.replace(/\r$/, '');
  if (password === '' || password.length > PASSWORD_MAX || more.length > 0)
    throw new Error(`${file} holds no password: one line of 1 to ${PASSWORD_MAX} characters`);
  return password;
}
