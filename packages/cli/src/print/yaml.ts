/** YAML 1.2 of JSON values, such that readers of YAML 1.1 understand it alike. */
import { isObject, type Json } from '@csm/model';

/** Words and words with dots, dashes, slashes: whatever else could mean something is quoted. */
const PLAIN = /^[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*$/;
/** Words that YAML 1.1 or 1.2 takes for something else than text. */
const RESERVED = /^(?:null|true|false|yes|no|on|off|y|n)$/i;
/** What a literal block can hold: printable, and no line break but \n. */
const BLOCK =
  /^(?![ \n])(?:[\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u{10000}-\u{10ffff}])+$/u;
/** Longest key that may stand on its own line (YAML 1.2 §7.4.2). */
const KEY_MAX = 1024;

/** One document without its markers; ends with a line break. */
export function toYaml(value: Json): string {
  return isEmptyOrScalar(value) ? `${flow(value, '')}\n` : `${block(value, '')}\n`;
}

/** Items of a list, to be written one after another: together they are one document. */
export function yamlItem(value: Json): string {
  return `${block([value], '')}\n`;
}

function isEmptyOrScalar(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return !isObject(value) || Object.keys(value).length === 0;
}

function block(value: Json, indent: string): string {
  if (Array.isArray(value)) return value.map((item: Json) => `${indent}- ${nested(item, `${indent}  `)}`).join('\n');
  return Object.entries(value as { readonly [key: string]: Json })
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${indent}${entry(key, item, indent)}`)
    .join('\n');
}

/** What follows `- `: a collection begins on the same line. */
function nested(item: Json, indent: string): string {
  return isEmptyOrScalar(item) ? flow(item, indent) : block(item, indent).slice(indent.length);
}

function entry(key: string, item: Json, indent: string): string {
  const deeper = `${indent}  `;
  const name = text(key);
  if (name.length > KEY_MAX) return `? ${name}\n${indent}: ${nested(item, deeper)}`;
  return isEmptyOrScalar(item) ? `${name}: ${flow(item, deeper)}` : `${name}:\n${block(item, deeper)}`;
}

/** A scalar or an empty collection; `indent` is that of a block of text below it. */
function flow(value: Json, indent: string): string {
  if (typeof value === 'string') return value.includes('\n') ? lines(value, indent) : text(value);
  if (typeof value === 'number') return number(value);
  if (Array.isArray(value)) return '[]';
  return isObject(value) ? '{}' : JSON.stringify(value);
}

/** YAML 1.1 knows no exponent without a decimal point. */
const number = (value: number): string => JSON.stringify(value).replace(/^(-?\d+)e/, '$1.0e');

function lines(value: string, indent: string): string {
  if (!BLOCK.test(value) || value.endsWith('\n\n') || indent === '') return quoted(value);
  const isEnded = value.endsWith('\n');
  const body = (isEnded ? value.slice(0, -1) : value).split('\n');
  return [isEnded ? '|' : '|-', ...body.map((line) => (line === '' ? '' : indent + line))].join('\n');
}

function text(value: string): string {
  return PLAIN.test(value) && !RESERVED.test(value) ? value : quoted(value);
}

/** A JSON string is a double-quoted scalar, once what YAML does not count as printable is escaped too. */
function quoted(value: string): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
