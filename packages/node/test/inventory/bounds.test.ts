/** What the master would refuse never leaves the node, whatever the machine has or claims. */
import type { Programs } from '@csm/host';
import { type Json, wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { PART_KINDS, type Part } from '../../src/hardware.ts';
import { bounded } from '../../src/inventory/bounds.ts';
import { collectInventory, type InventoryDocument } from '../../src/inventory/index.ts';
import { readParts } from '../../src/parts/read.ts';
import { part } from '../parts.ts';
import { NO_DEVICES } from './machines.ts';
import { type Files, machine, removeTrees, told } from './root-tree.ts';

const now = wall(0);
const collect = (files: Files, programs: Programs = told({})) =>
  collectInventory({ host: machine({ ...NO_DEVICES, ...files }, programs), now });
const onWire = (document: InventoryDocument): InventoryDocument =>
  JSON.parse(JSON.stringify(document)) as InventoryDocument;

/** The document as it stands, with only these parts. */
const documentOf = (hardware: readonly Part[], reasons: InventoryDocument['reasons'] = {}): InventoryDocument =>
  ({ collection_time: now, numa: null, hardware, reasons }) as unknown as InventoryDocument;

const hca = (n: number): Files => {
  const dir = `/sys/class/infiniband/mlx5_${n}`;
  return {
    [`${dir}/sys_image_guid`]: '0c42:a103:0065:1234\n',
    [`${dir}/node_guid`]: '0c42:a103:0065:1234\n',
    [`${dir}/device/vendor`]: '0x15b3\n',
    [`${dir}/device/device`]: '0x101e\n',
    [`${dir}/ports/1/state`]: '4: ACTIVE\n',
    [`${dir}/ports/1/rate`]: '200 Gb/sec (4X HDR)\n',
    [`${dir}/ports/1/link_layer`]: 'InfiniBand\n',
  };
};

describe('the bounds of a document', () => {
  afterEach(removeTrees);

  it('cost an adapter of 256 functions the list of its ports, and nothing else', async () => {
    for (const functions of [2, 96, 128, 256]) {
      const files = Object.assign({}, ...Array.from({ length: functions }, (_, n) => hca(n))) as Files;
      const document = onWire(await collect(files));
      const [card] = readParts(document)?.parts ?? [];
      expect(card?.details, String(functions)).includes({ guid: '0c42:a103:0065:1234', functions });
      const lost = Object.keys(document.reasons).includes('hca.ports');
      expect(lost, String(functions)).equals(functions >= 128);
      if (lost)
        expect(document.reasons['hca.ports']).matches(/^mlx5_0: (?:details|passing) has \d+ characters; at most/);
    }
  });

  it('cost a part its place when that cannot be told, and its kind is not whole then', async () => {
    const port = (name: string): Files => ({
      [`/sys/class/net/${name}/address`]: '02:00:00:00:00:01\n',
      [`/sys/class/net/${name}/device/uevent`]: '',
      [`/sys/class/net/${name}/type`]: '1\n',
    });
    const document = onWire(await collect({ ...port('e\u001b[2J'), ...port('eth0') }));
    expect(document.hardware.filter(({ kind }) => kind === 'nic').map(({ location }) => location)).deep.equals([
      'eth0',
    ]);
    expect(document.discovered_nics).equals(2);
    expect(document.reasons['nic']).matches(/^left out, since location is "e\\u001b\[2J"; printable text/);
    for (const reason of Object.values(document.reasons)) expect(reason).matches(/^\P{Cc}*$/u);
    expect(readParts(document)?.unread).includes('nic');
  });

  it('take off the largest details first, and tell of a refused part beside what was known of its kind', () => {
    const details = { guid: 'g', list: 'x'.repeat(9000), more: 'y'.repeat(100) };
    const { hardware, reasons } = bounded(
      documentOf([part('hca', 'a', 'S', { details }), part('hca', '', 'T')], { hca: 'the directory was torn' }),
    );
    expect(hardware).length(1);
    expect(hardware[0]?.details).deep.equals({ guid: 'g', more: 'y'.repeat(100) });
    expect(reasons['hca.list']).matches(/^a: details has \d+ characters; at most 8192 are allowed$/);
    expect(reasons['hca']).matches(/^the directory was torn; left out, since location is ""/);
  });

  it('are those of the master for whatever parts there are', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 250, maxLength: 9000 }));
    const fields = fc.oneof(
      fc.dictionary(text, fc.jsonValue() as fc.Arbitrary<Json>),
      fc.nat(9000).map((n): { [name: string]: Json } => ({ list: 'x'.repeat(n), guid: 'g' })),
      fc.nat(100).map((n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, i]))),
    );
    const field = fc.option(text);
    const anyPart: fc.Arbitrary<Part> = fc.record({
      kind: fc.constantFrom(...PART_KINDS),
      location: text,
      serial: field,
      vendor: field,
      model: field,
      part_number: field,
      firmware: field,
      details: fields,
      passing: fields,
    });
    const places = fc.uniqueArray(anyPart, { selector: ({ kind, location }) => `${kind} ${location}`, maxLength: 8 });
    fc.assert(
      fc.property(places, fc.dictionary(text, text), (hardware, reasons) => {
        const document = onWire(bounded(documentOf(hardware, reasons)));
        const read = readParts(document);
        expect(read?.parts.length).equals(document.hardware.length);
        const kinds = new Set(document.hardware.map(({ kind }) => kind));
        const left = hardware.filter(
          (p) => !document.hardware.some((q) => q.kind === p.kind && q.location === p.location),
        );
        for (const { kind } of left) expect(read?.unread.has(kind), `${kind} of ${[...kinds].join()}`).equals(true);
      }),
      { numRuns: 200 },
    );
  });

  it('hold for whatever stands in the files of a machine, and whatever its programs write', async () => {
    const content = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom(
        '0\n',
        '1\n',
        '-1\n',
        '0x10de\n',
        '0x1002\n',
        '0x030200\n',
        '0x020700\n',
        '3\n',
        'x'.repeat(9000),
      ),
      fc.constantFrom('0000:3b:00.0\n', '0c42:a103:0065:1234\n', '3c:ec:ef:00:00:01\n', 'A\u001b[2J\n', '\u0000\n'),
    );
    // One name of a file has neither / nor NUL in it, and at most 255 bytes.
    const name = fc.oneof(
      fc.constantFrom(
        'eth0',
        'e\u001b[2J',
        'nvme0',
        'nvme1',
        'mlx5_0',
        'sda',
        'mc0',
        '0000:3b:00.0',
        'n\u00fc'.repeat(60),
      ),
      fc.string({ minLength: 1, maxLength: 60, unit: 'binary' }).map((s) => s.replace(/[/\0.]/g, '_')),
    );
    const file = fc.constantFrom(
      'address',
      'addr_assign_type',
      'dev_port',
      'type',
      'serial',
      'model',
      'firmware_rev',
      'sys_image_guid',
      'node_guid',
      'fw_ver',
      'hw_rev',
      'board_id',
      'class',
      'vendor',
      'device/vendor',
      'device/model',
      'device/rev',
      'device/vpd_pg80',
      'queue/rotational',
      'size',
      'ports/1/state',
      'ports/1/rate',
      'dimm0/size',
      'transport',
      'dimm0/dimm_label',
      'product_name',
      'serial_number',
      'device/uevent',
      'mem_info_vram_total',
      'device/vpd',
    );
    const directory = fc.constantFrom(
      '/sys/class/net',
      '/sys/class/nvme',
      '/sys/class/infiniband',
      '/sys/block',
      '/sys/bus/pci/devices',
      '/sys/devices/system/edac/mc',
    );
    const files = fc.array(fc.tuple(directory, name, fc.array(fc.tuple(file, content), { maxLength: 8 })), {
      maxLength: 6,
    });
    const dmi = fc
      .array(fc.tuple(fc.constantFrom('Locator', 'Size', 'Serial Number', 'Part Number', 'Bank Locator'), content))
      .map(
        (lines) =>
          `Handle 0x0011, DMI type 17, 84 bytes\nMemory Device\n${lines.map(([k, v]) => `\t${k}: ${v}\n`).join('')}`,
      );
    const xml = content.map(
      (text) =>
        `<nvidia_smi_log><gpu id="00000000:3B:00.0"><product_name>${text}</product_name><serial>${text}</serial></gpu>`,
    );
    await fc.assert(
      fc.asyncProperty(files, dmi, xml, content, async (trees, dmidecode, smi, other) => {
        const written: { [path: string]: string } = {};
        for (const [where, device, inside] of trees)
          for (const [path, text] of [['device/uevent', ''], ...inside] as const) {
            const at = `${where}/${device}/${path}`;
            // A file where another needs a directory cannot be written.
            const clash = Object.keys(written).some((p) => p.startsWith(`${at}/`) || at.startsWith(`${p}/`));
            if (!clash) written[at] = text;
          }
        const programs: Programs = {
          run: async ([program]) => ({
            value: program === 'dmidecode' ? dmidecode : program === 'nvidia-smi' ? smi : other,
          }),
        };
        const document = onWire(await collect(written, programs));
        expect(readParts(document)?.parts.length).equals(document.hardware.length);
        removeTrees();
      }),
      { numRuns: 60 },
    );
  });
});
