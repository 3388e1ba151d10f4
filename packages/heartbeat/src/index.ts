export type { Change, ChangeKind, Incident, Life, Source, Tracked } from './types.ts';
