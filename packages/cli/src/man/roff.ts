/** Manual pages in the macros of man(7), from the Markdown that the reference is written in. */

export interface Page {
  /** `csm-node-list` */
  readonly name: string;
  readonly section: 1 | 5 | 8;
  /** What stands behind the name: one line, no full stop. */
  readonly summary: string;
  /** Lines of the synopsis, as plain text; words in `<>` and `[]` as in help. */
  readonly synopsis: readonly string[];
  /** `##` makes a section, `###` one within; paragraphs, fences, tables and lists below them. */
  readonly body: string;
}

export interface PageInfo {
  /** `2026-01-31` */
  readonly date: string;
  readonly version: string;
}

/** Where a line of the source is broken: readers of roff do not like long ones. */
const WIDTH = 78;

export function manPage({ name, section, summary, synopsis, body }: Page, { date, version }: PageInfo): string {
  const kind = { 1: 'CSM Commands', 5: 'CSM Files', 8: 'CSM Administration' }[section];
  return [
    `.TH ${macro(name.toUpperCase())} ${section} "${date}" ${macro(`CSM ${version}`)} ${macro(kind)}`,
    // A line of settings that cannot be broken is not to be stretched.
    '.ad l',
    '.SH NAME',
    `${escaped(name)} \\- ${inline(summary)}`,
    ...(synopsis.length === 0
      ? []
      : ['.SH SYNOPSIS', ...synopsis.flatMap((line) => ['.PP', synopsisLine(line)]).slice(1)]),
    roffOf(body),
    '',
  ].join('\n');
}

/** A word of a macro line. */
const macro = (text: string): string => `"${escaped(text).replaceAll('"', '\\(dq')}"`;

const ESCAPES: { readonly [c: string]: string } = {
  '\\': '\\e',
  '-': '\\-',
  '`': '\\(ga',
  "'": '\\(aq',
  '^': '\\(ha',
  '~': '\\(ti',
};

/** Any text as text: what roff reads as something else is escaped, and what is not ASCII is named. */
export const escaped = (text: string): string =>
  text.replace(/[\\\-`'^~]|[^\0-\x7f]/gu, (c) => {
    return ESCAPES[c] ?? `\\[u${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`;
  });

/** The first words are typed as they stand, what is in brackets is put in by the reader. */
const synopsisLine = (line: string): string => {
  const [, fixed = '', rest = ''] = /^([^[<]*)(.*)$/.exec(line) ?? [];
  const more = rest.split(/<([^>]+)>/);
  const words = more.map((part, i) => (i % 2 === 1 ? `\\fI${escaped(part)}\\fR` : escaped(part))).join('');
  return `\\fB${escaped(fixed.trimEnd())}\\fR ${words}`.trimEnd();
};

/** Code is bold, links are their words. */
export function inline(markdown: string): string {
  const plain = markdown.replace(/\[([^\]]+)\]\([^)\s]+\)/g, '$1').replace(/\*\*([^*]+)\*\*/g, '$1');
  return plain
    .split(/(`[^`]*`)/)
    .map((part) => (/^`.+`$/.test(part) ? `\\fB${escaped(part.slice(1, -1))}\\fR` : escaped(part)))
    .join('');
}

/** Text in lines of bearable length, none of which begins like a request. */
function filled(markdown: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of inline(markdown).split(/\s+/)) {
    if (line !== '' && line.length + word.length >= WIDTH) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map(guarded).join('\n');
}

/** A dot or an apostrophe at the beginning would be a request. */
const guarded = (line: string): string => (/^[.']/.test(line) ? `\\&${line}` : line);

/** Blocks of Markdown: as much of it as our reference uses. */
export function roffOf(markdown: string): string {
  const lines = markdown.replace(/<!--[\s\S]*?-->/g, '').split('\n');
  const out: string[] = [];
  // Right below a heading a paragraph begins by itself.
  let isFresh = true;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const heading = /^(#{2,4}) (.*)$/.exec(line);
    if (line.trim() === '' || line.startsWith('# ')) continue;
    if (heading !== null) {
      const words = (heading[2] ?? '').replaceAll('`', '');
      out.push(heading[1] === '##' ? `.SH ${macro(words.toUpperCase())}` : `.SS ${macro(words)}`);
      isFresh = true;
      continue;
    }
    if (line.startsWith('```')) {
      const end = lines.indexOf('```', i + 1);
      const code = lines.slice(i + 1, end < 0 ? lines.length : end);
      out.push(
        ...(isFresh ? [] : ['.PP']),
        '.RS 4',
        '.nf',
        ...code.map((text) => guarded(escaped(text)) || '\\&'),
        '.fi',
        '.RE',
      );
      i = end < 0 ? lines.length : end;
    } else if (line.startsWith('|')) {
      const rows = take(lines, i, (text) => text.startsWith('|'));
      out.push(...tableOf(rows));
      i += rows.length - 1;
    } else if (line.startsWith('- ')) {
      const item = take(lines, i, (text, at) => (at === 0 || !text.startsWith('- ')) && text.trim() !== '');
      out.push('.IP \\(bu 2', filled(item.join(' ').slice(2)));
      i += item.length - 1;
    } else {
      const text = take(lines, i, (one, at) => at === 0 || (one.trim() !== '' && !/^(?:\||```|#|- )/.test(one)));
      out.push(...(isFresh ? [] : ['.PP']), filled(text.join(' ')));
      i += text.length - 1;
    }
    isFresh = false;
  }
  return out.join('\n');
}

function take(lines: readonly string[], from: number, is: (line: string, at: number) => boolean): readonly string[] {
  const found: string[] = [];
  for (let i = from; i < lines.length && is(lines[i] ?? '', i - from); i++) found.push(lines[i] ?? '');
  return found;
}

/** A row becomes a term with what is said of it; of many columns each is told with its head. */
function tableOf(rows: readonly string[]): readonly string[] {
  const cells = rows.map((row) =>
    row
      .replaceAll('\\|', '\0')
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\0', '|')),
  );
  const [heads = [], , ...body] = cells;
  return body.flatMap(([term = '', ...rest]) => {
    const said = rest
      .map((cell, i) => ({ cell, head: heads[i + 1] ?? '' }))
      .filter(({ cell }) => cell !== '' && cell !== '-');
    const texts = rest.length < 2 ? said.map(({ cell }) => cell) : said.map(({ cell, head }) => `${head}: ${cell}`);
    const lines = texts.flatMap((text, i) => [...(i === 0 ? [] : ['.br']), filled(text)]);
    return ['.TP', guarded(inline(term)), ...(lines.length === 0 ? ['\\&'] : lines)];
  });
}
