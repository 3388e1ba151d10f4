export { groupRuns } from './child/group.ts';
export { type ChildOptions, type ChildResult, OUTPUT_DEFAULT, runChild } from './child/run.ts';
export { type Clock, shiftedClock, shiftFile, systemClock } from './clock.ts';
export { ConfigError, type ConfigFault, describeFault } from './config/fault.ts';
export {
  bytes,
  choice,
  decimal,
  duration,
  fileMode,
  filePath,
  flag,
  type Range,
  SOCKET_PATH_MAX,
  severity,
  socketPath,
  text,
  whole,
} from './config/formats.ts';
export {
  type Count,
  type Fields as RecordFields,
  type KeyCheck,
  listOf,
  mapOf,
  nodesetMap,
  oneOrMany,
  record,
} from './config/formats-many.ts';
export { type HostPort, host, hostPort, port, printHostPort } from './config/formats-net.ts';
export { type Parsed, type Place, parseJson } from './config/json-text.ts';
export { type ConfigSource, loadConfig } from './config/load.ts';
export { configReference, printEffective } from './config/print.ts';
export { diffReload, mergeReload, type ReloadDiff } from './config/reload.ts';
export {
  type ConfigOf,
  type Format,
  type Reading,
  type Schema,
  type Setting,
  type SettingText,
  setting,
} from './config/setting.ts';
export { createLifecycle, EXIT, type Lifecycle, type LifecycleOptions, type LifeState } from './lifecycle.ts';
export type { FileSinkOptions } from './log/file-sink.ts';
export { type Fields, type SerializedError, serializeError } from './log/line.ts';
export {
  createLog,
  isJournal,
  type Log,
  type LogOptions,
  type MemoryEvent,
  type MemoryLog,
  memoryLog,
} from './log/log.ts';
export {
  type Counter,
  createMetrics,
  type Gauge,
  type Histogram,
  type Labels,
  type MetricRow,
  type Metrics,
  type Reading as GaugeReading,
} from './metrics.ts';
export { type Level, SEVERITIES, type Severity } from './severity.ts';
export {
  type Notify,
  type NotifyOptions,
  startWatchdog,
  systemdNotify,
  type WatchdogOptions,
} from './systemd/notify.ts';
