/** Where the database is, and who we are there. */
import type { ConnectionOptions } from 'node:tls';

export interface PostgresServer {
  /** A name, an address, or the directory of a unix socket (begins with `/`). */
  readonly host: string;
  readonly port: number;
  /** Its encoding must be UTF8 and its collation C: `createdb -T template0 -E UTF8 -l C`. */
  readonly database: string;
  readonly user: string;
  /** A password, or what gives it at each connecting; left out where the server knows us otherwise. */
  readonly password?: string | (() => Promise<string>);
  /** TLS is spoken when this is given, and the server's certificate is held against it. */
  readonly tls?: ConnectionOptions;
}
