import { code, fail } from '@csm/model';

/** Reads a JSON body; an empty one is no input. Throws code 9 when it is not JSON or nests deeper than `depth`. */
export function parseBody(text: string, depth: number): unknown {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    fail(code.INVALID_PARAMETER, `the body is not JSON: ${why.slice(0, 200)}`, { field: '', allowed: 'a JSON object' });
  }
  if (nestsDeeper(value, depth)) {
    const allowed = `at most ${depth} levels`;
    fail(code.INVALID_PARAMETER, `the body nests deeper than ${depth} levels`, { field: '', allowed });
  }
  return value;
}

/** Level by level, without recursion: the text may nest half a million lists. */
function nestsDeeper(value: unknown, depth: number): boolean {
  let level: unknown[] = [value];
  for (let d = 0; level.length > 0; d++) {
    const next: unknown[] = [];
    for (const entry of level) {
      if (typeof entry === 'object' && entry !== null) for (const inner of Object.values(entry)) next.push(inner);
    }
    if (next.length > 0 && d >= depth) return true;
    level = next;
  }
  return false;
}
