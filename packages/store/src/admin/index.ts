/** What an admin does with a database; reached through `loadAdmin`, since a daemon seldom needs it. */
export { archivePath, readArchive, writeArchive } from './archive.ts';
export { backup } from './backup.ts';
export { check } from './check.ts';
export { copyToPostgres } from './copy.ts';
export { manifestOf } from './manifest.ts';
export { countRows, openReading, placeWords, quoted, schemaVersions } from './reading.ts';
export { restore } from './restore.ts';
