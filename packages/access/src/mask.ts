/** A call's input as the audit record keeps it: without what its schema marks as secret, and not too long. */
import { isObject, type Json } from '@csm/model';

export const MASK = '***';
/** Bytes of an input as JSON. */
export const INPUT_MAX = 4096;
/** Characters of one text in an input that is too long, before the whole of it is cut. */
const TEXT_MAX = 512;

interface Schema {
  readonly secret?: unknown;
  readonly properties?: { readonly [name: string]: Schema };
  readonly items?: Schema | readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
  readonly patternProperties?: { readonly [pattern: string]: Schema };
}

/** `schema` is a JSON schema, of which fields may be marked `secret: true`. The input may be anything. */
export function auditInput(schema: unknown, input: unknown): Json {
  const masked = mask(isObject(schema) ? [schema as Schema] : [], input) as Json;
  if (size(masked) <= INPUT_MAX) return masked;
  const shorter = shortened(masked);
  if (size(shorter) <= INPUT_MAX) return shorter;
  const text = JSON.stringify(shorter);
  let kept = text.slice(0, INPUT_MAX / 2);
  while (size({ cut: kept }) > INPUT_MAX - 4) kept = kept.slice(0, Math.floor(kept.length * 0.8));
  return { cut: `${kept}…` };
}

const size = (value: Json): number => Buffer.byteLength(JSON.stringify(value) ?? 'null');

/** What any of the schemas marks is masked: an input may fit only one of several, and nobody asks which. */
function mask(schemas: readonly Schema[], value: unknown): unknown {
  const all = schemas.flatMap(withAlternatives);
  if (all.some((schema) => schema.secret === true)) return MASK;
  if (Array.isArray(value)) {
    return value.map((item, i) =>
      mask(
        all.flatMap(({ items }) => itemOf(items, i)),
        item,
      ),
    );
  }
  if (!isObject(value)) return value ?? null;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      mask(
        all.flatMap((schema) => fieldOf(schema, name)),
        inner,
      ),
    ]),
  );
}

const withAlternatives = (schema: Schema): readonly Schema[] => [
  schema,
  ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].flatMap(withAlternatives),
];

function itemOf(items: Schema['items'], i: number): readonly Schema[] {
  if (items === undefined) return [];
  return Array.isArray(items) ? (items as readonly Schema[]).slice(i, i + 1) : [items as Schema];
}

function fieldOf({ properties, additionalProperties, patternProperties }: Schema, name: string): readonly Schema[] {
  const found = Object.hasOwn(properties ?? {}, name) ? [properties?.[name] as Schema] : [];
  const patterns = Object.entries(patternProperties ?? {}).filter(([pattern]) => new RegExp(pattern).test(name));
  const rest = isObject(additionalProperties) ? [additionalProperties as Schema] : [];
  return [...found, ...patterns.map(([, schema]) => schema), ...rest];
}

function shortened(value: Json): Json {
  if (typeof value === 'string') return value.length <= TEXT_MAX ? value : `${value.slice(0, TEXT_MAX)}…`;
  if (Array.isArray(value)) return value.map(shortened);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shortened(inner as Json)]));
}
