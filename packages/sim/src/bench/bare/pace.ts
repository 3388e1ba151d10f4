/**
 * When the beat after the one due at `due` is due: at the same moment of an interval. Those that were missed are not made
 * up for. ms; pure.
 *
 * A `setInterval` counts from when it was carried out: two that were late once are due together for good, and after a
 * minute at 200 ms three beats came to a server in one wake-up, which is cheaper for it than beats that come alone.
 */
export const nextBeat = (due: number, now: number, intervalMs: number): number =>
  due + intervalMs * Math.max(1, Math.ceil((now - due) / intervalMs));
