import { readFileSync } from 'node:fs';
import { isObject } from '@csm/model';

/** The version of this package; dist/src stands two levels below its package.json. */
export const VERSION: string = (() => {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return isObject(manifest) && typeof manifest['version'] === 'string' ? manifest['version'] : '0';
})();
