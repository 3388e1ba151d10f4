/** A feature for tests: every daemon that has it offers numbered reports and keeps its own list of those accepted. */
import type { Feature } from '@csm/feature';

const feature: Feature = {
  name: 'numbered',
  api: [],
  store: new URL('./store.js', import.meta.url).href,
  onNode: async (ports) => (await import('./generator.ts')).nodePart(ports),
};

export default feature;
