/** Every command there is, in the order in which help and the reference show them. */
import { certInitCa } from '../cert/init-ca.ts';
import { certIssue } from '../cert/issue.ts';
import { certList } from '../cert/list.ts';
import { certRenew } from '../cert/renew.ts';
import { certCsr, certSign } from '../cert/request.ts';
import { certRevoke } from '../cert/revoke.ts';
import type { CommandSpec } from '../command.ts';
import { aggregatorDrain, aggregatorUndrain } from './aggregator-drain.ts';
import { aggregatorList } from './aggregator-list.ts';
import { auditList } from './audit-list.ts';
import { clusterState } from './cluster-state.ts';
import { completion } from './completion.ts';
import { dbArchive } from './db-archive.ts';
import { dbBackup } from './db-backup.ts';
import { dbCheck } from './db-check.ts';
import { dbCopy } from './db-copy.ts';
import { dbRestore } from './db-restore.ts';
import { dbRetention } from './db-retention.ts';
import { dbStatus } from './db-status.ts';
import { envArchive } from './env-archive.ts';
import { envPlot } from './env-plot.ts';
import { envQuery } from './env-query.ts';
import { envTop } from './env-top.ts';
import { envWatch } from './env-watch.ts';
import { health } from './health.ts';
import { heartbeatForget } from './heartbeat-forget.ts';
import { heartbeatHistory } from './heartbeat-history.ts';
import { heartbeatIncidents } from './heartbeat-incidents.ts';
import { heartbeatList } from './heartbeat-list.ts';
import { heartbeatParams } from './heartbeat-params.ts';
import { heartbeatShow } from './heartbeat-show.ts';
import { heartbeatStatus } from './heartbeat-status.ts';
import { heartbeatThresholds } from './heartbeat-thresholds.ts';
import { heartbeatWatch } from './heartbeat-watch.ts';
import { nodeAvailability } from './node-availability.ts';
import { nodeCollect } from './node-collect.ts';
import { nodeDelete } from './node-delete.ts';
import { nodeDiff } from './node-diff.ts';
import { nodeDrain } from './node-drain.ts';
import { nodeFindJob } from './node-find-job.ts';
import { nodeHardware } from './node-hardware.ts';
import { nodeHistory } from './node-history.ts';
import { nodeList } from './node-list.ts';
import { nodeProfile } from './node-profile.ts';
import { nodeRebootExpected } from './node-reboot-expected.ts';
import { nodeResume } from './node-resume.ts';
import { nodeShow } from './node-show.ts';
import { nodeStates } from './node-states.ts';
import { nodeUpdate } from './node-update.ts';
import { nodeWatch } from './node-watch.ts';
import { nodeWindows } from './node-windows.ts';
import { nodesetCount, nodesetExpand, nodesetFold, nodesetGroups } from './nodeset.ts';
import { ping } from './ping.ts';
import { run } from './run.ts';
import { subscriptionCreate } from './subscription-create.ts';
import { subscriptionDelete } from './subscription-delete.ts';
import { subscriptionList } from './subscription-list.ts';
import { tokenCreate } from './token-create.ts';
import { tokenList } from './token-list.ts';
import { tokenRevoke } from './token-revoke.ts';
import { treeRebalance } from './tree-rebalance.ts';

export const COMMANDS: readonly CommandSpec[] = [
  health,
  nodeList,
  nodeShow,
  nodeHardware,
  nodeHistory,
  nodeDiff,
  nodeProfile,
  nodeCollect,
  nodeUpdate,
  nodeDrain,
  nodeResume,
  nodeWindows,
  nodeRebootExpected,
  nodeStates,
  nodeAvailability,
  nodeFindJob,
  nodeDelete,
  nodeWatch,
  clusterState,
  nodesetExpand,
  nodesetFold,
  nodesetCount,
  nodesetGroups,
  envQuery,
  envTop,
  envWatch,
  envPlot,
  envArchive,
  heartbeatStatus,
  heartbeatList,
  heartbeatShow,
  heartbeatHistory,
  heartbeatIncidents,
  heartbeatWatch,
  heartbeatParams,
  heartbeatThresholds,
  heartbeatForget,
  aggregatorList,
  aggregatorDrain,
  aggregatorUndrain,
  treeRebalance,
  ping,
  run,
  subscriptionCreate,
  subscriptionList,
  subscriptionDelete,
  tokenCreate,
  tokenList,
  tokenRevoke,
  auditList,
  dbStatus,
  dbRetention,
  dbBackup,
  dbRestore,
  dbCheck,
  dbArchive,
  dbCopy,
  certInitCa,
  certIssue,
  certRenew,
  certRevoke,
  certList,
  certCsr,
  certSign,
  completion,
];

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
