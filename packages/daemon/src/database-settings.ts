/** Which database a master keeps its record in, and where that is. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
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
import { LEASE_DEFAULT, LEASE_MAX, LEASE_MIN } from '@csm/model';
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
      doc: "File whose only line is the user's password, that only the daemon's user may read (mode 600, or 640 when it is root's); read at each connecting. Default: none, where the server knows the user otherwise.",
      format: filePath,
    }),
    ca_file: setting({
      doc: "Certificate of the CA that has issued the server's, PEM; with it TLS is spoken, and only with a server it vouches for. Default: none, without TLS.",
      format: filePath,
    }),
    lease: setting({
      doc: 'A leading master of which PostgreSQL has heard nothing for so long leads no more, and a standby takes over.',
      format: duration({ min: LEASE_MIN, max: LEASE_MAX }),
      default: LEASE_DEFAULT / 1000,
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
  for (const [key, { allowed, judge }] of Object.entries(FILES)) {
    const path = pg[key as keyof typeof FILES];
    const hint = path === undefined ? undefined : wrongIn(path, judge);
    if (hint !== undefined)
      faults.push({ key: `csm.db.postgresql.${key}`, value: JSON.stringify(path), allowed, hint });
  }
  return faults;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** What the files must hold; each judge throws in words. */
const FILES = {
  password_file: {
    allowed: `a file of one line of 1 to ${PASSWORD_MAX} characters that only the daemon's user may read`,
    judge: (text: string, path: string) => {
      const { mode, uid } = statSync(path);
      // Root's may be read by a group, into which the daemon's user is put.
      const others = mode & (uid === 0 ? 0o037 : 0o077);
      if (others !== 0) throw new Error(`its mode is ${(mode & 0o777).toString(8)}: others may read or change it`);
      passwordOf(text, 'it');
    },
  },
  ca_file: {
    allowed: 'a PEM file with the certificate of the CA',
    judge: (text: string) => {
      const certificates = text.match(CERTIFICATE) ?? [];
      if (certificates.length === 0) throw new Error('there is no certificate in it');
      if (!certificates.every(isCertificate)) throw new Error('its certificate cannot be read');
    },
  },
};

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function wrongIn(path: string, judge: (text: string, path: string) => void): string | undefined {
  try {
    judge(readFileSync(path, 'utf8'), path);
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
  return passwordOf(await readFile(file, 'utf8'), file);
}

/** What stands on the only line; blanks belong to it. */
function passwordOf(text: string, file: string): string {
  const password = text.replace(/\r?\n$/, '');
  if (password === '' || password.length > PASSWORD_MAX || /[\r\n\0]/.test(password))
    throw new Error(`${file} holds no password: one line of 1 to ${PASSWORD_MAX} characters`);
  return password;
}
