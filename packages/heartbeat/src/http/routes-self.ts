/** What the service tells of itself. */
import type { Metrics } from '@csm/kit';
import { JSON_TYPE } from './problem.ts';
import type { Route, Schema } from './route.ts';

export function selfRoutes(metrics: Metrics, document: () => Schema): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      id: 'metrics.get',
      summary: 'Figures for Prometheus',
      answers: { 200: { description: 'all of them, as text', type: metrics.contentType } },
      examples: [{ title: 'A scrape', status: 200 }],
      handle: async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() }),
    },
    {
      method: 'GET',
      path: '/openapi.json',
      id: 'openapi.get',
      summary: 'This document',
      answers: { 200: { description: 'OpenAPI 3.1', type: JSON_TYPE, schema: { type: 'object' } } },
      examples: [{ title: 'All', status: 200 }],
      handle: () => ({ status: 200, type: JSON_TYPE, body: JSON.stringify(document()) }),
    },
  ];
}
