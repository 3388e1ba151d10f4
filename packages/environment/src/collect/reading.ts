import { createHash } from 'node:crypto';
import { VALUES_MAX } from '../report.ts';
import type { Metric } from './metrics.ts';

/** A counter as it stood at a reading. */
export interface Counter {
  readonly metric: Metric;
  readonly value: number;
  /** Where it begins again at 0. */
  readonly modulus: number;
}

/** The machine has nothing of the kind. No fault. */
export class Absent extends Error {}

/** A name and a reason are kept of so many parts; a machine has fewer kinds of trouble. */
const NOTES_MAX = 64;
const INSTANCE_MAX = 64;

/**
 * What a collector read of one item at one moment. A value that cannot be true throws: whoever says one such thing is
 * not believed in the others either. Of two values of one name the first stays.
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

  /** `instance` as `instanceName` gives it; `modulus` where this counter has one of its own. */
  add(metric: Metric, value: number, instance?: string, modulus?: number): void {
    const name = instance === undefined ? metric.name : `${instance}.${metric.name}`;
    if (this.gauges.has(name) || this.counters.has(name)) return;
    if (this.size === VALUES_MAX) throw new Error(`there are more than ${VALUES_MAX} values`);
    if (instance !== undefined) this.instances.add(instance);
    if (metric.kind === 'gauge') {
      check(name, value, metric.min, metric.max, metric.unit);
      this.gauges.set(name, value);
    } else {
      const end = modulus ?? metric.modulus ?? 2 ** 64;
      check(name, value, 0, end, 'steps of its counter');
      this.counters.set(name, { metric, value, modulus: end });
    }
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
}

function check(name: string, value: number, min: number, max: number, unit: string): void {
  // Written so that NaN is refused, too.
  if (!(value >= min && value <= max)) throw new Error(`${name} is ${value}, ${min} to ${max} ${unit} can be true`);
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
