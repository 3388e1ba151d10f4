import { MAX_REPORT_BYTES } from '@csm/protocol';
import { expect } from 'chai';
import { BodyMaker } from '../src/collect/body.ts';
import { ITEMS, type Values } from '../src/items.ts';
import { readSample, VALUES_MAX } from '../src/report.ts';

const values = (count: number, length: number): Values =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`${String(i).padStart(length, 'x')}.celsius`, -1.23456e-100]),
  );

describe('bodies of samples', () => {
  it('are none when nothing was read and nothing failed', () => {
    const maker = new BodyMaker();
    maker.add('network', {});
    expect(maker.bodies()).deep.equals([]);
  });

  it('are one as a rule; what failed stands beside what was read', () => {
    const maker = new BodyMaker();
    maker.add('cpu', { load1: 1 });
    maker.fail('gpu', 'it hangs');
    expect(maker.bodies()).deep.equals([{ items: { cpu: { load1: 1 } }, failed: { gpu: 'it hangs' } }]);
  });

  it('tell parts that are missing and items that are absent, also when there is nothing else', () => {
    const maker = new BodyMaker();
    maker.lack('ssd', 'nvme1: it hangs');
    maker.miss('gpu');
    maker.miss('infiniband');
    const body = { items: {}, failed: {}, parts: { ssd: 'nvme1: it hangs' }, absent: ['gpu', 'infiniband'] };
    expect(maker.bodies()).deep.equals([body]);
    maker.add('cpu', { load1: 1 });
    expect(maker.bodies()).deep.equals([{ ...body, items: { cpu: { load1: 1 } } }]);
    expect(readSample(maker.bodies()[0])).deep.equals({ ...body, items: { cpu: { load1: 1 } } });
  });

  it('are several when one were larger than a report may be, and never hold an item twice', () => {
    const maker = new BodyMaker();
    for (const item of ITEMS) {
      maker.add(item, values(1500, 30));
      if (item < 'm') maker.fail(item, '\u0000'.repeat(400));
      else maker.lack(item, '\u0000'.repeat(400));
      maker.miss(item);
    }
    const bodies = maker.bodies();
    expect(bodies.length).greaterThan(1);
    for (const body of bodies) expect(JSON.stringify(readSample(body)).length).most(MAX_REPORT_BYTES - 1024);
    expect(bodies.flatMap(({ items }) => Object.keys(items))).deep.equals([...ITEMS]);
  });

  it('refuse an item that is larger alone', () => {
    const maker = new BodyMaker();
    expect(() => maker.add('temperature', values(VALUES_MAX, 60))).throws(
      /^the 4096 values of temperature take \d+ bytes/,
    );
    expect(maker.bodies()).deep.equals([]);
  });
});
