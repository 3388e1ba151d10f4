/** Work on many items, in order where they belong together, side by side where they do not. */

/**
 * Items of one lane are worked on one after another, up to `width` lanes at a time. After the first failure nothing more
 * is begun; when all that was begun has settled, it is thrown.
 */
export async function inLanes<T>(
  items: readonly T[],
  laneOf: (item: T) => string,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const lanes = new Map<string, T[]>();
  for (const item of items) {
    const lane = lanes.get(laneOf(item));
    if (lane === undefined) lanes.set(laneOf(item), [item]);
    else lane.push(item);
  }
  const waiting = [...lanes.values()];
  let failed: { readonly thrown: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) {
      for (const item of lane) {
        if (failed !== undefined) return;
        try {
          await work(item);
        } catch (thrown) {
          failed ??= { thrown };
        }
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, waiting.length) }, worker));
  if (failed !== undefined) throw failed.thrown;
}
