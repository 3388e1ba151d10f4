import { wall } from '@csm/model';
import { expect } from 'chai';
import { collectInventory, type InventoryDocument, inventoryHash } from '../../src/inventory/index.ts';
import { AARCH64, TORN, TWO_SOCKETS } from './machines.ts';
import { type Files, machine, removeTrees } from './root-tree.ts';

const collect = (files: Files, ms = 0): Promise<InventoryDocument> =>
  collectInventory({ host: machine(files), now: wall(ms) });

describe('inventoryHash', () => {
  after(removeTrees);

  it('is a SHA-256 that stays while the node stays', async () => {
    const first = await collect(TWO_SOCKETS, 1);
    const later = await collect({ ...TWO_SOCKETS, '/proc/uptime': '360000.00 240000.00\n' }, 2);
    expect(later.uptime).not.equals(first.uptime);
    expect(inventoryHash(first))
      .matches(/^[0-9a-f]{64}$/)
      .and.equals(inventoryHash(later));
  });

  it('does not depend on the order of fields nor on the way of the document', async () => {
    for (const files of [TWO_SOCKETS, AARCH64, TORN]) {
      const document = await collect(files);
      const reversed = (value: object) => Object.fromEntries(Object.entries(value).reverse());
      const other = { ...reversed(document), reasons: reversed(document.reasons) } as InventoryDocument;
      expect(inventoryHash(JSON.parse(JSON.stringify(other)))).equals(inventoryHash(document));
    }
  });

  it('changes with every fact and with every reason', async () => {
    const document = await collect(TWO_SOCKETS);
    const hashes = new Set([inventoryHash(document)]);
    const { collection_time: _, uptime: __, reasons: ___, hardware, ...facts } = document;
    for (const field of Object.keys(facts)) hashes.add(inventoryHash({ ...document, [field]: null }));
    hashes.add(inventoryHash({ ...document, reasons: { serial_number: 'permission denied' } }));
    hashes.add(inventoryHash({ ...document, hardware: [] }));
    // Facts that were null already make no difference.
    const known = Object.values(facts).filter((value) => value !== null);
    expect(hashes.size).equals(known.length + 3);
    expect(hardware).length(2);
  });

  it('stays when only what passes changes', async () => {
    const document = await collect(TWO_SOCKETS);
    const [first, ...others] = document.hardware;
    if (first === undefined) expect.fail('the machine has parts');
    const worn = { ...first, passing: { wear_lifespan_used: 3 } };
    expect(inventoryHash({ ...document, hardware: [worn, ...others] })).equals(inventoryHash(document));
    const changed = { ...first, details: { ...first.details, discovered_cores: 1 } };
    expect(inventoryHash({ ...document, hardware: [changed, ...others] })).not.equals(inventoryHash(document));
  });
});
