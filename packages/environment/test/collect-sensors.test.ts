import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { RootTree } from '@csm/host';
import { expect } from 'chai';
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
    const reading = await read(
      'power',
      { tree: new RootTree(root), programs: saying({}) },
      {
        intervalMs: 600_000,
        pause: async () => {
          writeTree({ [`${CAP}/intel-rapl:0/energy_uj`]: '467390\n' }, root);
          return 10;
        },
      },
    );
    expect(reading.counters.size).equals(0);
    expect(reading.gauges.get('package-0.watts')).closeTo(100, 1e-9);
  });

  it('power: a counter that stands still or outside of its range is not believed', async () => {
    const still = hostOf(zone('intel-rapl:0', 'package-0', 5));
    await read('power', still, { intervalMs: 600_000 }).then(
      () => expect.fail('was read'),
      (e: Error) => expect(e.message).matches(/stood still/),
    );
    expect(await whyNot('power', hostOf(zone('intel-rapl:0', 'package-0', 50, 10)))).matches(
      /^failed: .*energy of 50 in a range of 10/,
    );
    expect(await whyNot('power', hostOf({ [`${CAP}/intel-rapl/enabled`]: '1\n' }))).matches(/^absent/);
  });
});
