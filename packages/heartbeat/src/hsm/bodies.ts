/** What requests to the state manager say: read, checked in smd's order and refused in its words, normalised. Pure. */
import type { HsmComponent } from '../types.ts';
import { typeOf, xnameOf } from '../xname/index.ts';
import { Fields, refuse } from './fields.ts';
import { needsForce, normaliseFlag, normaliseState } from './rules.ts';
import {
  type Normaliser,
  normaliseArch,
  normaliseClass,
  normaliseNetType,
  normaliseRole,
  normaliseSubRole,
} from './words.ts';

/** Components in one request: one transaction does not hold up others for long. */
export const COMPONENTS_MAX = 10_000;
/** Characters of a text that is kept as it is given. */
export const TEXT_MAX = 256;

export interface StatePatch {
  readonly ids: readonly string[];
  readonly state: string;
  readonly flag: string;
  readonly force: boolean;
}

export interface FlagPatch {
  readonly ids: readonly string[];
  readonly flag: string;
}

export interface ComponentsPost {
  readonly components: readonly HsmComponent[];
  readonly force: boolean;
}

/** PATCH BulkStateData. */
export function readBulkState(text: string): StatePatch {
  const fields = Fields.parse(text);
  return stateOf(fields, idsOf(fields.texts('ComponentIDs')));
}

/** PATCH {xname}/StateData. */
export function readState(text: string, xname: string): StatePatch {
  const fields = Fields.parse(text);
  return stateOf(fields, idOf(fields, xname));
}

/** PATCH BulkFlagOnly. */
export function readBulkFlag(text: string): FlagPatch {
  const fields = Fields.parse(text);
  return flagOf(fields, idsOf(fields.texts('ComponentIDs')));
}

/** PATCH {xname}/FlagOnly. */
export function readFlag(text: string, xname: string): FlagPatch {
  const fields = Fields.parse(text);
  return flagOf(fields, idOf(fields, xname));
}

/** POST State/Components. */
export function readComponents(text: string): ComponentsPost {
  const fields = Fields.parse(text);
  const list = fields.list('Components') ?? [];
  if (list.length === 0) refuse('Missing Components');
  if (list.length > COMPONENTS_MAX) refuse(`too many components: ${list.length}; allowed: ${COMPONENTS_MAX}`);
  const all = list.map((one, i) => new Fields(one, `Components[${i}].`));
  if ((all[0]?.text('ID') ?? '') === '') refuse('Missing Components');
  return { components: all.map(componentOf), force: fields.flag('Force') ?? false };
}

function idsOf(given: readonly string[] = []): readonly string[] {
  if (given.length === 0) refuse('Missing IDs');
  const ids = given.map((id) => xnameOf(id) ?? refuse('invalid xname ID'));
  if (ids.length > COMPONENTS_MAX) refuse(`too many IDs: ${ids.length}; allowed: ${COMPONENTS_MAX}`);
  return ids;
}

/** The one in the path; a body may say it again. */
function idOf(fields: Fields, xname: string): readonly string[] {
  const id = fields.text('ID') ?? '';
  if (id !== '' && id !== xname) refuse('ID in URL and PATCH body do not match');
  return idsOf([xname]);
}

function stateOf(fields: Fields, ids: readonly string[]): StatePatch {
  const given = fields.text('State') ?? '';
  const flagGiven = fields.text('Flag') ?? '';
  const force = fields.flag('Force') ?? false;
  if (given === '') refuse('Missing State');
  const state = normaliseState(given) ?? refuse('Argument was not a valid HMS State');
  const flag = flagGiven === '' ? 'OK' : (normaliseFlag(flagGiven) ?? refuse('Argument was not a valid HMS Flag'));
  if (needsForce(state) && !force) refuse('operation not allowed and not forced.');
  return { ids, state, flag, force };
}

function flagOf(fields: Fields, ids: readonly string[]): FlagPatch {
  const given = fields.text('Flag') ?? '';
  if (given === '') refuse('Missing Flag');
  return { ids, flag: normaliseFlag(given) ?? refuse('Argument was not a valid HMS Flag') };
}

function componentOf(fields: Fields): HsmComponent {
  const given = fields.text('ID') ?? '';
  const ID = xnameOf(given) ?? invalid('xname ID', given);
  const Type = typeOf(ID) ?? invalid('xname ID', given);
  const state = fields.text('State') ?? '';
  const flag = fields.text('Flag') ?? '';
  const State = normaliseState(state) ?? invalid('state', state);
  const Flag = flag === '' ? 'OK' : (normaliseFlag(flag) ?? invalid('flag', flag));
  const Role = word(fields, 'Role', 'role', normaliseRole) ?? (isNode(Type) ? 'Compute' : undefined);
  const SubRole = word(fields, 'SubRole', 'subRole', normaliseSubRole);
  const NetType = word(fields, 'NetType', 'netType', normaliseNetType);
  const Arch = word(fields, 'Arch', 'arch', normaliseArch);
  const Class = word(fields, 'Class', 'class', normaliseClass);
  const SoftwareStatus = short(fields, 'SoftwareStatus');
  const Subtype = short(fields, 'Subtype');
  const NID = fields.number('NID');
  const ReservationDisabled = fields.flag('ReservationDisabled');
  const Locked = fields.flag('Locked');
  return {
    ID,
    Type,
    State,
    Flag,
    Enabled: fields.flag('Enabled') ?? true,
    ...(SoftwareStatus === undefined ? {} : { SoftwareStatus }),
    ...(Role === undefined ? {} : { Role }),
    ...(SubRole === undefined ? {} : { SubRole }),
    // A negative one stands for none.
    ...(NID === undefined || NID < 0 ? {} : { NID }),
    ...(Subtype === undefined ? {} : { Subtype }),
    ...(NetType === undefined ? {} : { NetType }),
    ...(Arch === undefined ? {} : { Arch }),
    ...(Class === undefined ? {} : { Class }),
    ...(ReservationDisabled === undefined ? {} : { ReservationDisabled }),
    ...(Locked === undefined ? {} : { Locked }),
  };
}

const isNode = (type: string): boolean => type === 'Node' || type === 'VirtualNode';

const invalid = (what: string, value: string): never =>
  refuse(`couldn't validate components: ${what} '${value.slice(0, TEXT_MAX)}' is invalid`);

function word(fields: Fields, field: string, what: string, normalise: Normaliser): string | undefined {
  const given = fields.text(field) ?? '';
  return given === '' ? undefined : (normalise(given) ?? invalid(what, given));
}

function short(fields: Fields, field: string): string | undefined {
  const given = fields.text(field) ?? '';
  if (given.length > TEXT_MAX) {
    refuse(`couldn't validate components: ${field} has ${given.length} characters; allowed: ${TEXT_MAX}`);
  }
  return given === '' ? undefined : given;
}
