/** Bounds that both ends of a link must share. All in bytes unless said otherwise. */
import { kindText } from './report-text.ts';

/** No frame is longer; longer answers come in parts. */
export const MAX_FRAME = 256 * 1024;

/** The reports of one frame are charged at most this, so that the frame stays below `MAX_FRAME`. */
export const MAX_REPORT_BYTES = 192 * 1024;

/** One report's body. Larger ones are refused where they are made. */
export const MAX_ITEM_BYTES = 128 * 1024;

/** Reports in one frame. */
export const MAX_ITEMS = 1024;

/**
 * A long answer's text goes in pieces of this many characters. Larger: fewer frames, of which each costs both ends; but a
 * frame must hold a piece of which every character is escaped (`\uXXXX`).
 */
export const PIECE_CHARS = 40 * 1024;

/** A folded node set in a message, characters. */
export const MAX_NODES_TEXT = 200_000;

/** Around each item: its braces, field names, time and comma. */
const ITEM_FRAME = 64;

/** The frame around the items of one report. */
export const REPORT_FRAME = 320;

/**
 * What a report costs against credit: never less than its bytes on the wire. `text` is the body as JSON; a character
 * from U+0080 up travels as six (`\uXXXX`).
 */
export function itemCost(kind: string, text: string): number {
  return ITEM_FRAME + wireLength(kindText(kind)) + wireLength(text);
}

const WIDE = /[\u0080-\uffff]/;

/** Bytes of a JSON text on the wire, where every character from U+0080 up is escaped. */
export function wireLength(json: string): number {
  if (!WIDE.test(json)) return json.length;
  let wide = 0;
  for (let i = 0; i < json.length; i++) if (json.charCodeAt(i) > 0x7f) wide++;
  return json.length + 5 * wide;
}
