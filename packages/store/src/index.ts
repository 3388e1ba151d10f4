export type { ArchiveManifest, ArchiveOptions, ArchiveRow, DayFile } from './admin/archive.ts';
export type { BackupOptions } from './admin/backup.ts';
export type { Finding } from './admin/check.ts';
export type { CopiedTable, CopyOptions } from './admin/copy.ts';
export type { Manifest } from './admin/manifest.ts';
export type { Place, Reading, Table } from './admin/reading.ts';
export type { Restored, RestoreOptions } from './admin/restore.ts';
export type { RunProgram } from './admin/run-program.ts';
export { type Among, deleteAmong, type Key, type KeyColumn, rowsAmong } from './among.ts';
export { fullJitter } from './backoff.ts';
export { forgetFollower, openFollower } from './core.ts';
export {
  type BatchResult,
  type CommitReports,
  type CommitReportsResult,
  cursors,
  type Judgement,
  judgeBatch,
  REJECTED_BODY_MAX,
  REJECTED_KEPT,
  type ReportBatch,
  type StreamId,
} from './intake.ts';
export type { Leader } from './leader.ts';
export { loadAdmin } from './load-admin.ts';
export type {
  AnyProcedure,
  Migration,
  NewChange,
  Procedure,
  ReportApplier,
  ReportItem,
  RowSource,
  Sql,
  SqlRow,
  SqlValue,
  StoreModule,
  Tx,
} from './module.ts';
export { ONCE_KEEP_MS, type OnceKey } from './once.ts';
export {
  type Candidacy,
  type MemoryOptions,
  type OpenOptions,
  openMemoryStore,
  openPostgresStore,
  openStore,
  type PostgresOptions,
  type StandOptions,
  standForLeader,
} from './open.ts';
export {
  covers,
  dropPartition,
  gapAround,
  makePartition,
  makeRoomFor,
  type Partition,
  type Partitioned,
  type PartitionPort,
  partitionsOf,
  type Range,
} from './postgresql/partitions.ts';
export type { PostgresServer } from './postgresql/server.ts';
export { inSlice, SLICE_MS, type SliceClock, type SliceResult } from './slice.ts';
export {
  type CallOptions,
  type ChangeFilter,
  type ChangeRow,
  type Changes,
  type CommonOptions,
  DEFAULT_LIMITS,
  type Delivery,
  type DeliveryStatus,
  type Follower,
  type FollowOptions,
  type FollowStats,
  type PruneRule,
  type QueryOptions,
  type Store,
  type StoreLimits,
  type StoreStats,
} from './store.ts';
