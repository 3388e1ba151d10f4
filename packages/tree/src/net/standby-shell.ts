/**
 * A master that stands by: it listens where the leader would, so that whoever looks for a leader knows at once that this
 * is none, and waits here, linked, for the day it becomes one. It serves nothing: a claim is held as by a hub that reaches
 * no leader, a call is sent back.
 *
 * At a take-over this shell says goodbye, and the `CoreShell` listens on its ports; its peers dial again at once and
 * are welcomed by the leader.
 */
import { randomUUID } from 'node:crypto';
import { knows, type Message, VERSION } from '@csm/protocol';
import type { ListenTls } from 'tls-json-stream';
import type { LinkId } from '../link/link.ts';
import type { Admission } from '../link/table.ts';
import type { Revoked } from './certificates.ts';
import { Links } from './links.ts';
import { isExpected, MasterPorts, TAG_UTILITIES, wrongRole } from './master-ports.ts';
import type { Clock, Log } from './ports.ts';
import type { RefusedPeer } from './refused-peers.ts';
import { GREETING_TIMEOUT } from './spans.ts';

export interface StandbyShellOptions {
  readonly node: string;
  readonly aggregatorListen: { readonly host?: string; readonly port: number };
  readonly utilityListen: { readonly host?: string; readonly port: number };
  readonly tls: () => ListenTls;
  readonly revoked: () => Revoked;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly speak?: string;
  /** A peer was refused at a listener of ours. */
  readonly onRefused?: (peer: RefusedPeer) => void;
}

/** A take-over does not wait longer for peers that do not take their goodbye, ms. */
const GOODBYE_MS = 500;

export class StandbyShell {
  readonly links: Links;
  readonly #ports: MasterPorts;

  /** Rejects when a port is taken. */
  static async start(options: StandbyShellOptions): Promise<StandbyShell> {
    const shell = new StandbyShell(options);
    try {
      await shell.#ports.listen();
    } catch (error) {
      await shell.stop('a port is taken');
      throw error;
    }
    return shell;
  }

  private constructor(options: StandbyShellOptions) {
    const { node, intervalMs, clock, log, revoked } = options;
    const session = randomUUID();
    this.links = new Links({
      self: {
        role: 'master',
        node,
        session,
        version: options.speak ?? VERSION,
        interval: intervalMs,
        greetingTimeout: GREETING_TIMEOUT,
      },
      above: {
        admit: (peer) => admit(peer, node),
        leads: () => false,
        incarnation: () => session,
      },
      handlers: {
        up: (_link, _tag, { daemon, address }) => log.debug(`${daemon} is linked and waits for a leader`, { address }),
        message: (link, tag, message) => {
          if (tag === TAG_UTILITIES) this.#answer(link, message);
        },
        down: (link, _tag, how) => {
          const { address, daemon } = this.links.describe(link);
          if (how.wasUp) log.debug(`${daemon} has left: ${how.reason}`, { address });
          else this.links.noteRefused(address, daemon, how.refusal?.code ?? 'broken', how.reason);
        },
        refused: (peer) => options.onRefused?.(peer),
        settled: () => undefined,
      },
      clock,
      log,
      revoked,
    });
    this.#ports = new MasterPorts(options, this.links);
  }

  get ports(): { readonly aggregators: number; readonly utilities: number } {
    return this.#ports.numbers;
  }

  /** New certificates for handshakes from now on; links that stand are judged again. */
  reload(): void {
    this.#ports.reload();
  }

  /** Frees the ports and says goodbye. A peer that does not read holds it up for no longer than half a second. */
  async stop(reason: string): Promise<void> {
    await this.#ports.close();
    await this.links.close(reason, GOODBYE_MS);
  }

  /** What must not stay without an answer; all else is sent only to a leader. */
  #answer(link: LinkId, message: Message): void {
    if (message.kind === 'claim') {
      const { term, incarnation } = message;
      this.links.send(link, { kind: 'claimed', term, incarnation });
    } else if (message.kind === 'call') this.links.send(link, { kind: 'lost', id: message.id });
  }
}

function admit(
  { role, node: peer, version, tag }: { role: string; node: string; version: string; tag: number },
  node: string,
): Admission {
  if (!isExpected(role, peer, tag, node)) return wrongRole(role, tag);
  const standby = { ok: true, leader: false, credit: 0 } as const;
  if (tag === TAG_UTILITIES) return { ...standby, way: 'leaf>hub' };
  if (knows(version, 3)) return { ...standby, way: 'hub>core' };
  // Before 1.3 an aggregator takes the welcome of any master for the leader's, and its reports would end here. One that
  // is refused in words waits for so long that a new leader would take its nodes for dead: so the link just ends.
  const reason = `this master stands by, which an aggregator knows from protocol version 1.3 on, not with ${version}`;
  return { ok: false, refusal: { code: 'standby', reason }, untold: true };
}
