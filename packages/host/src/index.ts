export { cpuList } from './cpu-list.ts';
export { type Finding, found, missing } from './finding.ts';
export { type Host, realHost } from './host.ts';
export { type Programs, type RunOptions, realPrograms, recordedPrograms } from './programs.ts';
export { RootTree, soundLine } from './root-tree.ts';
