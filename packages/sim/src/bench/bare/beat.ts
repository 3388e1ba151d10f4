/** The frame that bare programs exchange: the beat of a compute daemon, byte for byte. */
export const BEAT = '15#{"kind":"beat"}';
export const BEAT_BYTES = BEAT.length;
