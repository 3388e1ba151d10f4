import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, RootTree } from '@csm/host';
import { expect } from 'chai';
import { type Reading, toValues } from '../src/collect/index.ts';
import { countersOf, type Files, gaugesOf, hostOf, read, removeTrees, saying, whyNot, writeTree } from './support.ts';

const HWMON = '/sys/class/hwmon';
const CAP = '/sys/class/powercap';

const zone = (dir: string, name: string, energy: number, range = 262_143_328_850): Files => ({
  [`${CAP}/${dir}/name`]: `${name}\n`,
  [`${CAP}/${dir}/energy_uj`]: `${energy}\n`,
  [`${CAP}/${dir}/max_energy_range_uj`]: `${range}\n`,
});

describe('collectors of sensors', () => {
  after(removeTrees);

  it('temperature: by chip and label; chips of one name are told apart by their device', async () => {
    const root = writeTree({
      [`${HWMON}/hwmon0/name`]: 'coretemp\n',
      [`${HWMON}/hwmon0/temp1_input`]: '45500\n',
      [`${HWMON}/hwmon0/temp1_label`]: 'Package id 0\n',
      [`${HWMON}/hwmon0/temp2_input`]: '-5000\n',
      [`${HWMON}/hwmon1/name`]: 'nvme\n',
      [`${HWMON}/hwmon1/temp1_input`]: '30000\n',
      [`${HWMON}/hwmon1/temp1_label`]: 'Composite\n',
      [`${HWMON}/hwmon2/name`]: 'nvme\n',
      [`${HWMON}/hwmon2/temp1_input`]: '31000\n',
      [`${HWMON}/hwmon2/temp1_label`]: 'Composite\n',
      [`${HWMON}/hwmon3/name`]: 'acpi_fan\n',
      [`${HWMON}/hwmon3/fan1_input`]: '1200\n',
    });
    mkdirSync(join(root, 'dev/nvme1'), { recursive: true });
    symlinkSync('../../../dev/nvme1', join(root, `${HWMON}/hwmon2/device`));
    const reading = await read('temperature', { tree: new RootTree(root), programs: saying({}) });
    expect(gaugesOf(reading)).deep.equals({
      'coretemp:Package_id_0.celsius': 45.5,
      'coretemp:temp2.celsius': -5,
      'nvme-hwmon1:Composite.celsius': 30,
      'nvme-nvme1:Composite.celsius': 31,
    });
  });

  it('temperature: a sensor that is broken, senseless or silent is left out; all of them so fail the item', async () => {
    const files: Files = {
      [`${HWMON}/hwmon0/name`]: 'nct6779\n',
      [`${HWMON}/hwmon0/temp1_input`]: '-128000\n',
      [`${HWMON}/hwmon0/temp2_input`]: '62000\n',
      [`${HWMON}/hwmon0/temp2_fault`]: '1\n',
      [`${HWMON}/hwmon0/temp3_input`]: '\n',
      [`${HWMON}/hwmon0/temp5_input`]: 'nan\n',
    };
    expect(await whyNot('temperature', hostOf(files))).matches(/^failed: none of 4 sensors gave a temperature/);
    const reading = await read('temperature', hostOf({ ...files, [`${HWMON}/hwmon0/temp4_input`]: '41000\n' }));
    expect(gaugesOf(reading)).deep.equals({ 'nct6779:temp4.celsius': 41 });
    expect(reading.missing.size).equals(4);
    expect(await whyNot('temperature', hostOf({}))).matches(/^absent/);
  });

  it('power: counters of energy with their range, domains under their package, and sensors', async () => {
    const reading = await read(
      'power',
      hostOf({
        [`${CAP}/intel-rapl/enabled`]: '1\n',
        ...zone('intel-rapl:0', 'package-0', 5_000_000),
        ...zone('intel-rapl:0:0', 'dram', 7_000_000, 65_712_999_613),
        ...zone('intel-rapl-mmio:0', 'package-0', 999),
        [`${HWMON}/hwmon0/name`]: 'power_meter\n',
        [`${HWMON}/hwmon0/power1_average`]: '345000000\n',
        [`${HWMON}/hwmon0/power1_input`]: '999000000\n',
      }),
    );
    expect(countersOf(reading)).deep.equals({ 'package-0:dram.watts': 7_000_000, 'package-0.watts': 999 });
    expect(reading.counters.get('package-0:dram.watts')?.modulus).equals(65_712_999_613);
    expect(gaugesOf(reading)).deep.equals({ 'power_meter:power1.watts': 345 });
  });

  it('power: what would wrap between two rounds is measured over a moment, a wrap in it included', async () => {
    const root = writeTree(zone('intel-rapl:0', 'package-0', 65_000_000, 65_532_610));
    let now = 0;
    const reading = await read(
      'power',
      { tree: new RootTree(root), programs: saying({}) },
      {
        intervalMs: 600_000,
        now: () => now,
        pause: async () => {
          writeTree({ [`${CAP}/intel-rapl:0/energy_uj`]: '467390\n' }, root);
          now += 10;
        },
      },
    );
    expect(reading.counters.size).equals(0);
    expect(reading.gauges.get('package-0.watts')).closeTo(100, 1e-9);
  });

  /** A machine that draws 100 W in every zone, and takes `ms` for each read. */
  function slowMachine(ms: number, intervalMs: number) {
    let now = 0;
    const root = writeTree({
      ...zone('intel-rapl:0', 'package-0', 0),
      ...zone('intel-rapl:0:0', 'core', 0),
      ...zone('intel-rapl:0:1', 'dram', 0),
      ...zone('intel-rapl:1', 'package-1', 0),
    });
    const tree = new (class extends RootTree {
      override async text(path: string, limit?: number): Promise<Finding<string>> {
        now += ms;
        const energy = path.endsWith('/energy_uj') ? `${Math.round(now * 100_000)}\n` : undefined;
        now += ms;
        return energy === undefined ? super.text(path, limit) : { value: energy };
      }
    })(root);
    const sleep = async (by: number): Promise<void> => {
      now += by;
    };
    const take = () => read('power', { tree, programs: saying({}) }, { intervalMs, now: () => now, pause: sleep });
    return { take, sleep, now: () => now };
  }

  for (const ms of [0.1, 2, 20])
    it(`power: over a moment is the same however busy the node is (${ms * 2} ms a read)`, async () => {
      const { take } = slowMachine(ms, 600_000);
      const watts = gaugesOf(await take());
      expect(Object.keys(watts).length).equals(4);
      for (const [name, value] of Object.entries(watts)) expect(value, name).closeTo(100, 0.01);
    });

  it('power: between two rounds each zone is reckoned over its own time', async () => {
    let ms = 1;
    const machine = slowMachine(0, 1000);
    const slow = async (): Promise<{ reading: Reading; mono: number }> => {
      const mono = machine.now();
      await machine.sleep(ms);
      return { reading: await machine.take(), mono };
    };
    const old = await slow();
    ms = 200;
    await machine.sleep(1000);
    const { reading, mono } = await slow();
    const { values } = toValues(reading, mono, { counters: old.reading.counters, mono: old.mono });
    for (const [name, value] of Object.entries(values)) expect(value, name).closeTo(100, 0.01);
    expect(Object.keys(values).length).equals(4);
  });

  it('power: of a whole machine may be more than that of a package', async () => {
    const of = (energy: number) => hostOf(zone('intel-rapl:1', 'psys', energy, 4e15));
    const old = await read('power', of(1));
    const now = await read('power', of(1 + 4_000e6 * 600), { now: () => 600_000 });
    expect(toValues(now, 600_000, { counters: old.counters, mono: 0 })).deep.equals({
      values: { 'psys.watts': 4000 },
      faults: new Map(),
    });
  });

  it('power: a zone that tells nonsense is a fault of that zone', async () => {
    const reading = await read(
      'power',
      hostOf({ ...zone('intel-rapl:0', 'package-0', 50, 10), ...zone('intel-rapl:1', 'package-1', 5) }),
    );
    expect([...reading.counters.keys()]).deep.equals(['package-1.watts']);
    expect(reading.faults.get('package-0')).matches(/energy of 50 in a range of 10/);
  });

  it('power: a counter that stands still or outside of its range is not believed', async () => {
    const still = hostOf(zone('intel-rapl:0', 'package-0', 5));
    await read('power', still, { intervalMs: 600_000 }).then(
      () => expect.fail('was read'),
      (e: Error) => expect(e.message).matches(/did not move/),
    );
    expect(await whyNot('power', hostOf(zone('intel-rapl:0', 'package-0', 50, 10)))).matches(
      /^failed: .*energy of 50 in a range of 10/,
    );
    expect(await whyNot('power', hostOf({ [`${CAP}/intel-rapl/enabled`]: '1\n' }))).matches(/^absent/);
  });
});
