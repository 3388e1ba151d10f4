import type { TSchema } from 'typebox';
import { asJsonSchema, type JsonSchema, literals } from './schema.ts';

const WORD = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** How a schema is printed. */
export interface TypeStyle {
  /** Lines and comments for a source file; else one line. */
  readonly lines: boolean;
  /** Optional fields also take undefined: convenient for inputs. */
  readonly loose: boolean;
}

/** The TypeScript type of a schema, as text. What has no type in it is `unknown`. */
export function typeText(schema: TSchema, style: TypeStyle = { lines: false, loose: false }, indent = ''): string {
  return print(asJsonSchema(schema), style, indent);
}

function print(s: JsonSchema, style: TypeStyle, indent: string): string {
  const values = literals(s);
  if (values !== undefined) return union(values.map((v) => literal(v)));
  const inner = s.anyOf ?? s.oneOf;
  if (inner !== undefined) return union(inner.map((v) => print(v, style, indent)));
  if (s.allOf !== undefined) return s.allOf.map((v) => grouped(print(v, style, indent))).join(' & ');
  if (s.type === undefined) return s.properties === undefined ? 'unknown' : object(s, style, indent);
  return union([s.type].flat().map((type) => ofType(s, type, style, indent)));
}

function ofType(s: JsonSchema, type: string, style: TypeStyle, indent: string): string {
  switch (type) {
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'array':
      if (Array.isArray(s.items))
        return `readonly [${s.items.map((v) => print(v as JsonSchema, style, indent)).join(', ')}]`;
      return `readonly ${grouped(print((s.items as JsonSchema | undefined) ?? {}, style, indent))}[]`;
    case 'object':
      return object(s, style, indent);
    default:
      return 'unknown';
  }
}

function object(s: JsonSchema, style: TypeStyle, indent: string): string {
  const fields = Object.entries(s.properties ?? {});
  if (fields.length === 0) {
    const extra = Object.values(s.patternProperties ?? {})[0] ?? s.additionalProperties;
    if (typeof extra === 'object') return `{ readonly [key: string]: ${print(extra, style, indent)} }`;
    return extra === false ? '{ readonly [key: string]: never }' : '{ readonly [key: string]: unknown }';
  }
  const deeper = `${indent}  `;
  const parts = fields.map(([name, schema]) => {
    const optional = !(s.required ?? []).includes(name);
    const text = print(schema, style, deeper);
    const type = optional && style.loose ? `${text} | undefined` : text;
    const key = WORD.test(name) ? name : quote(name);
    const comment =
      style.lines && schema.description !== undefined ? `/** ${commentText(schema.description)} */\n${deeper}` : '';
    return `${comment}readonly ${key}${optional ? '?' : ''}: ${type}`;
  });
  if (!style.lines) return `{ ${parts.join('; ')} }`;
  return `{\n${parts.map((part) => `${deeper}${part};\n`).join('')}${indent}}`;
}

/** Text inside a comment can neither end it nor begin a line. */
export const commentText = (text: string): string => text.replaceAll('*/', '*\u2215').replace(/\s+/g, ' ').trim();

/** A string literal with single quotes. */
export const quote = (text: string): string => {
  const body = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${body}'`;
};

const literal = (value: unknown): string => (typeof value === 'string' ? quote(value) : JSON.stringify(value));
const union = (parts: readonly string[]): string => [...new Set(parts)].join(' | ') || 'never';
const grouped = (text: string): string => (/ [|&] |^readonly \S*\[/.test(outside(text)) ? `(${text})` : text);

/** The text without what stands in braces, so that a union inside an object does not count. */
function outside(text: string): string {
  let depth = 0;
  let out = '';
  for (const c of text) {
    if (c === '{' || c === '[') depth++;
    if (depth === 0 || (depth === 1 && c === '[')) out += c;
    if (c === '}' || c === ']') depth--;
  }
  return out;
}
