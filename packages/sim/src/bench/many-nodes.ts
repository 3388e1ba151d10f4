/** What concerns all nodes at once: a command to each, and all of them linking anew. One site for both. */
import { existsSync } from 'node:fs';
import { Site } from '../site/site.ts';
import { Crowd, type CrowdSizes } from './crowd.ts';
import { measureFanOut } from './fan-out.ts';
import type { Bench } from './figure.ts';
import { measureStorm } from './storm.ts';

const FULL: CrowdSizes = { nodes: 5000, few: 50 };
const QUICK: CrowdSizes = { nodes: 300, few: 10 };

export const manyNodes: Bench = {
  names: ['fan-out', 'storm'],
  about: 'a command to 5,000 nodes, and all of them linking anew',
  async run(context, wanted, emit) {
    const site = await Site.open(context.signal, existsSync('/dev/shm') ? '/dev/shm' : undefined);
    try {
      const crowd = await Crowd.start(site, context, context.quick ? QUICK : FULL);
      if (wanted.has('fan-out')) await measureFanOut(crowd, context, emit);
      if (wanted.has('storm')) await measureStorm(crowd, context, emit);
    } finally {
      await site.close();
    }
  },
};
