/** Tables and procedures of the node feature: daemons and their links, nodes, inventory, parts. */
import { update } from './attributes.ts';
import { inventory } from './inventory.ts';
import { prune } from './prune.ts';
import { record, touch } from './roster.ts';

export { migrations } from './migrations.ts';

export const name = 'node';
export const procedures = { record, touch, update, prune };
export const reports = { 'node.inventory': inventory };
