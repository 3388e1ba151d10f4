import { cpuList, type Finding, found, missing, type RootTree } from '@csm/host';
import { each } from './once.ts';

/** Socket → its cores and threads that are online. */
export type Sockets = ReadonlyMap<number, { readonly cores: number; readonly threads: number }>;

/** Where one thread sits; `core` is unique in its socket. */
export interface Place {
  readonly socket: number;
  readonly core: string;
}

export const CPUS = '/sys/devices/system/cpu';

/** Characters of the list of CPUs: every other one of 8,192, when SMT is off and no two neighbours are online. */
const LIST_MAX = 24 * 1024;

/** CPUs read at a time: enough to be quick, few enough to leave the process its thread pool and descriptors. */
const AT_A_TIME = 32;

/** The online CPUs by socket, from /sys/devices/system/cpu (cputopology.rst of the kernel), alike on all architectures. */
export async function readTopology(tree: RootTree): Promise<Finding<Sockets>> {
  const list = await tree.line(`${CPUS}/online`, LIST_MAX);
  if ('reason' in list) return list;
  const cpus = cpuList(list.value);
  if (cpus === undefined)
    return missing(`${CPUS}/online holds '${list.value.slice(0, 40)}', not a list of CPUs such as 0-3,8`);
  const places: Place[] = [];
  for (const place of await each(cpus, AT_A_TIME, (cpu) => placeOf(tree, cpu))) {
    if ('reason' in place) return place;
    places.push(place.value);
  }
  return found(bySocket(places));
}

/** One place for each thread. */
export function bySocket(places: readonly Place[]): Sockets {
  const sockets = new Map<number, { cores: Set<string>; threads: number }>();
  for (const { socket, core } of places) {
    const entry = sockets.get(socket) ?? { cores: new Set<string>(), threads: 0 };
    entry.cores.add(core);
    entry.threads++;
    sockets.set(socket, entry);
  }
  const sorted = [...sockets].sort(([a], [b]) => a - b);
  return new Map(sorted.map(([socket, { cores, threads }]) => [socket, { cores: cores.size, threads }]));
}

/**
 * The socket of a CPU and its core in there. `core_id` alone is not enough: it is unique in a die only, and a package
 * may hold several dies. (die_id is absent before Linux 5.3 and on some architectures, which have one die.)
 */
async function placeOf(tree: RootTree, cpu: number): Promise<Finding<Place>> {
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
