/**
 * The feature's own store module, with two procedures more: one counts the statements of another one, one records in a
 * transaction whose commit the database refuses.
 */
import type { AnyProcedure, Migration, Tx } from '@csm/store';
import * as heartbeat from '../src/store.ts';
import type { Procedures } from '../src/types.ts';

export const { name } = heartbeat;

export const migrations: readonly Migration[] = [
  ...heartbeat.migrations,
  {
    id: heartbeat.migrations.length + 1,
    title: 'what makes a commit fail',
    sql: `CREATE TABLE orphan (
      name TEXT PRIMARY KEY, parent TEXT REFERENCES orphan (name) DEFERRABLE INITIALLY DEFERRED
    )`,
  },
];

/** What makes one statement each on PostgreSQL; `changes` makes two. */
const COUNTED: ReadonlySet<PropertyKey> = new Set(['all', 'get', 'run', 'insert', 'change', 'changes']);

export const procedures = {
  ...heartbeat.procedures,
  /** Gives how many statements it took. */
  counted: async (tx: Tx, { procedure, input }: { procedure: string; input: unknown }): Promise<number> => {
    let count = 0;
    const counting = new Proxy(tx, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]): unknown => {
          const isNothing = property === 'insert' && (given[2] as unknown[]).length === 0;
          if (COUNTED.has(property) && !isNothing) count += property === 'changes' ? 2 : 1;
          return (value as (...given: unknown[]) => unknown).apply(target, given);
        };
      },
    });
    await (heartbeat.procedures as Record<string, AnyProcedure>)[procedure]?.(counting, input as never);
    return count;
  },
  recordInVain: async (tx: Tx, input: Procedures['record']): Promise<null> => {
    await heartbeat.procedures.record(tx, input);
    await tx.run("INSERT INTO orphan (name, parent) VALUES ('a', 'nobody')");
    return null;
  },
};
