/**
 * Refused peers on their way to the master, so that `csm health` shows what happened at any listener. Gathered for a
 * moment: a peer that tries a hundred times is one entry with its count.
 */
import type { NodePorts } from '@csm/feature';
import { toProblem } from '@csm/model';
import type { RefusedPeer } from '@csm/tree';

/** How long refusals are gathered, ms. */
const GATHER_MS = 1000;
/** Refusals in one report; more are left to the next. */
const GATHERED_MAX = 100;

export class Refusals {
  readonly #ports: NodePorts;
  readonly #gathered = new Map<string, RefusedPeer>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: NodePorts) {
    this.#ports = ports;
  }

  note(peer: RefusedPeer): void {
    // Ports of one stranger change with each try; its address does not.
    const address = peer.address.replace(/:\d+$/, '');
    const key = `${peer.daemon} ${peer.code} ${address}`;
    if (this.#gathered.size < GATHERED_MAX || this.#gathered.has(key)) this.#gathered.set(key, { ...peer, address });
    this.#timer ??= setTimeout(() => this.#report(), GATHER_MS).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #report(): void {
    this.#timer = undefined;
    const peers = [...this.#gathered.values()].map((peer) => ({ ...peer }));
    this.#gathered.clear();
    const { clock, log } = this.#ports;
    this.#ports
      .offer({ kind: 'cluster.refused', urgency: 'normal', time: clock.now().wall, body: { peers } })
      .catch((error: unknown) => log.warn('refused peers could not be reported', { error: toProblem(error).detail }));
  }
}
