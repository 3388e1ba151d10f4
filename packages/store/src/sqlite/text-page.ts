/**
 * A page of texts as it passes from one thread to another: bytes, which are handed over and not copied, and which no
 * collection of garbage moves while they wait for their turn.
 */
export interface TextPage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly encoding: 'latin1' | 'utf16le';
  /** UTF-16 units of each text. */
  readonly lengths: readonly number[];
}

export function pageOf(texts: readonly string[]): TextPage {
  const all = texts.join('');
  // ASCII, which nearly all is, takes a byte a character; the other way keeps whatever a string can hold, half characters too.
  const encoding = Buffer.byteLength(all) === all.length ? 'latin1' : 'utf16le';
  const bytes = Buffer.allocUnsafeSlow(encoding === 'latin1' ? all.length : 2 * all.length);
  bytes.write(all, encoding);
  return { bytes, encoding, lengths: texts.map(({ length }) => length) };
}

export function textsOf({ bytes, encoding, lengths }: TextPage): string[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding);
  let at = 0;
  return lengths.map((length) => {
    at += length;
    return all.slice(at - length, at);
  });
}
