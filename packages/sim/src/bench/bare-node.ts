/**
 * A Node process with two TLS links and nothing else: what a daemon of this kind cannot cost less than. It sends a beat
 * on each link every interval and reads those of the other end. Run by the benchmark as `node bare-node.js <JSON>`;
 * says `linked` once both links stand, and ends with a fault when one does not.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';

export interface BareNodeOrder {
  readonly ports: readonly number[];
  readonly caFile: string;
  /** Certificate and key. */
  readonly credFile: string;
  readonly intervalMs: number;
}

const BEAT = '15#{"kind":"beat"}';

const { ports, caFile, credFile, intervalMs } = JSON.parse(process.argv[2] ?? '{}') as BareNodeOrder;
const pem = readFileSync(credFile);
const tls = { ca: readFileSync(caFile), cert: pem, key: pem, minVersion: 'TLSv1.3' } as const;
let linked = 0;
for (const port of ports) {
  const socket = connect({ ...tls, host: '127.0.0.1', port });
  const fail = (why: string): void => {
    process.stderr.write(`the link to port ${port} ended: ${why}\n`);
    process.exit(1);
  };
  socket.once('error', (error) => fail(error.message));
  socket.once('close', () => fail('closed'));
  socket.on('data', () => undefined);
  socket.once('secureConnect', () => {
    setInterval(() => socket.write(BEAT), intervalMs);
    if (++linked === ports.length) process.stdout.write('linked\n');
  });
}
process.once('SIGTERM', () => process.exit(0));
