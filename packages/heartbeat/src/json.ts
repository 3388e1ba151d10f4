/**
 * JSON from strangers. What is nested a million deep is read at a tenth of the usual pace, and nobody else is heard
 * meanwhile: so it is refused before it is read. Pure.
 */

/** Nothing that is asked for here nests deeper than five. */
export const DEPTH_MAX = 64;
/** A shorter text is read as it is: what nests in it does no harm, and nearly every heartbeat is one. */
export const SHORT_MAX = 4_096;

const QUOTE = 34;
const BACKSLASH = 92;
const OPENING: ReadonlySet<number> = new Set([91, 123]);
const CLOSING: ReadonlySet<number> = new Set([93, 125]);

/** As JSON.parse; throws a SyntaxError for what nests too deeply as well. */
export function parseJson(text: string): unknown {
  if (text.length > SHORT_MAX && isDeep(text)) throw new SyntaxError(`it nests deeper than ${DEPTH_MAX}`);
  return JSON.parse(text);
}

/** Right for what is JSON; of what is not, JSON.parse says so. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === QUOTE) {
      i = endOfString(text, i);
      if (i < 0) return false;
    } else if (OPENING.has(character)) {
      if (++depth > DEPTH_MAX) return true;
    } else if (CLOSING.has(character)) depth--;
  }
  return false;
}

/** Where the string that begins there ends; -1 where it never does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return -1;
}
