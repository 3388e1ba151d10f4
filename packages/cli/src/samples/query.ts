/** What samples are asked for: the options that `csm env query` and `csm env plot` share. */
import type { EnvQueryInput } from '@csm/client';
import { code, fail } from '@csm/model';
import type { Given, Option } from '../command.ts';
import { nodeset, oneOf, text } from '../given.ts';
import { MOMENT_RULE, readMoment, readStep } from '../moment.ts';
import { either, printable } from '../text.ts';
import { ITEMS, type Item } from './sample.ts';

type Aggregate = NonNullable<EnvQueryInput['agg']>;
const AGGREGATES: readonly Aggregate[] = ['min', 'avg', 'max', 'p95'];
/** Names of one call. */
const METRICS_MAX = 100;
const METRIC = /^(?:[A-Za-z0-9_:/-]{1,64}\.)?[a-z][a-z0-9_]{0,63}$/;
export const METRIC_RULE = 'names such as user_percent or sda.busy_percent, with commas between';

export const ITEM_OPTION: Option = { flags: '--item <item>', help: `what was measured: ${either(ITEMS)}` };

export const QUERY_OPTIONS: readonly Option[] = [
  { ...ITEM_OPTION, help: `${ITEM_OPTION.help}; needed` },
  { flags: '--since <time>', help: 'begin there; default an hour before the end' },
  { flags: '--until <time>', help: `end before; default now. A time is ${MOMENT_RULE}` },
  { flags: '--step <step>', help: 'one value for each step, such as 30s, 10m, 1h or 1d; default as measured' },
  { flags: '--agg <how>', help: `what becomes of the values of a step: ${either(AGGREGATES)}; default avg` },
  { flags: '--metric <names>', help: `only these: ${METRIC_RULE}; default all` },
];

export interface Query {
  readonly input: EnvQueryInput & { readonly nodes: string };
  /** ms that samples are apart, where it was asked for. */
  readonly stepMs: number | undefined;
  /** What an axis of time begins and ends with, ms UTC: what was asked for, but nothing that is still to come. */
  readonly from: number;
  readonly to: number;
}

/** The daemon's own, ms. */
const SPAN = 3_600_000;

/** `now` in ms UTC. Throws code 8 or 9. */
export function readQuery(given: Given, now: number): Query {
  const nodes = nodeset(given);
  const item = neededItem(given);
  const moment = (name: string): number | undefined => {
    const value = text(given, name);
    return value === undefined ? undefined : readMoment(value, `--${name}`, now);
  };
  const [since, until] = [moment('since'), moment('until')];
  if (since !== undefined && since >= (until ?? now)) {
    const end = until === undefined ? 'now' : `--until, ${iso(until)}`;
    fail(code.INVALID_PARAMETER, `--since, ${iso(since)}, is not before ${end}`, {
      field: '--since',
      allowed: `a time before ${end}`,
    });
  }
  const stepText = text(given, 'step');
  const step = stepText === undefined ? undefined : readStep(stepText, '--step');
  const aggText = text(given, 'agg');
  const agg = aggText === undefined ? undefined : oneOf(aggText, AGGREGATES, '--agg');
  if (agg !== undefined && step === undefined) {
    fail(code.MISSING_PARAMETER, `--agg ${agg} says nothing without --step`, {
      field: '--step',
      allowed: 'the step whose values become one, such as --step 1h',
    });
  }
  const times = {
    ...(since === undefined ? {} : { since: iso(since) }),
    ...(until === undefined ? {} : { until: iso(until) }),
  };
  return {
    input: { nodes, item, ...times, step, agg, metrics: metrics(given) },
    stepMs: step === undefined ? undefined : step * 1000,
    from: since ?? (until ?? now) - SPAN,
    to: Math.min(until ?? now, now),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();

export function neededItem(given: Given): Item {
  const missing = () =>
    fail(code.MISSING_PARAMETER, "the option '--item' is missing", { field: '--item', allowed: either(ITEMS) });
  return optionalItem(given) ?? missing();
}

export function optionalItem(given: Given): Item | undefined {
  const value = text(given, 'item');
  return value === undefined ? undefined : oneOf(value, ITEMS, '--item');
}

/** One name of a metric, with or without its instance. */
export function readMetric(name: string): string {
  if (METRIC.test(name)) return name;
  return fail(code.INVALID_PARAMETER, `'${printable(name)}' is not the name of a metric`, {
    field: '--metric',
    allowed: METRIC_RULE,
  });
}

function metrics(given: Given): readonly string[] | undefined {
  const names = text(given, 'metric')
    ?.split(',')
    .map((name) => readMetric(name.trim()));
  if (names === undefined || names.length <= METRICS_MAX) return names;
  return fail(code.INVALID_PARAMETER, `${names.length} metrics are too many`, {
    field: '--metric',
    allowed: `at most ${METRICS_MAX} names`,
  });
}
