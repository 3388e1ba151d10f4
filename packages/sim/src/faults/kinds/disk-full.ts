/** Disks without room: of a node's journal, of the database, of an aggregator's copies that wait for their receiver. */
import type { Fault, Round } from '../fault.ts';

const ROUNDS = 3;
const FULL_MS = 3_000;

const LEADERS = ['master', 'master-2'];

function diskFull(which: 'journal' | 'database' | 'spool', what: string): Fault {
  const round = (short: boolean): Round => ({
    what: `no room for the ${which}`,
    cut: () => (which === 'database' ? LEADERS : []),
    lasts: short ? FULL_MS / 2 : FULL_MS,
    noticed: false,
    async inject(ground) {
      ground.disk(which).fill();
    },
    async heal(ground) {
      ground.disk(which).widen();
      const { postgres } = ground.tree;
      // A server that found no room for its log has ended, and waits for somebody to make room and start it.
      if (which === 'database' && postgres !== undefined && !postgres.running) await postgres.start();
    },
  });
  return {
    name: `disk-full-${which}`,
    what,
    needs: ['root'],
    place: 'loopback',
    rounds: (_ground, _random, short) => Array.from({ length: short ? 1 : ROUNDS }, () => round(short)),
  };
}

export const diskFullJournal = diskFull('journal', 'the disk of the journals of a process of nodes is full');
export const diskFullDatabase = diskFull('database', 'the disk of the database is full');
export const diskFullSpool = diskFull(
  'spool',
  'the disk of an aggregator, where copies wait for their receiver, is full',
);
