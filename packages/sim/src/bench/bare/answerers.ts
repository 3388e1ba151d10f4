/**
 * Clients of a bare asker: links that each answer every frame with one. Run as `node answerers.js <JSON>`; orders are
 * `dial`, answered once all handshakes are done, and `hang-up`. Links that are dialled again offer the sessions they had
 * before. Ends with 1 when a link does that should not.
 */
import { readFileSync } from 'node:fs';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import type { BareClientsFiles } from './clients.ts';
import { COMMAND, RESULT } from './command.ts';
import { serveOrders } from './orders.ts';

/** Handshakes at once, as many as a listener takes. */
const CONNECTING = 64;

// As the simulated nodes have it.
setFlagsFromString('--heap-growing-percent=300');
const { caFile, credFile } = JSON.parse(process.argv[2] ?? '{}') as BareClientsFiles;
const pem = readFileSync(credFile);
const secureContext = createSecureContext({ ca: readFileSync(caFile), cert: pem, key: pem, minVersion: 'TLSv1.3' });
const links: TLSSocket[] = [];
const sessions: Buffer[] = [];
let resumed = 0;

function fail(why: string): void {
  process.stderr.write(`a link ended: ${why}\n`);
  process.exit(1);
}

const gone = () => fail('closed');

function link(port: number, i: number, resume: boolean): Promise<void> {
  return new Promise((resolve) => {
    const session = resume ? sessions[i] : undefined;
    const socket = connect({
      host: '127.0.0.1',
      port,
      secureContext,
      ...(session === undefined ? {} : { session }),
    });
    socket.setNoDelay(true);
    socket.once('error', (error) => fail(error.message));
    socket.once('close', gone);
    let have = 0;
    socket.on('data', (chunk) => {
      have += chunk.length;
      for (; have >= COMMAND.length; have -= COMMAND.length) socket.write(RESULT);
    });
    const done = (): void => {
      links[i] = socket;
      resolve();
    };
    // A resumed session may be resumed again; of a new one the ticket is awaited.
    socket.once('secureConnect', () => {
      if (!socket.isSessionReused()) return;
      resumed++;
      done();
    });
    socket.on('session', (fresh) => {
      sessions[i] = fresh;
      if (!socket.isSessionReused()) done();
    });
  });
}

/** `resuming`: so many offer the session they had. */
async function dialAll(port: number, count: number, resuming: number): Promise<void> {
  let next = 0;
  const some = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await link(port, i, i < resuming);
  };
  await Promise.all(Array.from({ length: CONNECTING }, some));
}

async function hangUp(): Promise<void> {
  await Promise.all(
    links.splice(0).map((socket) => {
      socket.off('close', gone);
      return new Promise<void>((resolve) => {
        socket.once('close', () => resolve());
        socket.destroy();
      });
    }),
  );
}

serveOrders(async (order) => {
  const number = (name: string): number => {
    const value = order[name];
    if (typeof value !== 'number') throw new Error(`${name} is ${String(value)}; allowed is a number`);
    return value;
  };
  switch (order['do']) {
    case 'dial':
      resumed = 0;
      await dialAll(number('port'), number('links'), number('resuming'));
      return { links: links.length, resumed };
    case 'hang-up':
      await hangUp();
      return {};
    default:
      throw new Error(`do is '${String(order['do'])}'; allowed are dial, hang-up`);
  }
});
