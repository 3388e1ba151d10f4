import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { code, daemonId, fail } from '@csm/model';
import { Admission } from './admission.ts';
import { Buckets } from './buckets.ts';
import { addressKey, httpsDoor } from './https-door.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { type ApiServer, HttpServer, type ServeOptions } from './server.ts';
import type { TokenPort } from './tokens.ts';

export interface HttpsTls {
  readonly ca: string | Buffer;
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface HttpsOptions extends ServeOptions {
  /** Address and port; port 0 takes a free one. */
  readonly host: string;
  readonly port: number;
  /** Certificate and key of this daemon, and the CA of its users; PEM. Asked again by `recheck`. */
  readonly tls: () => HttpsTls;
  /** Serials of revoked certificates: upper-case hex without leading zeros. */
  readonly revoked: () => ReadonlySet<string>;
  /** Absent: no tokens are accepted. */
  readonly tokens?: TokenPort;
}

/** Milliseconds a handshake may take. */
const HANDSHAKE_MS = 10_000;
/** Handshakes of all addresses at once, and ms until there may be one more: each costs about a millisecond of CPU. */
const HANDSHAKES_MAX = 200;
const HANDSHAKE_EVERY_MS = 10;
/** One address has no more than a half of that: what it throws away, others can use. */
const SHARE = 2;
/** Failed proofs are logged no more often than this for an address, ms. */
const FAILURE_LOG_MS = 10_000;
const ADDRESSES_MAX = 1_024;

/** The same routes over HTTPS. Nothing happens before `listen`. */
export function createHttpsServer(options: HttpsOptions): ApiServer {
  const { host, port, tls, revoked, tokens, self, log } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const told = new Buckets(1, FAILURE_LOG_MS, ADDRESSES_MAX);
  const door = httpsDoor({
    vouchedBy: daemonId(self.role, self.node),
    revoked,
    ...(tokens === undefined ? {} : { tokens }),
    onFailure: (address, why) => {
      if (told.take(address, performance.now())) log.warn('a proof of who calls has failed', { address, why });
    },
  });
  // Before TLS nobody can be told anything; more than these are closed without words.
  const sockets = new Admission('connections', limits.connections + 64, limits.userConnections + 16);
  const handshakes = new Buckets(HANDSHAKES_MAX, HANDSHAKE_EVERY_MS, 1);
  const shares = new Buckets(HANDSHAKES_MAX / SHARE, HANDSHAKE_EVERY_MS * SHARE, ADDRESSES_MAX);
  const mayBegin = (key: string): boolean => {
    const now = performance.now();
    return shares.take(key, now) && handshakes.take('', now);
  };
  const secure = () => {
    const { ca, cert, key } = tls();
    return { ca, cert, key, minVersion: 'TLSv1.2' as const };
  };
  return new HttpServer(options, {
    door,
    opens: 'secureConnection',
    // Without a certificate a token may prove who calls; a wrong one is refused in words by the door.
    tls: { ...secure(), requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_MS },
    async listen(app) {
      app.server.prependListener('connection', (socket: Socket) => {
        const key = addressKey(socket.remoteAddress);
        const holder = { key, words: `address ${key}`, isRoot: false };
        const full = sockets.enter(holder) !== undefined;
        if (full || !mayBegin(key)) {
          if (!full) sockets.leave(holder);
          socket.destroy();
          return;
        }
        socket.once('close', () => sockets.leave(holder));
      });
      try {
        await app.listen({ host, port });
      } catch (error) {
        await app.close();
        const why = (error as NodeJS.ErrnoException).code ?? String(error);
        fail(code.INVALID_PARAMETER, `cannot listen on ${host} port ${port}: ${why}`, { field: 'net.api_listen' });
      }
      log.info('API listens over HTTPS', { address: app.listeningOrigin });
    },
    recheck: (server) => (server as unknown as HttpsServer).setSecureContext(secure()),
  });
}
