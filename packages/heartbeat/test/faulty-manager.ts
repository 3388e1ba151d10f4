/**
 * A state manager as the sender meets it: a real HTTP server that knows components, checks requests and judges states as
 * smd does, and that fails in the ways a test asks for.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { judgeState, normaliseFlag, normaliseState } from '../src/hsm/rules.ts';
import type { TimePort } from '../src/types.ts';
import { xnameOf } from '../src/xname/index.ts';

/** What it does instead of answering as it should. */
export type Fault =
  /** Answers so, and changes nothing. */
  | { readonly kind: 'status'; readonly status: number; readonly text?: string }
  /** Does nothing for so many ms of the clock, then changes what it is told and answers. */
  | { readonly kind: 'hold'; readonly ms: number }
  /** Ends the connection without an answer, before or after it changed what it is told. */
  | { readonly kind: 'break'; readonly applies: boolean }
  /** Changes what it is told, begins an answer, and ends the connection. */
  | { readonly kind: 'half' };

/** A PATCH as it came. */
export interface Heard {
  /** Wall ms. */
  readonly at: number;
  readonly ids: readonly string[];
  readonly state: string;
  readonly flag: string;
  readonly message: string;
  readonly userAgent: string | undefined;
  /** Text of the body. */
  readonly text: string;
}

export class FaultyManager {
  /** All it knows; who is not here is passed over in silence. */
  readonly components = new Map<string, { state: string; flag: string }>();
  /** Each PATCH that came in whole, in order. */
  readonly heard: Heard[] = [];
  /** What was applied, in order: `x0c0s0b0n0 Ready/OK`, also where nothing changed by it. */
  readonly applied: string[] = [];
  fault: (heard: Heard) => Fault | undefined = () => undefined;
  /** What readiness is answered with; undefined: nothing at all. */
  ready: number | undefined = 200;
  /** Which names it takes for xnames. */
  takes: (id: string) => boolean = (id) => xnameOf(id) !== undefined;
  /** Requests it holds, and times it was asked whether it is ready. */
  held = 0;
  readyAsked = 0;
  readonly #time: TimePort;
  #port = 0;
  #server = this.#make();

  private constructor(time: TimePort) {
    this.#time = time;
  }

  /** On a port of its own. */
  static async start(time: TimePort): Promise<FaultyManager> {
    const manager = new FaultyManager(time);
    await manager.listen();
    return manager;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hsm/v2`;
  }

  /** Components it knows, as they are before anybody told anything. */
  knows(ids: readonly string[], state = 'On', flag = 'OK'): this {
    for (const id of ids) this.components.set(id, { state, flag });
    return this;
  }

  /** `Ready/OK`. */
  stateOf(id: string): string | undefined {
    const known = this.components.get(id);
    return known === undefined ? undefined : `${known.state}/${known.flag}`;
  }

  /** What it applied for a component, in order, a repetition once. */
  storyOf(id: string): string[] {
    const story: string[] = [];
    for (const text of this.applied) {
      const [name, told = ''] = text.split(' ');
      if (name === id && story.at(-1) !== told) story.push(told);
    }
    return story;
  }

  /** Listens, after `close` on the same port again. */
  async listen(): Promise<void> {
    this.#server = this.#make();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Nobody listens on its port, and all connections break. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #make(): ReturnType<typeof createServer> {
    return createServer((req, res) => {
      this.#take(req, res).catch(() => res.destroy());
    });
  }

  async #take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let text = '';
    req.setEncoding('utf8');
    for await (const chunk of req as AsyncIterable<string>) text += chunk;
    const { method, url = '' } = req;
    if (method === 'GET' && url === '/hsm/v2/service/ready') {
      this.readyAsked += 1;
      if (this.ready === undefined) await this.#hold(res, undefined);
      else if (this.ready === 200) answer(res, 200, JSON.stringify({ code: 0, message: 'HSM is healthy' }));
      else refuse(res, this.ready, "HSM's database is unhealthy");
    } else if (method === 'PATCH' && url === '/hsm/v2/State/Components/BulkStateData') {
      await this.#patch(req, res, text);
    } else {
      answer(res, 404, '404 page not found', 'text/plain');
    }
  }

  async #patch(req: IncomingMessage, res: ServerResponse, text: string): Promise<void> {
    const body = JSON.parse(text) as {
      ComponentIDs: string[];
      State: string;
      Flag: string;
      ExtendedInfo: { Message: string };
    };
    const heard: Heard = {
      at: this.#time.now().wall,
      ids: body.ComponentIDs,
      state: body.State,
      flag: body.Flag,
      message: body.ExtendedInfo.Message,
      userAgent: req.headers['user-agent'],
      text,
    };
    this.heard.push(heard);
    const fault = this.fault(heard);
    switch (fault?.kind) {
      case undefined:
        return this.#do(heard, res);
      case 'status':
        return answer(res, fault.status, fault.text ?? '', 'text/plain');
      case 'hold':
        await this.#hold(res, fault.ms);
        return this.#do(heard, res);
      case 'break':
        if (fault.applies) this.#apply(heard);
        res.destroy();
        return;
      case 'half':
        this.#apply(heard);
        res.writeHead(200, { 'content-length': '1000' });
        res.write('{"code"');
        setImmediate(() => res.destroy());
        return;
      default:
        return fault satisfies undefined;
    }
  }

  /** For so long by the clock, or for good; ends with the connection, too. */
  #hold(res: ServerResponse, ms: number | undefined): Promise<void> {
    this.held += 1;
    return new Promise((resolve) => {
      let isOver = false;
      const over = (): void => {
        if (isOver) return;
        isOver = true;
        this.held -= 1;
      };
      const cancel =
        ms === undefined
          ? () => {}
          : this.#time.after(ms, () => {
              over();
              resolve();
            });
      res.once('close', () => {
        over();
        // Who waits no longer is served all the same, as smd does; who waits for good is not.
        if (ms === undefined) cancel();
      });
    });
  }

  #do(heard: Heard, res: ServerResponse): void {
    const wrong = this.#wrongIn(heard);
    if (wrong !== undefined) {
      refuse(res, 400, wrong);
      return;
    }
    this.#apply(heard);
    res.writeHead(204).end();
  }

  #wrongIn({ ids, state, flag }: Heard): string | undefined {
    if (ids.length === 0) return 'Missing IDs';
    if (!ids.every(this.takes)) return 'invalid xname ID';
    if (state === '') return 'Missing State';
    if (normaliseState(state) === undefined) return 'Argument was not a valid HMS State';
    return normaliseFlag(flag) === undefined ? 'Argument was not a valid HMS Flag' : undefined;
  }

  #apply({ ids, state, flag }: Heard): void {
    for (const id of ids) {
      this.applied.push(`${id} ${state}/${flag}`);
      const known = this.components.get(id);
      if (known === undefined) continue;
      const judged = judgeState(known, { state, flag }, false);
      if (judged.kind === 'changed') this.components.set(id, { state: judged.state, flag: judged.flag });
    }
  }
}

function answer(res: ServerResponse, status: number, text: string, type = 'application/json'): void {
  res.writeHead(status, { 'content-type': type }).end(text);
}

function refuse(res: ServerResponse, status: number, detail: string): void {
  const title = status === 400 ? 'Bad Request' : 'Service Unavailable';
  answer(res, status, JSON.stringify({ type: 'about:blank', title, detail, status }), 'application/problem+json');
}
