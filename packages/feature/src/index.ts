export type {
  AggregatorPart,
  AggregatorPorts,
  CopiedReport,
  Feature,
  MasterPart,
  MasterPorts,
  NodePart,
  NodePorts,
  Ports,
  Probe,
  Self,
  StoredReport,
} from './feature.ts';
export { type Asked, Once } from './once.ts';
