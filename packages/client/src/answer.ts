import type { IncomingMessage } from 'node:http';
import { asProblem, CsmError, code, fail, isObject, type Problem, problem } from '@csm/model';

/** Bytes of one answer that is no stream; a longer one is refused. */
export const ANSWER_MAX = 64 * 1024 * 1024;
/** Characters of one line of a stream. */
export const LINE_MAX = 16 * 1024 * 1024;

/** The whole text of an answer. Throws as `readBytes`. */
export async function readText(res: IncomingMessage): Promise<string> {
  return (await readBytes(res)).toString('utf8');
}

/** An answer ended before all of it had come. */
export class BrokenAnswer extends CsmError {
  override readonly name = 'BrokenAnswer';
}

/** The bytes of an answer. Throws code 30 past `ANSWER_MAX`, `BrokenAnswer` when it breaks off. */
export async function readBytes(res: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await passBytes(res, (chunk) => void chunks.push(chunk));
  return Buffer.concat(chunks);
}

/** Gives the bytes of an answer as they come. Throws as `readBytes`, also behind what was given, and what `take` throws. */
export async function passBytes(res: IncomingMessage, take: (chunk: Buffer) => void): Promise<void> {
  let bytes = 0;
  let refused: { readonly thrown: unknown } | undefined;
  try {
    for await (const chunk of res as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > ANSWER_MAX) fail(code.BUFFER_OVERFLOW, `the answer has more than ${ANSWER_MAX} bytes`);
      try {
        take(chunk);
      } catch (thrown) {
        refused = { thrown };
        break;
      }
    }
  } catch (error) {
    if (error instanceof CsmError) throw error;
    const trace = res.headers['x-csm-trace'];
    const extra = typeof trace === 'string' ? { trace } : {};
    throw new BrokenAnswer(problem(code.COMMUNICATION, `the answer broke off after ${bytes} bytes`, extra), {
      cause: error,
    });
  }
  if (refused !== undefined) throw refused.thrown;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const detail = `the daemon answered what is no JSON: ${JSON.stringify(text.slice(0, 80))}`;
    throw new CsmError(problem(code.UNPACK, detail), { cause: error });
  }
}

/** Reads an answer that tells a problem; always throws it. */
export async function throwProblem(res: IncomingMessage): Promise<never> {
  const text = await readText(res);
  const isProblem = (res.headers['content-type'] ?? '').startsWith('application/problem+json');
  const found = isProblem ? readProblem(parseJson(text)) : undefined;
  throw new CsmError(
    found ?? problem(code.COMMUNICATION, `the daemon answered HTTP ${res.statusCode ?? 0} without saying why`),
  );
}

/** The problem in RFC 9457 details, without the fields that only HTTP has. */
export function readProblem(body: unknown): Problem | undefined {
  const p = asProblem(body);
  if (p === undefined) return undefined;
  const { field, allowed, nodes, oldest, trace } = p;
  return problem(p.code, p.detail, {
    ...(typeof field === 'string' ? { field } : {}),
    ...(typeof allowed === 'string' ? { allowed } : {}),
    ...(Array.isArray(nodes) ? { nodes } : {}),
    ...(oldest === undefined ? {} : { oldest }),
    ...(typeof trace === 'string' ? { trace } : {}),
  });
}

/** The lines of an answer. Nothing is read ahead of the reader but what the socket holds. */
async function* lines(res: IncomingMessage): AsyncGenerator<string> {
  res.setEncoding('utf8');
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of res as AsyncIterable<string>) {
    let from = 0;
    for (let to = chunk.indexOf('\n'); to >= 0; to = chunk.indexOf('\n', from)) {
      parts.push(chunk.slice(from, to));
      yield parts.length === 1 ? (parts[0] ?? '') : parts.join('');
      parts = [];
      length = 0;
      from = to + 1;
    }
    if (from === chunk.length) continue;
    parts.push(chunk.slice(from));
    length += chunk.length - from;
    if (length > LINE_MAX) fail(code.BUFFER_OVERFLOW, `an item of the answer has more than ${LINE_MAX} characters`);
  }
}

/** The items of a streamed answer. Throws the problem it ends with, or code 12 when it ends without saying so. */
export async function* readItems(res: IncomingMessage): AsyncGenerator<unknown, void> {
  let count = 0;
  let last: { readonly problem?: Problem } | undefined;
  try {
    // The answer is read to its very end, after its last line too: only then its connection can be used again.
    for await (const line of lines(res)) {
      if (last !== undefined) fail(code.COMMUNICATION, 'the answer goes on after its last line');
      const item = parseJson(line);
      const p = isObject(item) && 'problem' in item ? readProblem(item['problem']) : undefined;
      if (p !== undefined) last = { problem: p };
      else if (isObject(item) && item['end'] === true) last = {};
      else {
        count++;
        yield item;
      }
    }
  } catch (error) {
    if (error instanceof CsmError) throw error;
    throw new CsmError(problem(code.COMMUNICATION, `the answer broke off after ${count} items`), { cause: error });
  }
  if (last?.problem !== undefined) throw new CsmError(last.problem);
  if (last === undefined) fail(code.COMMUNICATION, `the answer broke off after ${count} items`);
}
