/**
 * The listening side: mutual TLS 1.3 and a bound on everything a stranger can do before its handshake is done.
 *
 * An arrival is *silent* until its first bytes, *waiting* until one of `maxHandshakes` slots is free or it hangs up, in
 * *handshake* until TLS has accepted both certificates; then it becomes a stream. Bytes that cannot begin TLS are refused
 * from the first read, so that a silent or chattering stranger never takes a slot. Each phase has the deadline
 * `handshakeTimeout`, waiting `turnTimeout`. Every refusal is counted and told with the address and a reason in words.
 */
import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import {
  createSecureContext,
  createServer as createTlsServer,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { type ListenTls, SESSION_TIMEOUT, sessionIdContext, VERSIONS } from './context.ts';
import { certificateFacts, peerOf, plainAddress } from './peer.ts';
import { JsonStream, rethrowLater, type StreamOptions } from './stream.ts';
import { codeOf, errorWords, isCertificateCode, notTlsWords } from './words.ts';

export type RefusalCode =
  /** Its first bytes cannot begin TLS. */
  | 'not-tls'
  /** Nothing came at all. */
  | 'silent'
  /** The handshake did not end in its time, or did not begin for want of a slot. */
  | 'late'
  /** Too many connections waited already. */
  | 'full'
  /** The other end closed before the handshake was over; it may not trust our certificate. */
  | 'closed'
  | 'no-certificate'
  | 'expired'
  | 'not-yet-valid'
  | 'unknown-ca'
  /** Its certificate was refused for another reason. */
  | 'certificate'
  /** The other end said that it refuses ours. */
  | 'our-certificate'
  /** Any other failure of TLS. */
  | 'tls'
  /** The system could not accept a connection. */
  | 'accept';

export interface Refusal {
  /** Stable, for counting alike what is alike; the reason is for people. */
  readonly code: RefusalCode;
  readonly address: string;
  readonly port: number;
  /** Such as `plain HTTP, not TLS ("GET / HTTP/1.1")`. */
  readonly reason: string;
}

export interface ListenOptions extends StreamOptions {
  /** Default: all addresses, IPv4 and IPv6. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls: ListenTls;
  /** Time for each phase of an arrival. Unit: ms. Default 5 s. */
  readonly handshakeTimeout?: number;
  /**
   * How long an arrival that has begun TLS waits for its turn. Unit: ms. Default: `handshakeTimeout`. Longer where
   * thousands may come at once: who is sent away comes again, at the end of the line.
   */
  readonly turnTimeout?: number;
  /** TLS handshakes under way at once. Default 64: more gain nothing, a core does about 900 a second. */
  readonly maxHandshakes?: number;
  /** Arrivals kept before their handshake; beyond it they are closed. Default 4096: what a core serves in the deadline. */
  readonly maxWaiting?: number;
  /** A new stream. Its `start` must be called, now or later. */
  readonly onStream: (stream: JsonStream) => void;
  readonly onRefused?: (refusal: Refusal) => void;
  /** Wall clock for the dates of resumed certificates, ms UTC. Default `Date.now`. */
  readonly now?: () => number;
}

export interface ListenerCounters {
  readonly accepted: number;
  readonly established: number;
  readonly resumed: number;
  readonly refused: number;
  /** At present: connections without a TLS slot. */
  readonly waiting: number;
  /** At present: handshakes under way. */
  readonly handshakes: number;
}

export interface Listener {
  readonly address: AddressInfo;
  readonly counters: ListenerCounters;
  /** 48 bytes: keep them secret and give them to `listen` after a restart. */
  readonly ticketKeys: Buffer;
  /**
   * New certificates for handshakes from now on; streams stay. Sessions stay resumable if the CA is the same.
   * @throws what `tls.createSecureContext` throws for a bad PEM; then nothing has changed.
   */
  setSecureContext(tls: ListenTls): void;
  /** Frees the port and drops arrivals; streams stay, they belong to the caller. */
  close(): Promise<void>;
}

export const DEFAULT_HANDSHAKE_TIMEOUT = 5_000;
export const DEFAULT_MAX_HANDSHAKES = 64;
export const DEFAULT_MAX_WAITING = 4096;

/** Nothing of TLS is longer before the server has answered; a longer first read is no client of ours. */
const MAX_FIRST_READ = 16 * 1024;
const EMPTY = Buffer.alloc(0);

type Phase = 'silent' | 'waiting' | 'handshake' | 'done';

interface Arrival {
  readonly raw: Socket;
  readonly address: string;
  readonly port: number;
  phase: Phase;
  timer: NodeJS.Timeout | undefined;
  /** What it has said so far, and who listens to it. */
  said: Buffer;
  readonly hear: (chunk: Buffer) => void;
}

/** Listens and resolves when the port is bound. Rejects with the error of the bind or of the PEM texts. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const listener = new TlsListener(options);
  await listener.open();
  return listener;
}

class TlsListener implements Listener {
  readonly #options: ListenOptions;
  readonly #tcp: Server;
  readonly #tls: TlsServer;
  readonly #timeout: number;
  readonly #turnTimeout: number;
  readonly #maxHandshakes: number;
  readonly #maxWaiting: number;
  readonly #arrivals = new Map<Socket, Arrival>();
  readonly #queue = new Set<Arrival>();
  readonly #count = { accepted: 0, established: 0, resumed: 0, refused: 0, handshakes: 0 };
  #ticketKeys: Buffer;
  #address: AddressInfo | undefined;

  constructor(options: ListenOptions) {
    this.#options = options;
    this.#timeout = options.handshakeTimeout ?? DEFAULT_HANDSHAKE_TIMEOUT;
    this.#turnTimeout = options.turnTimeout ?? this.#timeout;
    this.#maxHandshakes = options.maxHandshakes ?? DEFAULT_MAX_HANDSHAKES;
    this.#maxWaiting = options.maxWaiting ?? DEFAULT_MAX_WAITING;
    this.#ticketKeys = options.tls.ticketKeys ?? randomBytes(48);
    this.#tls = createTlsServer({
      ...this.#secure(options.tls),
      requestCert: true,
      rejectUnauthorized: true,
      // The deadline is ours, of the arrival; this one only must not come before it.
      handshakeTimeout: this.#timeout * 2,
    });
    this.#tls.on('secureConnection', (socket) => this.#secured(socket));
    this.#tls.on('tlsClientError', (error, socket) => this.#failed(error, socket));
    this.#tcp = createTcpServer({ pauseOnConnect: true }, (raw) => this.#arrived(raw));
  }

  open(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#tcp.once('error', reject);
      this.#tcp.listen({ port, backlog: DEFAULT_MAX_WAITING, ...(host === undefined ? {} : { host }) }, () => {
        this.#tcp.off('error', reject);
        this.#tcp.on('error', (error) =>
          this.#tellRefused('accept', 'unknown', 0, `accepting failed: ${errorWords(error)}`),
        );
        this.#address = this.#tcp.address() as AddressInfo;
        resolve();
      });
    });
  }

  get address(): AddressInfo {
    return this.#address as AddressInfo;
  }

  get ticketKeys(): Buffer {
    return this.#ticketKeys;
  }

  get counters(): ListenerCounters {
    return { ...this.#count, waiting: this.#arrivals.size - this.#count.handshakes };
  }

  setSecureContext(tls: ListenTls): void {
    const keys = tls.ticketKeys ?? this.#ticketKeys;
    const secure = this.#secure({ ...tls, ticketKeys: keys });
    createSecureContext(secure);
    this.#ticketKeys = keys;
    this.#tls.setSecureContext(secure);
  }

  close(): Promise<void> {
    for (const arrival of this.#arrivals.values()) this.#leave(arrival, true);
    return new Promise((resolve) => {
      // The callback of close() would wait for all streams; the port itself is free at once.
      if (this.#tcp.listening) this.#tcp.close();
      setImmediate(resolve);
    });
  }

  #secure(tls: ListenTls) {
    return {
      ca: tls.ca,
      cert: tls.cert,
      key: tls.key,
      ...VERSIONS,
      ticketKeys: tls.ticketKeys ?? this.#ticketKeys,
      sessionTimeout: SESSION_TIMEOUT,
      sessionIdContext: sessionIdContext(tls),
    };
  }

  #arrived(raw: Socket): void {
    this.#count.accepted += 1;
    const arrival: Arrival = {
      raw,
      address: plainAddress(raw.remoteAddress),
      port: raw.remotePort ?? 0,
      phase: 'silent',
      timer: undefined,
      said: EMPTY,
      hear: (chunk) => this.#spoke(arrival, chunk),
    };
    raw.on('error', ignore); // 'close' follows and tells
    if (this.#arrivals.size - this.#count.handshakes >= this.#maxWaiting) {
      arrival.phase = 'done';
      raw.destroy();
      this.#tellRefused(
        'full',
        arrival.address,
        arrival.port,
        `${this.#maxWaiting} connections wait for a handshake already`,
      );
      return;
    }
    this.#arrivals.set(raw, arrival);
    this.#startTimer(arrival, 'silent', `nothing was sent within ${this.#timeout} ms`);
    // A certificate that was refused is told after the socket has closed, hence the later look.
    raw.once('close', () => setImmediate(() => this.#refuse(arrival, 'closed', closedWords(arrival.phase))));
    raw.on('data', arrival.hear);
    // Who hangs up while it waits has gone elsewhere: no refusal, and no handshake with nobody.
    raw.once('end', () => (arrival.phase === 'waiting' ? this.#leave(arrival, true) : undefined));
    raw.resume();
  }

  /** Its first bytes, or more of them while it waits. */
  #spoke(arrival: Arrival, chunk: Buffer): void {
    const isFirst = arrival.phase === 'silent';
    if (!isFirst && arrival.phase !== 'waiting') return;
    const said = isFirst ? chunk : Buffer.concat([arrival.said, chunk]);
    const long = said.length > MAX_FIRST_READ ? `${said.length} bytes before the handshake` : undefined;
    const words = (isFirst ? notTlsWords(said) : undefined) ?? long;
    if (words !== undefined) {
      this.#refuse(arrival, 'not-tls', words);
      return;
    }
    arrival.said = said;
    if (!isFirst) return;
    arrival.phase = 'waiting';
    const ms = this.#turnTimeout;
    this.#startTimer(arrival, 'late', `no handshake slot became free within ${ms} ms`, ms);
    this.#queue.add(arrival);
    this.#admit();
  }

  #admit(): void {
    for (const arrival of this.#queue) {
      if (this.#count.handshakes >= this.#maxHandshakes) return;
      this.#queue.delete(arrival);
      arrival.phase = 'handshake';
      this.#count.handshakes += 1;
      this.#startTimer(arrival, 'late', `the TLS handshake did not end within ${this.#timeout} ms`);
      // TLS begins with what was said here.
      arrival.raw.off('data', arrival.hear).pause().unshift(arrival.said);
      arrival.said = EMPTY;
      this.#tls.emit('connection', arrival.raw);
    }
  }

  #secured(socket: TLSSocket): void {
    socket.on('error', ignore); // of a socket refused here; a stream takes its own
    const arrival = this.#arrivalOf(socket);
    if (arrival === undefined) {
      socket.destroy(); // refused in the same instant
      return;
    }
    const facts = certificateFacts(socket);
    if (!socket.authorized || facts === undefined) {
      this.#refuse(arrival, 'no-certificate', 'no client certificate was sent');
      return;
    }
    // OpenSSL does not look at the dates again when a session is resumed.
    if (facts.validTo < (this.#options.now ?? Date.now)()) {
      this.#refuse(arrival, 'expired', `the certificate has expired (${facts.subjectAltNames.join(', ')})`);
      return;
    }
    this.#leave(arrival);
    this.#count.established += 1;
    if (socket.isSessionReused()) this.#count.resumed += 1;
    const stream = new JsonStream(socket, peerOf(socket, facts), this.#options);
    try {
      this.#options.onStream(stream);
    } catch (error) {
      stream.destroy('the handler of new streams failed');
      (this.#options.onHandlerError ?? rethrowLater)(error);
    }
    this.#admit();
  }

  #failed(error: Error, socket: TLSSocket): void {
    socket.on('error', ignore);
    const arrival = this.#arrivalOf(socket);
    if (arrival === undefined) return;
    const verdict: unknown = socket.authorizationError;
    const certificate = codeOf(verdict);
    if (isCertificateCode(certificate)) this.#refuse(arrival, refusalCode(certificate), errorWords(certificate));
    else if (codeOf(error) === 'ECONNRESET') this.#refuse(arrival, 'closed', closedWords('handshake'));
    else this.#refuse(arrival, refusalCode(codeOf(error)), errorWords(error));
  }

  /** Node keeps the socket a TLS socket stands on here, and after a refusal that is the only trace of its address. */
  #arrivalOf(socket: TLSSocket): Arrival | undefined {
    const raw: unknown = Reflect.get(socket, '_parent');
    return this.#arrivals.get(raw as Socket);
  }

  #startTimer(arrival: Arrival, code: RefusalCode, late: string, ms = this.#timeout): void {
    clearTimeout(arrival.timer);
    arrival.timer = setTimeout(() => this.#refuse(arrival, code, late), ms);
  }

  #refuse(arrival: Arrival, code: RefusalCode, reason: string): void {
    if (arrival.phase === 'done') return;
    this.#leave(arrival, true);
    this.#tellRefused(code, arrival.address, arrival.port, reason);
    this.#admit();
  }

  /** Takes an arrival out of the books; with `drop` its socket goes too. */
  #leave(arrival: Arrival, drop = false): void {
    if (arrival.phase === 'done') return;
    if (arrival.phase === 'handshake') this.#count.handshakes -= 1;
    arrival.phase = 'done';
    clearTimeout(arrival.timer);
    this.#arrivals.delete(arrival.raw);
    this.#queue.delete(arrival);
    if (drop) arrival.raw.destroy();
  }

  #tellRefused(code: RefusalCode, address: string, port: number, reason: string): void {
    this.#count.refused += 1;
    try {
      this.#options.onRefused?.({ code, address, port, reason });
    } catch (error) {
      (this.#options.onHandlerError ?? rethrowLater)(error);
    }
  }
}

const ignore = (): void => undefined;

function closedWords(phase: Phase): string {
  if (phase !== 'handshake') return 'closed before the TLS handshake';
  return 'closed during the TLS handshake; it may have refused our certificate, or have gone elsewhere';
}

/** Of a code of OpenSSL or Node. */
function refusalCode(code: string): RefusalCode {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'expired';
    case 'CERT_NOT_YET_VALID':
      return 'not-yet-valid';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return 'unknown-ca';
    case 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE':
      return 'no-certificate';
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE':
      return 'our-certificate';
    default:
      return isCertificateCode(code) ? 'certificate' : 'tls';
  }
}
