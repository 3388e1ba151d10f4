/**
 * JSON bodies, read as smd does: names of fields in any case, null as if it were not there, unknown ones left alone. What
 * cannot be decoded is answered with 500 there, so here.
 */
import { isObject } from '@csm/model';
import { parseJson } from '../json.ts';

/** A request that is refused, in smd's words. */
export class Refused extends Error {
  readonly status: 400 | 404 | 500;

  constructor(status: 400 | 404 | 500, detail: string) {
    super(detail);
    this.name = 'Refused';
    this.status = status;
  }
}

export const refuse = (detail: string): never => {
  throw new Refused(400, detail);
};

const undecodable = (detail: string): never => {
  throw new Refused(500, `error decoding JSON ${detail}`);
};

/** The fields of an object. A getter gives undefined for what is not there; the wrong type is refused. */
export class Fields {
  readonly #values = new Map<string, unknown>();
  readonly #where: string;

  /** `where` stands before the names of fields in refusals, such as `Components[3].`. */
  constructor(value: unknown, where = '') {
    this.#where = where;
    if (value === null) return;
    if (!isObject(value)) undecodable(`${where === '' ? 'the body' : where.slice(0, -1)} is not an object`);
    for (const [name, one] of Object.entries(value as object)) {
      if (one !== null) this.#values.set(name.toLowerCase(), one);
    }
  }

  static parse(text: string): Fields {
    let value: unknown;
    try {
      value = parseJson(text);
    } catch (thrown) {
      undecodable(thrown instanceof Error ? thrown.message : 'it is not JSON');
    }
    return new Fields(value);
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name.toLowerCase());
    return value === undefined || typeof value === 'string' ? value : this.#wrong(name, 'a string');
  }

  flag(name: string): boolean | undefined {
    const value = this.#values.get(name.toLowerCase());
    return value === undefined || typeof value === 'boolean' ? value : this.#wrong(name, 'true or false');
  }

  /** A whole number, also as text. */
  number(name: string): number | undefined {
    const value = this.#values.get(name.toLowerCase());
    if (value === undefined || value === '') return undefined;
    const number = typeof value === 'string' && /^-?[0-9]+$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isSafeInteger(number) ? number : this.#wrong(name, 'a whole number');
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.list(name);
    if (value === undefined) return undefined;
    return value.every((one) => typeof one === 'string') ? value : this.#wrong(name, 'a list of strings');
  }

  list(name: string): readonly unknown[] | undefined {
    const value = this.#values.get(name.toLowerCase());
    return value === undefined || Array.isArray(value) ? value : this.#wrong(name, 'a list');
  }

  #wrong(name: string, allowed: string): never {
    return undecodable(`${this.#where}${name} is not ${allowed}`);
  }
}
