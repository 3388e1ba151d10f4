import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wall } from '@csm/model';
import { openStore, type Store } from '@csm/store';
import { expect } from 'chai';
import { SAMPLE_KIND } from '../src/report.ts';
import { masterSettings } from '../src/settings.ts';
import { seeded, typicalRound } from './typical-node.ts';

const GIB = 1024 ** 3;
const NODES = 150;
const HOURS = 2;
const ROUNDS = HOURS * 6;
const START = Date.parse('2026-03-01T10:00:00Z');

describe('size of the environment database', function () {
  this.timeout(60_000);
  let store: Store;
  let dir: string;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'csm-environment-'));
    store = await openStore({
      file: join(dir, 'csm.db'),
      modules: [new URL('../src/store.js', import.meta.url).href],
      clock: () => wall(START + HOURS * 3_600_000),
    });
  });
  after(async () => {
    await store.close();
    rmSync(dir, { recursive: true });
  });

  it('stays below 20 GiB with 10,000 nodes that read every ten minutes, and counts its own bytes rightly', async () => {
    const random = seeded(7);
    // Each node reads at an offset of its own, as by default: rows arrive in no order of the nodes.
    const offsets = Array.from({ length: NODES }, () => Math.floor(random() * 600_000));
    const nodes = offsets.map((_, i) => i).sort((a, b) => (offsets[a] ?? 0) - (offsets[b] ?? 0));
    for (let round = 0; round < ROUNDS; round++) {
      for (let at = 0; at < NODES; at += 20) {
        const batches = nodes.slice(at, at + 20).map((node) => ({
          daemon: `compute/n${node}`,
          incarnation: 'i1',
          first: round + 1,
          items: [
            {
              kind: SAMPLE_KIND,
              time: START + round * 600_000 + (offsets[node] ?? 0),
              body: { items: typicalRound(random, node), failed: {} },
            },
          ],
        }));
        await store.call('store.commitReports', { batches });
      }
    }
    const tables = await store.query<{ name: string; bytes: number }>(
      "SELECT name, sum(pgsize) AS bytes FROM dbstat WHERE name LIKE 'env_%' GROUP BY name",
    );
    const bytes = (name: string): number => tables.find((table) => table.name === name)?.bytes ?? 0;
    const days = (setting: keyof typeof masterSettings.environment): number =>
      Number(masterSettings.environment[setting].default) / 86_400;
    // A day's row holds as many numbers as an hour's, but sums of more digits.
    const perNode = {
      samples: (bytes('env_sample') / NODES / ROUNDS) * 144 * days('keep_samples'),
      hourly: (bytes('env_hourly') / NODES / HOURS) * 24 * days('keep_hourly'),
      daily: (bytes('env_daily') / NODES) * 1.15 * days('keep_daily'),
    };
    const whole = 10_000 * (perNode.samples + perNode.hourly + perNode.daily);
    const text = Object.entries(perNode).map(([name, n]) => `${name} ${((n * 10_000) / GIB).toFixed(2)} GiB`);
    const words = `10,000 nodes would take ${(whole / GIB).toFixed(2)} GiB: ${text.join(', ')}`;
    expect(whole / GIB, words).to.be.below(20);

    const [counted] = await store.query<{ bytes: number }>('SELECT sum(byte_count) AS bytes FROM env_volume');
    const real = bytes('env_sample') + bytes('env_hourly') + bytes('env_daily');
    const ratio = (counted?.bytes ?? 0) / real;
    expect(ratio, `${counted?.bytes} bytes were counted of ${real}`).to.be.within(0.9, 1.2);
  });
});
