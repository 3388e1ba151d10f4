/** What can be collected: the items of a bucket. */
export const ITEMS = [
  'cpu',
  'memory',
  'network',
  'disk',
  'gpu',
  'temperature',
  'power',
  'ssd',
  'infiniband',
  'filesystem',
] as const;
export type Item = (typeof ITEMS)[number];

export const isItem = (text: string): text is Item => (ITEMS as readonly string[]).includes(text);

/**
 * One item's values at one moment: `metric`, or `instance.metric` where a machine has several of the thing (disks,
 * GPUs, sensors). An instance is made of letters, digits, `_`, `-`, `:` and `/`; a metric's name ends with its unit.
 */
export type Values = Readonly<Record<string, number>>;
