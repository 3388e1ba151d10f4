import type { Feature } from '@csm/feature';
import { expect } from 'chai';
import { probe, probeLines } from '../src/probe.ts';

describe('a probe', () => {
  it('is a line for what was found, and one for each thing that is missing', () => {
    const missing = { serial_number: '/sys/class/dmi/id/product_serial cannot be read: permission denied' };
    expect(probeLines('node', { collector: 'machine', ms: 1.26, found: 'ProLiant', missing })).to.deep.equal([
      'node machine                        1.3 ms  ProLiant',
      '    serial_number: /sys/class/dmi/id/product_serial cannot be read: permission denied',
    ]);
    const [line] = probeLines('environment', { collector: 'gpu', ms: 1234.5, found: null, missing: {} });
    expect(line).to.equal('environment gpu                    1235 ms  nothing');
  });

  it('cuts what a collector says at length', () => {
    const [, line = ''] = probeLines('node', {
      collector: 'x',
      ms: 1,
      found: null,
      missing: { a: 'b'.repeat(10_000) },
    });
    expect(line.length).to.be.below(200);
  });

  it('tries each feature that has one, in order, and counts what found nothing', async () => {
    const lines: string[] = [];
    const of = (name: string, ...found: (string | null)[]): Feature => ({
      name,
      api: [],
      async *probe() {
        for (const one of found) yield { collector: name, ms: 1, found: one, missing: {} };
      },
    });
    const features = [of('a', 'x', null), { name: 'b', api: [] }, of('c', null)];
    const without = await probe(features, {} as Parameters<typeof probe>[1], (line) => lines.push(line));
    expect([without, lines.length]).to.deep.equal([2, 3]);
  });
});
