import { isObject } from '@csm/model';
// The check alone: `typebox/compile` brings conversion, defaults and codecs along, 180 modules more at each start.
import { Compile, type Validator } from 'typebox/schema';
import { KINDS, type Kind, MESSAGES, type Message, type Way } from './message.ts';

/**
 * What a frame turned out to be. `unsupported`: a kind of a later version, answered so and otherwise ignored.
 * `broken`: the sender does not keep the protocol; the link is closed with the reason.
 */
export type Reading =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'unsupported'; readonly of: string }
  | { readonly kind: 'broken'; readonly reason: string };

const kinds: ReadonlySet<string> = new Set(KINDS);
const checkers = new Map<string, Validator>();

/** The check of a kind, made when the first of it comes: no daemon hears all of them, and all at once cost each start. */
function checkerOf(kind: string): Validator | undefined {
  let checker = checkers.get(kind);
  if (checker === undefined && kinds.has(kind)) {
    checker = Compile(MESSAGES[kind as Kind].schema);
    checkers.set(kind, checker);
  }
  return checker;
}

function clip(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? 'nothing';
  } catch {
    text = `a ${typeof value} that JSON cannot carry`;
  }
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** Reads one decoded frame that came along `way`. Unknown fields are ignored, as the version rule demands. */
export function readMessage(value: unknown, way: Way): Reading {
  if (!isObject(value) || typeof value['kind'] !== 'string' || value['kind'] === '') {
    return { kind: 'broken', reason: `a message must be an object with a text 'kind', not ${clip(value)}` };
  }
  const kind = value['kind'];
  const checker = checkerOf(kind);
  if (checker === undefined) return { kind: 'unsupported', of: kind.slice(0, 128) };
  if (!(MESSAGES[kind as Kind].ways as readonly Way[]).includes(way)) {
    const allowed = MESSAGES[kind as Kind].ways.join(', ');
    return { kind: 'broken', reason: `'${kind}' is not a message for the way ${way}, only for ${allowed}` };
  }
  if (checker.Check(value)) return { kind: 'message', message: value as unknown as Message };
  return { kind: 'broken', reason: `'${kind}': ${inWords(checker.Errors(value)[1] as readonly Fault[], value)}` };
}

/** The part of a schema error that is used here. */
interface Fault {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: { readonly requiredProperties?: readonly string[]; readonly allowedValue?: unknown };
  readonly message: string;
}

/** One fault as a sentence: the field, what is allowed, what was given. */
function inWords(faults: readonly Fault[], value: unknown): string {
  // Where several shapes are allowed, those whose mark (a constant field) does not fit were never meant.
  const shapeOf = (fault: Fault): string | undefined => /^(.*\/anyOf\/\d+)\/properties\//.exec(fault.schemaPath)?.[1];
  const notMeant = new Set(faults.filter((f) => f.keyword === 'const').map(shapeOf));
  notMeant.delete(undefined);
  const meant = faults.filter(
    (f) => f.keyword !== 'anyOf' && f.keyword !== 'const' && ![...notMeant].some((at) => isWithin(f.schemaPath, at)),
  );
  const fault = meant[0];
  if (fault === undefined) {
    const path = faults.find((f) => f.keyword === 'const')?.instancePath ?? faults[0]?.instancePath ?? '';
    const allowed = faults.filter((f) => f.keyword === 'const' && f.instancePath === path);
    const list = [...new Set(allowed.map((f) => clip(f.params.allowedValue)))].join(', ');
    return `${fieldOf(path)} must be ${list === '' ? 'of another shape' : `one of ${list}`}, given ${given(value, path)}`;
  }
  const [missing] = fault.params.requiredProperties ?? [];
  if (fault.keyword === 'required' && missing !== undefined)
    return `${fieldOf(`${fault.instancePath}/${missing}`)} is required, but missing`;
  return `${fieldOf(fault.instancePath)} ${fault.message}, given ${given(value, fault.instancePath)}`;
}

const isWithin = (path: string, shape: string | undefined): boolean =>
  shape !== undefined && (path === shape || path.startsWith(`${shape}/`));

const fieldOf = (path: string): string => (path === '' ? '(message)' : path.slice(1).replaceAll('/', '.'));

function given(value: unknown, path: string): string {
  let here = value;
  for (const key of path.split('/').slice(1)) {
    if (typeof here !== 'object' || here === null) return 'nothing';
    here = (here as Record<string, unknown>)[key];
  }
  return clip(here);
}
