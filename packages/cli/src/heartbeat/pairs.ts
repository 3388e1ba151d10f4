/** `Warntime=35 Errtime=60`: parameters as a person changes them. */
import type { HeartbeatParamsOutput, HeartbeatUpdateParamsInput } from '@csm/client';
import { code, fail } from '@csm/model';
import { didYouMean } from '../given.ts';
import { printable } from '../text.ts';

type Name = keyof HeartbeatUpdateParamsInput & keyof HeartbeatParamsOutput;

export const CHANGEABLE = [
  'Debug',
  'Nosm',
  'Use_telemetry',
  'Telemetry_host',
  'Warntime',
  'Errtime',
  'Kv_url',
  'Interval',
  'Sm_url',
  'Sm_timeout',
  'Sm_retries',
] as const satisfies readonly Name[];

const FIELD = 'setting';
const ALLOWED = `NAME=VALUE, with NAME one of ${CHANGEABLE.join(', ')}`;

/** Throws code 9 for what is no parameter, is named twice, or cannot be changed. */
export function readPairs(text: string): HeartbeatUpdateParamsInput {
  const found: { [name in Name]?: string } = {};
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const at = word.indexOf('=');
    const shown = printable(word.slice(0, 80));
    if (at <= 0) wrong(`'${shown}' sets nothing`);
    const given = word.slice(0, at);
    const name = CHANGEABLE.find((one) => one.toLowerCase() === given.toLowerCase());
    if (name === undefined) {
      if (given.toLowerCase() === 'port') wrong('Port cannot be changed while the service runs');
      wrong(`'${printable(given.slice(0, 80))}' is no parameter${didYouMean(given, CHANGEABLE)}`);
    }
    if (found[name] !== undefined) wrong(`${name} is given twice`);
    const value = word.slice(at + 1);
    if (value === '') wrong(`'${shown}' has no value`);
    found[name] = value;
  }
  return found;
}

function wrong(detail: string): never {
  fail(code.INVALID_PARAMETER, detail, { field: FIELD, allowed: ALLOWED });
}
