import { expect } from 'chai';
import fc from 'fast-check';
import { armName } from '../../src/inventory/arm-names.ts';
import { placeOf } from '../../src/inventory/disks.ts';
import { numbered } from '../../src/inventory/numbered.ts';
import { parseNvidia } from '../../src/inventory/nvidia.ts';
import { pciAddress } from '../../src/inventory/pci.ts';
import { namesIn } from '../../src/inventory/pci-names.ts';
import { isPlaceholder } from '../../src/inventory/placeholder.ts';
import { parseDmidecode } from '../../src/inventory/smbios.ts';
import { distinctNames, smbiosNumber, smbiosSize } from '../../src/inventory/smbios-values.ts';
import { parseVpd } from '../../src/inventory/vpd.ts';
import { wearOfSmartctl, wearOfSmartLog } from '../../src/inventory/wear.ts';

describe('placeholders of firmware', () => {
  for (const text of [
    '',
    ' ',
    '0',
    '00000000',
    '0x0000',
    'FFFFFFFF',
    'xxxxxxxx',
    '........',
    'N/A',
    '[N/A]',
    'Not Specified',
    'NO DIMM',
    'To Be Filled By O.E.M.',
    'QM00001',
    'A1_SerNum0',
    'SerNum3',
    'PartNumber0',
    '123456789',
    '[Empty]',
  ])
    it(`'${text}' tells nothing`, () => expect(isPlaceholder(text)).equals(true));
  for (const text of [
    'S45PNA0M512345',
    '4071A03C',
    '00000001',
    'FACE',
    'F0F0',
    'QM12345',
    'A2',
    '1563321070014',
    'Example',
  ])
    it(`'${text}' tells something`, () => expect(isPlaceholder(text)).equals(false));
});

describe('PCI addresses', () => {
  for (const [text, address] of [
    ['0000:3b:00.0', '0000:3b:00.0'],
    ['00000000:3B:00.0', '0000:3b:00.0'],
    ['3b:00.1', '0000:3b:00.1'],
    ['0001A000:01:00.0', '1a000:01:00.0'],
    ['0000:3b:00.8', undefined],
    ['pci0000:3a', undefined],
    ['', undefined],
  ] as const)
    it(`${text} is ${address}`, () => expect(pciAddress(text)).equals(address));

  it('are found behind disks, with what is between', () => {
    expect(placeOf('../devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda')).equals(
      '0000:00:17.0 ata1',
    );
    expect(
      placeOf(
        '../devices/pci0000:17/0000:17:00.0/0000:18:00.0/host5/port-5:1/end_device-5:1/target5:0:7/5:0:7:0/block/sdh',
      ),
    ).equals('0000:18:00.0 0:7:0');
    expect(placeOf('../devices/pci0000:00/0000:00:02.0/virtio1/block/vda')).equals('0000:00:02.0');
    expect(placeOf('../devices/virtual/block/loop0')).equals(undefined);
  });
});

describe('names of PCI ids', () => {
  const list = Buffer.from(
    '# comment\n\n10de  NVIDIA Corporation\n\t20b2  GA100 [A100 SXM4 80GB]\n\t\t10de 1463  DGX\n\t20b5  GA100\n\n# next\n15b3  Mellanox Technologies\n\t101b  MT28908 Family [ConnectX-6]\n\t20f0  \nffff  Illegal Vendor ID\nC 03  Display controller\n\t00  VGA\n',
  );
  const names = namesIn(list);
  for (const [vendor, device, text] of [
    [0x10de, 0x20b2, 'GA100 [A100 SXM4 80GB]'],
    [0x10de, 0x20b5, 'GA100'],
    [0x15b3, 0x101b, 'MT28908 Family [ConnectX-6]'],
    // The device of another vendor, a subsystem, an empty name, and vendors that are not there.
    [0x10de, 0x101b, '0x10de:0x101b'],
    [0x10de, 0x10de, '0x10de:0x10de'],
    [0x15b3, 0x20f0, '0x15b3:0x20f0'],
    [0x1af4, 0x1000, '0x1af4:0x1000'],
  ] as const)
    it(`${vendor.toString(16)}:${device.toString(16)} is ${text}`, () =>
      expect(names.device(vendor, device)).equals(text));

  it('gives numbers without a list, with a cut one and with any bytes', () => {
    expect(namesIn(Buffer.alloc(0)).vendor(0x10de)).equals('0x10de');
    expect(namesIn(Buffer.from('10de  NVIDIA')).vendor(0x10de)).equals('NVIDIA');
    expect(namesIn(Buffer.from(`10de  ${'x'.repeat(1000)}\n`)).vendor(0x10de)).equals('0x10de');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(namesIn(Buffer.from(bytes)).device(0x10de, 0x20b2)).a('string');
      }),
    );
  });
});

