/**
 * The command line and the environment of hbtd, as another way to configure the service. What hbtd takes and makes no
 * sense of, it takes here with a note; what it clamps to something that the rules forbid is refused. Pure: whoever
 * calls it prints the faults and exits with 78.
 */
import type { Params } from '../types.ts';
import { signed64 } from './integer.ts';
import { helpText, OPTION_ROWS, type OptionRow } from './option-table.ts';
import { inTheirOrder } from './patch.ts';
import { allowedWords, DEFAULT_PARAMS, inOrder, type ParamName, RULES, readParam, yesOrNo } from './rules.ts';

export type Options =
  | { readonly kind: 'help'; readonly text: string }
  /** A sentence each. */
  | { readonly kind: 'refused'; readonly faults: readonly string[] }
  | {
      readonly kind: 'options';
      readonly params: Params;
      /** Those that were given, and taken; the others have their defaults. */
      readonly given: ReadonlySet<ParamName>;
      /** After a time in which nobody watched, all components are forgotten. */
      readonly clearOnGap: boolean;
      /** What was passed over or is not as it looks, a sentence each, for the log. */
      readonly notes: readonly string[];
    };

/** A value and where it comes from, as it is told in faults and notes. */
interface Given {
  readonly row: OptionRow;
  readonly text: string;
  readonly words: string;
  readonly from: 'line' | 'environment';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether arguments or environment ask for anything of hbtd at all. */
export function hasOptions(argv: readonly string[], env: Environment): boolean {
  return argv.length > 0 || OPTION_ROWS.some(({ env: name }) => (env[name] ?? '') !== '');
}

/** `argv` is without the program, and without what is the daemon's own. */
export function readOptions(argv: readonly string[], env: Environment): Options {
  const line = readLine(argv);
  if (line === 'help') return { kind: 'help', text: helpText() };
  const faults: string[] = [...line.faults];
  const notes: string[] = [];
  const params: Record<ParamName, string> = { ...DEFAULT_PARAMS };
  const given = new Set<ParamName>();
  const words = new Map<ParamName, string>();
  // The command line is read last and so counts more.
  for (const one of [...fromEnvironment(env), ...line.given]) {
    const judged = judge(one, env);
    if ('fault' in judged) faults.push(judged.fault);
    if ('note' in judged) notes.push(judged.note);
    if (!('value' in judged)) continue;
    params[one.row.param] = judged.value;
    given.add(one.row.param);
    words.set(one.row.param, one.words);
  }
  if (faults.length === 0 && !inOrder(params)) {
    const warn = words.get('Warntime') ?? `the default warntime of ${params.Warntime}`;
    const error = words.get('Errtime') ?? `the default errtime of ${params.Errtime}`;
    faults.push(`${error} is not above ${warn}: nobody could be warned of before he is dead`);
  }
  const gap = env['HBTD_CLEAR_ON_GAP'] ?? '';
  const clears = gap === '' ? 0n : signed64(gap);
  if (clears === undefined) notes.push(`HBTD_CLEAR_ON_GAP=${gap} is passed over: it is no number`);
  return faults.length > 0
    ? { kind: 'refused', faults }
    : { kind: 'options', params: inTheirOrder(params), given, clearOnGap: (clears ?? 0n) !== 0n, notes };
}

const ROW_OF: ReadonlyMap<string, OptionRow> = new Map(OPTION_ROWS.map((row) => [row.option, row]));

/** As Go's flags are given: one dash or two, `=value` or the value behind it; the last of several counts. */
function readLine(argv: readonly string[]): 'help' | { readonly given: readonly Given[]; readonly faults: string[] } {
  const given: Given[] = [];
  const faults: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    const [, name, , inline] = /^--?([A-Za-z_]\w*)(=(.*))?$/s.exec(word) ?? [];
    if (name === 'help' || name === 'h') return 'help';
    const row = name === undefined ? undefined : ROW_OF.get(name);
    if (row === undefined) {
      faults.push(
        `${word} is no option; allowed: ${OPTION_ROWS.map(({ option }) => `--${option}`).join(', ')}, --help`,
      );
      continue;
    }
    const text = inline ?? (row.value === undefined ? '1' : argv[++i]);
    if (text === undefined) faults.push(`${word} has no value; it is --${row.option}=${row.value}`);
    else given.push({ row, text, words: `--${row.option}=${text}`, from: 'line' });
  }
  return { given, faults };
}

function fromEnvironment(env: Environment): Given[] {
  return OPTION_ROWS.flatMap((row): Given[] => {
    const text = env[row.env] ?? '';
    return text === '' ? [] : [{ row, text, words: `${row.env}=${text}`, from: 'environment' }];
  });
}

type Judged =
  | { readonly value: string; readonly note?: string }
  | { readonly note: string }
  | { readonly fault: string };

function judge({ row, text, words, from }: Given, env: Environment): Judged {
  const { param } = row;
  const rule = RULES[param];
  const refused = { fault: `${words} is not allowed; allowed: ${allowedWords(param)}` };
  const passedOver = { note: `${words} is passed over; allowed: ${allowedWords(param)}` };
  switch (rule.kind) {
    case 'integer': {
      const number = signed64(text);
      if (number === undefined) return from === 'environment' || param === 'Port' ? passedOver : refused;
      const clamped = row.floor !== undefined && number <= 0n ? BigInt(row.floor) : number;
      const value = clamped < 0n ? undefined : readParam(param, String(clamped));
      if (value !== undefined) return clamped === number ? { value } : { value, note: `${words} is taken as ${value}` };
      const as = clamped === number ? '' : ` comes to ${clamped}, which`;
      return { fault: `${words}${as} is not allowed; allowed: ${allowedWords(param)}` };
    }
    case 'boolean': {
      const value = yesOrNo(text);
      if (value !== undefined) return { value };
      // So hbtd does, and whoever misspells `no` there is used to it.
      const isOff = param === 'Use_telemetry' && from === 'line';
      return isOff ? { value: '0', note: `${words} is taken as no; allowed: ${allowedWords(param)}` } : passedOver;
    }
    case 'telemetry': {
      if (text === '') return { value: '' };
      const value = readParam(param, text);
      return value === undefined ? passedOver : { value };
    }
    case 'url': {
      // None at all is the state manager that is built in.
      const value = text === '' ? '' : readParam(param, text);
      return value === undefined ? refused : { value };
    }
    case 'text': {
      const host = env['ETCD_HOST'] ?? '';
      if (text === '') return { value: host === '' ? '' : `http://${host}:${env['ETCD_PORT'] ?? '2379'}` };
      const value = readParam(param, text);
      return value === undefined ? refused : { value };
    }
    default:
      return rule satisfies never;
  }
}
