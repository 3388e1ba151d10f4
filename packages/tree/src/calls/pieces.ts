/** The text of an answer, cut so that each piece fits a frame. */
import type { Json } from '@csm/model';
import { PIECE_CHARS } from '@csm/protocol';

/**
 * Gives the JSON of an answer in pieces, one after the other. A list is written item by item, each on a line of its
 * own: a piece can leave before the next is written, and the whole text never stands anywhere but where it is needed.
 * Gives nothing for an answer whose text is no longer than one piece.
 */
export function* piecesOf(answer: Json): Generator<string, void> {
  const cut = new Cut();
  for (const part of partsOf(answer)) yield* cut.add(part);
  if (cut.given) yield cut.rest;
}

function* partsOf(answer: Json): Generator<string, void> {
  const items: readonly Json[] = Array.isArray(answer) ? answer : [];
  if (items.length === 0) return yield JSON.stringify(answer);
  for (const [i, item] of items.entries()) yield `${i === 0 ? '[' : ','}\n${JSON.stringify(item) ?? 'null'}`;
  yield '\n]';
}

/** The same for a list whose items come page by page, as JSON. */
export class PagePieces {
  readonly #cut = new Cut();
  #begun = false;

  /** Gives the pieces that are full by now. */
  *add(items: readonly string[]): Generator<string, void> {
    if (items.length === 0) return;
    yield* this.#cut.add(`${this.#begun ? ',' : '['}\n${items.join(',\n')}`);
    this.#begun = true;
  }

  /** The last piece; or the whole answer, where its text is no longer than one piece. */
  end(): { readonly piece: string } | { readonly answer: Json } {
    const text = this.#begun ? `${this.#cut.rest}\n]` : '[]';
    return this.#cut.given ? { piece: text } : { answer: JSON.parse(text) as Json };
  }
}

/** Cuts a text that grows. */
class Cut {
  /** What is yet to be given. */
  rest = '';
  /** Whether a piece was given: then the rest is one too, and has at least one character. */
  given = false;

  *add(text: string): Generator<string, void> {
    this.rest += text;
    let at = 0;
    for (; this.rest.length - at > PIECE_CHARS; at += PIECE_CHARS) {
      this.given = true;
      yield this.rest.slice(at, at + PIECE_CHARS);
    }
    this.rest = this.rest.slice(at);
  }
}
