import { countCpus } from './cpuinfo.ts';
import type { Reader } from './reader.ts';
import { type Finding, found, missing, type RootTree } from './root-tree.ts';

/**
 * Sockets, cores and threads of the online CPUs.
 *
 * The kernel's "cpu" is a hardware thread. A core with SMT holds several (2 on most x86-64, 4 or 8 on POWER): they
 * count once in `discovered_cores` and one by one in `discovered_threads`. A core counts while one of its threads
 * is online; a socket while one of its cores does.
 *
 * Source: /sys/devices/system/cpu (Documentation/admin-guide/cputopology.rst of the kernel), which is alike on all
 * architectures. Where it is absent or torn, /proc/cpuinfo, which names sockets and cores on x86-64 only.
 */
export const processors: Reader<'discovered_sockets' | 'discovered_cores' | 'discovered_threads'> = {
  facts: ['discovered_sockets', 'discovered_cores', 'discovered_threads'],
  async read(tree) {
    const fromSys = await readTopology(tree);
    if ('value' in fromSys) return allFound(fromSys.value);
    const fromProc = await countCpus(tree);
    const either = (finding: Finding<number>): Finding<number> =>
      'value' in finding ? finding : missing(`${fromSys.reason}; ${finding.reason}`);
    return {
      discovered_sockets: either(fromProc.sockets),
      discovered_cores: either(fromProc.cores),
      discovered_threads: either(fromProc.threads),
    };
  },
};

interface Counts {
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
}

function allFound({ sockets, cores, threads }: Counts) {
  return { discovered_sockets: found(sockets), discovered_cores: found(cores), discovered_threads: found(threads) };
}

const CPUS = '/sys/devices/system/cpu';

/** The kernel's own limit (NR_CPUS) on x86-64; a list that names more is not a list of CPUs. */
const CPUS_MAX = 8192;

/** Characters of the list of them: every other CPU of 8,192, when SMT is off and no two neighbours are online. */
const LIST_MAX = 24 * 1024;

/** CPUs read at a time: enough to be quick, few enough to leave the process its thread pool and descriptors. */
const AT_A_TIME = 32;

async function readTopology(tree: RootTree): Promise<Finding<Counts>> {
  const list = await tree.line(`${CPUS}/online`, LIST_MAX);
  if ('reason' in list) return list;
  const cpus = cpuList(list.value);
  if (cpus === undefined)
    return missing(`${CPUS}/online holds '${list.value.slice(0, 40)}', not a list of CPUs such as 0-3,8`);

  const sockets = new Set<number>();
  const cores = new Set<string>();
  for (let i = 0; i < cpus.length; i += AT_A_TIME) {
    const places = await Promise.all(cpus.slice(i, i + AT_A_TIME).map((cpu) => placeOf(tree, cpu)));
    for (const place of places) {
      if ('reason' in place) return place;
      sockets.add(place.value.socket);
      cores.add(`${place.value.socket} ${place.value.core}`);
    }
  }
  return found({ sockets: sockets.size, cores: cores.size, threads: cpus.length });
}

/**
 * The socket of a CPU and its core in there. `core_id` alone is not enough: it is unique in a die only, and a package
 * may hold several dies. (die_id is absent before Linux 5.3 and on some architectures, which have one die.)
 */
async function placeOf(
  tree: RootTree,
  cpu: number,
): Promise<Finding<{ readonly socket: number; readonly core: string }>> {
  const topology = `${CPUS}/cpu${cpu}/topology`;
  const [socket, die, core] = await Promise.all([
    tree.integer(`${topology}/physical_package_id`),
    tree.integer(`${topology}/die_id`),
    tree.integer(`${topology}/core_id`),
  ]);
  if ('reason' in socket) return socket;
  if ('reason' in core) return core;
  // -1 is how the kernel says that the firmware did not tell it.
  if (socket.value < 0)
    return missing(`${topology}/physical_package_id is ${socket.value}: the kernel does not know it`);
  if (core.value < 0) return missing(`${topology}/core_id is ${core.value}: the kernel does not know it`);
  return found({ socket: socket.value, core: `${'value' in die ? die.value : 0} ${core.value}` });
}

/** `0-3,8,10-11` as numbers; undefined when it is not such a list, or names more CPUs than a kernel can have. */
function cpuList(text: string): readonly number[] | undefined {
  const cpus: number[] = [];
  for (const item of text.split(',')) {
    const bounds = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(item);
    if (bounds === null) return undefined;
    const from = Number(bounds[1]);
    const to = Number(bounds[2] ?? bounds[1]);
    if (to < from || cpus.length + to - from + 1 > CPUS_MAX) return undefined;
    for (let cpu = from; cpu <= to; cpu++) cpus.push(cpu);
  }
  return cpus;
}
