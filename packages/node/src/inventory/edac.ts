import { type Finding, found, missing, type RootTree } from '@csm/host';
import { telling } from './placeholder.ts';

/** A memory module, or one rank of it, as a memory controller's driver tells it. */
export interface EdacDimm {
  /** The label where it tells something, else such as `mc0/dimm1`. */
  readonly name: string;
  /** Such as `mc0/dimm1`. */
  readonly place: string;
  /** Drivers for some controllers know chip selects only: a module then is one or more of them. */
  readonly isRank: boolean;
  /** kB. */
  readonly size: number;
  /** Such as `Registered-DDR4`. */
  readonly type: string | undefined;
}

const MC = '/sys/devices/system/edac/mc';
const MODULES_MAX = 1024;

/**
 * The modules with memory on them, by controller (Documentation/ABI/testing/sysfs-devices-edac). Ranks that a site gave
 * the same label are one module.
 */
export async function readEdac(tree: RootTree): Promise<Finding<readonly EdacDimm[]>> {
  const controllers = await tree.names(MC);
  if ('reason' in controllers) return controllers;
  const modules = new Map<string, EdacDimm>();
  for (const mc of controllers.value.filter((name) => /^mc\d{1,4}$/.test(name)).sort(byNumber)) {
    const names = await tree.names(`${MC}/${mc}`);
    if ('reason' in names) return names;
    for (const name of names.value.filter((n) => /^(?:dimm|rank)\d{1,4}$/.test(n)).sort(byNumber)) {
      const module = await readModule(tree, mc, name);
      if (module === undefined) continue;
      const same = module.isRank ? modules.get(module.name) : undefined;
      if (same !== undefined) modules.set(module.name, { ...same, size: same.size + module.size });
      else modules.set(modules.has(module.name) ? module.place : module.name, module);
      if (modules.size > MODULES_MAX) return missing(`${MC} has more than ${MODULES_MAX} modules`);
    }
  }
  return modules.size === 0 ? missing(`${MC} has no module`) : found([...modules.values()]);
}

/** Those that are modules for sure: a rank without a label may be half of one. */
export function edacModules(all: readonly EdacDimm[]): Finding<readonly EdacDimm[]> {
  return all.some(({ isRank, name, place }) => isRank && name === place)
    ? missing(`${MC} tells ranks of memory, not modules`)
    : found(all);
}

const numberIn = (name: string): number => Number(/\d+$/.exec(name)?.[0] ?? 0);
const byNumber = (a: string, b: string): number => numberIn(a) - numberIn(b);

async function readModule(tree: RootTree, mc: string, name: string): Promise<EdacDimm | undefined> {
  const dir = `${MC}/${mc}/${name}`;
  const mebibytes = await tree.integer(`${dir}/size`);
  if ('reason' in mebibytes || mebibytes.value <= 0) return undefined;
  const label = telling(await tree.line(`${dir}/dimm_label`), 'dimm_label', 64);
  const type = telling(await tree.line(`${dir}/dimm_mem_type`), 'dimm_mem_type', 64);
  const place = `${mc}/${name}`;
  return {
    // The kernel's own label, such as mc#0csrow#0channel#0, is a place and no name.
    name: 'value' in label && !/^mc#/i.test(label.value) ? label.value : place,
    place,
    isRank: name.startsWith('rank'),
    size: mebibytes.value * 1024,
    type: 'value' in type ? type.value : undefined,
  };
}
