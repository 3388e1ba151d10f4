/** Raw requests to daemons: over their socket, as any user, and over HTTPS, with whatever proof. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { TableRow } from '@csm/api';
import { isObject, type JsonObject } from '@csm/model';

export interface Wanted {
  readonly method: string;
  readonly path: string;
  readonly body?: string | undefined;
  readonly headers?: OutgoingHttpHeaders;
}

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** The problem that an answer is; undefined when it is none. */
export function problemIn({ type, text }: Answered): JsonObject | undefined {
  if (!type.startsWith('application/problem+json')) return undefined;
  const value: unknown = JSON.parse(text);
  return isObject(value) ? (value as JsonObject) : undefined;
}

/** The request of a call, with its fields where the table places them. */
export function requestOf(row: TableRow, input: JsonObject): Wanted {
  const rest = { ...input };
  const path = row.path.replace(/:([A-Za-z0-9_]+)/g, (_all, name: string) => {
    const value = rest[name] ?? '-';
    delete rest[name];
    return encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value));
  });
  if (row.method !== 'GET' && row.method !== 'DELETE') return { method: row.method, path, body: JSON.stringify(rest) };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      query.append(name, typeof one === 'string' ? one : (JSON.stringify(one) ?? ''));
    }
  }
  return { method: row.method, path: query.size === 0 ? path : `${path}?${query.toString()}`, body: undefined };
}

/** Reads whole answers; a stream is read for a moment only. */
const READ_MS = 20_000;

export type Where =
  | { readonly socket: string }
  | { readonly port: number; readonly ca: string; readonly cred?: string; readonly token?: string };

export function ask(where: Where, { method, path, body, headers = {} }: Wanted): Promise<Answered> {
  const own = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers };
  return new Promise((resolve, reject) => {
    const request = 'socket' in where ? httpRequest : httpsRequest;
    const sent = request({ ...targetOf(where), method, path, headers: { ...own, ...proofOf(where) }, agent: false });
    const late = setTimeout(
      () => sent.destroy(new Error(`no answer within ${READ_MS} ms: ${method} ${path}`)),
      READ_MS,
    );
    sent.on('close', () => clearTimeout(late));
    sent.on('error', reject);
    sent.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', text }),
      );
    });
    sent.end(body);
  });
}

function targetOf(where: Where): object {
  if ('socket' in where) return { socketPath: where.socket };
  const { port, ca, cred } = where;
  const pem = cred === undefined ? {} : { cert: readFileSync(cred), key: readFileSync(cred) };
  return { host: '127.0.0.1', port, ca: readFileSync(ca), ...pem };
}

const proofOf = (where: Where): OutgoingHttpHeaders =>
  'token' in where && where.token !== undefined ? { authorization: `Bearer ${where.token}` } : {};

/** What a process of another user runs: requests as JSON lines in, answers as JSON lines out. */
const AS_USER = `
const { request } = require('node:http');
const [socketPath] = process.argv.slice(1);
let given = '';
process.stdin.on('data', (chunk) => { given += chunk; }).on('end', async () => {
  for (const wanted of JSON.parse(given)) {
    const answer = await new Promise((resolve) => {
      const { method, path, body } = wanted;
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request({ socketPath, method, path, headers, agent: false }, (got) => {
        let text = '';
        got.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
        got.on('end', () => resolve({ status: got.statusCode, type: got.headers['content-type'] ?? '', text }));
        got.on('error', (error) => resolve({ status: 0, type: '', text: String(error) }));
      });
      sent.on('error', (error) => resolve({ status: 0, type: '', text: String(error) }));
      sent.end(body);
    });
    console.log(JSON.stringify(answer));
  }
});
`;

/** Asks one after the other, as another user: for tests that run as root. */
export async function askAs(uid: number, socket: string, wanted: readonly Wanted[]): Promise<Answered[]> {
  const child = spawn(process.execPath, ['-e', AS_USER, socket], {
    uid,
    gid: uid,
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stdin.end(JSON.stringify(wanted));
  await new Promise((resolve) => child.once('close', resolve));
  const answers = out.split('\n').filter((line) => line !== '');
  if (answers.length !== wanted.length) throw new Error(`${answers.length} of ${wanted.length} answers: ${out}`);
  return answers.map((line) => JSON.parse(line) as Answered);
}
