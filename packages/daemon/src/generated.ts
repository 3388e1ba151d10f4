import { generateAcl, generateClient, generateErrors, generateReference, generateTimeouts } from '@csm/api';
import { statesPage } from '@csm/node';
import { daemonMetricsPage } from './daemon-metrics-page.ts';
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
    { path: 'etc/csm_api.acl', text: generateAcl(table) },
    { path: 'etc/csm_api.cfg', text: generateTimeouts(table) },
    ...settingsPages(),
    { path: 'docs/reference/metrics.md', text: metricsPage() },
    { path: 'docs/reference/daemon-metrics.md', text: await daemonMetricsPage() },
    { path: 'docs/reference/node-states.md', text: await statesPage() },
    { path: 'docs/internals/machines.md', text: await machinesPage() },
  ];
}
