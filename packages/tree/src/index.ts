export type { CallOrder } from './calls/entry.ts';
export { Core, type CoreEffect, type RosterRecorded } from './core.ts';
export { type Answer, foldParts } from './fanout/merge.ts';
export type { Order, Whereabouts } from './fanout/origin.ts';
export { Hub, type HubEffect } from './hub.ts';
export type { CommitBatch, CommitResult } from './intake.ts';
export { Leaf, type LeafConfig, type LeafEffect, type LeafEvent, type Report } from './leaf.ts';
export { type Identity, INTERVAL_DEFAULT, INTERVAL_MAX, INTERVAL_MIN, type LinkId, type Peer } from './link/link.ts';
export { type Above, type Admission, LinkTable, type Self } from './link/table.ts';
export type { CallServer, Serve, ServeContext } from './net/call-server.ts';
export type { Revoked } from './net/certificates.ts';
export type { CommandContext, CommandHandler } from './net/command-runner.ts';
export { type CoreDatabase, CoreShell, type CoreShellOptions } from './net/core-shell.ts';
export { FAILPOINTS, type Failpoint, type PassFailpoint } from './net/failpoint.ts';
export type { DialTurn } from './net/hub-dialer.ts';
export { HubShell, type HubShellOptions, type HubTap, type MasterState } from './net/hub-shell.ts';
export {
  type CallHandlers,
  type Candidate,
  type LeafOptions,
  LeafShell,
} from './net/leaf-shell.ts';
export { LineLimit } from './net/line-limit.ts';
export type { ClockAhead, Links } from './net/links.ts';
export { type LockFile, type LockWords, takeLock } from './net/lock-file.ts';
export type { Clock, Log } from './net/ports.ts';
export type { RefusedPeer } from './net/refused-peers.ts';
export { StandbyShell, type StandbyShellOptions } from './net/standby-shell.ts';
export type { Wire } from './net/wire.ts';
export { oldestTime, URGENCIES, type Urgency, waitingCount } from './outbox/state.ts';
export type {
  ClaimRecord,
  DaemonRecord,
  DaemonView,
  HubLink,
  HubView,
  KnownDaemon,
  RosterRecord,
  Telling,
  What,
} from './roster/view.ts';
export type { CopiedReport } from './tap/tap.ts';
