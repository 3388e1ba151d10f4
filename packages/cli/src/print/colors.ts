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

/** By https://no-color.org: a NO_COLOR that is not empty means none, whatever its value. */
export function colors(isTTY: boolean, env: { readonly [name: string]: string | undefined }): Colors {
  const isWanted = isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  return isWanted
    ? { good: sgr(32), bad: sgr(31), warn: sgr(33), strong: sgr(1) }
    : { good: none, bad: none, warn: none, strong: none };
}
