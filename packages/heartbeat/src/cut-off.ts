/**
 * Whether this machine itself is cut off: when everybody falls silent within a moment, it may be the listener who has
 * gone deaf. Read from `/sys/class/net`; what cannot be read does not count.
 */
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One network interface, as the kernel shows it. */
export interface Interface {
  readonly name: string;
  /** A signal on the wire. */
  readonly carrier: boolean;
  readonly operstate: string;
  /** There is hardware behind it, or what a virtual machine takes for that. */
  readonly device: boolean;
}

/** States in which no frame passes, whatever the carrier says. */
const SILENT: ReadonlySet<string> = new Set(['down', 'lowerlayerdown', 'notpresent', 'dormant']);

/**
 * Why this machine is cut off, in words; undefined while it is not. Where there is hardware, only that is looked at: a
 * bridge of containers has a carrier when nobody outside is reached. A machine with a loopback alone hears all there is
 * to hear.
 */
export function cutOffWords(interfaces: readonly Interface[]): string | undefined {
  const outside = interfaces.filter(({ name }) => name !== 'lo');
  const wired = outside.filter(({ device }) => device);
  const judged = wired.length > 0 ? wired : outside;
  if (judged.length === 0 || judged.some(({ carrier, operstate }) => carrier && !SILENT.has(operstate)))
    return undefined;
  const names = judged.map(({ name, operstate }) => `${name} (${operstate})`).join(', ');
  return `no network interface of this machine has a carrier: ${names}`;
}

/** The interfaces of this machine; none where they cannot be read. */
export async function readInterfaces(root = '/'): Promise<Interface[]> {
  const net = join(root, 'sys/class/net');
  const names = await readdir(net).catch(() => []);
  return Promise.all(
    names.map(async (name) => {
      const at = join(net, name);
      // The kernel answers EINVAL for the carrier of an interface that is down.
      const [carrier, operstate, device] = await Promise.all([
        readFile(join(at, 'carrier'), 'utf8').catch(() => '0'),
        readFile(join(at, 'operstate'), 'utf8').catch(() => 'unknown'),
        access(join(at, 'device')).then(
          () => true,
          () => false,
        ),
      ]);
      return { name, carrier: carrier.trim() === '1', operstate: operstate.trim(), device };
    }),
  );
}

/** Gives why this machine hears nobody, or undefined. */
export type CutOff = () => Promise<string | undefined>;

export const cutOffOf =
  (root?: string): CutOff =>
  async () =>
    cutOffWords(await readInterfaces(root));
