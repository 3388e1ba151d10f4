import { type Mono, mono, type Now, type Wall, wall } from '@csm/model';

/** Wall time of the moment 0 in these tests. */
export const EPOCH = 1_760_000_000_000;

/** The moment `ms` after the start of a test, on both clocks. */
export const at = (ms: number): Now => ({ mono: mono(ms), wall: wall(EPOCH + Math.round(ms)) });

export const monoAt = (ms: number): Mono => mono(ms);
export const wallAt = (ms: number): Wall => wall(EPOCH + ms);

/** The kinds of a list of effects, in order. */
export const kinds = (effects: readonly { readonly kind: string }[]): string[] => effects.map((e) => e.kind);
