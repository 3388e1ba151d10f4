/** Values for statements: lists of them as one value, and texts as both databases keep them. */
import type { Sql, SqlValue } from '@csm/store';

/** What a sender may have put into a text and no database keeps in one: U+0000, and halves of surrogates. */
const UNKEPT = /[\0\p{Cs}]/gu;

/** A sender's text as it is kept, at most so many characters. */
export const plain = (text: string, most: number): string => text.slice(0, most).replace(UNKEPT, '\uFFFD');

/** A statement that is put together, with its values. */
export class Statement {
  readonly values: SqlValue[] = [];
  #sqlite = '';
  #postgresql = '';

  /** Text for both databases, or for each its own; each `?` stands for one of the values, in their order. */
  add(text: Sql, ...values: readonly SqlValue[]): this {
    const from = this.values.push(...values) - values.length;
    const numbered = (one: string): string => {
      let n = from;
      return one.replace(/\?/g, () => `$${++n}`);
    };
    this.#sqlite += numbered(typeof text === 'string' ? text : text.sqlite);
    this.#postgresql += numbered(typeof text === 'string' ? text : text.postgresql);
    return this;
  }

  get sql(): Sql {
    return { sqlite: this.#sqlite, postgresql: this.#postgresql };
  }
}

/** What follows `IN`: a list that is one value, so that the text does not change with its length. */
export const LISTED: Sql = {
  sqlite: '(SELECT value FROM json_each(?))',
  postgresql: '(SELECT value FROM json_array_elements_text(CAST(? AS json)))',
};
export const LISTED_NUMBERS: Sql = {
  sqlite: '(SELECT value FROM json_each(?))',
  postgresql: '(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(? AS json)))',
};

/** The value of such a list; a text that no database keeps is equal to none there, and left out. */
export const listed = (values: readonly (string | number)[]): string =>
  JSON.stringify(values.filter((value) => typeof value === 'number' || value.search(UNKEPT) === -1));
