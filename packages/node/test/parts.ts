import type { Part, PartKind } from '../src/hardware.ts';

/** A part with what a test cares about. */
export const part = (kind: PartKind, location: string, serial: string | null, more: Partial<Part> = {}): Part => ({
  kind,
  location,
  serial,
  vendor: 'Maker',
  model: `${kind}-model`,
  part_number: null,
  firmware: '1.0',
  details: {},
  passing: {},
  ...more,
});
