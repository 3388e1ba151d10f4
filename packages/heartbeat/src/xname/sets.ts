import { CsmError, code, fail, problem } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { XNAME_RULE } from './match.ts';
import { xnameOf } from './normalise.ts';

/** A set of names of components. */
export interface NameSet {
  readonly size: number;
  has(name: string): boolean;
  names(): Iterable<string>;
}

/**
 * Reads ranges of xnames, `x0c[0-7]s[0-7]b0n0,x3000m[0-3]`, as node sets are written; each name is normalised. Throws a
 * `CsmError` (code 9) with this field for what is no node set, or has a name that is no xname.
 */
export function xnameSet(text: string, field: string): NameSet {
  return readSet(text, field, (name) =>
    fail(code.INVALID_PARAMETER, `'${name}' is no xname`, { field, allowed: XNAME_RULE }),
  );
}

/** As `xnameSet`, and names of nodes that are no xnames may stand there too, and stay as they are. */
export function componentSet(text: string, field: string): NameSet {
  return readSet(text, field, (name) => name);
}

/** Folded, such as `x0c[0-7]s0b0n0`. Names of components, each a legal name of a node too. */
export const foldComponents = (names: Iterable<string>): string => NodeSet.of(names).toString();

function readSet(text: string, field: string, other: (name: string) => string): NameSet {
  const written = parse(text, field);
  const names = new Set<string>();
  let differs: string | undefined;
  for (const name of written) {
    const normal = xnameOf(name) ?? other(name);
    if (normal !== name) differs ??= name;
    names.add(normal);
  }
  // x01 and x1 are one component, but were two names when the operators were applied.
  if (differs !== undefined && /[!&^]/.test(text)) {
    fail(code.INVALID_PARAMETER, `'${differs}' stands in a set with one of the operators ! & ^`, {
      field,
      allowed: 'there, names in small letters and without leading zeros',
    });
  }
  return { size: names.size, has: (name) => names.has(name), names: () => names };
}

function parse(text: string, field: string): NodeSet {
  try {
    return NodeSet.parse(text);
  } catch (e) {
    if (!(e instanceof CsmError)) throw e;
    const { code: c, detail, allowed } = e.problem;
    throw new CsmError(problem(c, detail, { field, ...(allowed === undefined ? {} : { allowed }) }), { cause: e });
  }
}
