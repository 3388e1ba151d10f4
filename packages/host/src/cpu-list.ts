/** The kernel's own limit (NR_CPUS) on x86-64; a list that names more is not a list of CPUs. */
const CPUS_MAX = 8192;

/**
 * `0-3,8,10-11`, the kernel's list format, as numbers; empty for an empty text; undefined when it is not such a list,
 * or names more CPUs than a kernel can have.
 */
export function cpuList(text: string): readonly number[] | undefined {
  if (text === '') return [];
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
