/** What requests about subscriptions say: read and checked in smd's order, refused in its words. Pure. */
import type { ScnSubscription } from '../types.ts';
import { TEXT_MAX } from './bodies.ts';
import { Fields, refuse } from './fields.ts';
import { normaliseState } from './rules.ts';
import { type Normaliser, normaliseRole, normaliseSubRole } from './words.ts';

/** Of all subscribers; each reads the changes for itself. */
export const SUBSCRIPTIONS_MAX = 100;
const URL_MAX = 2_048;
/** Values in one list. */
const VALUES_MAX = 64;

type Triggers = Pick<ScnSubscription, 'States' | 'Roles' | 'SubRoles' | 'SoftwareStatus' | 'Enabled'>;
export type NewSubscription = Omit<ScnSubscription, 'ID'>;

const OPS = ['add', 'remove', 'replace'] as const;
export interface SubscriptionPatch {
  readonly op: (typeof OPS)[number];
  readonly triggers: Triggers;
}

/** POST and PUT. */
export function readSubscription(text: string): NewSubscription {
  const fields = Fields.parse(text);
  const Subscriber = fields.text('Subscriber') ?? '';
  const Url = fields.text('Url') ?? '';
  if (Subscriber === '') refuse('Missing name of subscriber');
  if (Subscriber.length > TEXT_MAX) refuse(`Invalid name of subscriber; allowed: ${TEXT_MAX} characters`);
  if (Url === '') refuse('Missing url');
  if (!isWebUrl(Url)) refuse(`Invalid url; allowed: an http or https URL of at most ${URL_MAX} characters`);
  const missing =
    'Missing trigger. Must subscribe to atleast one Enabled, Role, SubRole, SoftwareStatus, or State trigger.';
  return { Subscriber, Url, ...readTriggers(fields, missing) };
}

/** PATCH. */
export function readPatch(text: string): SubscriptionPatch {
  const fields = Fields.parse(text);
  const given = fields.text('Op') ?? '';
  if (given === '') refuse('Missing Patch Op');
  const op = OPS.find((one) => one === given.toLowerCase()) ?? refuse(`Invalid Patch Op - ${given.slice(0, TEXT_MAX)}`);
  const missing =
    'Missing trigger. Subscriptions must have atleast one Enabled, Role, SubRole, SoftwareStatus, or State trigger.';
  return { op, triggers: readTriggers(fields, missing) };
}

/** A number from a path. */
export function readId(text: string): number {
  const id = /^\+?[0-9]+$/.test(text) ? Number(text) : 0;
  return Number.isSafeInteger(id) && id >= 1 ? id : refuse(`Invalid id - ${text.slice(0, TEXT_MAX)}`);
}

/** As it is after a PATCH. `add` turns Enabled only on, `remove` only off; a list that is replaced by none stays. */
export function patched(subscription: ScnSubscription, { op, triggers }: SubscriptionPatch): ScnSubscription {
  const list = (name: 'States' | 'Roles' | 'SubRoles' | 'SoftwareStatus'): readonly string[] => {
    const has = subscription[name] ?? [];
    const given = triggers[name] ?? [];
    switch (op) {
      case 'add':
        return [...has, ...given.filter((one) => !includes(has, one))];
      case 'remove':
        return has.filter((one) => !includes(given, one));
      case 'replace':
        return given.length === 0 ? has : given;
      default:
        return op satisfies never;
    }
  };
  const turned = op === 'replace' ? triggers.Enabled : triggers.Enabled === true ? op === 'add' : undefined;
  const { ID, Subscriber, Url } = subscription;
  const Enabled = turned ?? subscription.Enabled;
  return {
    ID,
    Subscriber,
    Url,
    ...checkLists({
      States: list('States'),
      Roles: list('Roles'),
      SubRoles: list('SubRoles'),
      SoftwareStatus: list('SoftwareStatus'),
    }),
    ...(Enabled === undefined ? {} : { Enabled }),
  };
}

/** In the order of smd's fields, empty ones left out. */
export function shownSubscription(subscription: ScnSubscription): ScnSubscription {
  const { ID, Subscriber, Enabled, Roles, SubRoles, SoftwareStatus, States, Url } = subscription;
  return {
    ID,
    Subscriber,
    ...(Enabled === undefined ? {} : { Enabled }),
    ...(Roles === undefined ? {} : { Roles }),
    ...(SubRoles === undefined ? {} : { SubRoles }),
    ...(SoftwareStatus === undefined ? {} : { SoftwareStatus }),
    ...(States === undefined ? {} : { States }),
    Url,
  };
}

function readTriggers(fields: Fields, missing: string): Triggers {
  const Enabled = fields.flag('Enabled');
  const lists = {
    Roles: fields.texts('Roles') ?? [],
    SubRoles: fields.texts('SubRoles') ?? [],
    SoftwareStatus: fields.texts('SoftwareStatus') ?? [],
    States: fields.texts('States') ?? [],
  };
  checkEach(lists.Roles, 'role', normaliseRole);
  checkEach(lists.SubRoles, 'subRole', normaliseSubRole);
  if (lists.SoftwareStatus.some((one) => one === '')) refuse('SoftwareStatus can not be an empty string');
  if (lists.SoftwareStatus.some((one) => one.length > TEXT_MAX)) {
    refuse(`Invalid SoftwareStatus; allowed: ${TEXT_MAX} characters`);
  }
  checkEach(lists.States, 'state', normaliseState);
  if (Enabled !== true && Object.values(lists).every((list) => list.length === 0)) refuse(missing);
  return { ...checkLists(lists), ...(Enabled === undefined ? {} : { Enabled }) };
}

/** Those that are not empty; none is too long. */
function checkLists(lists: { readonly [name in keyof Omit<Triggers, 'Enabled'>]: readonly string[] }): Triggers {
  for (const [name, list] of Object.entries(lists)) {
    if (list.length > VALUES_MAX) refuse(`too many values in ${name}: ${list.length}; allowed: ${VALUES_MAX}`);
  }
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

function checkEach(given: readonly string[], what: string, normalise: Normaliser): void {
  for (const one of given) {
    if (normalise(one) === undefined) refuse(`Invalid ${what} '${one.slice(0, TEXT_MAX)}'`);
  }
}

const includes = (list: readonly string[], word: string): boolean =>
  list.some((one) => one.toLowerCase() === word.toLowerCase());

function isWebUrl(text: string): boolean {
  if (text.length > URL_MAX || !URL.canParse(text)) return false;
  const { protocol } = new URL(text);
  return protocol === 'http:' || protocol === 'https:';
}
