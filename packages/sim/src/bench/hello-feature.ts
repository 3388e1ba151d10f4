/**
 * A feature for measuring: counts ClientHellos that reach the listener of an aggregator; on SIGUSR2 the counts since
 * its start are written to a file `hellos` of its state directory. `csmd --role aggregator --feature <this file>`.
 */
import { subscribe } from 'node:diagnostics_channel';
import { renameSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Feature } from '@csm/feature';
import { readClientHello } from './client-hello.ts';

export const HELLOS = 'hellos';

export interface Hellos {
  /** How often these counts were written. */
  readonly written: number;
  readonly hellos: number;
  /** Of them: that offered to resume a session. */
  readonly resuming: number;
}

const feature: Feature = {
  name: 'hello',
  api: [],
  async onAggregator({ stateDir }) {
    let hellos = 0;
    let resuming = 0;
    subscribe('net.server.socket', (message) => {
      const { socket } = message as { readonly socket: Socket };
      // Those of the local API come by a unix socket.
      if (socket.remoteAddress === undefined) return;
      socket.once('data', (first: Buffer) => {
        const hello = readClientHello(first);
        if (hello === undefined) return;
        hellos++;
        if (hello.resumes) resuming++;
      });
    });
    let written = 0;
    process.on('SIGUSR2', () => {
      const counts: Hellos = { written: ++written, hellos, resuming };
      const file = join(stateDir, HELLOS);
      // A reader sees all of it or what was there before.
      writeFileSync(`${file}.new`, JSON.stringify(counts));
      renameSync(`${file}.new`, file);
    });
    // It wants no copies of reports.
    return undefined;
  },
};

export default feature;
