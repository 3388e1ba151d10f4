/** The twelve parameters: their order, their defaults, and what each may be. Pure. */
import type { Params } from '../types.ts';
import { unsigned32 } from './integer.ts';
import { telemetryTarget } from './telemetry.ts';

export type ParamName = keyof Params;

/** As they are answered. */
export const PARAM_NAMES = [
  'Debug',
  'Nosm',
  'Use_telemetry',
  'Telemetry_host',
  'Warntime',
  'Errtime',
  'Port',
  'Kv_url',
  'Interval',
  'Sm_url',
  'Sm_timeout',
  'Sm_retries',
] as const satisfies readonly ParamName[];

export const DEFAULT_PARAMS: Params = Object.freeze({
  Debug: '0',
  Nosm: '0',
  Use_telemetry: '1',
  Telemetry_host: '',
  Warntime: '10',
  Errtime: '30',
  Port: '28500',
  Kv_url: 'https://localhost:2379',
  Interval: '5',
  Sm_url: 'http://localhost:27779/hsm/v2',
  Sm_timeout: '10',
  Sm_retries: '3',
});

/** Seconds: the least warn time, and the most error time. */
export const WARNTIME_MIN = 1;
export const ERRTIME_MAX = 7 * 86_400;
/** Seconds a state manager may take to answer, at most. */
const SM_TIMEOUT_MAX = 86_400;
const UINT32_MAX = 4_294_967_295;
/** Characters of a URL or host. */
const TEXT_MAX = 2_048;

export type Rule =
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'telemetry' }
  | { readonly kind: 'url' }
  | { readonly kind: 'text' };

const integer = (min: number, max = UINT32_MAX): Rule => ({ kind: 'integer', min, max });

export const RULES: { readonly [name in ParamName]: Rule } = {
  Debug: integer(0),
  Nosm: { kind: 'boolean' },
  Use_telemetry: { kind: 'boolean' },
  Telemetry_host: { kind: 'telemetry' },
  Warntime: integer(WARNTIME_MIN, ERRTIME_MAX - 1),
  Errtime: integer(WARNTIME_MIN + 1, ERRTIME_MAX),
  Port: integer(0, 65_535),
  Kv_url: { kind: 'text' },
  // Of an interval of 0 hbtd never checks again.
  Interval: integer(1),
  Sm_url: { kind: 'url' },
  Sm_timeout: integer(1, SM_TIMEOUT_MAX),
  Sm_retries: integer(0),
};

const YES = ['1', 'yes', 'on', 'true'];
const NO = ['0', 'no', 'off', 'false'];

/** `1`, `0`, or undefined for what is no such word. */
export function yesOrNo(text: string): '0' | '1' | undefined {
  const word = text.toLowerCase();
  if (YES.includes(word)) return '1';
  return NO.includes(word) ? '0' : undefined;
}

/** A value as it is kept and answered; undefined for one that is not allowed. */
export function readParam(name: ParamName, text: string): string | undefined {
  const rule = RULES[name];
  switch (rule.kind) {
    case 'integer': {
      const value = unsigned32(text);
      return value === undefined || value < rule.min || value > rule.max ? undefined : String(value);
    }
    case 'boolean':
      return yesOrNo(text);
    case 'telemetry':
      return text.length <= TEXT_MAX && telemetryTarget(text) !== undefined ? text : undefined;
    case 'url':
      return text.length <= TEXT_MAX && isWebUrl(text) ? text : undefined;
    case 'text':
      return text.length <= TEXT_MAX ? text : undefined;
    default:
      return rule satisfies never;
  }
}

function isWebUrl(text: string): boolean {
  return /^https?:\/\/[^\s/?#]+[^\s?#]*$/i.test(text) && URL.canParse(text);
}

/** In words what a parameter may be. */
export function allowedWords(name: ParamName): string {
  const rule = RULES[name];
  switch (rule.kind) {
    case 'integer':
      return `a whole number of ${rule.min} to ${rule.max}`;
    case 'boolean':
      return `${YES.join(', ')}, ${NO.join(', ')}`;
    case 'telemetry':
      return 'host:port:topic or nats://host:port/topic, with a port of 1 to 65535';
    case 'url':
      return `an http or https URL of at most ${TEXT_MAX} characters`;
    case 'text':
      return `at most ${TEXT_MAX} characters`;
    default:
      return rule satisfies never;
  }
}

/** Whether a component could ever be warned before it is declared dead. */
export const inOrder = (params: Pick<Params, 'Warntime' | 'Errtime'>): boolean =>
  Number(params.Errtime) > Number(params.Warntime);
