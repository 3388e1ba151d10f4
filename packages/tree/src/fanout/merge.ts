import { NodeSet } from '@csm/nodeset';
import { MAX_NODES_TEXT, type ResultPart, wireLength } from '@csm/protocol';

/** One answer before folding. */
export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly body?: unknown;
  readonly away?: boolean;
}

/** Equal answers of many nodes, each kept once. Merging an answer costs one text key; nodes are folded when taken. */
export class Merge {
  readonly #groups = new Map<string, { readonly answer: Answer; nodes: string[] }>();

  get size(): number {
    return this.#groups.size;
  }

  add(nodes: readonly string[], answer: Answer): void {
    const key = `${answer.code}\n${answer.away === true}\n${answer.text}\n${JSON.stringify(answer.body) ?? ''}`;
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, { answer, nodes: [...nodes] });
    else group.nodes.push(...nodes);
  }

  addParts(parts: readonly ResultPart[]): void {
    for (const part of parts) this.add(NodeSet.parse(part.nodes, { maxText: MAX_NODES_TEXT }).names(), answerOf(part));
  }

  /** Everything gathered so far, and begins anew. */
  take(): ResultPart[] {
    const parts = [...this.#groups.values()].map(({ answer, nodes }) => partOf(nodes, answer));
    this.#groups.clear();
    return parts;
  }
}

/** Equal answers of several hubs folded into one part each. */
export function foldParts(parts: readonly ResultPart[]): ResultPart[] {
  const merge = new Merge();
  merge.addParts(parts);
  return merge.take();
}

export function partOf(nodes: readonly string[], a: Answer): ResultPart {
  const base = { nodes: NodeSet.of(nodes).toString(), code: a.code, text: a.text };
  return { ...base, ...(a.body === undefined ? {} : { body: a.body }), ...(a.away === true ? { away: true } : {}) };
}

function answerOf(part: ResultPart): Answer {
  const { code, text, body, away } = part;
  return { code, text, ...(body === undefined ? {} : { body }), ...(away === true ? { away } : {}) };
}

/** Splits parts so that no frame carries more than `bytes` of them (a single part is never cut). */
export function framesOf(parts: readonly ResultPart[], bytes: number): ResultPart[][] {
  const frames: ResultPart[][] = [];
  let frame: ResultPart[] = [];
  let size = 0;
  for (const part of parts) {
    const cost = wireLength(JSON.stringify(part)) + 1;
    if (frame.length > 0 && size + cost > bytes) {
      frames.push(frame);
      frame = [];
      size = 0;
    }
    frame.push(part);
    size += cost;
  }
  if (frame.length > 0) frames.push(frame);
  return frames;
}
