/** What requests about components and their answers look like, for the document. */
import type { Schema } from '../http/route.ts';
import { gives, refused, UNDECODABLE } from './ports.ts';
import { FLAGS, STATES } from './rules.ts';

export const text: Schema = { type: 'string' };
export const flag: Schema = { type: 'boolean' };
const texts: Schema = { type: 'array', items: text };

export const COMPONENT: Schema = {
  type: 'object',
  required: ['ID', 'Type'],
  properties: {
    ID: { type: 'string', description: 'normalised xname' },
    Type: text,
    State: { type: 'string', enum: [...STATES] },
    Flag: { type: 'string', enum: [...FLAGS, 'Unknown'] },
    Enabled: flag,
    SoftwareStatus: text,
    Role: text,
    SubRole: text,
    NID: { type: 'integer' },
    Subtype: text,
    NetType: text,
    Arch: text,
    Class: text,
    ReservationDisabled: flag,
    Locked: flag,
  },
};

export const STATE_DATA = {
  State: { type: 'string', description: `${STATES.join(', ')}; any case` },
  Flag: { type: 'string', description: `${FLAGS.join(', ')}; any case, OK when left out` },
  Force: { type: 'boolean', description: 'whatever the present state is' },
  ExtendedInfo: { type: 'object', description: 'is taken and left alone' },
};
export const IDS: Schema = { ...texts, minItems: 1, description: 'xnames' };
export const bodyOf = (required: readonly string[], properties: Readonly<Record<string, Schema>>) => ({
  required: true,
  schema: { type: 'object', required: [...required], properties },
});

const RESULTS: Schema = {
  type: 'object',
  required: ['Results'],
  properties: {
    Results: {
      type: 'array',
      items: {
        type: 'object',
        required: ['ID', 'Result'],
        properties: {
          ID: text,
          Result: { type: 'string', enum: ['changed', 'same', 'unknown', 'refused'] },
          Detail: { type: 'string', description: 'why it is refused' },
        },
      },
    },
  },
};
export const resultsQuery = {
  results: { description: 'true: tells what became of each ID, with 200 instead of 204', schema: flag },
};
export const filterQuery = Object.fromEntries(
  [
    'id type state flag enabled softwarestatus role subrole subtype arch class nid',
    'nid_start nid_end group partition stateonly flagonly roleonly nidonly',
  ]
    .join(' ')
    .split(' ')
    .map((name) => [name, { description: filterWords(name), schema: text }]),
);

function filterWords(name: string): string {
  if (name.endsWith('only')) return 'true: shows ID, Type and this of each';
  if (name.startsWith('nid_')) return 'the ends of a range of NIDs; both may be repeated';
  if (name === 'group' || name === 'partition') return 'there are none here: NULL matches all components';
  return 'may be repeated: one of these; with ! before it: not this one';
}

export const patchAnswers = {
  200: gives('with `results`', RESULTS),
  204: { description: 'done; IDs that are unknown or whose state does not allow it are passed over' },
  400: refused('the body says something that is not allowed; nothing was changed'),
  500: UNDECODABLE,
};
