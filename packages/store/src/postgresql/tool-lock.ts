/** The leader's lock for a tool: no master leads while it works, and it does not begin while one does. */
import type { Connection } from './connection.ts';
import { inUse, takeLock } from './reign.ts';

/** How long the server may take to see that whoever held it is gone, ms: a tool that was killed has just been, too. */
const PATIENCE_MS = 3_000;
const PAUSE_MS = 100;

/** Rejects with code 24 naming who has it. It is free again with the connection. */
export async function lockForTool(db: Connection, database: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const holder = await takeLock(db);
    if (holder === undefined) return;
    if (performance.now() > deadline) throw inUse(database, holder);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
