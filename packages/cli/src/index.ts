export type { Io } from './io.ts';
export { main } from './main.ts';
export { commandExamples, commandReference } from './reference.ts';
