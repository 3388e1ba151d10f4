import { type Finding, missing, type RootTree } from '@csm/host';
import { telling } from './placeholder.ts';
import type { Reader } from './reader.ts';

const DMI = '/sys/class/dmi/id';
const DEVICE_TREE = '/sys/firmware/devicetree/base';

/**
 * Maker, model, serial number and firmware: SMBIOS through /sys/class/dmi/id (x86-64 and aarch64 servers; the serial
 * number is readable by root only), else the device tree (POWER: `system-id`; ARM boards: `serial-number`).
 */
export const machine: Reader<
  'machine_model' | 'machine_vendor' | 'serial_number' | 'bios_vendor' | 'bios_version' | 'bios_date'
> = {
  name: 'machine',
  facts: ['machine_model', 'machine_vendor', 'serial_number', 'bios_vendor', 'bios_version', 'bios_date'],
  async read({ tree }) {
    return {
      machine_model: await firstOf(tree, [`${DMI}/product_name`, `${DEVICE_TREE}/model`]),
      machine_vendor: await firstOf(tree, [`${DMI}/sys_vendor`]),
      serial_number: await firstOf(tree, [
        `${DMI}/product_serial`,
        `${DEVICE_TREE}/serial-number`,
        `${DEVICE_TREE}/system-id`,
      ]),
      bios_vendor: await firstOf(tree, [`${DMI}/bios_vendor`]),
      bios_version: await firstOf(tree, [`${DMI}/bios_version`]),
      bios_date: await firstOf(tree, [`${DMI}/bios_date`]),
    };
  },
};

async function firstOf(tree: RootTree, paths: readonly string[]): Promise<Finding<string>> {
  const reasons: string[] = [];
  for (const path of paths) {
    const line = telling(await tree.line(path), path, Number.POSITIVE_INFINITY);
    if ('value' in line) return line;
    reasons.push(line.reason);
  }
  return missing(reasons.join('; '));
}
