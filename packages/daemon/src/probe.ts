/** `csmd --check --probe`: what each collector finds on this machine, in how long, and why something is missing. */
import type { Feature, Ports, Probe } from '@csm/feature';
import type { Host } from '@csm/host';

const MISSING_WIDTH = 160;
const HEAD_WIDTH = 32;

/** Writes a line a collector as it is tried. Resolves to how many found nothing at all. */
export async function probe(
  features: readonly Feature[],
  ports: Ports & { readonly host: Host },
  write: (line: string) => void,
): Promise<number> {
  let without = 0;
  for (const { name, probe: tryAll } of features) {
    if (tryAll === undefined) continue;
    for await (const one of tryAll(ports)) {
      if (one.found === null) without++;
      for (const line of probeLines(name, one)) write(line);
    }
  }
  return without;
}

/** `node inventory dimms      12 ms  16 dimm, 512 GiB`, and below it a line for each thing that is missing. */
export function probeLines(feature: string, { collector, ms, found, missing }: Probe): string[] {
  const head = `${feature} ${collector}`.padEnd(HEAD_WIDTH);
  const time = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`.padStart(9);
  return [
    `${head} ${time}  ${found ?? 'nothing'}`,
    ...Object.entries(missing).map(([field, reason]) => {
      const text = reason.length > MISSING_WIDTH ? `${reason.slice(0, MISSING_WIDTH)}…` : reason;
      return `    ${field}: ${text}`;
    }),
  ];
}
