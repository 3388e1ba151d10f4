/**
 * Places between two steps of the tree where a test lets the process die. In production nobody listens: a place that is
 * passed costs one look whether the port is there.
 *
 * A name ends in `before` or `after` the step it stands at. `after` a send means that the kernel has the bytes, as far as
 * it takes them at once.
 */
export const FAILPOINTS = {
  leaf: {
    'journal.append.before': 'records that something waits for are about to be written',
    'journal.append.after': 'they are on disk, and nothing that waits for them has left',
    'report.send.before': 'reports are numbered, their numbers on disk, and not sent',
    'report.send.after': 'reports were sent to the primary',
    'claim.send.before': 'a primary is chosen and does not know it',
    'claim.send.after': 'the claim was sent, its term perhaps not on disk',
    'claim.confirmed.before': "the leader's confirmation has come and is not read",
    'claim.confirmed.after': 'it is taken in, and what follows from it has not left',
    'ack.take.before': 'an acknowledgement has come and is not read',
    'ack.take.after': 'what it covers is let go, and the journal perhaps still holds it',
  },
  hub: {
    'reports.forward.before': 'reports of nodes are read and not passed on',
    'reports.forward.after': 'reports were passed to the leader',
    'ack.forward.before': 'the leader has stored reports and their node does not know',
    'ack.forward.after': 'an acknowledgement was passed to its node',
    'claim.forward.before': 'a node has claimed this hub and the leader does not know',
    'claim.forward.after': 'claims were passed to the leader',
    'leader.change.before': 'another link becomes the trunk, or none: the nodes believe the former one',
    'leader.change.after': 'the trunk has changed, and its leader has no roster yet',
  },
  core: {
    'commit.ask.before': 'reports wait for the database, which was not asked',
    'commit.done.before': 'reports are stored and nobody was told',
    'commit.done.after': 'acknowledgements were sent to an aggregator',
    'claim.record.before': 'claims are known here and not in the database',
    'claim.record.after': 'claims are in the database and no verdict has left',
  },
} as const satisfies Record<string, Readonly<Record<`${string}.${'before' | 'after'}`, string>>>;

export type LeafFailpoint = keyof typeof FAILPOINTS.leaf;
export type HubFailpoint = keyof typeof FAILPOINTS.hub;
export type CoreFailpoint = keyof typeof FAILPOINTS.core;
export type Failpoint = LeafFailpoint | HubFailpoint | CoreFailpoint;

/** Called at each passing of a failpoint; it may end the process there. */
export type PassFailpoint = (name: Failpoint) => void;

/**
 * Sends, between a `before` and an `after`. A stream gives its frames to the kernel at the end of the turn; the `after`
 * comes behind that.
 */
export function sendBetween(pass: PassFailpoint, before: Failpoint, after: Failpoint, send: () => void): void {
  pass(before);
  send();
  setImmediate(() => pass(after));
}
