/** The two ports of a master, the same whether it leads or stands by: one for aggregators, one for utilities and other masters. */
import { type Listener, type ListenTls, listen } from 'tls-json-stream';
import type { Admission } from '../link/table.ts';
import type { Links } from './links.ts';

/** Where a link came in. */
export const TAG_AGGREGATORS = 0;
/** From inside the process. */
export const TAG_OWN = 1;
export const TAG_UTILITIES = 2;

export interface MasterPortsOptions {
  readonly aggregatorListen: { readonly host?: string; readonly port: number };
  readonly utilityListen: { readonly host?: string; readonly port: number };
  readonly tls: () => ListenTls;
}

export class MasterPorts {
  readonly #options: MasterPortsOptions;
  readonly #links: Links;
  #aggregators: Listener | undefined;
  #utilities: Listener | undefined;

  constructor(options: MasterPortsOptions, links: Links) {
    this.#options = options;
    this.#links = links;
  }

  /** The ports taken, once listening. */
  get numbers(): { readonly aggregators: number; readonly utilities: number } {
    return { aggregators: this.#aggregators?.address.port ?? 0, utilities: this.#utilities?.address.port ?? 0 };
  }

  /** Rejects when a port is taken; the one it has is freed by `close`. */
  async listen(): Promise<void> {
    const { aggregatorListen, utilityListen } = this.#options;
    this.#aggregators = await this.#at(aggregatorListen, TAG_AGGREGATORS);
    this.#utilities = await this.#at(utilityListen, TAG_UTILITIES);
  }

  /** New certificates for handshakes from now on; links that stand are judged again. */
  reload(): void {
    const tls = this.#options.tls();
    this.#aggregators?.setSecureContext(tls);
    this.#utilities?.setSecureContext(tls);
    this.#links.recheck();
  }

  /** Frees both; links stay. */
  async close(): Promise<void> {
    await Promise.all([this.#aggregators?.close(), this.#utilities?.close()]);
  }

  #at(where: MasterPortsOptions['aggregatorListen'], tag: number): Promise<Listener> {
    const way = tag === TAG_AGGREGATORS ? 'hub>core' : 'leaf>hub';
    return listen({
      ...where,
      tls: this.#options.tls(),
      onStream: (stream) => this.#links.adoptStream(stream, 'listener', tag, way),
      onRefused: ({ code, address, port, reason }) =>
        this.#links.noteRefused(`${address}:${port}`, 'unknown', code, reason),
    });
  }
}

/** Who may link where: an aggregator at its port; a utility, and the leaf of another master, at theirs. */
export function isExpected(role: string, peer: string, tag: number, node: string): boolean {
  if (tag === TAG_AGGREGATORS) return role === 'aggregator';
  return tag === TAG_UTILITIES && (role === 'utility' || (role === 'master' && peer !== node));
}

export function wrongRole(role: string, tag: number): Extract<Admission, { ok: false }> {
  const takes = tag === TAG_AGGREGATORS ? 'aggregators' : 'utility daemons and other masters';
  return { ok: false, refusal: { code: 'role', reason: `this port takes links of ${takes}, not of ${role} daemons` } };
}
