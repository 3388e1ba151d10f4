export { type Backoff, backoffDelay, DEFAULT_BACKOFF_BASE, DEFAULT_BACKOFF_CAP } from './backoff.ts';
export { DEFAULT_MAX_FRAME, encodeFrame, encodeText, type FrameCode, FrameDecoder, FrameError } from './codec.ts';
export type { ListenTls, TlsSettings } from './context.ts';
export { DEFAULT_CONNECT_TIMEOUT, type DialCode, DialError, type DialOptions, dial, type Session } from './dial.ts';
export { Dialer, type DialerOptions } from './dialer.ts';
export {
  DEFAULT_HANDSHAKE_TIMEOUT,
  DEFAULT_MAX_HANDSHAKES,
  DEFAULT_MAX_WAITING,
  type Listener,
  type ListenerCounters,
  type ListenOptions,
  listen,
  type Refusal,
  type RefusalCode,
} from './listen.ts';
export { type CertificateFacts, type Peer, parseSubjectAltNames } from './peer.ts';
export {
  type CloseCode,
  type CloseReason,
  DEFAULT_CLOSE_TIMEOUT,
  DEFAULT_HIGH_WATER,
  DEFAULT_KEEP_ALIVE,
  DEFAULT_MAX_BUFFERED,
  JsonStream,
  type KnownFrame,
  type StreamHandlers,
  type StreamOptions,
} from './stream.ts';
