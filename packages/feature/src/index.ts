export type { Feature, MasterPart, MasterPorts, NodePart, NodePorts, Self } from './feature.ts';
