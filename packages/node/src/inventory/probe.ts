import type { Probe } from '@csm/feature';
import type { Host } from '@csm/host';
import type { Wall } from '@csm/model';
import { READERS, type Reading, readSafely } from './collect.ts';
import { sourcesOf } from './sources.ts';

/** Facts told, and characters of each. */
const FACTS_MAX = 6;
const VALUE_MAX = 40;

/**
 * Runs each reader alone and tells what it found, in how long. What several readers need is read by the first of
 * them, whose time it counts to. `_now` is that of a collection, which no reader asks for; `elapsed` gives milliseconds
 * from any moment on.
 */
export async function* probeInventory(
  host: Host,
  _now: Wall,
  elapsed: () => number = () => performance.now(),
): AsyncGenerator<Probe> {
  const sources = sourcesOf(host);
  for (const reader of READERS) {
    const begin = elapsed();
    const reading = await readSafely(reader, sources);
    const ms = Math.round((elapsed() - begin) * 10) / 10;
    const found = 'kind' in reader ? partsInWords(reader.kind, reading) : factsInWords(reading);
    yield { collector: `inventory ${reader.name}`, ms, found, missing: reading.reasons };
  }
}

function factsInWords({ findings }: Reading): string | null {
  const facts = findings.flatMap(([field, finding]) =>
    'value' in finding ? [`${field} ${shown(finding.value)}`] : [],
  );
  const more = facts.length > FACTS_MAX ? [`${facts.length - FACTS_MAX} more`] : [];
  return facts.length === 0 ? null : [...facts.slice(0, FACTS_MAX), ...more].join(', ');
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `of ${value.length}`;
  const text = String(value);
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text;
}

/** `4 ssd: 3 SAMSUNG MZQL2, 1 INTEL SSDPE2`; null where it could not be looked, so that there may be some. */
function partsInWords(kind: string, { parts, reasons }: Reading): string | null {
  if (parts.length === 0) return reasons[kind] === undefined ? `0 ${kind}` : null;
  const models = new Map<string, number>();
  for (const { model, part_number } of parts) {
    const name = model ?? part_number ?? 'unknown';
    models.set(name, (models.get(name) ?? 0) + 1);
  }
  const words = [...models].slice(0, FACTS_MAX).map(([name, n]) => `${n} ${shown(name)}`);
  return `${parts.length} ${kind}: ${words.join(', ')}`;
}
