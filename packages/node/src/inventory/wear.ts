import { type Finding, found, missing, type Programs } from '@csm/host';
import { isObject } from '@csm/model';
import type { PartDraft } from './part-draft.ts';
import { telling } from './placeholder.ts';
import { nvmeSmartLog, smartctl } from './programs.ts';

/** A drive that was found, and how to ask it about its wear. */
export interface Drive {
  readonly part: PartDraft;
  takeWear(signal: AbortSignal): Promise<void>;
}

/** Names are CSM's: percent of the rated life used, percent of the spare blocks left, and bytes. */
export interface Wear {
  readonly wear_lifespan_used?: number;
  readonly wear_percent_spares_remaining?: number;
  readonly wear_total_bytes_written?: number;
  readonly wear_total_bytes_read?: number;
}

const TIMEOUT_MS = 10_000;
/** What NVMe calls a data unit: 1000 blocks of 512 bytes (NVM Express, SMART log). */
const DATA_UNIT = 512_000;

/** Asks `nvme`, else `smartctl`. */
export async function nvmeWear(programs: Programs, part: PartDraft, name: string, signal: AbortSignal): Promise<void> {
  const log = json(await programs.run(nvmeSmartLog(name), { timeoutMs: TIMEOUT_MS, signal }), 'nvme smart-log');
  const wear = 'value' in log ? wearOfSmartLog(log.value) : {};
  if (Object.keys(wear).length > 0) return takeWear(part, found(wear));
  const smart = json(await askSmartctl(programs, name, signal), 'smartctl');
  if ('value' in smart) return takeWear(part, found(wearOfSmartctl(smart.value)));
  takeWear(part, missing(`${'reason' in log ? log.reason : 'nvme smart-log tells no wear'}; ${smart.reason}`));
}

/**
 * Asks `smartctl`, which also knows what a disk is where the kernel does not. What the kernel knows stays: the two
 * write some of it in different ways, and a program that fails today must not change it.
 */
export async function diskWear(programs: Programs, part: PartDraft, name: string, signal: AbortSignal): Promise<void> {
  const smart = json(await askSmartctl(programs, name, signal), 'smartctl');
  for (const [field, key] of [
    ['serial', 'serial_number'],
    ['model', 'model_name'],
    ['firmware', 'firmware_version'],
  ] as const) {
    const known = part.lacks.get(field);
    if (known === undefined) continue;
    const told = 'value' in smart ? smart.value[key] : undefined;
    const text =
      'reason' in smart
        ? smart
        : typeof told === 'string'
          ? telling(found(told), `smartctl ${key}`)
          : missing(`smartctl tells no ${key}`);
    const finding = 'value' in text ? text : missing(`${text.reason}; ${known}`);
    part.set(field, finding);
    if (field === 'firmware') part.detail('fw_ver', finding);
  }
  takeWear(part, 'value' in smart ? found(wearOfSmartctl(smart.value)) : smart);
}

/**
 * Bits 0 and 1 of its status mean that it could not ask, and why stands in its JSON; the others tell how the drive is
 * (smartctl(8)).
 */
async function askSmartctl(programs: Programs, name: string, signal: AbortSignal): Promise<Finding<string>> {
  let ended = 0;
  const output = await programs.run(smartctl(name), {
    timeoutMs: TIMEOUT_MS,
    signal,
    exitOk: (status) => {
      ended = status;
      return true;
    },
  });
  if ((ended & 3) === 0 || 'reason' in output) return output;
  return missing(`smartctl ended with ${ended}${whyNot(output.value)}`);
}

/** The first message in its JSON, else its first words. */
function whyNot(output: string): string {
  const told = json(found(output), 'smartctl');
  const program = 'value' in told ? told.value['smartctl'] : undefined;
  const messages: unknown = isObject(program) ? program['messages'] : undefined;
  const first: unknown = Array.isArray(messages) ? messages[0] : undefined;
  const text = isObject(first) ? first['string'] : output.split('\n').find((line) => /\w/.test(line));
  return typeof text === 'string'
    ? `: ${text
        .replace(/\p{Cc}/gu, ' ')
        .trim()
        .slice(0, 160)}`
    : '';
}

