/** The built-in state manager over HTTP: the part of smd's API that a heartbeat tracker and its neighbours use. */
import { NO_CONTENT, refusal } from '../http/problem.ts';
import type { Answer, Route, RouteRequest } from '../http/route.ts';
import { componentRoutes } from './component-routes.ts';
import { gives, type HsmPorts, ROOT, refused, SAID, said } from './ports.ts';
import { subscriptionRoutes } from './subscription-routes.ts';

export function hsmRoutes(ports: HsmPorts): readonly Route[] {
  const ready = async ({ path }: RouteRequest): Promise<Answer> => {
    const words = await unhealthy(ports.store);
    return words === undefined ? said('HSM is healthy') : refusal(path, 503, `HSM's database is unhealthy: ${words}`);
  };
  return [
    {
      method: 'GET',
      path: `${ROOT}/service/ready`,
      id: 'hsm.service.ready',
      summary: 'Whether the state manager can work',
      answers: { 200: gives('it can', SAID), 503: refused('its database is away') },
      examples: [{ title: 'with its database', status: 200 }],
      handle: ready,
    },
    {
      method: 'GET',
      path: `${ROOT}/service/liveness`,
      id: 'hsm.service.liveness',
      summary: 'Whether requests are taken',
      answers: { 204: { description: 'they are' } },
      examples: [{ title: 'always', status: 204 }],
      handle: () => NO_CONTENT,
    },
    ...componentRoutes(ports),
    ...subscriptionRoutes(ports),
  ];
}

async function unhealthy(store: HsmPorts['store']): Promise<string | undefined> {
  if (store.away !== undefined) return store.away.detail;
  try {
    await store.query('SELECT 1 AS one');
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : 'it does not answer';
  }
}
