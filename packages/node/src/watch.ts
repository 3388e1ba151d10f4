/** `node.watch`: changes as they happen. */
import type { Handler } from '@csm/api';
import { changeItem, concerns, type MasterPorts } from '@csm/feature';
import { NodeSet } from '@csm/nodeset';

/** What is told when nothing else is asked for. */
const WATCHED = ['node', 'link', 'inventory'];

interface WatchInput {
  readonly nodes?: string;
  readonly kinds?: readonly string[];
  readonly since?: number;
}

export const watchHandler =
  ({ store }: MasterPorts): Handler<WatchInput> =>
  async ({ nodes, kinds = WATCHED, since }, ctx) => {
    const wanted = nodes === undefined ? undefined : NodeSet.parse(nodes);
    await store.changes.follow({
      since,
      kinds,
      signal: ctx.signal,
      ...(wanted === undefined ? {} : { wants: (row) => concerns(row, wanted) }),
      // All at once, so that they share frames; the next rows come when there is room again.
      take: async (rows) => {
        const all = rows.map((row) => {
          const { json, bytes } = changeItem(row);
          return ctx.emit(json, bytes);
        });
        await Promise.all(all);
      },
    });
    return undefined;
  };
