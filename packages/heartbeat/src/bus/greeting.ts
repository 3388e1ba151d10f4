/**
 * Whether anybody speaks NATS at an address. Asked before the client library dials: it would keep the socket of a server
 * that accepts and says nothing, one more with each attempt.
 */
import { connect } from 'node:net';

const GREETING = 'INFO ';

/** Rejects with the reason, within `ms`, or when the signal fires. */
export function greeting(
  { host, port }: { readonly host: string; readonly port: number },
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (why?: Error): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stopped);
      socket.destroy();
      if (why === undefined) resolve();
      else reject(why);
    };
    const stopped = (): void => end(new Error('stopped'));
    const timer = setTimeout(() => end(new Error(`it does not answer within ${ms} ms`)), ms);
    signal.addEventListener('abort', stopped);
    socket.on('error', end);
    socket.once('close', () => end(new Error('it closed the connection')));
    socket.once('data', (bytes) => {
      const isNats = GREETING.startsWith(bytes.toString('latin1', 0, GREETING.length));
      end(isNats ? undefined : new Error('what listens there does not speak NATS'));
    });
    if (signal.aborted) stopped();
  });
}
