/** What the routes of the state manager need of the rooms around them. */
import type { Store } from '@csm/store';
import { JSON_TYPE, PROBLEM_TYPE, refusal } from '../http/problem.ts';
import type { Answer, AnswerDoc, RouteRequest, Schema } from '../http/route.ts';
import type { ServicePort } from '../types.ts';
import { Refused } from './fields.ts';

export interface HsmPorts {
  readonly store: Store;
  readonly service: Pick<ServicePort, 'tracker' | 'time' | 'nudge'>;
  /** After subscriptions were changed; resolves when that is in force (`ScnNotifications.refresh`). */
  readonly subscriptionsChanged: () => Promise<void>;
}

export const ROOT = '/hsm/v2';

type Handle = (request: RouteRequest) => Answer | Promise<Answer>;

/** A refusal in smd's words is an answer. */
export const refusing =
  (handle: Handle): Handle =>
  async (request) => {
    try {
      return await handle(request);
    } catch (thrown) {
      if (thrown instanceof Refused) return refusal(request.path, thrown.status, thrown.message);
      throw thrown;
    }
  };

/** JSON with a line break at the end, as smd has it. */
export const json = (value: unknown): Answer => ({ status: 200, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` });

/** What smd says where there is nothing else to say. */
export const said = (message: string): Answer => json({ code: 0, message });

// For the document.

const PROBLEM: Schema = {
  type: 'object',
  required: ['type', 'title', 'detail', 'status'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    detail: { type: 'string' },
    status: { type: 'integer' },
  },
};

export const refused = (description: string): AnswerDoc => ({ description, type: PROBLEM_TYPE, schema: PROBLEM });
export const gives = (description: string, schema: Schema): AnswerDoc => ({ description, type: JSON_TYPE, schema });

export const SAID: Schema = {
  type: 'object',
  required: ['code', 'message'],
  properties: { code: { type: 'integer' }, message: { type: 'string' } },
};

export const UNDECODABLE = refused('the body is no JSON, or a field has the wrong type');
