import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CsmError, code, type Problem, problem } from '@csm/model';
import { Admission } from './admission.ts';
import type { Door, Guest, Known } from './door.ts';
import type { Limits } from './limits.ts';
import type { Log } from './log.ts';

/** Connections over the bound that may wait to be told so; more are closed without words. */
const REFUSED_MAX = 64;
/** Milliseconds such a connection may take to send the request that is refused. */
const REFUSED_MS = 2_000;
/** Milliseconds between two log lines about garbage; what comes between is counted in the next. */
const GARBAGE_LOG_MS = 1_000;

/** One request from its head until its answer is out and its handler is through. */
export class Visit {
  readonly trace: string;
  #call: { abort(reason: Problem): void } | undefined;
  #streams = false;
  #ended: Problem | undefined;
  #holds = 1;
  readonly #release: (() => void)[];

  constructor(trace: string, release: () => void) {
    this.trace = trace;
    this.#release = [release];
  }

  /** What else is given back at its end; at once where it has ended already. */
  holds(release: () => void): void {
    if (this.#holds === 0) release();
    else this.#release.push(release);
  }

  /** A call begins; the place is then kept until `drop` came for the answer and for the handler. */
  begin(call: { abort(reason: Problem): void }, streams: boolean): void {
    this.#call = call;
    this.#streams = streams;
    this.#holds++;
    if (this.#ended !== undefined) call.abort(this.#ended);
  }

  get streams(): boolean {
    return this.#streams;
  }

  /** Ends the call, also one that is yet to begin. */
  abort(reason: Problem): void {
    this.#ended = reason;
    this.#call?.abort(reason);
  }

  drop(): void {
    if (--this.#holds === 0) for (const release of this.#release) release();
  }
}

/** One connection: who is at its other end, and what is under way on it. */
interface Peer {
  readonly guest: Guest;
  readonly refused: Problem | undefined;
  readonly visits: Set<Visit>;
}

/** What the server counts; gauges first, then counters since its start. */
export interface ServerStats {
  readonly connections: number;
  readonly calls: number;
  /** Connections and calls refused because a bound was reached. */
  readonly refused: number;
  /** Connections that sent what is no HTTP, or sent it too slowly. */
  readonly garbage: number;
}

/** All connections of one listener: admission, who they are, and what must end when one closes. */
export class Connections {
  readonly #door: Door;
  readonly #limits: Limits;
  readonly #log: Log;
  readonly #peers = new Map<Socket, Peer>();
  readonly #open: Admission;
  readonly #calls: Admission;
  #refusedOpen = 0;
  #refused = 0;
  #garbage = 0;
  #garbageLogged = 0;
  #garbageLoggedAt = -Infinity;
  #idle: (() => void)[] = [];

  constructor(door: Door, limits: Limits, log: Log) {
    this.#door = door;
    this.#limits = limits;
    this.#log = log;
    this.#open = new Admission('connections', limits.connections, limits.userConnections);
    this.#calls = new Admission('calls', limits.requests, limits.userRequests);
  }

  stats(): ServerStats {
    return { connections: this.#open.open, calls: this.#calls.open, refused: this.#refused, garbage: this.#garbage };
  }

  /** Takes a new connection in, and finds out who it is. */
  open(socket: Socket): void {
    // A reset of the peer is no news; 'close' follows it.
    socket.on('error', () => undefined);
    let guest: Guest;
    try {
      guest = this.#door.meet(socket);
    } catch (error) {
      this.#refused++;
      this.#log.warn('connection refused', { reason: error instanceof Error ? error.message : String(error) });
      socket.destroy();
      return;
    }
    const refused = this.#open.enter(guest.holder);
    if (refused !== undefined && !this.#refuse(socket)) return;
    const peer: Peer = { guest, refused, visits: new Set() };
    this.#peers.set(socket, peer);
    socket.once('close', () => {
      this.#peers.delete(socket);
      if (refused === undefined) this.#open.leave(guest.holder);
      else this.#refusedOpen--;
      for (const visit of peer.visits) this.#left(peer, visit, true);
    });
  }

  /** The hard bound was reached: the connection was closed unseen. */
  dropped(): void {
    this.#refused++;
  }

  /** Keeps a refused connection for a moment, so that its request can be answered with words. */
  #refuse(socket: Socket): boolean {
    this.#refused++;
    if (this.#refusedOpen >= REFUSED_MAX) {
      socket.destroy();
      return false;
    }
    this.#refusedOpen++;
    const timer = setTimeout(() => socket.destroy(), REFUSED_MS);
    socket.once('close', () => clearTimeout(timer));
    return true;
  }

  /** Gives a request its place, or says why there is none (code 13, then the connection should be closed). */
  visit(socket: Socket, res: ServerResponse, trace: string): Visit | Problem {
    const peer = this.#peers.get(socket);
    if (peer === undefined) return problem(code.COMMUNICATION, 'the connection is closed');
    if (peer.refused !== undefined) return peer.refused;
    const { holder } = peer.guest;
    const full =
      peer.visits.size >= this.#limits.connectionRequests
        ? problem(code.MEMORY, `this connection has ${peer.visits.size} calls under way, more are not accepted now`, {
            allowed: `${this.#limits.connectionRequests} calls on one connection at a time`,
          })
        : this.#calls.enter(holder);
    if (full !== undefined) {
      this.#refused++;
      return full;
    }
    const visit = new Visit(trace, () => {
      this.#calls.leave(holder);
      if (this.#calls.open === 0) for (const resolve of this.#idle.splice(0)) resolve();
    });
    peer.visits.add(visit);
    // A response that waits behind another one on its connection gets no 'close': `open` sees to that.
    res.once('finish', () => this.#left(peer, visit, false));
    res.once('close', () => this.#left(peer, visit, !res.writableFinished));
    return visit;
  }

  #left(peer: Peer, visit: Visit, gone: boolean): void {
    if (!peer.visits.delete(visit)) return;
    if (gone) visit.abort(problem(code.COMMUNICATION, 'the client went away before the answer was complete'));
    visit.drop();
  }

  /** Who a request is from. Rejects with what is to be answered when that is not proven. */
  known(request: IncomingMessage): Promise<Known> {
    const peer = this.#peers.get(request.socket);
    if (peer === undefined)
      return Promise.reject(new CsmError(problem(code.COMMUNICATION, 'the connection is closed')));
    return peer.guest.known(request);
  }

  /** Ends the calls of those whose proof holds no more. */
  recheck(): void {
    for (const { guest, visits } of this.#peers.values()) {
      const fault = visits.size === 0 ? undefined : guest.fault?.();
      if (fault !== undefined) for (const visit of visits) visit.abort(fault);
    }
  }

  /** Ends the calls under way, all or only the streams. */
  abort(reason: Problem, onlyStreams: boolean): void {
    for (const peer of this.#peers.values()) {
      for (const visit of peer.visits) if (visit.streams || !onlyStreams) visit.abort(reason);
    }
  }

  has(socket: Socket): boolean {
    return this.#peers.has(socket);
  }

  /** Whether an answer is under way on this connection; then nothing else may be written to it. */
  busy(socket: Socket): boolean {
    return (this.#peers.get(socket)?.visits.size ?? 0) > 0;
  }

  /** Resolves when no call is under way, or after `ms`. */
  whenIdle(ms: number): Promise<void> {
    if (this.#calls.open === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Counts a connection that sent no proper HTTP, and logs it, at most once a second. */
  garbage(socket: Socket, reason: string): void {
    this.#garbage++;
    const now = performance.now();
    if (now - this.#garbageLoggedAt < GARBAGE_LOG_MS) return;
    this.#garbageLoggedAt = now;
    const since = this.#garbage - this.#garbageLogged;
    this.#garbageLogged = this.#garbage;
    const who = this.#peers.get(socket)?.guest.log;
    this.#log.warn('no proper HTTP on the API socket', { reason, connections: since, ...who });
  }
}
