/** Colours, where there is a terminal that wants them. */

export interface Colors {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly strong: (text: string) => string;
}

const sgr =
  (n: number) =>
  (text: string): string =>
    `\x1b[${n}m${text}\x1b[0m`;
const none = (text: string): string => text;

export const COLOR_TIMES = ['auto', 'always', 'never'] as const;
export type ColorTime = (typeof COLOR_TIMES)[number];

/**
 * `auto` is on a terminal only; by https://no-color.org a NO_COLOR that is not empty means none, whatever its value, and
 * what is said on the command line comes before both.
 */
export function colors(when: ColorTime, isTTY: boolean, env: { readonly [name: string]: string | undefined }): Colors {
  const isAsked = isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  const isWanted = when === 'always' || (when === 'auto' && isAsked);
  return isWanted
    ? { good: sgr(32), bad: sgr(31), warn: sgr(33), strong: sgr(1) }
    : { good: none, bad: none, warn: none, strong: none };
}
