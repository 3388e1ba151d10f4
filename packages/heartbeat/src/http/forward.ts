/** While another process leads, requests go on to it, and its answers come back as they are. */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream';

/** Connections to the leader at a time; more requests wait for one. */
const SOCKETS_MAX = 256;
/** Bears the request already: two standbys that each take the other for the leader must not send it round and round. */
export const FORWARDED = 'csm-forwarded';
/** Of one connection, not of the request. */
const OWN_HEADERS = ['connection', 'keep-alive', 'upgrade', 'proxy-connection', 'te', 'trailer'];

export interface Forwarder {
  /** `fail` is called at most once, with words, and only while nothing was answered. */
  forward(leader: string, request: IncomingMessage, response: ServerResponse, fail: (why: string) => void): void;
  /**
   * From now on this one leads; undefined: this process itself. What waits for another fails at once: a leader that was
   * frozen answers nobody, and those who beat would wait for it instead of beating again.
   */
  led(leader: string | undefined): void;
  close(): void;
}

/** `tls` is what this process shows and believes when the leader speaks https. */
export function createForwarder(
  tls: { readonly ca?: string | Buffer; readonly cert: string | Buffer; readonly key: string | Buffer } | undefined,
  timeoutMs: number,
): Forwarder {
  const agents = {
    'http:': new HttpAgent({ keepAlive: true, maxSockets: SOCKETS_MAX }),
    'https:': new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS_MAX, ...tls }),
  };
  const open = (leader: string, from: IncomingMessage): ClientRequest => {
    const { protocol, hostname, port, host } = new URL(leader);
    const headers: OutgoingHttpHeaders = { ...from.headers, host, [FORWARDED]: '1' };
    for (const name of OWN_HEADERS) delete headers[name];
    // The target goes on as it came: made into a URL, one that begins with two slashes would name another host.
    const { method = 'GET', url: path = '/' } = from;
    const options = { hostname: hostname.replace(/^\[|\]$/g, ''), port, path, method, headers, timeout: timeoutMs };
    return protocol === 'https:'
      ? httpsRequest({ ...options, agent: agents['https:'] })
      : httpRequest({ ...options, agent: agents['http:'] });
  };
  /** What is under way, and to whom; called, it fails. */
  const underWay = new Map<(why: string) => void, string>();
  let last: string | undefined;
  const led = (leader: string | undefined): void => {
    if (leader === last) return;
    last = leader;
    for (const [failed, to] of underWay) if (to !== leader) failed('it has lost the lead');
  };
  return {
    led,
    forward(leader, request, response, fail) {
      led(leader);
      const onward = open(leader, request);
      let state: 'asked' | 'answered' | 'over' = 'asked';
      const failed = (why: string): void => {
        const was = state;
        state = 'over';
        underWay.delete(failed);
        onward.destroy();
        if (was === 'asked') fail(why);
        else if (was === 'answered') response.destroy();
      };
      underWay.set(failed, leader);
      onward.on('timeout', () => failed('it does not answer'));
      onward.on('error', (error) => failed(error.message));
      onward.on('response', (answer) => {
        if (state !== 'asked') return;
        state = 'answered';
        const headers = { ...answer.headers };
        for (const name of OWN_HEADERS) delete headers[name];
        response.writeHead(answer.statusCode ?? 502, headers);
        // A stream has long pauses, and says so by signs of life.
        onward.setTimeout(0);
        pipeline(answer, response, () => {
          state = 'over';
          underWay.delete(failed);
        });
      });
      // Not a pipeline: that would close the client's connection when the leader is away.
      request.pipe(onward);
      response.on('close', () => {
        underWay.delete(failed);
        if (!response.writableFinished) onward.destroy();
      });
    },
    close() {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}
