import { type Finding, found, missing } from '@csm/host';
import { countCpus, cpuIdentity } from './cpuinfo.ts';
import type { Facts, Reader } from './reader.ts';
import type { Sources } from './sources.ts';
import type { Sockets } from './topology.ts';

type Count = 'discovered_sockets' | 'discovered_cores' | 'discovered_threads';

/**
 * Sockets, cores and threads of the online CPUs.
 *
 * The kernel's "cpu" is a hardware thread. A core with SMT holds several (2 on most x86-64, 4 or 8 on POWER): they
 * count once in `discovered_cores` and one by one in `discovered_threads`. A core counts while one of its threads
 * is online; a socket while one of its cores does.
 *
 * Source: the kernel's topology; where it is absent or torn, /proc/cpuinfo, which names sockets and cores on x86-64
 * only. Model and flags are always from there.
 */
export const processors: Reader<Count | 'cpu_model' | 'cpu_flags'> = {
  name: 'processors',
  facts: ['discovered_sockets', 'discovered_cores', 'discovered_threads', 'cpu_model', 'cpu_flags'],
  async read(sources) {
    const cpuinfo = await sources.cpuinfo();
    const { model, flags } = 'reason' in cpuinfo ? { model: cpuinfo, flags: cpuinfo } : cpuIdentity(cpuinfo.value);
    return { ...(await counts(sources)), cpu_model: model, cpu_flags: flags };
  },
};

/** The sockets, from whichever source tells them. */
export async function socketsOf(sources: Sources): Promise<Finding<Sockets>> {
  const fromSys = await sources.topology();
  if ('value' in fromSys) return fromSys;
  const cpuinfo = await sources.cpuinfo();
  const fromProc = 'reason' in cpuinfo ? cpuinfo : countCpus(cpuinfo.value).sockets;
  return 'value' in fromProc ? fromProc : missing(`${fromSys.reason}; ${fromProc.reason}`);
}

async function counts(sources: Sources): Promise<{ readonly [C in Count]: Finding<Facts[C]> }> {
  const sockets = await socketsOf(sources);
  if ('value' in sockets) {
    const all = [...sockets.value.values()];
    return {
      discovered_sockets: found(all.length),
      discovered_cores: found(all.reduce((sum, { cores }) => sum + cores, 0)),
      discovered_threads: found(all.reduce((sum, { threads }) => sum + threads, 0)),
    };
  }
  const cpuinfo = await sources.cpuinfo();
  const threads = 'reason' in cpuinfo ? cpuinfo : countCpus(cpuinfo.value).threads;
  return {
    discovered_sockets: sockets,
    discovered_cores: sockets,
    discovered_threads: 'value' in threads ? threads : sockets,
  };
}
