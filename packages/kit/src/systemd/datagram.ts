import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Sends one datagram to a unix socket, which Node cannot do by itself. The three system calls are made through koffi;
 * where that cannot be loaded, `systemd-notify` carries the message. Both know abstract names, written with a
 * leading '@'.
 */

/** Sends; rejects with words when it could not. */
export type SendDatagram = (message: string) => Promise<void>;

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const SUN_PATH_MAX = 107;
const RETRY_MS = 50;
const RETRIES = 60;

interface Calls {
  socket(domain: number, type: number, protocol: number): number;
  sendto(fd: number, data: Buffer, length: number, flags: number, address: Buffer, addressLength: number): number;
  close(fd: number): number;
  errno(): number;
  readonly EAGAIN: number;
  readonly ENOBUFS: number;
}

async function loadCalls(): Promise<Calls> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load(null);
  return {
    socket: libc.func('int socket(int, int, int)'),
    sendto: libc.func('int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)'),
    close: libc.func('int close(int)'),
    errno: () => koffi.errno(),
    EAGAIN: koffi.os.errno['EAGAIN'] ?? 11,
    ENOBUFS: koffi.os.errno['ENOBUFS'] ?? 105,
  };
}

/** The kernel's form of a socket name: a path with a closing zero, or an abstract name of exactly its length. */
export function socketAddress(name: string): Buffer {
  const isAbstract = name.startsWith('@');
  const path = Buffer.from(isAbstract ? `\0${name.slice(1)}` : `${name}\0`);
  if (!(isAbstract || name.startsWith('/')) || path.length > SUN_PATH_MAX + (isAbstract ? 1 : 1)) {
    throw new Error(`cannot send to the socket '${name}': allowed is a path or @name of at most ${SUN_PATH_MAX} bytes`);
  }
  const family = Buffer.alloc(2);
  if (isBigEndian()) family.writeUInt16BE(AF_UNIX);
  else family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, path]);
}

const isBigEndian = (): boolean => new Uint8Array(new Uint16Array([1]).buffer)[0] === 0;

/** A sender to `name`. `why` says why koffi is not used, when it is not. */
export async function datagramSender(
  name: string,
  load: () => Promise<Calls> = loadCalls,
): Promise<{ readonly send: SendDatagram; readonly why?: string }> {
  const address = socketAddress(name);
  let calls: Calls;
  try {
    calls = await load();
  } catch (thrown) {
    const why = `koffi cannot be loaded (${(thrown as Error).message}); systemd-notify is used instead`;
    return { send: (message) => sendByProgram(name, message), why };
  }
  return { send: (message) => sendByCalls(calls, address, Buffer.from(message)) };
}

async function sendByCalls(calls: Calls, address: Buffer, data: Buffer): Promise<void> {
  const fd = calls.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw new Error(`no socket could be made: errno ${calls.errno()}`);
  try {
    for (let attempt = 0; ; attempt++) {
      if (calls.sendto(fd, data, data.length, MSG_DONTWAIT_NOSIGNAL, address, address.length) >= 0) return;
      const errno = calls.errno();
      const isFull = errno === calls.EAGAIN || errno === calls.ENOBUFS;
      if (!isFull || attempt === RETRIES) throw new Error(`the datagram was not sent: errno ${errno}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  } finally {
    calls.close(fd);
  }
}

/** The program sends in the name of its parent when it is root; else the unit needs NotifyAccess=all. */
async function sendByProgram(name: string, message: string): Promise<void> {
  await promisify(execFile)('systemd-notify', message.split('\n').filter(Boolean), {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', NOTIFY_SOCKET: name },
    timeout: 5_000,
  });
}
