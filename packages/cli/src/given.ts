/** Reads arguments and options with words for what is wrong with them. */
import { code, fail, isNodeName, isRole, NODE_NAME_RULE, nearest, ROLES, type Role } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Given } from './command.ts';
import { either, printable } from './text.ts';

/** A node set that must name nodes. It is read here for a clear error at once, and sent as it was given. */
export function nodeset(given: Given): string {
  const text = optionalNodeset(given);
  return text ?? fail(code.MISSING_PARAMETER, "the argument 'nodeset' is missing", { field: 'nodeset' });
}

export function optionalNodeset(given: Given): string | undefined {
  const text = given.arguments['nodeset'];
  if (text === undefined) return undefined;
  if (NodeSet.parse(text).size === 0) {
    fail(code.INVALID_PARAMETER, `the node set '${printable(text)}' names no node`, {
      field: 'nodeset',
      allowed: 'at least one node',
    });
  }
  return text;
}

export function nodeName(given: Given, field: string): string {
  const text = given.arguments[field] ?? fail(code.MISSING_PARAMETER, `the argument '${field}' is missing`, { field });
  if (isNodeName(text)) return text;
  const hint = NodeSet.tryParse(text).ok ? ' (a node set names several; this takes one)' : '';
  return fail(code.INVALID_PARAMETER, `'${printable(text)}' is not a node name${hint}`, {
    field,
    allowed: NODE_NAME_RULE,
  });
}

export function role(text: string, field: string): Role {
  if (isRole(text)) return text;
  return fail(code.INVALID_PARAMETER, `'${printable(text)}' is not a role${didYouMean(text, ROLES)}`, {
    field,
    allowed: either(ROLES),
  });
}

/** One of some words. */
export function oneOf<T extends string>(text: string, words: readonly T[], field: string): T {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  return fail(code.INVALID_PARAMETER, `'${printable(text)}' is not allowed${didYouMean(text, words)}`, {
    field,
    allowed: either(words),
  });
}

export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean '${near}'?`;
}

export function text(given: Given, name: string): string | undefined {
  const value = given.options[name];
  return typeof value === 'string' ? value : undefined;
}

export const flag = (given: Given, name: string): boolean => given.options[name] === true;

/** A decimal number within bounds, both included. */
export function readNumber(value: string, field: string, least: number, most: number, unit = ''): number {
  const n = /^\d{1,15}(?:\.\d{1,3})?$/.test(value) ? Number(value) : Number.NaN;
  if (n >= least && n <= most) return n;
  const allowed = `a number of ${least} to ${most}${unit === '' ? '' : ` (${unit})`}`;
  return fail(code.INVALID_PARAMETER, `'${printable(value)}' is not ${allowed}`, { field, allowed });
}

/** An option in seconds. */
export function seconds(given: Given, name: string, least: number, most: number): number | undefined {
  const value = text(given, name);
  return value === undefined ? undefined : readNumber(value, `--${name}`, least, most, 'seconds');
}

/** An option that is a whole number within bounds, both included. */
export function whole(given: Given, name: string, least: number, most: number): number | undefined {
  const value = text(given, name);
  if (value === undefined) return undefined;
  const n = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (n >= least && n <= most) return n;
  const allowed = `a whole number of ${least} to ${most}`;
  return fail(code.INVALID_PARAMETER, `'${printable(value)}' is not ${allowed}`, { field: `--${name}`, allowed });
}

const KIND = /^[a-z][a-z0-9.-]{0,63}$/;
const KINDS_MAX = 16;

/** Where a watch begins: behind the change that `--since` numbers. Throws code 9. */
export function since(given: Given): number | undefined {
  const value = text(given, 'since');
  if (value === undefined) return undefined;
  if (/^\d{1,15}$/.test(value)) return Number(value);
  const allowed = 'a whole number: the seq of the last change already known';
  return fail(code.INVALID_PARAMETER, `'${printable(value)}' is not ${allowed}`, { field: '--since', allowed });
}

/** `--kinds`: kinds of changes. */
export function kinds(given: Given): readonly string[] | undefined {
  const value = text(given, 'kinds');
  if (value === undefined) return undefined;
  const words = value.split(',').map((word) => word.trim());
  if (words.length <= KINDS_MAX && words.every((word) => KIND.test(word))) return words;
  return fail(code.INVALID_PARAMETER, `'${printable(value.slice(0, 80))}' is not a list of kinds`, {
    field: '--kinds',
    allowed: `1 to ${KINDS_MAX} words such as node, link or inventory, with commas between`,
  });
}
