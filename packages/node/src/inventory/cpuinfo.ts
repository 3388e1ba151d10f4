import { type Finding, found, missing, type RootTree, soundLine } from '@csm/host';
import { armName } from './arm-names.ts';
import { bySocket, type Place, type Sockets } from './topology.ts';

const PATH = '/proc/cpuinfo';

/** 8,192 CPUs at 2 KiB each: the largest x86-64 machine. */
const FILE_MAX = 16 * 1024 * 1024;

/** Twice what the CPU with the most flags today has. */
const FLAGS_MAX = 4096;

export const readCpuinfo = (tree: RootTree): Promise<Finding<string>> => tree.text(PATH, FILE_MAX);

/**
 * Counts the online CPUs of /proc/cpuinfo: one paragraph each, which begins with `processor`. x86-64 adds
 * `physical id` and `core id`; aarch64 tells neither, so there only the threads can be counted from this file.
 */
export function countCpus(text: string): { readonly sockets: Finding<Sockets>; readonly threads: Finding<number> } {
  const places: Place[] = [];
  let threads = 0;
  for (const paragraph of paragraphs(text)) {
    if (number(paragraph, 'processor') === undefined) continue;
    threads++;
    const socket = number(paragraph, 'physical id');
    const core = number(paragraph, 'core id');
    if (socket !== undefined && core !== undefined) places.push({ socket: Number(socket), core });
  }
  if (threads === 0) {
    const none = missing(`${PATH} names no processor`);
    return { sockets: none, threads: none };
  }
  const unplaced = threads - places.length;
  if (unplaced > 0) {
    const reason = missing(`${PATH} gives no 'physical id' and 'core id' for ${unplaced} of ${threads} processors`);
    return { sockets: reason, threads: found(threads) };
  }
  return { sockets: found(bySocket(places)), threads: found(threads) };
}

/** What the CPUs are. Told of the first one; machines with unlike CPUs (big.LITTLE) are not what clusters are made of. */
export interface CpuIdentity {
  readonly model: Finding<string>;
  readonly vendor: Finding<string>;
  readonly flags: Finding<string>;
  /** Microcode revision; x86-64 only. */
  readonly microcode: Finding<string>;
}

/** From /proc/cpuinfo: x86-64 names the model, aarch64 gives numbers of implementer and part, POWER has `cpu`. */
export function cpuIdentity(text: string): CpuIdentity {
  const end = text.indexOf('\n\n');
  const first = end === -1 ? text : text.slice(0, end + 1);
  const implementer = value(first, 'CPU implementer');
  const part = value(first, 'CPU part');
  const of = (keys: readonly string[], max?: number): Finding<string> => {
    const told = keys.map((key) => value(first, key)).find((v) => v !== undefined);
    const names = keys.map((key) => `'${key}'`).join(' or ');
    return told === undefined ? missing(`${PATH} has no line ${names}`) : soundLine(told, `${PATH} ${names}`, max);
  };
  const others = { flags: of(['flags', 'Features'], FLAGS_MAX), microcode: of(['microcode']) };
  if (implementer !== undefined && part !== undefined) {
    const { vendor, model } = armName(implementer.trim(), part.trim());
    return { ...others, model: soundLine(model, PATH), vendor: soundLine(vendor, PATH) };
  }
  return { ...others, model: of(['model name', 'cpu']), vendor: of(['vendor_id']) };
}

function* paragraphs(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n\n', from);
    yield text.slice(from, end === -1 ? text.length : end);
    if (end === -1) return;
    from = end + 2;
  }
}

/** What stands behind `key`, tabs and a colon; a line cut off by the end of a torn file does not count. */
function value(paragraph: string, key: string): string | undefined {
  return new RegExp(`^${key}\\t*: ?(.*)\\n`, 'm').exec(paragraph)?.[1];
}

/** The digits behind `key`, tabs and a colon. */
function number(paragraph: string, key: string): string | undefined {
  return new RegExp(`^${key}\\t*: (\\d{1,9})$`, 'm').exec(paragraph)?.[1];
}
