/** Processes killed, and processes stopped and gone on: of every role, and the database. */
import { drawRounds, pick } from '../draw.ts';
import type { Fault, Round } from '../fault.ts';
import type { Ground } from '../ground.ts';

const ROUNDS = 50;
const LEAST = 5;
/** A stopped process is found out after three intervals; it sleeps for longer than that. */
const STOPPED_MS = 2_500;

type Role = 'node' | 'agg-a' | 'agg-b' | 'leader' | 'standby' | 'utility' | 'database';

interface Sort {
  readonly role: Role;
  readonly does: 'kill' | 'stop';
}

const ROLES: readonly Role[] = ['node', 'agg-a', 'agg-b', 'leader', 'utility'];
const WITH_POSTGRES: readonly Role[] = [...ROLES, 'standby', 'database'];

export const killStop: Fault = {
  name: 'kill-stop',
  what: 'kill -9, and SIGSTOP and SIGCONT, of every role and the database, drawn by chance',
  needs: [],
  place: 'anywhere',
  rounds(ground, random, short) {
    const roles = ground.options.db === 'postgresql' ? WITH_POSTGRES : ROLES;
    const sorts = roles.flatMap((role): Sort[] => [
      { role, does: 'kill' },
      { role, does: 'stop' },
    ]);
    const drawn = short ? sorts : drawRounds(sorts, ROUNDS, LEAST, random);
    return drawn.map(({ role, does }) => {
      if (role === 'database') return databaseRound(does);
      const crew = pick(ground.crews, random).name;
      return does === 'kill' ? killed(role, crew) : stopped(role, crew, short);
    });
  },
};

/** The process that has the role at this moment. */
async function victimOf(role: Role, crew: string, ground: Ground): Promise<string> {
  if (role === 'node') return crew;
  if (role === 'utility') return 'login';
  if (role === 'agg-a' || role === 'agg-b') return role;
  const leader = await ground.leader();
  if (role === 'leader') return leader;
  return leader === 'master' ? 'master-2' : 'master';
}

/** Nodes that a role's end cuts off. Which master it is, shows when it happens: both may be told down. */
function cutBy(role: Role, crew: string): (ground: Ground) => readonly string[] {
  switch (role) {
    case 'node':
      return (ground) => ground.nodesOf(crew);
    case 'leader':
    case 'standby':
      return () => ['master', 'master-2'];
    case 'utility':
      return () => ['login'];
    default:
      return () => [role];
  }
}

function killed(role: Role, crew: string): Round {
  let victim = '';
  return {
    what: `kill -9 ${role}${role === 'node' ? ` ${crew}` : ''}`,
    cut: cutBy(role, crew),
    lasts: 0,
    // Nobody misses a standby.
    noticed: role !== 'standby',
    async inject(ground) {
      victim = await victimOf(role, crew, ground);
      await ground.kill(victim);
    },
    heal: async (ground) => ground.start(victim),
  };
}

function stopped(role: Role, crew: string, short: boolean): Round {
  let victim = '';
  return {
    what: `SIGSTOP ${role}${role === 'node' ? ` ${crew}` : ''}`,
    cut: cutBy(role, crew),
    lasts: short ? 0 : STOPPED_MS,
    noticed: role !== 'standby',
    async inject(ground) {
      victim = await victimOf(role, crew, ground);
      ground.process(victim).pause();
    },
    async heal(ground) {
      ground.process(victim).resume();
      // One that led may have lost the lead meanwhile: it ends, and is started again.
      if (role === 'leader' && ground.has('master-2')) await ground.agreed(victim);
    },
  };
}

function databaseRound(does: Sort['does']): Round {
  return {
    what: does === 'kill' ? 'kill -9 PostgreSQL' : 'SIGSTOP PostgreSQL',
    cut: () => ['master', 'master-2'],
    lasts: does === 'kill' ? 0 : STOPPED_MS,
    noticed: does === 'kill',
    async inject({ tree: { postgres } }) {
      if (does === 'kill') await postgres?.stop('SIGKILL');
      else postgres?.signal('SIGSTOP');
    },
    async heal({ tree: { postgres } }) {
      if (does === 'kill') await postgres?.start();
      else postgres?.signal('SIGCONT');
    },
  };
}
