/** What could not be done of a change to many nodes, folded by reason. */
import type { Code, Problem } from '@csm/model';
import { NodeSet } from '@csm/nodeset';

export interface Failed {
  /** Folded node set. */
  readonly nodes: string;
  readonly code: Code;
  readonly text: string;
}

export class Failures {
  readonly #names = new Map<string, { readonly code: Code; readonly text: string; readonly names: string[] }>();

  add(node: string, { code, detail: text }: Pick<Problem, 'code' | 'detail'>): void {
    const key = `${code} ${text}`;
    const held = this.#names.get(key);
    if (held === undefined) this.#names.set(key, { code, text, names: [node] });
    else held.names.push(node);
  }

  list(): Failed[] {
    return [...this.#names.values()].map(({ code, text, names }) => ({
      nodes: NodeSet.of(names).toString(),
      code,
      text,
    }));
  }
}

export const NOT_KNOWN = { code: 46, detail: 'not known' } as const;
