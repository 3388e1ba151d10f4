/** A refused or broken peer, as health shows it. The newest `REFUSALS_KEPT` are kept. */
export interface RefusedPeer {
  readonly address: string;
  readonly daemon: string;
  readonly code: string;
  readonly reason: string;
  readonly at: number;
  count: number;
}

export const REFUSALS_KEPT = 100;

/** Who was refused by this process, each once, with how often. */
export class RefusedPeers {
  /** How often anybody was. */
  total = 0;
  readonly #peers = new Map<string, RefusedPeer>();

  /** Newest last. */
  all(): RefusedPeer[] {
    return [...this.#peers.values()];
  }

  /** `isNews`: worth a line in the log. A peer that comes again and again is at its 1st, 2nd, 4th, 8th … time only. */
  note(refusal: Omit<RefusedPeer, 'count'>): { readonly peer: RefusedPeer; readonly isNews: boolean } {
    this.total++;
    const { address, daemon, code, reason } = refusal;
    const key = `${daemon} ${code} ${address.replace(/:\d+$/, '')}`;
    const before = this.#peers.get(key);
    const count = (before?.count ?? 0) + 1;
    const peer = { ...refusal, count };
    this.#peers.delete(key);
    this.#peers.set(key, peer);
    for (const first of this.#peers.keys()) {
      if (this.#peers.size <= REFUSALS_KEPT) break;
      this.#peers.delete(first);
    }
    const isPower = (count & (count - 1)) === 0;
    return { peer, isNews: isPower || before === undefined || kindOf(before.reason) !== kindOf(reason) };
  }
}

/** A reason without what varies in it from one try to the next. */
const kindOf = (reason: string): string => reason.replaceAll(/"[^"]*"|0x[0-9a-f]*|\d+/g, '');