describe('vital product data', () => {
  const large = (tag: number, data: Buffer) =>
    Buffer.concat([Buffer.from([tag, data.length & 255, data.length >> 8]), data]);
  const field = (keyword: string, text: string) =>
    Buffer.concat([Buffer.from(keyword), Buffer.from([text.length]), Buffer.from(text)]);
  const whole = Buffer.concat([
    large(0x82, Buffer.from('ConnectX-6 VPI adapter card')),
    large(
      0x90,
      Buffer.concat([
        field('PN', 'MCX653106A-HDAT '),
        field('EC', 'AC'),
        field('SN', 'MT2112X01234'),
        field('RV', 'x'),
      ]),
    ),
    large(0x91, Buffer.concat([field('YA', 'tag'), field('SN', 'another'), field('RW', '   ')])),
    Buffer.from([0x78]),
  ]);

  it('gives name and fields, of which the first of a name counts', () => {
    expect(parseVpd(whole)).deep.equals({
      name: 'ConnectX-6 VPI adapter card',
      fields: new Map([
        ['PN', 'MCX653106A-HDAT'],
        ['EC', 'AC'],
        ['SN', 'MT2112X01234'],
        ['YA', 'tag'],
      ]),
    });
  });

  it('keeps of a cut one what was whole, at whichever byte it was cut', () => {
    const all = parseVpd(whole).fields;
    for (let end = 0; end < whole.length; end++) {
      const vpd = parseVpd(whole.subarray(0, end));
      if (end > 0) expect(vpd.torn, `at ${end}`).a('string');
      for (const [keyword, text] of vpd.fields) expect(text).equals(all.get(keyword));
    }
  });

  it('reads any bytes without throwing', () => {
    expect(parseVpd(Buffer.alloc(4096, 0xff)).torn).equals('has an unknown tag 0xff');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(parseVpd(Buffer.from(bytes)).fields.size).below(100);
      }),
    );
  });
});

describe('dmidecode', () => {
  const text = `# dmidecode 3.3\nHandle 0x0004, DMI type 4, 48 bytes\nProcessor Information\n\tSocket Designation: CPU 1\n\tFlags:\n\t\tFPU (Floating-point unit on-chip)\n\tVersion: A: B\n\nHandle 0x0005, DMI type 1, 27 bytes\nSystem Information\n\tSerial Number: X\n\nHandle 0x0011, DMI type 17, 84 bytes\nMemory Device\n\tSize: 16 GB\n\tSize: 1 GB\n\tLocator: A1\n\tSerial Number: 5E2B`;

  it('gives processors and memory devices, the first value of each field, without lists and without a cut end', () => {
    expect(parseDmidecode(text).map(({ type, fields }) => [type, Object.fromEntries(fields)])).deep.equals([
      [4, { 'Socket Designation': 'CPU 1', Flags: '', Version: 'A: B' }],
      [17, { Size: '16 GB', Locator: 'A1' }],
    ]);
  });

  it('takes a bounded number of structures, fields and characters', () => {
    const handle = 'Handle 0x0011, DMI type 17, 84 bytes\n';
    expect(parseDmidecode(handle.repeat(10_000))).length(2048);
    const fields = Array.from({ length: 1000 }, (_, i) => `\tF${i}: ${'x'.repeat(10_000)}\n`).join('');
    const [only] = parseDmidecode(handle + fields);
    expect(only?.fields.size).equals(64);
    expect([...(only?.fields.values() ?? [])].every((value) => value.length <= 256)).equals(true);
  });

  const slot = (fields: Record<string, string>) => ({ type: 17, fields: new Map(Object.entries(fields)) });
  for (const [size, kB] of [
    ['16 GB', 16_777_216],
    ['32768 MB', 33_554_432],
    ['512 kB', 512],
    ['1 TB', 1_073_741_824],
  ] as const)
    it(`${size} are ${kB} kB`, () => expect(smbiosSize(slot({ Size: size }), 'Size')).deep.equals({ value: kB }));
  for (const size of ['Unknown', '16', 'GB', '16 EB', '-1 GB', '99999999999 GB'])
    it(`'${size}' is no size`, () => expect(smbiosSize(slot({ Size: size }), 'Size')).property('reason'));
  it('numbers have their unit', () => {
    expect(smbiosNumber(slot({ Speed: '2933 MT/s' }), 'Speed', ' MT/s')).deep.equals({ value: 2933 });
    expect(smbiosNumber(slot({ Speed: '2933 MHz' }), 'Speed', ' MT/s')).property('reason');
    expect(smbiosNumber(slot({}), 'Speed', ' MT/s')).deep.equals({ reason: `dmidecode tells no 'Speed'` });
  });

  it('places get names of their own, the short ones where they suffice', () => {
    expect(
      distinctNames(
        [
          ['A1', 'Bank 0'],
          ['A2', 'Bank 0'],
        ],
        'DIMM',
      ),
    ).deep.equals(['A1', 'A2']);
    expect(
      distinctNames(
        [
          ['DIMM 0', 'P0 A'],
          ['DIMM 0', 'P0 B'],
        ],
        'DIMM',
      ),
    ).deep.equals(['P0 A DIMM 0', 'P0 B DIMM 0']);
    expect(distinctNames([[undefined], ['Unknown'], ['\u0007']], 'DIMM')).deep.equals(['DIMM', 'DIMM #2', 'DIMM #3']);
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'a #2', 'a #3', 'b'), { maxLength: 12 }), (names) => {
        expect(new Set(numbered(names)).size).equals(names.length);
      }),
    );
  });
});

