import { sha256 } from './simulated-inventory.ts';

const DAY_MS = 86_400_000;
const MEMORY = 256 * 1024 ** 3;

/**
 * How a simulated node feels at a moment, ms UTC: busy by day, warm when busy, and some noise of its own that is the
 * same for the same node and moment. The shape is that of the report `environment.sample`.
 */
export function sampleOf(node: string, time: number) {
  const noise = (what: string) => Number.parseInt(sha256(`${node} ${time} ${what}`).slice(0, 8), 16) / 2 ** 32;
  const own = Number.parseInt(sha256(node).slice(0, 8), 16) / 2 ** 32;
  const day = (1 + Math.sin((2 * Math.PI * (time % DAY_MS)) / DAY_MS + own)) / 2;
  const busy = Math.min(1, 0.2 + 0.6 * day + 0.2 * noise('cpu'));
  const round = (value: number) => Number(value.toPrecision(6));
  return {
    items: {
      cpu: {
        user_percent: round(90 * busy),
        system_percent: round(4 * busy),
        idle_percent: round(100 - 94 * busy),
        load1: round(128 * busy),
      },
      memory: { total_bytes: MEMORY, available_bytes: Math.round(MEMORY * (1 - 0.7 * busy)) },
      temperature: {
        'coretemp:Package_id_0.celsius': round(35 + 40 * busy + noise('t0')),
        'coretemp:Package_id_1.celsius': round(36 + 40 * busy + noise('t1')),
      },
      power: { 'package-0.watts': round(60 + 180 * busy), 'package-1.watts': round(62 + 180 * busy) },
    },
    failed: {},
  };
}
