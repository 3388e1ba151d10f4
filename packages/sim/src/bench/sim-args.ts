/** Options of `csm-sim` as its command line; `true` stands for an option without a value. */
export const simArgs = (options: Readonly<Record<string, string | number | true>>): string[] =>
  Object.entries(options).flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, String(value)]));
