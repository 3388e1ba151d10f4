/** The feature that stores numbered reports, for measuring and for faults: `csmd --role master --feature <this file>`. */
import type { Feature } from '@csm/feature';

const feature: Feature = {
  name: 'numbered',
  api: [],
  store: new URL('./store.js', import.meta.url).href,
};

export default feature;
