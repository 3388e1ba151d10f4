/** The text of an answer, cut so that each piece fits a frame. */
import { type Json, JsonList } from '@csm/model';
import { PIECE_CHARS } from '@csm/protocol';

/**
 * Gives the JSON of an answer in pieces, one after the other. A list is written item by item, each on a line of its
 * own: a piece can leave before the next is written, and the whole text never stands anywhere but where it is needed.
 * Gives nothing for an answer whose text is no longer than one piece.
 */
export function* piecesOf(answer: Json | JsonList): Generator<string, void> {
  let text = '';
  let given = false;
  for (const part of partsOf(answer)) {
    text += part;
    if (text.length <= PIECE_CHARS) continue;
    let at = 0;
    for (; text.length - at > PIECE_CHARS; at += PIECE_CHARS) yield text.slice(at, at + PIECE_CHARS);
    text = text.slice(at);
    given = true;
  }
  if (given) yield text;
}

function* partsOf(answer: Json | JsonList): Generator<string, void> {
  const [count, textOf] = answer instanceof JsonList ? written(answer.items) : values(answer);
  if (count === 0) return yield JSON.stringify(answer instanceof JsonList ? [] : answer);
  for (let i = 0; i < count; i++) yield `${i === 0 ? '[' : ','}\n${textOf(i)}`;
  yield '\n]';
}

type Items = readonly [count: number, textOf: (i: number) => string];
const written = (items: readonly string[]): Items => [items.length, (i) => items[i] ?? 'null'];

/** What is no list has no items. */
function values(answer: Json): Items {
  const items: readonly Json[] = Array.isArray(answer) ? answer : [];
  return [items.length, (i) => JSON.stringify(items[i]) ?? 'null'];
}
