/**
 * Whole numbers as text, by the rules of Go's `strconv` with base 0, which hbtd reads them with: `0x10` is 16, `040`
 * is 32, `0b101` is 5, `1_000` is 1000; `0008`, ` 5` and `1.5` are none. Pure.
 */

const UNSIGNED = /^(?:0|[1-9](?:_?\d)*|0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+)$/;
/** Digits that a number of 64 bits may have in base 2; what is longer is too large in any base. */
const DIGITS_MAX = 64;
const UINT32_MAX = 4_294_967_295n;
const INT64_MAX = 9_223_372_036_854_775_807n;

/** Undefined for what is no number; `huge` for one of far more than 64 bits. */
function unsigned(text: string): bigint | 'huge' | undefined {
  if (!UNSIGNED.test(text)) return undefined;
  const plain = text.replaceAll('_', '');
  const [, prefix = '', digits = ''] = /^(0[xXbBoO]|0(?=\d))?(.*)$/.exec(plain) ?? [];
  const significant = digits.replace(/^0+(?=.)/, '');
  if (significant.length > DIGITS_MAX) return 'huge';
  return BigInt((prefix === '0' ? '0o' : prefix.toLowerCase()) + significant);
}

/** A number from 0 to 4294967295; undefined for anything else. */
export function unsigned32(text: string): number | undefined {
  const value = unsigned(text);
  return value === undefined || value === 'huge' || value > UINT32_MAX ? undefined : Number(value);
}

/** A number of 64 bits with or without a sign; undefined for anything else. */
export function signed64(text: string): bigint | undefined {
  const isNegative = text.startsWith('-');
  const value = unsigned(isNegative || text.startsWith('+') ? text.slice(1) : text);
  if (value === undefined || value === 'huge') return undefined;
  if (value > INT64_MAX + (isNegative ? 1n : 0n)) return undefined;
  return isNegative ? -value : value;
}

/** Decimal digits that surely fit into 64 bits. */
const SURE_DIGITS = 18;

/** Whether a text is a number of 64 bits. Nearly all are a few decimal digits: those cost a look at each. */
export function isSigned64(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > SURE_DIGITS || (text.charCodeAt(0) === 48 && length > 1))
    return signed64(text) !== undefined;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return signed64(text) !== undefined;
  }
  return true;
}