const FIELDS = [
  'wear_lifespan_used',
  'wear_percent_spares_remaining',
  'wear_total_bytes_written',
  'wear_total_bytes_read',
] as const;

function takeWear(part: PartDraft, wear: Finding<Wear>): void {
  for (const field of FIELDS) {
    const value = 'value' in wear ? wear.value[field] : undefined;
    part.passing(
      field,
      'reason' in wear ? wear : value === undefined ? missing('the drive does not tell it') : found(value),
    );
  }
}

function json(output: Finding<string>, source: string): Finding<{ readonly [key: string]: unknown }> {
  if ('reason' in output) return output;
  try {
    const value: unknown = JSON.parse(output.value);
    return isObject(value) ? found(value) : missing(`${source} wrote JSON that is no object`);
  } catch {
    return missing(`${source} wrote what is not JSON`);
  }
}

/** A count; nvme-cli writes those of 128 bits as text in some releases. Null, -1 and the like are none. */
function count(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,39}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined;
}

/** 0 to 255: a drive may live beyond its rated life. */
const percent = (value: unknown): number | undefined => {
  const number = count(value);
  return number !== undefined && number <= 255 ? number : undefined;
};

/** More than any drive can have moved: ten exabytes. */
const BYTES_MAX = 1e19;

const times = (value: unknown, factor: number): number | undefined => {
  const bytes = (count(value) ?? Number.NaN) * factor;
  return bytes <= BYTES_MAX ? bytes : undefined;
};

const wearOf = (fields: { readonly [F in keyof Wear]: number | undefined }): Wear =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Of `nvme smart-log -o json`, whose names changed with the releases. */
export function wearOfSmartLog(log: { readonly [key: string]: unknown }): Wear {
  return wearOf({
    wear_lifespan_used: percent(log['percent_used'] ?? log['percentage_used']),
    wear_percent_spares_remaining: percent(log['avail_spare'] ?? log['available_spare']),
    wear_total_bytes_written: times(log['data_units_written'], DATA_UNIT),
    wear_total_bytes_read: times(log['data_units_read'], DATA_UNIT),
  });
}

/** Normalized attributes of SATA drives that count down from 100, by the names smartctl gives them. */
const LIFE_LEFT = new Set([
  'Media_Wearout_Indicator',
  'Percent_Lifetime_Remain',
  'SSD_Life_Left',
  'Wear_Leveling_Count',
]);

/** Of `smartctl -j -a`: NVMe, SAS, and SATA as far as its maker's attributes have known names. */
export function wearOfSmartctl(report: { readonly [key: string]: unknown }): Wear {
  const part = (of: unknown, key: string): unknown => (isObject(of) ? of[key] : undefined);
  const nvme = report['nvme_smart_health_information_log'];
  if (isObject(nvme)) return wearOfSmartLog(nvme);
  const table = part(report['ata_smart_attributes'], 'table');
  const attributes = (Array.isArray(table) ? table.slice(0, 64) : []).filter(isObject);
  const named = (name: string) => part(attributes.find((a) => a['name'] === name)?.['raw'], 'value');
  const left = percent(attributes.find((a) => LIFE_LEFT.has(String(a['name'])))?.['value']);
  const used =
    percent(part(report['endurance_used'], 'current_percent')) ??
    percent(report['scsi_percentage_used_endurance_indicator']);
  const block = count(report['logical_block_size']) ?? 512;
  return wearOf({
    wear_lifespan_used: used ?? (left === undefined ? undefined : Math.max(0, 100 - left)),
    wear_percent_spares_remaining: percent(part(report['spare_available'], 'current_percent')),
    wear_total_bytes_written: times(named('Total_LBAs_Written'), block),
    wear_total_bytes_read: times(named('Total_LBAs_Read'), block),
  });
}
