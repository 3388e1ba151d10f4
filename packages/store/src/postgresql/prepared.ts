/**
 * Which statements are prepared on a connection, by text and by the types of their values. Null fits every type, so a
 * value that is null now and text later needs no second plan once the text has been seen.
 */
import type { SqlValue } from '../module.ts';
import { type Translated, translate } from '../sql.ts';
import type { Prepared } from './statement.ts';
import { ANY, typeOf } from './values.ts';

/** Texts kept; the one longest unused goes. Enough for every statement of a daemon. */
const TEXTS_MAX = 512;

interface Known {
  readonly translated: Translated;
  readonly variants: Prepared[];
}

export class PreparedStatements {
  readonly #texts = new Map<string, Known>();
  #forgotten: string[] = [];
  #count = 0;

  /** The checked statement. Throws code 9, as `translate` does. */
  translated(text: string, common: boolean): Translated {
    return this.#known(text, common).translated;
  }

  /** How to prepare a statement for these values. */
  variant(text: string, common: boolean, values: readonly SqlValue[]): Prepared {
    return this.typed(text, values.map(typeOf), common);
  }

  /** How to prepare it for values of these types. */
  typed(text: string, types: readonly number[], common = true): Prepared {
    const { variants } = this.#known(text, common);
    const fitting = variants.find((v) => types.every((type, i) => type === ANY || type === v.types[i]));
    if (fitting !== undefined) return fitting;
    const last = variants.at(-1);
    const fresh = {
      name: `csm_${++this.#count}`,
      types: types.map((type, i) => (type === ANY ? (last?.types[i] ?? ANY) : type)),
    };
    // One whose nulls the new one stands in for as well is of no more use.
    const kept = variants.filter((v) => !v.types.every((type, i) => type === ANY || type === fresh.types[i]));
    this.#forgotten.push(...variants.filter((v) => !kept.includes(v)).map((v) => v.name));
    variants.splice(0, variants.length, ...kept, fresh);
    return fresh;
  }

  /** Names to close with the next statement. */
  takeForgotten(): readonly string[] {
    const names = this.#forgotten;
    this.#forgotten = [];
    return names;
  }

  /** Drops a text whose plan no longer fits its tables. */
  forget(text: string): void {
    const known = this.#texts.get(text);
    this.#texts.delete(text);
    this.#forgotten.push(...(known?.variants ?? []).map((v) => v.name));
  }

  #known(text: string, common: boolean): Known {
    let known = this.#texts.get(text);
    if (known === undefined) {
      known = { translated: translate(text, common), variants: [] };
      for (const oldest of this.#texts.keys()) {
        if (this.#texts.size < TEXTS_MAX) break;
        this.forget(oldest);
      }
    } else {
      this.#texts.delete(text);
    }
    this.#texts.set(text, known);
    return known;
  }
}
