import { type Code, code, codeName, codeText, type Json, type JsonObject } from '@csm/model';
import { answerFields, describeRow, type RowDescription } from './describe.ts';
import { statusOf } from './status.ts';
import type { ApiTable, TableRow } from './table.ts';

/** The socket that examples name. */
const EXAMPLE_SOCKET = '/run/csm/utility.sock';

/** A Markdown page: every call with purpose, access, route, input, answer, errors and examples that can be pasted. */
export function generateReference(table: ApiTable): string {
  const rows = [...table.offered].sort((a, b) => (a.name < b.name ? -1 : 1));
  const toc = rows
    .map((row) => `| [\`${row.name}\`](#${anchor(row.name)}) | ${row.summary} | ${row.access} |\n`)
    .join('');
  return `# The CSM API

<!-- Generated from the API table; do not edit. -->

HTTP/1.1 with JSON over the unix socket of any CSM daemon, where the kernel says who calls, or over HTTPS with a
certificate or a token (docs/operate/access.md). The class of each call below is that of the table; a permission file
may say otherwise. A client says the version it speaks in \`CSM-API-Version\`, and is refused where it is another one
before the dot. A body has at most \`api.max_body\` bytes (413, code 12). An answer is JSON, a long one in chunks as it comes:
where it breaks off its connection closes before the last chunk. Or it is one JSON item a line (\`application/x-ndjson\`) with \`{"end":true}\` or \`{"problem":…}\` as its last line; the
same items come as server-sent events (\`Accept: text/event-stream\`) or over a WebSocket (an upgrade of a GET), see
docs/operate/streams.md. What goes wrong is
answered as \`application/problem+json\` (RFC 9457) with \`code\` (0–55), \`name\`, \`detail\`, and where it helps \`field\`,
\`allowed\` and \`nodes\`. Every answer has its trace in \`X-CSM-Trace\`. \`CSM-Timeout\` asks for fewer seconds than a call
may take. A changing call under an \`Idempotency-Key\` is carried out once: a repeated order is answered from what
the nodes remember until a minute after its deadline; later, for a day, the answer is code 37 and nothing is run.

| call | purpose | access |
|---|---|---|
${toc}
${rows.map(section).join('\n')}`;
}

const anchor = (name: string): string => name.replaceAll('.', '');

function section(row: TableRow): string {
  const d = describeRow(row);
  const time = d.timeoutSeconds === 0 ? 'no time limit' : `at most ${d.timeoutSeconds} s`;
  const parts = [
    `## ${d.name}\n`,
    `${d.summary}.${d.description === undefined ? '' : `\n\n${d.description}`}\n`,
    `\`${d.method} ${d.path}\` · ${d.access}${d.changes ? ' · changes' : ''} · ${time} · enters by ${d.enters.join(', ')} · answered by ${
      d.reach === 'local' ? 'the daemon that is asked' : 'the master'
    }\n`,
    input(d),
    answer(row),
    `Errors: ${d.codes.map((c) => errorText(c as Code)).join('; ')}.\n`,
    ...d.examples.map((e) => `${e.title}:\n\n\`\`\`sh\n${curl(d, e.input)}\n\`\`\`\n`),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function errorText(c: Code): string {
  return `${c} ${codeName(c)} (HTTP ${statusOf(c)}, ${codeText(c)})`;
}

/** A bar would end the cell, a line break the row. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ');

function input(d: RowDescription): string {
  if (d.fields.length === 0) return 'No input.\n';
  const rows = d.fields.map(
    (f) => `| \`${f.name}\` | ${f.in} | ${f.required ? 'yes' : 'no'} | ${cell(f.allowed)} | ${cell(f.description)} |\n`,
  );
  return `| input | in | required | allowed | meaning |\n|---|---|---|---|---|\n${rows.join('')}`;
}

function answer(row: TableRow): string {
  const schema = row.output ?? row.item;
  if (schema === undefined) return 'Answer: none (204).\n';
  const what = row.item === undefined ? 'Answer' : 'Each item of the stream';
  const fields = answerFields(schema);
  if (fields.length === 0) return `${what}: JSON.\n`;
  const list = 'type' in schema && schema.type === 'array' ? ', a list of' : '';
  const rows = fields.map((f) => `| \`${f.name}\` | \`${cell(f.type)}\` | ${cell(f.description)} |\n`);
  return `${what}${list}:\n\n| field | type | meaning |\n|---|---|---|\n${rows.join('')}`;
}

/** One argument of a POSIX shell. */
const shell = (text: string): string =>
  /^[A-Za-z0-9_./:=@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** A value as a path or a query carries it. */
const plain = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The command that makes a call with an input. */
export function curl(d: Pick<RowDescription, 'method' | 'path' | 'placement' | 'stream'>, given: JsonObject): string {
  const path = d.path.replace(/:([A-Za-z0-9_]+)/g, (_all, name: string) =>
    encodeURIComponent(plain(given[name] ?? null)),
  );
  const query = new URLSearchParams();
  for (const name of d.placement.query) {
    for (const value of [given[name] ?? []].flat()) query.append(name, plain(value));
  }
  const body = Object.fromEntries(
    d.placement.body.flatMap((name) => (name in given ? [[name, given[name] ?? null]] : [])),
  );
  const url = `http://csm${path}${query.size === 0 ? '' : `?${query.toString()}`}`;
  const words = ['curl', '--unix-socket', EXAMPLE_SOCKET, ...(d.stream ? ['--no-buffer'] : [])];
  if (d.method !== 'GET') words.push('--request', d.method);
  if (d.placement.body.length > 0) {
    words.push('--header', 'Content-Type: application/json', '--data', JSON.stringify(body));
  }
  return [...words, url].map(shell).join(' ');
}

/** For the page of errors: every code with its name, meaning and HTTP status. */
export function generateErrors(): string {
  const rows = Object.values(code).map(
    (c) => `| ${c} | \`${codeName(c)}\` | ${codeText(c)} | ${c === 0 ? 200 : statusOf(c)} |\n`,
  );
  return `| code | name | meaning | HTTP |\n|---|---|---|---|\n${rows.join('')}`;
}
