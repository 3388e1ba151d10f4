import type { Socket } from 'node:net';
import { code, fail } from '@csm/model';
import koffi from 'koffi';

/** What the kernel knows of the process at the other end of a unix socket, as of its `connect`. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
const ERANGE = 34;
/** A Linux process has at most 65,536 supplementary groups (limits.h, NGROUPS_MAX). */
const GROUPS_MAX = 65_536;
const GROUPS_AT_FIRST = 64;

type GetSockOpt = (fd: number, level: number, option: number, value: Uint32Array, length: [number]) => number;

let loaded: GetSockOpt | undefined;
function getsockopt(...args: Parameters<GetSockOpt>): number {
  loaded ??= koffi
    .load(null)
    .func('int getsockopt(int fd, int level, int option, _Out_ void *value, _Inout_ uint32_t *length)') as GetSockOpt;
  return loaded(...args);
}

/** The descriptor of a connected socket; Node has no public way to it. */
function descriptor(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
}

/**
 * Credentials of the peer of a unix-socket connection. Read once, when it opens: the kernel keeps those of the
 * process that called `connect`. Throws code 16 when the kernel does not tell, as on a closed or a TCP socket.
 */
export function peerCredentials(socket: Socket): PeerCredentials {
  const fd = descriptor(socket);
  const cred = new Uint32Array(3);
  const length: [number] = [cred.byteLength];
  if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, cred, length) !== 0 || length[0] !== cred.byteLength) {
    fail(code.PERMISSION, 'the kernel does not tell who is at the other end of the connection');
  }
  const [pid = 0, uid = 0, gid = 0] = cred;
  // pid is 0 and uid is -1 for a socket that never was connected by a process.
  if (uid === 0xffff_ffff) fail(code.PERMISSION, 'the connection has no owner');
  return { pid, uid, gid, groups: peerGroups(fd) };
}

function peerGroups(fd: number): readonly number[] {
  for (const room of [GROUPS_AT_FIRST, GROUPS_MAX]) {
    const groups = new Uint32Array(room);
    const length: [number] = [groups.byteLength];
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, length) === 0) return [...groups.subarray(0, length[0] / 4)];
    if (koffi.errno() !== ERANGE) break;
  }
  return fail(code.PERMISSION, 'the kernel does not tell the groups of the process at the other end');
}
