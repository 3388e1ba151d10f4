/** What a stream must be like for changes to arrive in it once each and in order. Pure. */
import type { StreamConfig } from '@nats-io/jetstream';

/** Of a stream that is made here; whoever wants other limits makes it before. */
export const STREAM_AGE_MS: number = 7 * 86_400_000;
export const STREAM_BYTES: number = 512 * 1024 * 1024;
/** How long the server knows the ids of messages; order and number do not depend on it. */
const DUPLICATES_MS = 120_000;
const NANOSECONDS = 1_000_000;
/** The longest message with its headers is shorter. */
export const MESSAGE_MAX = 4_096;

/** Streams may not be named with dots. */
export const streamName = (subject: string): string => subject.replaceAll('.', '_');

export function newStream(subject: string): Partial<StreamConfig> & { readonly name: string } {
  return {
    name: streamName(subject),
    description: 'Changes of heartbeats, once each and in order (CSM)',
    subjects: [subject],
    retention: 'limits',
    storage: 'file',
    discard: 'old',
    max_age: STREAM_AGE_MS * NANOSECONDS,
    max_bytes: STREAM_BYTES,
    max_msgs: -1,
    max_msg_size: -1,
    max_consumers: -1,
    num_replicas: 1,
    duplicate_window: DUPLICATES_MS * NANOSECONDS,
  };
}

/** As the server tells it; what older servers do not know is not there. */
type Told = Pick<StreamConfig, 'name' | 'retention'> & Partial<StreamConfig>;

/** Why a stream cannot be used, in words; undefined when it can. Its limits are whoever made it to say. */
export function unfit(config: Told): string | undefined {
  const size = config.max_msg_size ?? -1;
  if (config.retention !== 'limits') {
    return `its retention is ${config.retention}: what was read is gone, and with it where to go on; allowed: limits`;
  }
  if (config.no_ack === true) return 'it does not acknowledge messages; allowed: no_ack false';
  if (config.sealed === true) return 'it is sealed';
  if (config.subject_transform !== undefined) return 'it changes subjects; allowed: no subject_transform';
  if (size !== -1 && size < MESSAGE_MAX) return `its max_msg_size is ${size}; allowed: -1, or from ${MESSAGE_MAX}`;
  return undefined;
}
