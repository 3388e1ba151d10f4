/**
 * A small reader of the XML that programs write: elements, attributes, text, and comments and declarations to be
 * skipped. It is tolerant: an end tag that fits an outer element ends the inner ones too, one that fits none is passed
 * over. It takes time in proportion to the text, and no memory but for the open elements.
 */
export type XmlEvent =
  | { readonly kind: 'open'; readonly path: string; readonly attributes: ReadonlyMap<string, string> }
  /** `text` is all text of the element itself, without that of elements in it; blanks at its ends are cut. */
  | { readonly kind: 'close'; readonly path: string; readonly text: string }
  /** The text ends here, or goes on as something that is not XML; nothing follows. */
  | { readonly kind: 'torn'; readonly why: string };

const DEPTH_MAX = 32;
const TEXT_MAX = 1024;
const ATTRIBUTES_MAX = 16;

const NAME = /[A-Za-z_][\w:.-]{0,63}/y;
const ATTRIBUTE = /\s+([A-Za-z_][\w:.-]{0,63})\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;

/** `path` is the names of the open elements, joined by `/`. */
export function* readXml(xml: string): Generator<XmlEvent> {
  const open: { readonly path: string; readonly name: string; text: string }[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const result = pattern.exec(xml);
    if (result !== null) at = pattern.lastIndex;
    return result;
  };
  const torn = (why: string): XmlEvent => ({
    kind: 'torn',
    why: `${why}${open.length > 0 ? ` in <${open.at(-1)?.name}>` : ''}`,
  });
  const skipTo = (end: string): boolean => {
    const found = xml.indexOf(end, at);
    if (found !== -1) at = found + end.length;
    return found !== -1;
  };

  for (;;) {
    const tag = xml.indexOf('<', at);
    const inner = open.at(-1);
    if (inner !== undefined && inner.text.length < TEXT_MAX)
      inner.text += xml.slice(at, Math.min(tag === -1 ? xml.length : tag, at + TEXT_MAX));
    if (tag === -1) {
      if (inner !== undefined) yield torn('ends');
      return;
    }
    at = tag + 1;
    if (xml.startsWith('!--', at)) {
      if (!skipTo('-->')) return yield torn('ends in a comment');
    } else if (xml[at] === '!' || xml[at] === '?') {
      if (!skipTo('>')) return yield torn('ends in a declaration');
    } else if (xml[at] === '/') {
      at++;
      const name = match(NAME)?.[0];
      if (name === undefined || match(TAG_END) === null) return yield torn('has a broken end tag');
      if (!open.some((element) => element.name === name)) continue;
      for (let element = open.pop(); element !== undefined; element = open.pop()) {
        yield { kind: 'close', path: element.path, text: unescaped(element.text.trim()) };
        if (element.name === name) break;
      }
    } else {
      const name = match(NAME)?.[0];
      if (name === undefined) return yield torn('has a broken tag');
      if (open.length >= DEPTH_MAX) return yield torn(`is nested deeper than ${DEPTH_MAX}`);
      const attributes = new Map<string, string>();
      for (let a = match(ATTRIBUTE); a !== null && attributes.size < ATTRIBUTES_MAX; a = match(ATTRIBUTE))
        attributes.set(a[1] as string, unescaped((a[2] ?? a[3] ?? '').slice(0, TEXT_MAX)));
      const end = match(TAG_END);
      if (end === null) return yield torn('has a broken tag');
      const path = inner === undefined ? name : `${inner.path}/${name}`;
      yield { kind: 'open', path, attributes };
      if (end[1] === '/') yield { kind: 'close', path, text: '' };
      else open.push({ path, name, text: '' });
    }
  }
}

const ENTITIES: { readonly [name: string]: string } = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The five named entities of XML and numbered ones; others stay as they are. */
function unescaped(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole;
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) ? String.fromCodePoint(point) : whole;
  });
}
