/** How nodes are divided among processes. Pure. */

/** Files a node has open: two links and its journal; one more while it dials anew. */
const FILES_A_NODE = 4;
/** Files a process has open besides. */
const FILES_BESIDE = 200;

/** The most nodes one process can hold under a limit of open files. */
export const nodesAProcess = (openFiles: number): number =>
  Math.max(1, Math.floor((openFiles - FILES_BESIDE) / FILES_A_NODE));

/** Even shares, in order: at least `processes` of them, and none larger than the limit of open files allows. */
export function shares(nodes: readonly string[], processes: number, openFiles: number): string[][] {
  const count = Math.min(nodes.length, Math.max(processes, Math.ceil(nodes.length / nodesAProcess(openFiles))));
  const size = Math.ceil(nodes.length / count);
  return Array.from({ length: count }, (_, i) => nodes.slice(i * size, (i + 1) * size)).filter((s) => s.length > 0);
}
