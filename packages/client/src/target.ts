/** Where a daemon is reached: its unix socket, or over HTTPS. */
import { Agent as HttpAgent, type RequestOptions, request as requestHttp } from 'node:http';
import { isIP } from 'node:net';
import { code, fail } from '@csm/model';

/** The kernel cuts a longer path without an error (108 bytes with the final zero); 100 leaves a margin. */
export const SOCKET_PATH_MAX = 100;
/** Where a daemon takes calls over HTTPS when its address does not say. */
export const HTTPS_PORT = 4213;

/** A daemon that takes calls over HTTPS, and what proves who calls: a certificate with its key, or a token. */
export interface HttpsTarget {
  /** `https://host:port`, without a path. */
  readonly url: string;
  /** PEM of the CA that signed the daemon's certificate; default: those that Node trusts. */
  readonly ca?: string | Buffer;
  /** PEM of the user's certificate, and of its key; both may be one text. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly token?: string;
}

export type Target =
  | { readonly socket: string; readonly https?: undefined }
  | { readonly https: HttpsTarget; readonly socket?: undefined };

/** How requests to one target are made. */
export interface Way {
  /** For errors: the path of the socket, or the address. */
  readonly where: string;
  /** What to look at when nobody answers. */
  readonly advice: string;
  readonly agent: HttpAgent;
  readonly request: typeof requestHttp;
  readonly options: RequestOptions;
  readonly headers: { readonly [name: string]: string };
}

const AGENT = { keepAlive: true, maxFreeSockets: 4, scheduling: 'lifo' } as const;

/** Throws code 9 for a target that cannot be one. At most `connections` at a time; further calls wait for one. */
export function wayTo(target: Target, connections: number): Way {
  const kept = { ...AGENT, maxSockets: connections };
  if (target.socket !== undefined) {
    checkSocketPath(target.socket);
    return {
      where: target.socket,
      advice: 'Is csmd running? (systemctl status "csmd-*")',
      agent: new HttpAgent(kept),
      request: requestHttp,
      options: { socketPath: target.socket },
      headers: {},
    };
  }
  const { url, ca, cert, key, token } = target.https;
  const { host, port, printed } = addressOf(url);
  if (cert !== undefined && token !== undefined) {
    fail(code.INVALID_PARAMETER, 'a certificate and a token are given', { field: 'token', allowed: 'one of them' });
  }
  if (token !== undefined && !/^[\x21-\x7e]{1,256}$/.test(token)) {
    fail(code.INVALID_PARAMETER, 'the token is none', { field: 'token', allowed: 'csm_<id>_<secret>' });
  }
  const tls = {
    minVersion: 'TLSv1.2' as const,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
  // Loaded by who needs it only: TLS and what belongs to it take longer to load than a short call on the socket lasts.
  const https = process.getBuiltinModule('node:https');
  return {
    where: printed,
    advice: 'Does the daemon there have net.api_listen?',
    agent: new https.Agent({ ...kept, ...tls }),
    request: https.request,
    options: { host, port },
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
}

function addressOf(text: string): { readonly host: string; readonly port: number; readonly printed: string } {
  const allowed = `https://host:port; the port may be left out, it is ${HTTPS_PORT} then`;
  const refuse = (why: string): never =>
    fail(code.INVALID_PARAMETER, `the address ${JSON.stringify(text.slice(0, 200))} ${why}`, { field: 'url', allowed });
  if (!URL.canParse(text)) return refuse('is no URL');
  const url = new URL(text);
  if (url.protocol !== 'https:') return refuse(`begins with ${url.protocol}, where calls are never in the clear`);
  if (url.username !== '' || url.password !== '')
    return refuse('names a user; a token or a certificate says who calls');
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '') return refuse('has a path');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  // An URL leaves its scheme's own port out.
  const isOwn = /^https:\/\/(?:\[[^\]]*\]|[^:/]*):443(?:\/|$)/i.test(text);
  const port = url.port === '' ? (isOwn ? 443 : HTTPS_PORT) : Number(url.port);
  return { host, port, printed: `https://${url.hostname}:${port}` };
}

/** Refuses a socket path that the kernel would cut. Throws code 9. */
export function checkSocketPath(socket: string): void {
  const bytes = Buffer.byteLength(socket);
  if (bytes > 0 && bytes <= SOCKET_PATH_MAX && !socket.includes('\0')) return;
  const why = bytes === 0 ? 'is empty' : `has ${bytes} bytes: the kernel would cut it without an error`;
  fail(
    code.INVALID_PARAMETER,
    `the socket path ${JSON.stringify(socket)} ${socket.includes('\0') ? 'has a zero byte' : why}`,
    {
      field: 'socket',
      allowed: `a path of 1 to ${SOCKET_PATH_MAX} bytes`,
    },
  );
}
