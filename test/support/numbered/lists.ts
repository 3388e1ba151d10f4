/**
 * The files of the generators, in one directory; `<daemon>` is `role-node`.
 *
 *   running          generators offer while it exists; its text is how many numbers a second each offers
 *   <daemon>.list    numbers whose offer was accepted, one a line, each on disk before its worker goes on
 *   <daemon>.refused numbers whose offer was refused: these must not be in the database
 *   <daemon>.lives   one line for each start of the daemon
 *
 * A number is `life * LIFE + k`, with k = 1, 2, 3 … within a life: a number is never offered twice, also when a life
 * ends between the acceptance and the list.
 */
export const DIRECTORY = 'CSM_TEST_NUMBERED';
export const LIFE = 1_000_000;
/** Offers under way at once in one daemon: so many may be accepted and not listed when it is killed. */
export const WORKERS = 8;
/** Every so many-th number is urgent. */
export const URGENT = 5;

export const fileOf = (daemon: string, what: 'list' | 'refused' | 'lives'): string =>
  `${daemon.replace('/', '-')}.${what}`;
