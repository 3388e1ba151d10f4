/** Rules broken on purpose, one at a time, each by a wrapper around a shell or an instance: no production code knows of it. */
import type { HubEffect } from '../../src/hub.ts';
import type { CommitBatch, CommitResult } from '../../src/intake.ts';
import type { Breakage } from './breakage.ts';
import { idOf } from './database.ts';
import type { MasterProcess } from './master-process.ts';

const early = new WeakMap<MasterProcess, Map<string, number>>();

/** What the database will say of these batches, before it has them. */
function foretold(master: MasterProcess, batches: readonly CommitBatch[]): CommitResult[] {
  const cursors = early.get(master) ?? new Map(master.world.database.cursors);
  early.set(master, cursors);
  return batches.map(({ daemon, incarnation, first, items }) => {
    const key = `${daemon} ${incarnation}`;
    const before = cursors.get(key) ?? 0;
    const gap = first > before + 1;
    const cursor = gap ? before : Math.max(before, first + items.length - 1);
    cursors.set(key, cursor);
    return { daemon, incarnation, cursor, gap };
  });
}

function withoutAgain(effect: HubEffect): HubEffect {
  if (effect.kind !== 'send' || effect.message.kind !== 'claimed') return effect;
  const { again: _, ...message } = effect.message;
  return { ...effect, message };
}

interface Mutation {
  readonly breakage: Partial<Breakage>;
  /** What the invariants must say of it: red for another reason proves nothing. */
  readonly says: RegExp;
}

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'cursor moved early: acknowledged before it is committed': {
    says: /accepted but not stored/,
    breakage: {
      commit: (master, batches, { done }) => {
        done(foretold(master, batches));
        const nobody = () => {};
        master.world.database.commit(master, batches, nobody, nobody);
      },
    },
  },
  'acknowledgement dropped': { says: /did not drain/, breakage: { sends: (message) => message.kind !== 'acks' } },
  'term ignored: the core believes an older claim': {
    says: /says its primary is|is at term/,
    breakage: {
      master: ({ core }) => {
        const pass = core.hubMessage.bind(core);
        core.hubMessage = (link, message, now) => {
          if (message.kind === 'roster' || message.kind === 'links')
            for (const view of core.roster.daemons()) view.term = 0;
          pass(link, message, now);
        };
      },
    },
  },
  'commit doubled: a batch that the database has is stored again': {
    says: /is stored twice/,
    breakage: {
      commit: (master, batches, { done, failed }) => {
        const { database } = master.world;
        database.store = (batch) => {
          const { daemon, incarnation, first, items } = batch;
          const key = `${daemon} ${incarnation}`;
          const cursor = database.cursors.get(key) ?? 0;
          if (first > cursor + 1) return { daemon, incarnation, cursor, gap: true };
          items.forEach((item, i) => {
            database.rows.push({ daemon, incarnation, number: first + i, id: idOf(item.body) });
          });
          const next = Math.max(cursor, first + items.length - 1);
          database.cursors.set(key, next);
          return { daemon, incarnation, cursor: next, gap: false };
        };
        database.commit(master, batches, done, failed);
      },
    },
  },
  'gap ignored: what comes after a gap is stored': {
    says: /accepted but not stored|is stored after/,
    breakage: {
      commit: (master, batches, { done, failed }) => {
        const { database } = master.world;
        database.store = (batch) => {
          const key = `${batch.daemon} ${batch.incarnation}`;
          const cursor = database.cursors.get(key) ?? 0;
          if (batch.first > cursor + 1) database.cursors.set(key, batch.first - 1);
          return database.judge(batch);
        };
        database.commit(master, batches, done, failed);
      },
    },
  },
  'number not journalled before the frame leaves': {
    says: /is stored twice|thrown/,
    breakage: { keeps: (record) => record.r !== 'number' },
  },
  'offer not journalled before it is accepted': {
    says: /accepted but not stored/,
    breakage: { keeps: (record) => record.r !== 'offer' && record.r !== 'number' },
  },
  'command id not journalled': {
    says: /executed command \S+ twice/,
    breakage: { keeps: (record) => record.r !== 'command' },
  },
  'repetition executed again': {
    says: /executed command \S+ twice/,
    breakage: {
      repeats: ({ node, world }, message) => {
        if (message.kind !== 'command') return undefined;
        if (!world.ledger.some((done) => done.node === node && done.id === message.id)) return undefined;
        const { id, command, input, remaining, room } = message;
        return { kind: 'run', id, command, input, remaining, room };
      },
    },
  },
  'verdicts dropped: nobody learns that its claim holds or does not': {
    says: /its claim at/,
    breakage: {
      sends: (message) => message.kind !== 'verdicts',
    },
  },
  'acknowledged before the sink has it': {
    says: /before any sink had it/,
    breakage: {
      aggregator: ({ hub }) => {
        const flush = hub.flush.bind(hub);
        hub.flush = () => {
          const effects = flush();
          if (effects.some(({ kind }) => kind === 'take')) hub.taken();
          return effects;
        };
      },
    },
  },
  'claimed as without a sink: the cursor of the master acknowledges what a dead aggregator had': {
    says: /before any sink had it/,
    breakage: {
      aggregator: ({ hub }) => {
        const flush = hub.flush.bind(hub);
        hub.flush = () => flush().map(withoutAgain);
      },
    },
  },
  'credit never given back': { says: /leaked/, breakage: { sends: (message) => message.kind !== 'credit' } },
};
