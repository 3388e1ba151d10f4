/** Tables and procedures of the node feature: daemons and their links, nodes, inventory, parts, states, windows. */
import { update } from './attributes.ts';
import { judge } from './contact.ts';
import { inventory } from './inventory.ts';
import { prune } from './prune.ts';
import { expectReboot, rules } from './reboot.ts';
import { remove } from './remove.ts';
import { record, touch } from './roster.ts';
import { cancelWindow, openWindow, turnWindow } from './windows.ts';

export { migrations } from './migrations.ts';

export const name = 'node';
export const procedures = {
  record,
  touch,
  update,
  judge,
  openWindow,
  turnWindow,
  cancelWindow,
  remove,
  expectReboot,
  rules,
  prune,
};
export const reports = { 'node.inventory': inventory };
