/** What `csmd --db` does; known to every role, so that it can say no without loading a database. */
export const DB_WORK = ['restore', 'check', 'copy'] as const;
export type DbWork = (typeof DB_WORK)[number];
