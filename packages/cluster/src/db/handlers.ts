/** Answers to the calls about the database. */
import type { Handler } from '@csm/api';
import { type MasterPorts, Once } from '@csm/feature';
import { runChild } from '@csm/kit';
import { type Json, toProblem } from '@csm/model';
import { loadAdmin } from '@csm/store';
import { type ArchiveInput, archiveChanges } from './archive.ts';
import { retention } from './retention.ts';
import { placeOf, status } from './status.ts';

export function dbHandlers(ports: MasterPorts): Readonly<Record<string, Handler<never>>> {
  const once = new Once('one backup or archive at a time');
  // Asked again after a take-over, the files are on another machine.
  const master = ports.self.node;
  const told = async (what: string, work: Promise<Json>): Promise<Json> => {
    try {
      const answer = await work;
      ports.log.info(`${what} is done`);
      return answer;
    } catch (error) {
      ports.log.error(`${what} failed`, { error: toProblem(error).detail });
      throw error;
    }
  };
  const backup: Handler<{ file: string; force?: boolean }> = (input, ctx) => {
    const { file, force = false } = input;
    const what = `a backup to ${file}`;
    return once.run({ what, input }, ctx, (signal) => told(what, write(file, force, signal)));
  };
  const write = async (file: string, force: boolean, signal: AbortSignal): Promise<Json> => {
    const admin = await loadAdmin();
    const options = { force, signal, run: runChild, clock: () => ports.clock.now().wall };
    const { format: _, source: __, ...manifest } = await admin.backup(placeOf(ports), file, options);
    return { master, file, ...manifest } as Json;
  };
  const archived = async (input: ArchiveInput, signal: AbortSignal): Promise<Json> => ({
    master,
    ...((await archiveChanges(ports, input, signal)) as object),
  });
  const archive: Handler<ArchiveInput> = (input, ctx) => {
    const what = `an archive in ${input.directory}`;
    return once.run({ what, input }, ctx, (signal) => told(what, archived(input, signal)));
  };
  return {
    'db.status': () => status(ports),
    'db.retention': () => retention(ports),
    'db.backup': backup,
    'db.archive': archive,
  };
}
