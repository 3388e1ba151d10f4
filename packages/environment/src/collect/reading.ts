import { createHash } from 'node:crypto';
import { VALUES_MAX } from '../report.ts';
import type { Metric } from './metrics.ts';

/** A counter as it stood at a reading. */
export interface Counter {
  readonly metric: Metric;
  readonly value: number;
  /** Where it begins again at 0. */
  readonly modulus: number;
  /** Monotonic ms of this very read, where the reading as a whole is not exact enough. */
  readonly at?: number;
}

/** What one counter has apart from its metric. */
export interface Own {
  readonly modulus?: number;
  readonly at?: number;
}

/** The machine has nothing of the kind. No fault. */
export class Absent extends Error {}

/** A name and a reason are kept of so many parts; a machine has fewer kinds of trouble. */
const NOTES_MAX = 64;
const INSTANCE_MAX = 64;

/**
 * What a collector read of one item at one moment. A value that cannot be true is left out and is a fault of its part;
 * the others stand. Of two values of one name the first stays.
 */
export class Reading {
  readonly gauges = new Map<string, number>();
  readonly counters = new Map<string, Counter>();
  /** Instances seen, for words such as `3 disks`. */
  readonly instances = new Set<string>();
  /** Value or part this machine does not tell → why. No fault. */
  readonly missing = new Map<string, string>();
  /** Part that should have answered and did not → why. */
  readonly faults = new Map<string, string>();

  /** `instance` as `instanceName` gives it. Throws when there are more values than a report may hold. */
  add(metric: Metric, value: number, instance?: string, { modulus, at }: Own = {}): void {
    const name = instance === undefined ? metric.name : `${instance}.${metric.name}`;
    if (this.gauges.has(name) || this.counters.has(name)) return;
    if (this.size === VALUES_MAX) throw new Error(`there are more than ${VALUES_MAX} values`);
    if (metric.kind === 'gauge') {
      if (!this.#isWithin(name, value, metric.min, metric.max, metric.unit)) return;
      this.gauges.set(name, value);
    } else {
      const end = modulus ?? metric.modulus ?? 2 ** 64;
      if (!this.#isWithin(name, value, 0, end, 'steps of its counter')) return;
      this.counters.set(name, { metric, value, modulus: end, ...(at !== undefined && { at }) });
    }
    if (instance !== undefined) this.instances.add(instance);
  }

  #isWithin(name: string, value: number, min: number, max: number, unit: string): boolean {
    // NaN is not within anything.
    if (value >= min && value <= max) return true;
    this.fault(name, `${name} is ${value}, ${min} to ${max} ${unit} can be true`);
    return false;
  }

  lacks(part: string, reason: string): void {
    if (this.missing.size < NOTES_MAX) this.missing.set(part, reason);
  }

  fault(part: string, reason: string): void {
    if (this.faults.size < NOTES_MAX) this.faults.set(part, reason);
  }

  get size(): number {
    return this.gauges.size + this.counters.size;
  }

  /** Itself when it holds a value. Throws an `Error` with its faults when it has but those, else `Absent` with `why`. */
  orAbsent(why: string): this {
    if (this.size > 0) return this;
    throw this.faults.size > 0 ? new Error(inWords(this.faults)) : new Absent(why);
  }
}

/** Parts and reasons that are told of one item; the others are counted. */
const TOLD_MAX = 3;

/** Faults of parts in one text; a reason that does not name its part gets it in front. */
export function inWords(faults: ReadonlyMap<string, string>): string {
  const told = [...faults].slice(0, TOLD_MAX).map(([part, why]) => (why.includes(part) ? why : `${part}: ${why}`));
  const more = faults.size - told.length;
  return `${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/**
 * `text` as the instance of a value: characters a name cannot hold become `_`. One that is too long keeps its
 * beginning and gets a digest of the whole, so that two of them stay two.
 */
export function instanceName(text: string): string {
  const name = text.trim().replace(/[^A-Za-z0-9_:/-]/g, '_');
  if (name === '') return '_';
  if (name.length <= INSTANCE_MAX) return name;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${name.slice(0, INSTANCE_MAX - 9)}-${digest}`;
}
