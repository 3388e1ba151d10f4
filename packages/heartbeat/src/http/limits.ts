/** Bounds of the HTTP door. Raising one costs memory, lowering one refuses clients sooner. */
export interface DoorLimits {
  /** Bytes of a body, default 64 KiB; beyond: 413. */
  readonly bodyBytes: number;
  /** Bytes of a body that is a list (batches, BulkStateData, hbstates), default 16 MiB; beyond: 413. */
  readonly largeBodyBytes: number;
  /** Bytes of all bodies above `bodyBytes` that are under way, default 64 MiB; beyond: 503. */
  readonly bodiesBytes: number;
  /** Heartbeats in one batch, default 10,000; beyond: 400. */
  readonly batchBeats: number;
  /** Bytes of request line and headers, default 16 KiB; beyond: 431. */
  readonly headerBytes: number;
  /** Milliseconds for the headers of a request, default 10 s; beyond: 408 and closed. */
  readonly headersTimeoutMs: number;
  /** Milliseconds for a whole request to arrive, default 30 s; beyond: 408 and closed. */
  readonly requestTimeoutMs: number;
  /**
   * Milliseconds a connection stays open between two requests, default 65 s: components that beat each minute need no
   * new one each time. While three quarters of `connections` are open each is closed behind its answer.
   */
  readonly keepAliveMs: number;
  /** Milliseconds without a byte either way in the middle of a request or answer, default 60 s; beyond: closed. */
  readonly idleMs: number;
  /** Connections at a time, default 8,192, each about 15 KiB; more are closed without words. */
  readonly connections: number;
  /** Event streams at a time, default 256; beyond: 503. */
  readonly streams: number;
  /** Milliseconds a client of events may leave what it was sent unread, default 30 s; beyond: closed. */
  readonly streamStallMs: number;
  /** Milliseconds between two signs of life of a stream that has nothing to tell, default 15 s. */
  readonly streamIdleMs: number;
  /** Milliseconds the rest of a body that is too large is thrown away for, so that the answer can be read; default 1 s. */
  readonly lingerMs: number;
  /** Milliseconds requests under way are waited for at the end, default 5 s. */
  readonly closeMs: number;
  /** How often slow requests are looked for, ms, default 2 s. */
  readonly checkMs: number;
}

export const DOOR_LIMITS: DoorLimits = Object.freeze({
  bodyBytes: 64 * 1024,
  largeBodyBytes: 16 * 1024 * 1024,
  bodiesBytes: 64 * 1024 * 1024,
  batchBeats: 10_000,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveMs: 65_000,
  idleMs: 60_000,
  connections: 8_192,
  streams: 256,
  streamStallMs: 30_000,
  streamIdleMs: 15_000,
  lingerMs: 1_000,
  closeMs: 5_000,
  checkMs: 2_000,
});
