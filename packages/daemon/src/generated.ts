import { generateClient, generateErrors, generateReference } from '@csm/api';
import { apiTable } from './features.ts';
import { machinesPage } from './machines-page.ts';
import { metricsPage } from './metrics-page.ts';
import { settingsPages } from './settings-pages.ts';

/** Files made from tables: path within the repository, and text. */
export async function generated(): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const table = apiTable();
  return [
    { path: 'packages/client/src/generated/api.ts', text: generateClient(table) },
    { path: 'docs/reference/api.md', text: generateReference(table) },
    { path: 'docs/reference/errors.md', text: generateErrors() },
    ...settingsPages(),
    { path: 'docs/reference/metrics.md', text: metricsPage() },
    { path: 'docs/internals/machines.md', text: await machinesPage() },
  ];
}
