/**
 * Who calls over HTTPS: a user's certificate, or a bearer token; one of them, never both. Nothing is taken from the
 * address, and nobody has the rights that the local socket gives.
 */
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { code, type DaemonId, isUserName, type Problem, problem } from '@csm/model';
import { accountOf } from './accounts.ts';
import { Buckets } from './buckets.ts';
import type { Door, Guest, Known } from './door.ts';
import { FailedProof, HttpRefusal } from './status.ts';
import { isBearer, TokenCache, type TokenPort } from './tokens.ts';
import { type CertificateFacts, userOf } from './user-certificate.ts';

/** Proofs of one address that may fail at once, and ms until it may fail once more. */
const FAILURES_MAX = 10;
const FAILURE_MS = 6_000;
const ADDRESSES_MAX = 4_096;

export interface HttpsDoorOptions {
  readonly vouchedBy: DaemonId;
  /** Serials of revoked certificates: upper-case hex without leading zeros. */
  readonly revoked: () => ReadonlySet<string>;
  /** Absent: no tokens are accepted. */
  readonly tokens?: TokenPort;
  /** A proof that failed, for the log. */
  readonly onFailure: (address: string, why: string) => void;
  /** Wall time in ms; for tests of dates. */
  readonly wallNow?: () => number;
}

/** One address, or of IPv6 the /64 it is in: whoever has one of those has all of it. */
export function addressKey(address: string | undefined): string {
  const plain = (address ?? '?').replace(/^::ffff:(?=\d+\.)/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = (plain.split('%')[0] ?? '').split('::');
  const before = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - behind.length) }, () => '0');
  return `${[...before, ...zeros, ...behind].slice(0, 4).join(':')}::/64`;
}

export function httpsDoor(options: HttpsDoorOptions): Door {
  const { vouchedBy, revoked, tokens, onFailure, wallNow = Date.now } = options;
  const failures = new Buckets(FAILURES_MAX, FAILURE_MS, ADDRESSES_MAX);
  const cache = tokens === undefined ? undefined : new TokenCache(tokens);

  const known = async (user: string, via: 'certificate' | 'token', token?: string): Promise<Known['caller']> => ({
    user,
    ...(await accountOf(user)),
    pid: 0,
    vouchedBy,
    via,
    ...(token === undefined ? {} : { token }),
  });

  async function byToken(authorization: string): Promise<Known> {
    const bearer = /^bearer +(\S+)$/i.exec(authorization)?.[1];
    if (bearer === undefined) throw failed('the Authorization header is not: Bearer <token>');
    const holder = cache === undefined || !isBearer(bearer) ? undefined : await cache.get(bearer, performance.now());
    if (holder === undefined || !isUserName(holder.user)) throw failed('the token is unknown, expired or revoked');
    return { caller: await known(holder.user, 'token', holder.id), scopes: holder.scopes };
  }

  return {
    meet(socket): Guest {
      const address = addressKey(socket.remoteAddress);
      const certificate = factsOf(socket as TLSSocket);
      const judge = () => (certificate === undefined ? undefined : userOf(certificate, revoked(), wallNow()));

      async function prove({ headers: { authorization }, headersDistinct }: IncomingMessage): Promise<Known> {
        const judged = judge();
        // Node shows the first of several; what passes requests on to here may have looked at another one.
        if ((headersDistinct['authorization']?.length ?? 0) > 1)
          throw failed('several Authorization headers are given');
        if (judged !== undefined && authorization !== undefined) {
          throw failed('a client certificate and a token are given; one of them says who calls');
        }
        if (authorization !== undefined) return byToken(authorization);
        if (judged === undefined) throw unproven('no client certificate and no token is given');
        if ('fault' in judged) throw failed(judged.fault);
        return { caller: await known(judged.user, 'certificate') };
      }

      return {
        holder: { key: address, words: `address ${address}`, isRoot: false },
        log: { address: socket.remoteAddress },
        async known(request) {
          // Who tried too much waits, right or wrong: else every guess would be told apart. A certificate is no guess.
          const judged = request.headers.authorization === undefined ? judge() : undefined;
          const isCertified = judged !== undefined && 'user' in judged;
          const wait = isCertified ? 0 : failures.wait(address, performance.now());
          if (wait > 0) throw tooMany(wait);
          try {
            return await prove(request);
          } catch (error) {
            if (!(error instanceof FailedProof)) throw error;
            failures.take(address, performance.now());
            onFailure(socket.remoteAddress ?? address, error.problem.detail);
            throw error;
          }
        },
        fault(): Problem | undefined {
          const judged = judge();
          return judged !== undefined && 'fault' in judged ? problem(code.PERMISSION, judged.fault) : undefined;
        },
      };
    },
  };
}

const CHALLENGE = 'Bearer realm="csm"';
const ALLOWED =
  'a client certificate of a user (csm cert issue --user), or Authorization: Bearer <token> (csm token create)';

const unproven = (why: string): HttpRefusal =>
  new HttpRefusal(problem(code.PERMISSION, why, { allowed: ALLOWED }), 401, { 'www-authenticate': CHALLENGE });

const failed = (why: string): FailedProof =>
  new FailedProof(problem(code.PERMISSION, why, { allowed: ALLOWED }), 401, {
    'www-authenticate': `${CHALLENGE}, error="invalid_token"`,
  });

function tooMany(waitMs: number): HttpRefusal {
  const seconds = Math.ceil(waitMs / 1000);
  const why = 'too many proofs of who calls have failed from this address';
  return new HttpRefusal(problem(code.PERMISSION, why, { allowed: `the next one in ${seconds} s` }), 429, {
    'retry-after': String(seconds),
  });
}

/** What the peer's certificate says; undefined when it sent none. */
function factsOf(socket: TLSSocket): CertificateFacts | undefined {
  const peer = socket.getPeerCertificate() as PeerCertificate | Record<string, never>;
  if (peer.subject === undefined) return undefined;
  const { authorizationError: error } = socket as unknown as { readonly authorizationError?: unknown };
  // Names with commas or quotes are quoted by Node; ours never hold any, so such a name stays as one odd entry.
  const names = (peer.subjectaltname ?? '').match(/[A-Za-z ]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? [];
  return {
    trusted: socket.authorized || (error instanceof Error ? error.message : String(error)),
    subjectAltNames: names.map((name) => name.trim()),
    serialNumber: peer.serialNumber.replace(/^0+(?=.)/, '').toUpperCase(),
    validFrom: Date.parse(peer.valid_from),
    validTo: Date.parse(peer.valid_to),
  };
}
