/**
 * Holds an advisory lock of PostgreSQL as a leader does: on a connection that the server itself ends once it has been
 * idle for the lease, renewed each third of it. Run as `node bare-lock.js <JSON>`; says `{"held"}` once it has the lock.
 */
import { Client, type ClientConfig } from 'pg';

export interface BareLockOrder {
  readonly server: ClientConfig;
  readonly lock: number;
  readonly leaseMs: number;
}

const { server, lock, leaseMs } = JSON.parse(process.argv[2] ?? '{}') as BareLockOrder;
const client = new Client(server);
client.on('error', () => process.exit(1));
await client.connect();
await client.query(`SET idle_session_timeout = ${leaseMs}`);
await client.query('SELECT pg_advisory_lock($1)', [lock]);
process.stdout.write(`${JSON.stringify({ held: lock })}\n`);
setInterval(() => void client.query('SELECT 1').catch(() => process.exit(1)), leaseMs / 3);
process.once('SIGTERM', () => process.exit(0));
