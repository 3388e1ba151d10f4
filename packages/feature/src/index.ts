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
