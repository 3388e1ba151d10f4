/** The feature that stores numbered reports, for measuring and for faults: `csmd --role master --feature <this file>`. */
import type { Feature } from '@csm/feature';
import { RECORD_ENV, recordCommits } from './record.ts';

const feature: Feature = {
  name: 'numbered',
  api: [],
  store: new URL('./store.js', import.meta.url).href,
  async onMaster({ store }) {
    const file = process.env[RECORD_ENV];
    const stop = file === undefined ? undefined : recordCommits(store, file);
    return { handlers: {}, stop: async () => stop?.() };
  },
};

export default feature;
