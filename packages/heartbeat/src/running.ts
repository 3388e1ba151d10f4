/**
 * The heartbeat service of a master that leads. It begins beside everything else that a leader puts in place: nobody
 * waits for it, and what keeps it from beginning (its port is taken) does not keep the master from leading. It is told
 * in health, and tried again.
 */
import type { Handler } from '@csm/api';
import type { MasterPorts } from '@csm/feature';
import { code, fail, toProblem } from '@csm/model';
import { type Assembled, assemble } from './assemble.ts';
import { heartbeatCalls } from './calls.ts';
import { CsmNodes, type Roster } from './csm-nodes.ts';
import { cutOffOf } from './cut-off.ts';
import { type OpenDoor, openDoor } from './door.ts';
import type { MasterHeartbeatConfig } from './settings.ts';
import { kvUrlOf, setupOf } from './setup.ts';
import { realTime } from './time-port.ts';

/** What could not begin is tried again after so long, ms. */
const AGAIN_MS = 2_000;

export class Running {
  readonly #ports: MasterPorts;
  readonly #stop = new AbortController();
  readonly #begun: Promise<void>;
  #assembled: Assembled | undefined;
  #handlers: Readonly<Record<string, Handler<never>>> | undefined;
  #nodes: CsmNodes | undefined;
  #door: OpenDoor | undefined;
  /** Why it has not begun, or its door is not open. */
  #why: string | undefined;

  constructor(ports: MasterPorts) {
    this.#ports = ports;
    this.#begun = this.#begin();
  }

  /** Calls wait for nothing: a service that is about to begin says so. */
  handler(name: string): Handler<never> {
    return (input, ctx) => {
      const handler =
        this.#handlers?.[name] ??
        fail(code.NOT_INITIALIZED, this.#why ?? 'the heartbeat service has only just started');
      return handler(input, ctx);
    };
  }

  get problems(): readonly string[] {
    const own = this.#why === undefined ? [] : [`heartbeats: ${this.#why}`];
    const said = this.#assembled?.service.health().problems ?? [];
    return [...own, ...said.map((words) => `heartbeats: ${words}`)];
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#begun;
    // Whoever beats is refused first: what was answered is to be written.
    await this.#door?.close();
    await this.#nodes?.stop();
    await this.#assembled?.service.stop();
  }

  /** Never rejects. */
  async #begin(): Promise<void> {
    const { log } = this.#ports;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#step();
        this.#why = undefined;
        return;
      } catch (error) {
        const { detail } = toProblem(error);
        if (this.#why !== detail) log.error('the heartbeat service cannot begin, and tries again', { error });
        this.#why = detail;
        await this.#pause();
      }
    }
  }

  /** What is there already stays. */
  async #step(): Promise<void> {
    const { store, log, config, clock } = this.#ports;
    const { heartbeat, host } = config as MasterHeartbeatConfig & { readonly host: { readonly root: string } };
    const setup = setupOf(heartbeat, kvUrlOf(store.place));
    const time = realTime(clock);
    this.#assembled ??= await assemble({ store, setup, time, log, cutOff: cutOffOf(host.root) });
    const { service } = this.#assembled;
    this.#handlers ??= heartbeatCalls({ store, service });
    this.#nodes ??= new CsmNodes({
      store,
      tracker: service.tracker,
      time,
      log,
      roster: () => this.#roster(),
      nudge: () => service.nudge(),
      forget: (name) => service.forget(name),
    });
    if (this.#stop.signal.aborted) return;
    const door = openDoor({ setup, time, log });
    door.lead(this.#assembled);
    await door.listen();
    this.#door = door;
  }

  #roster(): Roster | undefined {
    try {
      const { roster } = this.#ports.tree().core;
      return roster.settling ? undefined : roster;
    } catch {
      // There is no tree yet.
      return undefined;
    }
  }

  async #pause(): Promise<void> {
    const { signal } = this.#stop;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, AGAIN_MS);
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
  }
}
