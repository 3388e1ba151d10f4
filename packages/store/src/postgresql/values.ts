/**
 * Values on their way to PostgreSQL and back. Parameters go with the type of their value, so that the server never
 * guesses one; columns come as text and become what SQLite gives: numbers, text, Buffers, null.
 */
import { CsmError, code, problem } from '@csm/model';
import type { SqlValue } from '../module.ts';

/** Object ids of types, from pg_type.dat of PostgreSQL's source; they never change. */
const BOOL = 16;
export const BYTEA = 17;
export const INT8 = 20;
const INT2 = 21;
const INT4 = 23;
export const TEXT = 25;
const OID = 26;
const FLOAT4 = 700;
export const FLOAT8 = 701;
const NUMERIC = 1700;

/** For null: any type will do. */
export const ANY = 0;

/** The type a checked value is sent with. */
export function typeOf(value: SqlValue): number {
  if (value === null) return ANY;
  if (typeof value === 'bigint') return INT8;
  if (typeof value === 'number') return FLOAT8;
  return typeof value === 'string' ? TEXT : BYTEA;
}

/** A checked value as the protocol takes it. */
export function encoded(value: SqlValue): string | Buffer | null {
  if (value === null || typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  return Buffer.isBuffer(value) ? value : Buffer.from(value as Uint8Array);
}

export type Decoder = (text: string) => SqlValue;

/** What reads the columns of a type. */
export function decoderOf(type: number): Decoder {
  switch (type) {
    case INT2:
    case INT4:
    case OID:
    case FLOAT4:
    case FLOAT8:
      return Number;
    case INT8:
    case NUMERIC:
      return safeNumber;
    case BOOL:
      return (text) => (text === 't' ? 1 : 0);
    case BYTEA:
      // `bytea_output` is hex: \x and two digits a byte.
      return (text) => Buffer.from(text.slice(2), 'hex');
    default:
      return (text) => text;
  }
}

/** `count(*)` is an int8, `sum` of such a numeric. Throws code 25 for a whole number no JavaScript number holds. */
function safeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) || text.includes('.')) return value;
  throw new CsmError(
    problem(code.DATABASE, `the database gives ${text.slice(0, 40)}`, { allowed: 'whole numbers within ±(2^53 - 1)' }),
  );
}
