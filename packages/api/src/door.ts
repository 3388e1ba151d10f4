import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { DaemonId, Problem } from '@csm/model';
import { groupNames, userName } from './account-names.ts';
import type { LogFields } from './log.ts';
import { type PeerCredentials, peerCredentials } from './peer.ts';
import type { Caller } from './row.ts';

/** By whom places are counted: one user of this machine, or one address. */
export interface Holder {
  readonly key: string;
  /** For refusals: `uid 1000`, `address 10.0.0.1`. */
  readonly words: string;
  readonly isRoot: boolean;
}

/** Who a request is from. `scopes` bound what a token gives; absent: everything its user may. */
export interface Known {
  readonly caller: Caller;
  readonly scopes?: readonly string[];
}

/** What is at the other end of one connection. */
export interface Guest {
  readonly holder: Holder;
  readonly log: LogFields;
  /** Who a request on it is from. Throws what is to be answered when that is not proven. */
  known(request: IncomingMessage): Promise<Known>;
  /** What has become wrong with the proof since; calls under way end by it. */
  fault?(): Problem | undefined;
}

/** How callers come in at a listener. */
export interface Door {
  /** Meets a new connection, once. Throws when its other end cannot be told. */
  meet(socket: Socket): Guest;
}

/** The unix socket: the kernel says who connected. Names are looked up with the first call, and kept. */
export function localDoor(vouchedBy: DaemonId): Door {
  return {
    meet(socket) {
      const credentials = peerCredentials(socket);
      const { uid, pid } = credentials;
      let known: Promise<Known> | undefined;
      return {
        holder: { key: String(uid), words: `uid ${uid}`, isRoot: uid === 0 },
        log: { uid, pid },
        known() {
          known ??= identify(credentials, vouchedBy).then((caller) => ({ caller }));
          return known;
        },
      };
    },
  };
}

async function identify({ pid, uid, gid, groups }: PeerCredentials, vouchedBy: DaemonId): Promise<Caller> {
  const gids = [...new Set([gid, ...groups])];
  const [user, names] = await Promise.all([userName(uid), groupNames(gids)]);
  return { user, uid, gid, groups: names, pid, vouchedBy };
}
