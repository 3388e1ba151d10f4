import { isObject } from '@csm/model';
import { ITEMS, type Item, isItem, type Values } from './items.ts';

/** The report of one round of one bucket; its time is when the round was read. */
export const SAMPLE_KIND = 'environment.sample';

export interface SampleBody {
  readonly items: { readonly [I in Item]?: Values };
  /** Items that gave nothing this round though the machine has them → why. */
  readonly failed: { readonly [I in Item]?: string };
  /** Items that gave values, but not of all the machine has, such as one of two drives → what is missing, and why. */
  readonly parts?: { readonly [I in Item]?: string };
  /** Items that were tried and that the machine does not have: whatever failed of them before is over. */
  readonly absent?: readonly Item[];
}

/** Values of one item at one moment, and characters of a name; a node with 512 disks stays below. */
export const VALUES_MAX = 4096;
const NAME = /^(?:[A-Za-z0-9_:/-]{1,64}\.)?[a-z][a-z0-9_]{0,63}$/;
const REASON_MAX = 400;

/** Reads the body of a report; throws an `Error` that names the field, the value and what is allowed. */
export function readSample(body: unknown): SampleBody {
  if (!isObject(body) || !isObject(body['items']) || !isObject(body['failed']))
    throw new Error('a sample must be {items: {…}, failed: {…}}');
  for (const [item, values] of Object.entries(body['items'])) {
    checkItem(item);
    if (!isObject(values)) throw new Error(`items.${item} must be an object of numbers`);
    const entries = Object.entries(values);
    if (entries.length > VALUES_MAX)
      throw new Error(`items.${item} has ${entries.length} values, at most ${VALUES_MAX} are allowed`);
    for (const [name, value] of entries) {
      if (!NAME.test(name))
        throw new Error(`items.${item} has a value named '${name.slice(0, 80)}'; metric or instance.metric is allowed`);
      if (typeof value !== 'number' || !Number.isFinite(value))
        throw new Error(`items.${item}.${name} must be a finite number`);
    }
  }
  checkReasons('failed', body['failed']);
  if (body['parts'] !== undefined) {
    if (!isObject(body['parts'])) throw new Error('parts must be an object of texts');
    checkReasons('parts', body['parts']);
  }
  const { absent = [] } = body as { readonly absent?: unknown };
  if (!Array.isArray(absent) || absent.length > ITEMS.length) throw new Error('absent must be a list of items');
  for (const item of absent) checkItem(String(item));
  return body as unknown as SampleBody;
}

function checkReasons(field: string, reasons: Readonly<Record<string, unknown>>): void {
  for (const [item, reason] of Object.entries(reasons)) {
    checkItem(item);
    if (typeof reason !== 'string' || reason.length > REASON_MAX)
      throw new Error(`${field}.${item} must be text of at most ${REASON_MAX} characters`);
  }
}

function checkItem(item: string): void {
  if (!isItem(item)) throw new Error(`'${item.slice(0, 40)}' is not an item`);
}
