/** Every command there is, in the order in which help and the reference show them. */
import type { CommandSpec } from '../command.ts';
import { LOADERS } from './loaders.ts';

export const allCommands = (): Promise<readonly CommandSpec[]> =>
  Promise.all(Object.values(LOADERS).map((load) => load()));

/** What the nouns with several verbs are about. */
export const NOUNS: { readonly [noun: string]: string } = {
  node: 'The nodes: their state, links, inventory and hardware',
  cluster: 'The machine as a whole',
  nodeset: 'Node sets and groups of nodes, for scripts',
  env: 'What the nodes measure: load, temperatures, power, disks',
  heartbeat: 'Whatever sends heartbeats: who beats, who is late, who is dead',
  aggregator: 'The aggregators and whom they serve',
  tree: 'Who is served by which aggregator',
  subscription: 'Changes sent to a URL as they happen',
  token: 'Tokens for calls over HTTPS',
  audit: 'Who did what',
  db: 'The database of the master: backup, restore, check, what is kept, the way to PostgreSQL',
  cert: 'Certificates of the daemons; works without any daemon',
};
