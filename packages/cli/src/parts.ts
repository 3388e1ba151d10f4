/**
 * The parts of an order: which nodes answered what. Equal answers stand once, whichever aggregators they came through
 * and whenever they came.
 */
import { type Code, codeName, isCode, isObject } from '@csm/model';
import { compareNames, NodeSet } from '@csm/nodeset';
import { Items } from './print/items.ts';
import type { Session } from './session.ts';
import { nodesWords, parseFolded, printable } from './text.ts';

export interface Part {
  readonly nodes: string;
  readonly code: number;
  readonly text: string;
  readonly body?: unknown;
}

interface Held {
  readonly part: Part;
  /** A plain set: each part may bring one node of ten thousand. */
  readonly names: Set<string>;
}

/** Folds parts by what was answered. */
export class PartFolder {
  readonly #held = new Map<string, Held>();
  /** Characters of the answers held. */
  size = 0;

  add(part: Part): void {
    const nodes = parseFolded(part.nodes);
    const answer = JSON.stringify([part.code, part.text, part.body]);
    // Never seen of a daemon: what names no node set cannot be folded, but is shown.
    const key = nodes === undefined ? `${part.nodes}\n${answer}` : answer;
    let held = this.#held.get(key);
    if (held === undefined) {
      held = { part, names: new Set() };
      this.#held.set(key, held);
      this.size += key.length;
    }
    for (const name of nodes ?? []) held.names.add(name);
  }

  /** What is held, in natural order of the first nodes; it holds nothing afterwards. */
  take(): Part[] {
    const all = [...this.#held.values()].map(({ part, names }) => {
      const nodes = NodeSet.of(names);
      const [first = part.nodes] = nodes;
      return { first, part: nodes.size === 0 ? part : { ...part, nodes: nodes.toString() } };
    });
    this.#held.clear();
    this.size = 0;
    return all.sort((a, b) => compareNames(a.first, b.first)).map(({ part }) => part);
  }
}

/** Distinct output that is held for folding; beyond it what is held is shown, and folding begins anew. Characters. */
const HELD_MAX = 64 * 1024 * 1024;

export interface PartsOptions {
  /** Each part as it comes, not folded any further. */
  readonly partial: boolean;
  /** What a person reads of a part that went well or gave output. */
  readonly text: (part: Part) => string;
  readonly csv: readonly string[];
}

/** Shows all parts of an answer; resolves with the highest of their codes. */
export async function showParts(session: Session, parts: AsyncIterable<Part>, options: PartsOptions): Promise<number> {
  const items = new Items<Part>(session, { text: options.text, csv: options.csv, lines: options.partial });
  const folder = new PartFolder();
  let worst: number | undefined;
  const show = async (): Promise<void> => {
    const taken = folder.take();
    for (const part of taken) await items.add(part);
    for (const part of taken) if (part.code !== 0 && session.format === 'table') await session.note(failure(part));
  };
  try {
    for await (const part of parts) {
      worst = Math.max(worst ?? 0, part.code);
      folder.add(part);
      if (options.partial || folder.size > HELD_MAX) await show();
    }
  } finally {
    // What came before the answer broke off is worth showing; the error is told after it.
    await show();
    await items.end();
  }
  return worst ?? 4;
}

/** `n[1-2] (2): NODES_UNAVAILABLE: down since …` */
function failure({ nodes, code, text }: Part): string {
  return `${nodesWords(nodes)}: ${isCode(code) ? codeName(code as Code) : `code ${code}`}: ${printable(text)}`;
}

/** One line a part; for orders that give no output. */
export function plainPart({ nodes, code, text }: Part): string {
  return code === 0 ? `${nodesWords(nodes)}: ${printable(text)}\n` : '';
}

/** The output of a program under a line that says whose it is, byte for byte but for a last line break. */
export function outputPart(session: Session, part: Part): string {
  const body = isObject(part.body) ? part.body : {};
  const output = typeof body['output'] === 'string' ? body['output'] : '';
  const notes = outcome(part, body);
  // A part without output that failed is told on stderr alone, unless its program ran.
  if (output === '' && part.code !== 0 && typeof body['exit'] !== 'number') return '';
  if (!session.header) return output;
  const head = session.colors.strong(`---- ${nodesWords(part.nodes)}${notes.map((note) => ` ${note}`).join('')} ----`);
  return `${head}\n${output}${output === '' || output.endsWith('\n') ? '' : '\n'}`;
}

function outcome(part: Part, body: { readonly [key: string]: unknown }): string[] {
  const notes: string[] = [];
  if (part.code !== 0 && typeof body['exit'] === 'number' && body['exit'] !== 0) notes.push(`exit ${body['exit']}`);
  if (typeof body['signal'] === 'string') notes.push(printable(body['signal']));
  if (typeof body['cut_bytes'] === 'number') notes.push(`${body['cut_bytes']} bytes cut`);
  return notes;
}

/** Seconds that a call may take longer than its nodes, so that the daemon's own words arrive. */
const MARGIN = 15;

/** A call ends soon after the deadline of its nodes, even when the daemon does not answer. */
export function timeLimit(session: Session, deadline: number): { readonly timeoutSeconds?: number } {
  return session.timeout === undefined ? { timeoutSeconds: deadline + MARGIN } : {};
}

export const DEADLINE_OPTION = (otherwise: number) => ({
  flags: '--deadline <seconds>',
  help: `seconds for all nodes and all hops, 0.1 to ${DEADLINE_MAX}; default ${otherwise}`,
});
export const DEADLINE_MAX = 86_400;
