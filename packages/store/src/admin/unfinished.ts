/**
 * A database into which something is being put that is not whole yet says so where every master looks first: among its
 * migrations, as that of a module no build has. A master refuses it in these words; the tool knows its own.
 */
export const UNFINISHED = 'csm-unfinished';

/**
 * Values of the row in `schema_migration`: module, id, title, time, and for a checksum where the former tables are, so
 * that whoever begins anew can still put them back.
 */
export const unfinishedRow = (
  what: string,
  now: number,
  aside = '',
): readonly [string, number, string, number, string] => [
  UNFINISHED,
  1,
  `${what}, begun at ${new Date(now).toISOString()}, has not ended and must be begun anew`,
  now,
  aside,
];

/** `20261121T163000Z`: goes into names of what is kept aside. */
export const stamp = (now: number): string => new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
