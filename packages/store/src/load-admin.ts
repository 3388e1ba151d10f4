/** Backups, checks, copies and the like, loaded only when they are asked for. */
export const loadAdmin = (): Promise<typeof import('./admin/index.ts')> => import('./admin/index.ts');
