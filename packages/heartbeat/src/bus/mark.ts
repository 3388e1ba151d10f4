/**
 * Which of our messages is which. Pure.
 *
 * `Nats-Msg-Id` is `csm-<identity>-<seq>-<time>`: the publisher, and number and time of the row of `change`. Number alone
 * would not do: a database that was restored from a backup gives the same numbers again, to other changes.
 */

export interface Mark {
  readonly seq: number;
  /** ms */
  readonly time: number;
}

/** Of a publisher: it is made when its cursor is, and gone with it. */
export const IDENTITY_BYTES = 6;
const FOLLOWER = 'heartbeat bus ';

/** The name under which the store keeps the cursor; the identity is a part of it, and so is kept as long. */
export const followerName = (identity: string): string => `${FOLLOWER}${identity}`;
export const FOLLOWERS_LIKE = `${FOLLOWER}%`;
export const identityIn = (follower: string): string => follower.slice(FOLLOWER.length);

export const messageId = (identity: string, { seq, time }: Mark): string => `csm-${identity}-${seq}-${time}`;

const ID = /^csm-([0-9a-f]+)-(\d{1,16})-(\d{1,16})$/;

/** Undefined for a message of somebody else. */
export function markIn(id: string, identity: string): Mark | undefined {
  const [, whose, seq, time] = ID.exec(id) ?? [];
  return whose === identity ? { seq: Number(seq), time: Number(time) } : undefined;
}

/**
 * The number behind which the publisher goes on. `first` is the first row it has to send, `mark` the newest message of
 * its own in the stream, `time` the time of the row with that mark's number in the database.
 *
 * | the newest of ours in the stream                | it goes on behind                                             |
 * |--------------------------------------------------|----------------------------------------------------------------|
 * | there is none: new, emptied, all out of date     | what it was told is delivered                                  |
 * | is no row of this database, or of one pruned     | the same: the database is an older one, or the mark is very old |
 * | is a row, before the first it has to send        | that row: what follows it was acknowledged, and lost by the bus |
 * | is a row, at or behind the first it has to send  | that row: what it did not hear of did arrive                    |
 */
export const goOnBehind = (first: number, mark: Mark | undefined, time: number | undefined): number =>
  mark !== undefined && mark.time === time ? mark.seq : first - 1;
