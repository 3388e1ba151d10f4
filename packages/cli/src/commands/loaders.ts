/**
 * Where each command is, in the order in which help and the reference show them. A line that names its command loads
 * the modules of that one alone: all of them together take longer than most commands.
 */
import type { CommandSpec } from '../command.ts';

export type Loader = () => Promise<CommandSpec>;

/** By the words that name the command. */
export const LOADERS: { readonly [words: string]: Loader } = {
  health: async () => (await import('./health.ts')).health,
  'node list': async () => (await import('./node-list.ts')).nodeList,
  'node show': async () => (await import('./node-show.ts')).nodeShow,
  'node hardware': async () => (await import('./node-hardware.ts')).nodeHardware,
  'node history': async () => (await import('./node-history.ts')).nodeHistory,
  'node diff': async () => (await import('./node-diff.ts')).nodeDiff,
  'node profile': async () => (await import('./node-profile.ts')).nodeProfile,
  'node collect': async () => (await import('./node-collect.ts')).nodeCollect,
  'node update': async () => (await import('./node-update.ts')).nodeUpdate,
  'node drain': async () => (await import('./node-drain.ts')).nodeDrain,
  'node resume': async () => (await import('./node-resume.ts')).nodeResume,
  'node windows': async () => (await import('./node-windows.ts')).nodeWindows,
  'node reboot-expected': async () => (await import('./node-reboot-expected.ts')).nodeRebootExpected,
  'node states': async () => (await import('./node-states.ts')).nodeStates,
  'node availability': async () => (await import('./node-availability.ts')).nodeAvailability,
  'node find-job': async () => (await import('./node-find-job.ts')).nodeFindJob,
  'node delete': async () => (await import('./node-delete.ts')).nodeDelete,
  'node watch': async () => (await import('./node-watch.ts')).nodeWatch,
  'cluster state': async () => (await import('./cluster-state.ts')).clusterState,
  'nodeset expand': async () => (await import('./nodeset.ts')).nodesetExpand,
  'nodeset fold': async () => (await import('./nodeset.ts')).nodesetFold,
  'nodeset count': async () => (await import('./nodeset.ts')).nodesetCount,
  'nodeset groups': async () => (await import('./nodeset.ts')).nodesetGroups,
  'env query': async () => (await import('./env-query.ts')).envQuery,
  'env top': async () => (await import('./env-top.ts')).envTop,
  'env watch': async () => (await import('./env-watch.ts')).envWatch,
  'env plot': async () => (await import('./env-plot.ts')).envPlot,
  'env archive': async () => (await import('./env-archive.ts')).envArchive,
  'heartbeat status': async () => (await import('./heartbeat-status.ts')).heartbeatStatus,
  'heartbeat list': async () => (await import('./heartbeat-list.ts')).heartbeatList,
  'heartbeat show': async () => (await import('./heartbeat-show.ts')).heartbeatShow,
  'heartbeat history': async () => (await import('./heartbeat-history.ts')).heartbeatHistory,
  'heartbeat incidents': async () => (await import('./heartbeat-incidents.ts')).heartbeatIncidents,
  'heartbeat watch': async () => (await import('./heartbeat-watch.ts')).heartbeatWatch,
  'heartbeat params': async () => (await import('./heartbeat-params.ts')).heartbeatParams,
  'heartbeat thresholds': async () => (await import('./heartbeat-thresholds.ts')).heartbeatThresholds,
  'heartbeat forget': async () => (await import('./heartbeat-forget.ts')).heartbeatForget,
  'aggregator list': async () => (await import('./aggregator-list.ts')).aggregatorList,
  'aggregator drain': async () => (await import('./aggregator-drain.ts')).aggregatorDrain,
  'aggregator undrain': async () => (await import('./aggregator-drain.ts')).aggregatorUndrain,
  'tree rebalance': async () => (await import('./tree-rebalance.ts')).treeRebalance,
  ping: async () => (await import('./ping.ts')).ping,
  run: async () => (await import('./run.ts')).run,
  'subscription create': async () => (await import('./subscription-create.ts')).subscriptionCreate,
  'subscription list': async () => (await import('./subscription-list.ts')).subscriptionList,
  'subscription delete': async () => (await import('./subscription-delete.ts')).subscriptionDelete,
  'token create': async () => (await import('./token-create.ts')).tokenCreate,
  'token list': async () => (await import('./token-list.ts')).tokenList,
  'token revoke': async () => (await import('./token-revoke.ts')).tokenRevoke,
  'audit list': async () => (await import('./audit-list.ts')).auditList,
  'db status': async () => (await import('./db-status.ts')).dbStatus,
  'db retention': async () => (await import('./db-retention.ts')).dbRetention,
  'db backup': async () => (await import('./db-backup.ts')).dbBackup,
  'db restore': async () => (await import('./db-restore.ts')).dbRestore,
  'db check': async () => (await import('./db-check.ts')).dbCheck,
  'db archive': async () => (await import('./db-archive.ts')).dbArchive,
  'db copy': async () => (await import('./db-copy.ts')).dbCopy,
  'cert init-ca': async () => (await import('../cert/init-ca.ts')).certInitCa,
  'cert issue': async () => (await import('../cert/issue.ts')).certIssue,
  'cert renew': async () => (await import('../cert/renew.ts')).certRenew,
  'cert revoke': async () => (await import('../cert/revoke.ts')).certRevoke,
  'cert list': async () => (await import('../cert/list.ts')).certList,
  'cert csr': async () => (await import('../cert/request.ts')).certCsr,
  'cert sign': async () => (await import('../cert/request.ts')).certSign,
  completion: async () => (await import('./completion.ts')).completion,
};

/** What loads the command whose words a line begins with; undefined where it begins otherwise, as with an option. */
export function loaderOf([first = '', second = '']: readonly string[]): Loader | undefined {
  // A word with a blank in it is no two words.
  if (first.includes(' ')) return undefined;
  const words = [first, `${first} ${second}`].find((name) => Object.hasOwn(LOADERS, name));
  return words === undefined ? undefined : LOADERS[words];
}
