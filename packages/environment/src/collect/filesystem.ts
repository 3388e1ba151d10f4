import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Collector } from './collector.ts';
import { LARGE_FILE, need, wholeLines } from './files.ts';
import { METRICS } from './metrics.ts';
import { Absent, instanceName, Reading } from './reading.ts';

const PATH = '/proc/self/mounts';
const M = METRICS.filesystem;

/**
 * File systems on disks of this node. What is not here is not asked, because a server that does not answer would keep
 * the question for good (NFS, Lustre, FUSE), or because it has no size of its own (proc, cgroup, snapshots).
 */
const ON_DISK = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'zfs', 'f2fs', 'jfs', 'bcachefs', 'vfat', 'exfat']);
/** And what a node without disks has its root in. */
const ROOT_TYPES = new Set(['overlay', 'tmpfs', 'ramfs', 'rootfs']);
/** And places programs fill, though they are memory. */
const IN_MEMORY = new Set(['/tmp', '/var/tmp', '/dev/shm', '/run']);

interface Mount {
  readonly source: string;
  readonly point: string;
  readonly type: string;
}

/** Room and inodes of local file systems, each once however often it is mounted. */
export const filesystem: Collector = async ({ tree }, context) => {
  const reading = new Reading();
  const mounts = localMounts(wholeLines(need(await tree.text(PATH, LARGE_FILE)), PATH));
  if (mounts.length === 0) throw new Absent(`${PATH} names no local file system`);
  for (const { point } of mounts) {
    if (context.signal.aborted) break;
    context.waitsFor(`statfs of ${point}`);
    try {
      addFilesystem(await statfs(join(tree.root, point)), instanceName(point), reading);
    } catch (e) {
      const { code, message } = e as NodeJS.ErrnoException;
      reading.fault(point, `statfs of ${point} failed: ${code ?? message}`);
    }
  }
  return reading.orAbsent('no file system gave a value');
};

/** Lines as fstab(5) has them: source, mount point, type, options. */
export function localMounts(lines: readonly string[]): readonly Mount[] {
  // Of several mounts on one point the last is what is seen there.
  const byPoint = new Map<string, Mount>();
  for (const line of lines) {
    const words = line.split(' ');
    if (words.length < 4) throw new Error(`${PATH} has the line '${line.slice(0, 80)}', which is no mount`);
    const [source = '', point = '', type = ''] = words.map(unescaped);
    byPoint.delete(point);
    byPoint.set(point, { source, point, type });
  }
  const bySource = new Map<string, Mount>();
  for (const mount of byPoint.values()) {
    const { source, point, type } = mount;
    const isInMemory = type === 'tmpfs' && IN_MEMORY.has(point);
    if (!ON_DISK.has(type) && !isInMemory && !(point === '/' && ROOT_TYPES.has(type))) continue;
    const key = ON_DISK.has(type) ? source : point;
    // The root keeps its place before other mounts of its device.
    if (!bySource.has(key) || point === '/') bySource.set(key, mount);
  }
  return [...bySource.values()];
}

/** Blanks and the like stand as three octal digits behind a backslash. */
const unescaped = (word: string): string =>
  word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

interface Sizes {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

/** Figures of statfs(2). Used is reckoned as `df` does: blocks kept for root count as neither used nor available. */
export function addFilesystem(s: Sizes, instance: string, reading: Reading): void {
  const used = s.blocks - s.bfree;
  reading.add(M.total_bytes, s.blocks * s.bsize, instance);
  reading.add(M.used_bytes, used * s.bsize, instance);
  reading.add(M.available_bytes, s.bavail * s.bsize, instance);
  if (used + s.bavail > 0) reading.add(M.used_percent, (used / (used + s.bavail)) * 100, instance);
  // btrfs and vfat have no fixed number of inodes, and say 0.
  if (s.files > 0) reading.add(M.inodes_used_percent, ((s.files - s.ffree) / s.files) * 100, instance);
}
