import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where all packages stand side by side: `packages/` of a clone, `node_modules/@csm/` of an installation. */
const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The address of a program's first module, `name` in `package`: of its bundle, a few files that load in a third of the
 * time, as `npm run build` makes it; or of the modules one by one, where any of them was built later by itself, where
 * coverage is measured, and where CSM_BUNDLE is `off`.
 */
export function programOf(package_, name) {
  const folder = new URL(`../../${package_}/dist/`, import.meta.url);
  const bundle = new URL(`bundle/${name}.mjs`, folder);
  const { NODE_V8_COVERAGE: coverage, CSM_BUNDLE: wish } = process.env;
  const isWanted = wish !== 'off' && coverage === undefined && existsSync(bundle);
  return isWanted && newest() <= statSync(bundle).mtimeMs ? bundle.href : new URL('src/main.js', folder).href;
}

/** When a package was built last; 0 in an installation, where nothing is. */
function newest() {
  let last = 0;
  for (const name of readdirSync(PACKAGES)) {
    const built = statSync(`${PACKAGES}${name}/dist/src.tsbuildinfo`, { throwIfNoEntry: false });
    if (built !== undefined && built.mtimeMs > last) last = built.mtimeMs;
  }
  return last;
}
