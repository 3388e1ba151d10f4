/** Under which names a daemon is dialled: they stand in its certificate. */
import { hostname } from 'node:os';
import type { Given } from '../command.ts';
import { flag, text } from '../given.ts';

export const NAMES_OPTIONS = [
  { flags: '--names <names>', help: 'further DNS names or IP addresses of each, divided by commas' },
  { flags: '--host-name', help: 'the name of this machine as a further name' },
];

/** The node's own name, and those asked for. The CA checks them. */
export function namesOf(given: Given, node: string): readonly string[] {
  const more = (text(given, 'names') ?? '').split(',').map((name) => name.trim());
  const host = flag(given, 'hostName') ? [hostname()] : [];
  return [...new Set([node, ...more.filter((name) => name !== ''), ...host])];
}
