/** Components of the state manager as rows: texts that are empty stand for what is left out. */
import type { SqlValue } from '@csm/store';
import type { HsmComponent } from '../types.ts';

export interface ComponentColumns {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly flag: string;
  readonly enabled: number | null;
  readonly software_status: string;
  readonly role: string;
  readonly sub_role: string;
  readonly nid: number | null;
  readonly subtype: string;
  readonly net_type: string;
  readonly arch: string;
  readonly class: string;
  readonly reservation_disabled: number | null;
  readonly locked: number | null;
}

/** The column of each field, and whether it holds text. */
const COLUMN_OF: { readonly [field in keyof Required<HsmComponent>]: readonly [keyof ComponentColumns, boolean] } = {
  ID: ['id', true],
  Type: ['type', true],
  State: ['state', true],
  Flag: ['flag', true],
  Enabled: ['enabled', false],
  SoftwareStatus: ['software_status', true],
  Role: ['role', true],
  SubRole: ['sub_role', true],
  NID: ['nid', false],
  Subtype: ['subtype', true],
  NetType: ['net_type', true],
  Arch: ['arch', true],
  Class: ['class', true],
  ReservationDisabled: ['reservation_disabled', false],
  Locked: ['locked', false],
};

export const COMPONENT_COLUMNS: readonly (keyof ComponentColumns)[] = Object.values(COLUMN_OF).map(
  ([column]) => column,
);

export function fieldColumn(field: keyof HsmComponent): { readonly column: string; readonly isText: boolean } {
  const [column, isText] = COLUMN_OF[field];
  return { column, isText };
}

export const componentOf = (row: ComponentColumns): HsmComponent => ({
  ID: row.id,
  Type: row.type,
  State: row.state,
  Flag: row.flag,
  ...(row.enabled === null ? {} : { Enabled: row.enabled === 1 }),
  ...(row.software_status === '' ? {} : { SoftwareStatus: row.software_status }),
  ...(row.role === '' ? {} : { Role: row.role }),
  ...(row.sub_role === '' ? {} : { SubRole: row.sub_role }),
  ...(row.nid === null ? {} : { NID: row.nid }),
  ...(row.subtype === '' ? {} : { Subtype: row.subtype }),
  ...(row.net_type === '' ? {} : { NetType: row.net_type }),
  ...(row.arch === '' ? {} : { Arch: row.arch }),
  ...(row.class === '' ? {} : { Class: row.class }),
  ...(row.reservation_disabled === null ? {} : { ReservationDisabled: row.reservation_disabled === 1 }),
  ...(row.locked === null ? {} : { Locked: row.locked === 1 }),
});

const bit = (value: boolean | undefined): number | null => (value === undefined ? null : Number(value));

/** The values of a row, in the order of `COMPONENT_COLUMNS`. */
export const valuesOf = (c: HsmComponent): readonly SqlValue[] => [
  c.ID,
  c.Type,
  c.State,
  c.Flag,
  bit(c.Enabled),
  c.SoftwareStatus ?? '',
  c.Role ?? '',
  c.SubRole ?? '',
  c.NID ?? null,
  c.Subtype ?? '',
  c.NetType ?? '',
  c.Arch ?? '',
  c.Class ?? '',
  bit(c.ReservationDisabled),
  bit(c.Locked),
];
