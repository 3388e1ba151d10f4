/** One request that is no plain heartbeat: its route, who may ask, its body, its answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CsmError } from '@csm/model';
import type { Log } from '../ports.ts';
import { announced, BodyRoom, readText } from './body.ts';
import { FORWARDED, type Forwarder } from './forward.ts';
import { type Identity, mayCall, type Peer } from './identity.ts';
import type { DoorLimits } from './limits.ts';
import { send, sendEarly } from './out.ts';
import { NO_CONTENT, refusal, thrown } from './problem.ts';
import type { Answer, Route, RouteRequest } from './route.ts';
import type { Router } from './router.ts';
import { targetOf } from './target.ts';

const LIVENESS = '/hmi/v1/liveness';
const READINESS = '/hmi/v1/readiness';
/** What is answered also while another process leads. */
const OWN: ReadonlySet<string> = new Set([LIVENESS, READINESS, '/metrics', '/openapi.json']);
const LATER = { 'retry-after': '1' };

export interface VisitsOptions {
  readonly router: Router;
  readonly limits: DoorLimits;
  readonly identity: Identity;
  readonly log: Log;
  readonly forwarder: Forwarder;
  /** Whether this process leads. */
  readonly leads: () => boolean;
  readonly leader: () => string | undefined;
  readonly peerOf: (request: IncomingMessage) => Peer;
}

export class Visits {
  /** Answers by status. */
  readonly answers = new Map<number, number>();
  forwarded = 0;
  readonly #options: VisitsOptions;
  readonly #bodies: BodyRoom;
  readonly #underWay = new Set<AbortController>();
  #isClosing = false;

  constructor(options: VisitsOptions) {
    this.#options = options;
    this.#bodies = new BodyRoom(options.limits);
  }

  /** Ends streams, those to come too. */
  close(): void {
    this.#isClosing = true;
    for (const controller of this.#underWay) controller.abort();
  }

  /** Must not reject. */
  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, query } = targetOf(request.url ?? '');
    try {
      if (!this.#options.leads() && !OWN.has(path)) return await this.#passOn(request, response, path);
      const found = this.#find(request, path);
      if ('status' in found) return await this.refuse(request, response, found);
      await this.#serve(request, response, found.route, { path, query, params: found.params });
    } catch (error) {
      const answer = this.failed(path, error);
      // Half an answer cannot be taken back, only cut off.
      if (response.headersSent) response.destroy();
      else await this.answer(response, answer);
    }
  }

  /** An answer to a request that has come in whole. */
  async answer(response: ServerResponse, answer: Answer): Promise<void> {
    this.#count(answer);
    await send(response, answer);
  }

  /** An answer before the body was read: what yet comes of that must not be taken for the next request. */
  async refuse(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
    if (request.complete || announced(request, 1) === 0) return this.answer(response, answer);
    this.#count(answer);
    sendEarly(request, response, answer, this.#options.limits.lingerMs);
  }

  tooLarge(request: IncomingMessage, response: ServerResponse, path: string, most: number): void {
    const answer = refusal(path, 413, `The body is too large; allowed: at most ${most} bytes`);
    this.#count(answer);
    sendEarly(request, response, answer, this.#options.limits.lingerMs);
  }

  /** Whatever was thrown, as an answer. */
  failed(path: string, error: unknown): Answer {
    if (error instanceof CsmError) return thrown(path, error);
    this.#options.log.error('a request failed', { path, error });
    return refusal(path, 500, 'The request failed; the log of the service says why');
  }

  #count({ status }: Answer): void {
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
  }

  /** The route and its parameters, or why there is none for this peer. */
  #find(
    request: IncomingMessage,
    path: string,
  ): { readonly route: Route; readonly params: RouteRequest['params'] } | Answer {
    const { router, identity, peerOf } = this.#options;
    const method = request.method ?? '';
    const found = router.find(method, path);
    switch (found.kind) {
      case 'none':
        return refusal(path, 404, `There is no ${path.slice(0, 256)} here`);
      case 'malformed':
        return refusal(path, 400, 'The path has a % that stands for nothing');
      case 'method': {
        const allow = found.allow.join(', ');
        return refusal(path, 405, `${method} is not possible here; allow ${found.allow.join(',')}`, { allow });
      }
      case 'route': {
        const forbidden = mayCall(identity, peerOf(request), found.route);
        return forbidden === undefined ? found : refusal(path, 403, forbidden);
      }
      default:
        return found satisfies never;
    }
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
    target: { readonly path: string; readonly query: string; readonly params: RouteRequest['params'] },
  ): Promise<void> {
    const { limits, leads, leader, peerOf } = this.#options;
    const { path, query, params } = target;
    if (path === READINESS && !leads())
      return this.refuse(request, response, leader() === undefined ? { status: 503 } : NO_CONTENT);
    const most = route.largeBody === true ? limits.largeBodyBytes : limits.bodyBytes;
    const size = announced(request, most);
    if (size > most) return this.tooLarge(request, response, path, most);
    const room = this.#bodies.take(size);
    if (room === undefined)
      return this.refuse(request, response, refusal(path, 503, 'Too many large bodies are under way', LATER));
    const controller = new AbortController();
    this.#underWay.add(controller);
    response.once('close', () => controller.abort());
    if (this.#isClosing) controller.abort();
    try {
      if (request.headers.expect !== undefined) response.writeContinue();
      const read = await readText(request, most);
      if (read === 'gone') return;
      if (read === 'large') return this.tooLarge(request, response, path, most);
      const answer = await route.handle({
        method: route.method,
        path,
        params,
        query: new URLSearchParams(query),
        headers: request.headers,
        body: read.text,
        signal: controller.signal,
        peer: peerOf(request),
      });
      await this.answer(response, answer);
    } finally {
      this.#bodies.give(room);
      this.#underWay.delete(controller);
    }
  }

  /** This process does not lead. */
  async #passOn(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const { leader, forwarder, identity } = this.#options;
    const to = leader();
    if (to === undefined || request.headers[FORWARDED] !== undefined) {
      const why =
        to === undefined ? 'No process is known to lead' : 'This came here as to the leader, and is not led here';
      return this.refuse(request, response, refusal(path, 503, why, LATER));
    }
    // Who must show a certificate has to show it to the leader itself.
    if (identity !== 'none') {
      const location = `${to.replace(/\/$/, '')}${request.url ?? ''}`;
      return this.refuse(request, response, { status: 307, headers: { location } });
    }
    this.forwarded++;
    if (request.headers.expect !== undefined) response.writeContinue();
    forwarder.forward(to, request, response, (why) => {
      const answer = refusal(path, 503, `The process that leads, at ${to}, cannot be reached: ${why}`, LATER);
      void this.refuse(request, response, answer);
    });
  }
}
