/** Imports the features' `store.ts` where their procedures run. */
import { CsmError, code, problem, toProblem } from '@csm/model';

export interface Loaded {
  readonly exports: unknown;
  readonly from: string;
}

/** Rejects with code 9 naming the module that cannot be imported. */
export const loadModules = (urls: readonly string[]): Promise<Loaded[]> => Promise.all(urls.map(load));

async function load(url: string): Promise<Loaded> {
  try {
    const exports: unknown = await import(url);
    return { exports, from: url };
  } catch (thrown) {
    const detail = `store module ${url} cannot be imported: ${toProblem(thrown).detail}`;
    throw new CsmError(problem(code.INVALID_PARAMETER, detail, { field: 'modules', allowed: 'URLs of modules' }));
  }
}
