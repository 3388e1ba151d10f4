import { type Finding, found, missing } from '@csm/host';
import { numbered } from './numbered.ts';
import { isPlaceholder, telling } from './placeholder.ts';
import type { SmbiosStructure } from './smbios.ts';

/** One field of a structure, unless it is a placeholder. */
export function smbiosText({ fields }: SmbiosStructure, key: string): Finding<string> {
  const text = fields.get(key);
  return text === undefined ? missing(`dmidecode tells no '${key}'`) : telling(found(text), `dmidecode '${key}'`);
}

/** A field of a whole number and its unit, such as `2933 MT/s`. */
export function smbiosNumber(structure: SmbiosStructure, key: string, unit = ''): Finding<number> {
  const text = smbiosText(structure, key);
  if ('reason' in text) return text;
  const digits = text.value.endsWith(unit) ? text.value.slice(0, text.value.length - unit.length) : '';
  return /^\d{1,9}$/.test(digits)
    ? found(Number(digits))
    : missing(`dmidecode '${key}' is '${text.value}', not a whole number${unit === '' ? '' : ` of${unit}`}`);
}

/** Multiples of kB. */
const UNITS: { readonly [unit: string]: number } = { kB: 1, KB: 1, MB: 1024, GB: 1024 ** 2, TB: 1024 ** 3 };

/** A size in kB, such as `32 GB`; dmidecode's units are powers of 1024. */
export function smbiosSize(structure: SmbiosStructure, key: string): Finding<number> {
  const text = smbiosText(structure, key);
  if ('reason' in text) return text;
  const [, amount, unit = ''] = /^(\d{1,9}) ([kKMGT]B)$/.exec(text.value) ?? [];
  return amount === undefined
    ? missing(`dmidecode '${key}' is '${text.value}', not a size`)
    : found(Number(amount) * (UNITS[unit] ?? 0));
}

/**
 * A name for each place: the first designation where no two have the same, else with those behind it before it, such
 * as bank and locator; what then is still alike is numbered. Empty places count, so that a name stays when a
 * neighbour is filled.
 */
export function distinctNames(places: readonly (readonly (string | undefined)[])[], other: string): string[] {
  const sound = places.map((names) => names.filter((n) => n !== undefined && soundName(n)) as string[]);
  const short = sound.map(([first]) => first ?? other);
  const alike = new Set(short).size < short.length;
  const names = alike
    ? sound.map((all, i) => (all.length === 0 ? (short[i] as string) : [...all].reverse().join(' ')))
    : short;
  return numbered(names);
}

const soundName = (name: string): boolean => name.length <= 64 && !/[\p{Cc}\p{Cs}]/u.test(name) && !isPlaceholder(name);
