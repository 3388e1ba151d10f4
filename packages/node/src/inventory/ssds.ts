import { found, missing } from '@csm/host';
import { readDisks } from './disks.ts';
import { readNvmes } from './nvmes.ts';
import { each } from './once.ts';
import type { PartReader } from './reader.ts';

/** Programs that may run side by side: each waits for its own drive. */
const AT_A_TIME = 4;
/** For all drives together, however many hang. */
const WEAR_MS = 30_000;
const DRIVES_MAX = 256;

/** Solid state drives: NVMe controllers, and disks that do not rotate. */
export const ssds: PartReader<'discovered_ssds'> = {
  name: 'ssds',
  kind: 'ssd',
  facts: ['discovered_ssds'],
  async readParts(sources) {
    const [nvmes, disks] = [await readNvmes(sources), await readDisks(sources)];
    const drives = [...('value' in nvmes ? nvmes.value : []), ...('value' in disks ? disks.value : [])];
    const signal = AbortSignal.timeout(WEAR_MS);
    await each(drives.slice(0, DRIVES_MAX), AT_A_TIME, (drive) => drive.takeWear(signal));
    const reasons = [nvmes, disks].flatMap((read) => ('reason' in read ? [read.reason] : []));
    const incomplete = reasons.join('; ');
    return {
      findings: { discovered_ssds: reasons.length === 0 ? found(drives.length) : missing(incomplete) },
      parts: drives.map(({ part }) => part),
      ...(reasons.length === 0 ? {} : { incomplete }),
    };
  },
};
