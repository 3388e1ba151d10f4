/** One request to a receiver. Whatever is not a 2xx in time has failed; redirects are not followed. */
import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { CsmError, code, type Problem, problem } from '@csm/model';

/** Bytes of an answer that are read, to use its connection again; more closes it. */
const ANSWER_MAX = 64 * 1024;

export interface Post {
  readonly url: URL;
  readonly body: string;
  readonly headers: { readonly [name: string]: string };
  readonly agent: Agent | HttpsAgent;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Resolves when the receiver has taken it. Rejects with code 5 when it was too slow, else with 12. */
export function post({ url, body, headers, agent, timeoutMs, signal }: Post): Promise<void> {
  return new Promise((resolve, reject) => {
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    let req: ClientRequest | undefined;
    const over = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      settle();
    };
    const failed = (p: Problem): void => over(() => reject(new CsmError(p)));
    const stop = (): void => {
      failed(problem(code.COMMUNICATION, 'the request was given up'));
      req?.destroy();
    };
    const timer = setTimeout(() => {
      failed(problem(code.TIMEOUT, `${url.origin} did not answer`, { allowed: `${timeoutMs / 1000} s` }));
      req?.destroy();
    }, timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) {
      stop();
      return;
    }
    const length = String(Buffer.byteLength(body));
    req = make(url, { method: 'POST', agent, headers: { ...headers, 'content-length': length } });
    req.on('error', (error: NodeJS.ErrnoException) => {
      failed(problem(code.COMMUNICATION, `${url.origin} was not reached: ${error.code ?? error.message}`));
    });
    req.on('response', (res) => {
      drain(res).then(
        () => {
          const status = res.statusCode ?? 0;
          if (status >= 200 && status < 300) over(resolve);
          else failed(problem(code.COMMUNICATION, `${url.origin} answered HTTP ${status}`, { allowed: '2xx' }));
        },
        () => failed(problem(code.COMMUNICATION, `the answer of ${url.origin} broke off`)),
      );
    });
    req.end(body);
  });
}

/** What it says is nobody's; only that it has ended matters. */
function drain(res: IncomingMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    res.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= ANSWER_MAX) return;
      resolve();
      res.destroy();
    });
    res.once('end', resolve);
    res.once('error', reject);
    res.once('close', reject);
  });
}
