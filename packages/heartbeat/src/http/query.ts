/** Query parameters of the routes that hbtd does not have: whatever is wrong is refused in words. Pure. */
import { code, fail, type Wall, wall } from '@csm/model';
import { momentOf as readMoment } from '../moment.ts';

const refuse = (detail: string, field: string, allowed: string): never =>
  fail(code.INVALID_PARAMETER, detail, { field, allowed });

/** Throws code 9 for a parameter that is none of these. */
export function onlyKnown(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys())
    if (!known.includes(name)) refuse(`'${name}' is no parameter of this path`, name, known.join(', ') || 'none');
}

/** The one value of a parameter; undefined when it is not given. */
export function one(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  if (values.length > 1) refuse(`${name} is given ${values.length} times`, name, 'once');
  const [value] = values;
  if (value === '') refuse(`${name} is empty`, name, 'a value, or no parameter');
  return value;
}

/** A list, with commas or given several times, of words in any case; undefined when it is not given. */
export function wordsOf<T extends string>(
  query: URLSearchParams,
  name: string,
  allowed: readonly T[],
): readonly T[] | undefined {
  const given = query.getAll(name).flatMap((value) => value.split(','));
  if (given.length === 0) return undefined;
  return given.map((text) => {
    const lower = text.trim().toLowerCase();
    return (
      allowed.find((word) => word.toLowerCase() === lower) ?? refuse(`${name} is '${text}'`, name, allowed.join(', '))
    );
  });
}

export function wholeOf(query: URLSearchParams, name: string, min: number, max: number): number | undefined {
  const text = one(query, name);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max
    ? value
    : refuse(`${name} is '${text}'`, name, `a whole number of ${min} to ${max}`);
}

/** A moment: ISO 8601, or milliseconds since 1970. */
export function momentOf(query: URLSearchParams, name: string): Wall | undefined {
  const text = one(query, name);
  if (text === undefined) return undefined;
  return /^\d{5,15}$/.test(text) ? wall(Number(text)) : readMoment(text, name);
}