describe('nvidia-smi -q -x', () => {
  const gpu = (id: string, more = '') =>
    `<gpu id="${id}"><product_name>A100</product_name><serial>1</serial>${more}</gpu>`;

  it('takes the identity of each GPU, and nothing of what else is told', () => {
    const xml = `<nvidia_smi_log><driver_version>535.1</driver_version>${gpu('00000000:3B:00.0', '<pci><pci_bus_id>00000000:3B:00.0</pci_bus_id></pci><processes><process_info><serial>9</serial></process_info></processes>')}${gpu('00000000:5E:00.0')}</nvidia_smi_log>`;
    const { gpus, driver, torn } = parseNvidia(xml);
    expect([driver, torn]).deep.equals(['535.1', undefined]);
    expect(gpus.map(({ index, address }) => [index, address])).deep.equals([
      [0, '0000:3b:00.0'],
      [1, '0000:5e:00.0'],
    ]);
    expect([...(gpus[0]?.values.keys() ?? [])]).deep.equals(['product_name', 'serial', 'pci/pci_bus_id']);
  });

  it('keeps of a torn one what was whole', () => {
    const report = parseNvidia(`<nvidia_smi_log>${gpu('00000000:3B:00.0')}<gpu id="00000000:5E:00.0"><serial>15`);
    expect(report.torn).equals('ends in <serial>');
    expect(report.gpus.map(({ values, torn }) => [values.get('serial'), torn])).deep.equals([
      ['1', undefined],
      [undefined, 'ends in <serial>'],
    ]);
  });

  it('takes no more GPUs than a machine can have', () => {
    const report = parseNvidia(`<nvidia_smi_log>${gpu('x').repeat(10_000)}</nvidia_smi_log>`);
    expect(report.gpus).length(256);
    expect(report.torn).equals('tells more than 256 GPUs');
  });
});

describe('wear', () => {
  it('of nvme-cli, in the names and types of its releases', () => {
    const wear = {
      wear_lifespan_used: 4,
      wear_percent_spares_remaining: 100,
      wear_total_bytes_written: 512_000_000,
      wear_total_bytes_read: 1_024_000_000,
    };
    expect(
      wearOfSmartLog({ percent_used: 4, avail_spare: 100, data_units_written: 1000, data_units_read: 2000 }),
    ).deep.equals(wear);
    expect(
      wearOfSmartLog({ percentage_used: 4, available_spare: 100, data_units_written: '1000', data_units_read: '2000' }),
    ).deep.equals(wear);
  });

  it('of smartctl: NVMe, SAS and SATA', () => {
    expect(
      wearOfSmartctl({ nvme_smart_health_information_log: { percentage_used: 1, available_spare: 99 } }),
    ).deep.equals({
      wear_lifespan_used: 1,
      wear_percent_spares_remaining: 99,
    });
    expect(wearOfSmartctl({ scsi_percentage_used_endurance_indicator: 7 })).deep.equals({ wear_lifespan_used: 7 });
    const table = [
      { id: 177, name: 'Wear_Leveling_Count', value: 97, raw: { value: 30 } },
      { id: 241, name: 'Total_LBAs_Written', value: 99, raw: { value: 1000 } },
    ];
    const sata = { logical_block_size: 512, ata_smart_attributes: { table } };
    expect(wearOfSmartctl(sata)).deep.equals({ wear_lifespan_used: 3, wear_total_bytes_written: 512_000 });
    expect(wearOfSmartctl({ ...sata, endurance_used: { current_percent: 5 } })).includes({ wear_lifespan_used: 5 });
  });

  it('of nonsense is none', () => {
    for (const value of [-1, 1000, null, 'x', [], {}, Number.NaN, true])
      expect(wearOfSmartLog({ percent_used: value, avail_spare: value })).deep.equals({});
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const report = {
          ata_smart_attributes: { table: a },
          endurance_used: b,
          nvme_smart_health_information_log: null,
        };
        for (const value of Object.values(wearOfSmartctl(report))) expect(value).at.least(0);
      }),
    );
  });
});

describe('numbers of ARM', () => {
  it('have names where they are known', () => {
    expect(armName('0x41', '0xd0c')).deep.equals({ vendor: 'ARM', model: 'ARM Neoverse-N1' });
    expect(armName('0x41', '0xfff')).deep.equals({ vendor: 'ARM', model: 'ARM part 0xfff' });
    expect(armName('0x99', '0x001').model).equals('implementer 0x99 part 0x001');
    expect(armName('constructor', 'toString').model).equals('implementer constructor part toString');
  });
});
