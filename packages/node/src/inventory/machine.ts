import type { Reader } from './reader.ts';
import { type Finding, missing, type RootTree } from './root-tree.ts';

/**
 * Model and serial number from the firmware: SMBIOS through /sys/class/dmi/id (x86-64 and aarch64 servers; the serial
 * number is readable by root only), else the device tree (POWER: `system-id`; ARM boards: `serial-number`).
 */
export const machine: Reader<'machine_model' | 'serial_number'> = {
  facts: ['machine_model', 'serial_number'],
  async read(tree) {
    return {
      machine_model: await firstOf(tree, ['/sys/class/dmi/id/product_name', `${DEVICE_TREE}/model`]),
      serial_number: await firstOf(tree, [
        '/sys/class/dmi/id/product_serial',
        `${DEVICE_TREE}/serial-number`,
        `${DEVICE_TREE}/system-id`,
      ]),
    };
  },
};

const DEVICE_TREE = '/sys/firmware/devicetree/base';

/** What board makers leave in a field they never filled. A record with it would make different machines look alike. */
const PLACEHOLDERS = new Set([
  '0',
  '0123456789',
  '123456789',
  'default string',
  'n/a',
  'none',
  'not applicable',
  'not available',
  'not specified',
  'system product name',
  'system serial number',
  'to be filled by o.e.m.',
  'unknown',
]);

async function firstOf(tree: RootTree, paths: readonly string[]): Promise<Finding<string>> {
  const reasons: string[] = [];
  for (const path of paths) {
    const line = await tree.line(path);
    if ('reason' in line) reasons.push(line.reason);
    else if (PLACEHOLDERS.has(line.value.toLowerCase())) reasons.push(`${path} holds the placeholder '${line.value}'`);
    else return line;
  }
  return missing(reasons.join('; '));
}
