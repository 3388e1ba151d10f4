export { type ChangeItem, changeItem, concerns } from './changes.ts';
export type {
  AggregatorPart,
  AggregatorPorts,
  CopiedReport,
  DaemonFacts,
  Feature,
  Guard,
  GuardedCall,
  MasterPart,
  MasterPorts,
  NodePart,
  NodePorts,
  Ports,
  Probe,
  RefusedCall,
  Self,
  StoredReport,
} from './feature.ts';
export { once } from './idempotency.ts';
export { type Asked, Once } from './once.ts';
