import { PARTITION, SMS_BOX, TABLE, WORDS, XNAME_TYPES } from './table.ts';

/** Characters of a name; as long as the name of a node may be, so that every xname can stand in a node set. */
export const XNAME_MAX = 64;

export const XNAME_RULE = `an xname of at most ${XNAME_MAX} characters, such as x1000c0s3b0n1, x3000m0 or d0w1`;

/** The table as a tree of letters; a name walks down from its root. */
interface Letter {
  readonly type: string | undefined;
  readonly min: number;
  readonly max: number;
  /** By letter, a = 0. */
  readonly next: (Letter | undefined)[];
}

const A = 97;
const ZERO = 48;

const ROOT: Letter = build();

/** `Node` for `x0c0s0b0n0`. The name is normalised (see normalise.ts); undefined when it is no xname. */
export function typeOf(name: string): string | undefined {
  const { length } = name;
  if (length > XNAME_MAX) return undefined;
  let letter = ROOT;
  let at = 0;
  while (at < length) {
    const code = name.charCodeAt(at) - A;
    const next = code >= 0 && code < 26 ? letter.next[code] : undefined;
    if (next === undefined) return otherForm(name);
    const start = ++at;
    let value = 0;
    for (; at < length; at++) {
      const digit = name.charCodeAt(at) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const padded = at - start > 1 && name.charCodeAt(start) === ZERO;
    if (at === start || padded || value < next.min || value > next.max) return otherForm(name);
    letter = next;
  }
  return letter.type;
}

export const isXname = (name: string): boolean => typeOf(name) !== undefined;

const BY_LOWER_CASE = new Map(XNAME_TYPES.map((type) => [type.toLowerCase(), type]));

/** A type in its own capitals, whatever those it is given in; undefined when there is no such type. */
export const typeNamed = (text: string): string | undefined => BY_LOWER_CASE.get(text.toLowerCase());

const NUMBER = '(0|[1-9][0-9]*)';
const SMS = new RegExp(`^sms${NUMBER}$`);
const PART = new RegExp(`^p${NUMBER}\\.${NUMBER}$`);

/** Rare names, and those that are none. */
function otherForm(name: string): string | undefined {
  if (Object.hasOwn(WORDS, name)) return WORDS[name];
  if (SMS.test(name)) return SMS_BOX;
  return PART.test(name) ? PARTITION : undefined;
}

function build(): Letter {
  const root: Letter = { type: undefined, min: 0, max: 0, next: letters() };
  for (const [path, type, min, max] of [...TABLE].sort(([a], [b]) => a.length - b.length)) {
    let above = root;
    for (let i = 0; i < path.length - 1; i++) above = above.next[path.charCodeAt(i) - A] ?? orphan(path);
    above.next[path.charCodeAt(path.length - 1) - A] = { type, min, max, next: letters() };
  }
  return root;
}

/** Every beginning of a row is a row: a part stands in something that has a name too. */
function orphan(path: string): never {
  throw new Error(`the table of xnames has ${path}, but not what it stands in`);
}

function letters(): (Letter | undefined)[] {
  return Array.from<Letter | undefined>({ length: 26 });
}
