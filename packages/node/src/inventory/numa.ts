import { cpuList, type Finding, found, missing, type RootTree } from '@csm/host';
import { each } from './once.ts';
import type { NumaNode, Reader } from './reader.ts';

const NODES = '/sys/devices/system/node';
/** The largest machines have some hundreds; a document has room for as many. */
const NODES_MAX = 256;
/** Characters of one node's list of CPUs. */
const LIST_MAX = 1024;

/** Which CPUs and how much memory are near each other, from /sys/devices/system/node (sysfs-devices-node). */
export const numa: Reader<'numa'> = {
  name: 'numa',
  facts: ['numa'],
  async read({ tree }) {
    const names = await tree.names(NODES);
    if ('reason' in names) return { numa: names };
    const nodes = names.value
      .flatMap((name) => /^node(\d{1,5})$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    if (nodes.length === 0) return { numa: missing(`${NODES} has no node`) };
    if (nodes.length > NODES_MAX)
      return { numa: missing(`${NODES} has ${nodes.length} nodes, at most ${NODES_MAX} are told`) };
    const list: NumaNode[] = [];
    for (const node of await each(nodes, 8, (n) => readNode(tree, n))) {
      if ('reason' in node) return { numa: node };
      list.push(node.value);
    }
    return { numa: found(list) };
  },
};

async function readNode(tree: RootTree, node: number): Promise<Finding<NumaNode>> {
  const dir = `${NODES}/node${node}`;
  const [cpulist, meminfo] = await Promise.all([tree.text(`${dir}/cpulist`), tree.text(`${dir}/meminfo`)]);
  if ('reason' in cpulist) return cpulist;
  if ('reason' in meminfo) return meminfo;
  const cpus = cpulist.value.trim();
  if (cpus.length > LIST_MAX || cpuList(cpus) === undefined)
    return missing(`${dir}/cpulist holds '${cpus.slice(0, 40)}', not a list of CPUs such as 0-3,8`);
  const memory = /^Node \d+ MemTotal:\s+(\d{1,15}) kB$/m.exec(meminfo.value)?.[1];
  if (memory === undefined) return missing(`${dir}/meminfo has no line 'Node ${node} MemTotal: N kB'`);
  return found({ node, cpus, memory: Number(memory) });
}
