export { fullJitter } from './backoff.ts';
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
export type {
  AnyProcedure,
  Migration,
  Procedure,
  ReportApplier,
  ReportItem,
  Sql,
  SqlRow,
  SqlValue,
  StoreModule,
  Tx,
} from './module.ts';
export {
  type MemoryOptions,
  type OpenOptions,
  openMemoryStore,
  openPostgresStore,
  openStore,
  type PostgresOptions,
} from './open.ts';
export type { PostgresServer } from './postgresql/server.ts';
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
  type PruneRule,
  type QueryOptions,
  type Store,
  type StoreLimits,
  type StoreStats,
} from './store.ts';
