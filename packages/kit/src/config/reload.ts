import { under } from './json-text.ts';
import { valueAt } from './print.ts';
import { type ConfigOf, isSetting, leaves, type Schema, type Setting } from './setting.ts';

/** What a second reading of the file changes. */
export interface ReloadDiff {
  /** Paths that differ and may change while running. */
  readonly changed: readonly string[];
  /** Paths that differ and keep their old value until the daemon starts anew. */
  readonly needsRestart: readonly string[];
}

export function diffReload<const S extends Schema>(schema: S, before: ConfigOf<S>, after: ConfigOf<S>): ReloadDiff {
  const changed: string[] = [];
  const needsRestart: string[] = [];
  for (const [path, leaf] of leaves(schema)) {
    if (image(leaf, before, path) === image(leaf, after, path)) continue;
    (leaf.reload === true ? changed : needsRestart).push(path);
  }
  return { changed, needsRestart };
}

/** The configuration to run with after a SIGHUP: new values where they may change, old ones elsewhere. */
export function mergeReload<const S extends Schema>(schema: S, before: ConfigOf<S>, after: ConfigOf<S>): ConfigOf<S> {
  const merge = (node: Schema, path: string): object =>
    Object.freeze(
      Object.fromEntries(
        Object.entries(node).map(([key, child]) => {
          const at = under(path, key);
          if (!isSetting(child)) return [key, merge(child, at)];
          return [key, valueAt(child.reload === true ? after : before, at)];
        }),
      ),
    );
  return merge(schema, '') as ConfigOf<S>;
}

function image(leaf: Setting<unknown>, config: unknown, path: string): string {
  const value = valueAt(config, path);
  return value === undefined || value === null ? '' : JSON.stringify(leaf.format.print(value));
}
