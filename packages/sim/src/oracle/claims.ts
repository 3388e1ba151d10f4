/** When a master had committed whose claim: the database is asked itself, whenever somebody has committed something. */
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';

/** A commit is seen up to so many ms late. */
const LOOK_MS = 2;
const NODES = "SELECT node_name FROM daemon WHERE role = 'compute' AND primary_agg = ?";

/** Rejects when it takes longer than `ms`. */
export async function committedClaims(
  file: string,
  {
    hub,
    count,
    ms,
    signal,
  }: { readonly hub: string; readonly count: number; readonly ms: number; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, number>> {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const nodes = db.prepare<[string], string>(NODES).pluck();
    const seen = new Map<string, number>();
    const late = performance.now() + ms;
    for (let version: unknown; seen.size < count; await pause(LOOK_MS, undefined, { signal })) {
      // It changes with each commit of anybody else, and costs next to nothing.
      const now = db.pragma('data_version', { simple: true });
      if (now !== version) {
        const found = nodes.all(hub);
        const at = wallNow();
        for (const node of found) if (!seen.has(node)) seen.set(node, at);
      }
      version = now;
      if (performance.now() > late) throw new Error(`${seen.size} of ${count} claims are committed after ${ms} ms`);
    }
    return seen;
  } finally {
    db.close();
  }
}

/** Wall ms with fractions; the clocks of all processes agree in it. */
export const wallNow = (): number => performance.timeOrigin + performance.now();
