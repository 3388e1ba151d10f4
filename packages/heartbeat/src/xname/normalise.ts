import { isXname } from './match.ts';

/** Longer text is no xname however it is written, and is left alone. */
const TEXT_MAX = 256;

/**
 * One component, one name: blanks around it are dropped, capitals become small, `x0000c00` becomes `x0c0`. Says nothing
 * about whether it is an xname. A name that is normal already is given back as it is; that costs a look at each character.
 */
export function normalise(text: string): string {
  if (text.length > TEXT_MAX || isNormal(text)) return text;
  return text
    .trim()
    .replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())
    .replace(/(?<![0-9])0+(?=[0-9])/g, '');
}

/** The normalised name, or undefined when it is no xname. */
export function xnameOf(text: string): string | undefined {
  const name = normalise(text);
  return isXname(name) ? name : undefined;
}

function isNormal(text: string): boolean {
  let inNumber = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isDigit = code >= 48 && code <= 57;
    // A zero that leads: the next character is a digit too.
    if (code === 48 && !inNumber && i + 1 < text.length) {
      const next = text.charCodeAt(i + 1);
      if (next >= 48 && next <= 57) return false;
    }
    // Blanks and whatever may be one, and capitals.
    if (code <= 32 || code > 126 || (code >= 65 && code <= 90)) return false;
    inNumber = isDigit;
  }
  return true;
}
