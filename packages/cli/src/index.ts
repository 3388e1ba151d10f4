export { allCommands } from './commands/index.ts';
export type { Io } from './io.ts';
export { main } from './main.ts';
export { type ManFile, manPages, type SettingsPage } from './man/pages.ts';
export { commandExamples, commandReference } from './reference.ts';
