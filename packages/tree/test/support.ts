import { daemonId, type Mono, mono, type Now, type Role, type Wall, wall } from '@csm/model';
import type { Peer } from '../src/link/link.ts';

/** Wall time of the moment 0 in these tests. */
export const EPOCH = 1_760_000_000_000;

/** The moment `ms` after the start of a test, on both clocks. */
export const at = (ms: number): Now => ({ mono: mono(ms), wall: wall(EPOCH + Math.round(ms)) });

export const monoAt = (ms: number): Mono => mono(ms);
export const wallAt = (ms: number): Wall => wall(EPOCH + ms);

/** The kinds of a list of effects, in order. */
export const kinds = (effects: readonly { readonly kind: string }[]): string[] => effects.map((e) => e.kind);

/** Another daemon's end of a link that is up. */
export const peerOf = (node: string, role: Role = 'compute', change: Partial<Peer> = {}): Peer => ({
  role,
  node,
  daemon: daemonId(role, node),
  incarnation: 'i1',
  session: 's1',
  version: '1.1',
  address: '10.0.0.1:1',
  since: wallAt(0),
  leader: false,
  credit: 0,
  ...change,
});
