/** How an error is told. */
import { codeName, type Problem, toProblem } from '@csm/model';
import { nodesWords, printable } from './text.ts';

/** Parts of an error shown; a daemon may name thousands. */
const PARTS_MAX = 20;

/** The problem for stderr: one line of JSON, or sentences. */
export function problemText(thrown: unknown, options: { readonly json: boolean; readonly verbose: boolean }): string {
  const p = toProblem(thrown);
  if (options.json) return `${JSON.stringify(p)}\n`;
  const lines = [`csm: ${printable(p.detail)}`, ...where(p), ...parts(p)];
  if (options.verbose) {
    lines.push(`  code: ${p.code} ${p.name}`);
    if (p.trace !== undefined) lines.push(`  trace: ${printable(p.trace)}`);
    lines.push(...causes(thrown));
  }
  return `${lines.join('\n')}\n`;
}

function where({ field, allowed }: Problem): string[] {
  return [
    ...(field === undefined ? [] : [`  field: ${printable(field)}`]),
    ...(allowed === undefined ? [] : [`  allowed: ${printable(allowed)}`]),
  ];
}

function parts({ nodes }: Problem): string[] {
  if (nodes === undefined || nodes.length === 0) return [];
  const shown = nodes.slice(0, PARTS_MAX).map((part) => {
    return `    ${nodesWords(part.nodeset)}: ${codeName(part.code)}: ${printable(part.text)}`;
  });
  const more = nodes.length > PARTS_MAX ? [`    and ${nodes.length - PARTS_MAX} parts more (-o json shows all)`] : [];
  return ['  nodes:', ...shown, ...more];
}

function causes(thrown: unknown): string[] {
  const lines: string[] = [];
  for (let at = (thrown as { cause?: unknown }).cause; at instanceof Error && lines.length < 5; at = at.cause) {
    lines.push(`  cause: ${printable(at.message)}`);
  }
  return lines;
}
