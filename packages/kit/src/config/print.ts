import type { Json } from '@csm/model';
import { under } from './json-text.ts';
import { type ConfigOf, isSetting, leaves, type Schema } from './setting.ts';

/** Ways to look at a schema or a loaded configuration. */

/** The value of a path; undefined where nothing is. */
export function valueAt(config: unknown, path: string): unknown {
  let at = config;
  for (const key of path.split('.')) at = (at as Record<string, unknown> | undefined)?.[key];
  return at;
}

/** Every setting as JSON that may be used as a file again; sensitive values read `(hidden)`. */
export function printEffective<const S extends Schema>(schema: S, config: ConfigOf<S>): string {
  return `${JSON.stringify(printed(schema, config, ''), null, 2)}\n`;
}

function printed(schema: Schema, config: unknown, path: string): { [key: string]: Json } {
  const result: { [key: string]: Json } = {};
  for (const [key, node] of Object.entries(schema)) {
    const at = under(path, key);
    if (!isSetting(node)) {
      result[key] = printed(node, config, at);
      continue;
    }
    const value = valueAt(config, at);
    if (value !== undefined && value !== null)
      result[key] = node.sensitive === true ? '(hidden)' : node.format.print(value);
  }
  return result;
}

/** The reference page: one table per top-level group, in the order of the schema. */
export function configReference(schema: Schema): string {
  const groups = new Map<string, string[]>();
  for (const [path, leaf] of leaves(schema)) {
    const group = path.includes('.') ? path.slice(0, path.indexOf('.')) : '';
    const fallback =
      leaf.default === undefined ? (leaf.required === true ? 'must be given' : 'none') : code(leaf.default);
    const doc = leaf.env === undefined ? leaf.doc : `${leaf.doc} Environment: \`${leaf.env}\`.`;
    const row = [
      `\`${path}\``,
      leaf.format.name,
      leaf.unit ?? '',
      leaf.sensitive === true && leaf.default !== undefined ? '(hidden)' : fallback,
      doc,
      leaf.cost ?? '',
      leaf.reload === true ? 'SIGHUP' : 'restart',
    ];
    const rows = groups.get(group) ?? [];
    rows.push(`| ${row.map(cell).join(' | ')} |`);
    groups.set(group, rows);
  }
  const head = [
    '| setting | format | unit | default | what it is for | turning it either way | changes by |',
    '|---|---|---|---|---|---|---|',
  ];
  return [...groups]
    .map(([group, rows]) => [...(group === '' ? [] : [`## ${group}`, '']), ...head, ...rows, ''].join('\n'))
    .join('\n');
}

const code = (value: Json): string => `\`${JSON.stringify(value)}\``;
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
