import { CsmError, err, isNodeName, NODE_NAME_MAX, NODE_NAME_RULE, ok, type Result } from '@csm/model';
import { compareNames } from './compare.ts';
import { foldNames } from './fold.ts';
import { checkSize, NODESET_NAMES_MAX, NODESET_TEXT_MAX, quote, refuse } from './limits.ts';
import { evaluate, type Members } from './parse.ts';

export interface ParseOptions {
  /** Characters allowed; default `NODESET_TEXT_MAX`. For folded text of our own making, which may be longer. */
  readonly maxText?: number;
  /** What is in the groups that the text may name; without it `@rack1` is refused. See `parseWithGroups`. */
  readonly members?: Members;
}

/**
 * An immutable set of legal node names, at most `NODESET_NAMES_MAX`. Whatever is refused is refused with a
 * `CsmError`, code 9 (INVALID_PARAMETER), field `nodeset`.
 */
export class NodeSet implements Iterable<string> {
  static readonly empty: NodeSet = new NodeSet(new Set());

  readonly #names: ReadonlySet<string>;
  // Both are derived when first asked for: most sets are only combined or tested.
  #sorted: readonly string[] | undefined;
  #text: string | undefined;

  private constructor(names: ReadonlySet<string>) {
    this.#names = names;
  }

  /** Reads `n[001-128],login1!n007`; an empty or blank text is the empty set. Throws, see above. */
  static parse(text: string, options: ParseOptions = {}): NodeSet {
    return NodeSet.#make(evaluate(text, options.maxText ?? NODESET_TEXT_MAX, options.members));
  }

  /** As `parse`, with the problem as a value. */
  static tryParse(text: string, options: ParseOptions = {}): Result<NodeSet> {
    try {
      return ok(NodeSet.parse(text, options));
    } catch (e) {
      if (e instanceof CsmError) return err(e.problem);
      throw e;
    }
  }

  /** The set of these names, repetitions allowed. Throws at the first that is not a node name. */
  static of(names: Iterable<string>): NodeSet {
    const set = new Set<string>();
    for (const name of names) {
      if (!isNodeName(name)) {
        refuse(`${quote(String(name))} is not a node name`, NODE_NAME_RULE);
      }
      set.add(name);
      checkSize(set.size);
    }
    return NodeSet.#make(set);
  }

  static #make(names: ReadonlySet<string>): NodeSet {
    return names.size === 0 ? NodeSet.empty : new NodeSet(names);
  }

  get size(): number {
    return this.#names.size;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** A fresh array in natural order: n2 before n10, n1 before n01. */
  names(): string[] {
    return this.#inOrder().slice();
  }

  /** Natural order, as `names()`. */
  [Symbol.iterator](): Iterator<string> {
    return this.#inOrder()[Symbol.iterator]();
  }

  /** Names in this set, in the other, or in both. Throws when that is more than `NODESET_NAMES_MAX`. */
  union(other: NodeSet): NodeSet {
    const [small, large] = this.size < other.size ? [this, other] : [other, this];
    const missing = [...small.#names].filter((name) => !large.has(name));
    if (missing.length === 0) return large;
    checkSize(large.size + missing.length);
    const names = new Set(large.#names);
    for (const name of missing) names.add(name);
    return NodeSet.#make(names);
  }

  /** Names in this set and not in the other. */
  difference(other: NodeSet): NodeSet {
    const names = new Set<string>();
    for (const name of this.#names) if (!other.has(name)) names.add(name);
    return names.size === this.size ? this : NodeSet.#make(names);
  }

  /** Names in both. */
  intersection(other: NodeSet): NodeSet {
    const [small, large] = this.size < other.size ? [this, other] : [other, this];
    const names = new Set<string>();
    for (const name of small.#names) if (large.has(name)) names.add(name);
    return names.size === small.size ? small : NodeSet.#make(names);
  }

  /** Names in exactly one of both. Throws when that is more than `NODESET_NAMES_MAX`. */
  xor(other: NodeSet): NodeSet {
    const names = new Set(this.#names);
    for (const name of other.#names) if (!names.delete(name)) names.add(name);
    checkSize(names.size);
    return NodeSet.#make(names);
  }

  equals(other: NodeSet): boolean {
    if (this.size !== other.size) return false;
    for (const name of this.#names) if (!other.has(name)) return false;
    return true;
  }

  /** Folded, such as `login1,n[001-003,007]`; equal sets give equal text, and `parse` reads it back. */
  toString(): string {
    this.#text ??= foldNames(this.#names);
    return this.#text;
  }

  #inOrder(): readonly string[] {
    this.#sorted ??= [...this.#names].sort(compareNames);
    return this.#sorted;
  }
}

/** Names to folded text. Throws as `NodeSet.of`. */
export function fold(names: Iterable<string>): string {
  return NodeSet.of(names).toString();
}

/**
 * Folded text to names in natural order; `expand(fold(x))` is x for every set, so the length of the text is bounded
 * by what the largest set could need and not by `NODESET_TEXT_MAX`. Throws as `NodeSet.parse`.
 */
export function expand(text: string): string[] {
  return NodeSet.parse(text, { maxText: NODESET_NAMES_MAX * (NODE_NAME_MAX + 1) }).names();
}
