import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { wall } from '@csm/model';
import { expect } from 'chai';
import { collectInventory, type InventoryDocument } from '../../src/inventory/index.ts';

/** What each field must be of when it is not null. */
const TYPES: { readonly [field in Exclude<keyof InventoryDocument, 'reasons'>]: 'number' | 'string' } = {
  collection_time: 'number',
  machine_model: 'string',
  serial_number: 'string',
  installed_memory: 'number',
  installed_swap: 'number',
  discovered_sockets: 'number',
  discovered_cores: 'number',
  discovered_threads: 'number',
  os_image_name: 'string',
  kernel_release: 'string',
  kernel_version: 'string',
  boot_id: 'string',
  architecture: 'string',
  uptime: 'number',
};

describe('inventory of this machine', () => {
  const now = wall(Date.now());
  let document: InventoryDocument;

  before(async () => {
    document = await collectInventory({ now });
  });

  it('has every field, or null and the reason', () => {
    const { reasons, ...fields } = document;
    expect(Object.keys(fields).sort()).deep.equals(Object.keys(TYPES).sort());
    for (const [field, type] of Object.entries(TYPES)) {
      const value = fields[field as keyof typeof TYPES];
      if (value === null) expect(reasons[field], field).matches(/^\/(proc|sys|etc)\/\S+ /);
      else expect(value, field).a(type);
      expect(value === null, field).equals(field in reasons);
    }
    expect(document.collection_time).equals(now);
  });

  it('agrees with the operating system', () => {
    expect(document.installed_memory).equals(os.totalmem() / 1024);
    expect(document.kernel_release).equals(os.release());
    expect(document.kernel_version).equals(os.version());
    expect(document.architecture).equals(os.machine());
    expect(document.uptime).closeTo(os.uptime(), 10);
    expect(document.boot_id).equals(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  });

  it('agrees with /proc/swaps', () => {
    // Its pages are counted without the header page of each area, as SwapTotal does.
    const lines = readFileSync('/proc/swaps', 'utf8').trim().split('\n').slice(1);
    expect(document.installed_swap).equals(lines.reduce((sum, line) => sum + Number(line.split(/\s+/)[2]), 0));
  });

  it('agrees with the shell on os-release', () => {
    const name = execFileSync('sh', ['-c', '. /etc/os-release; printf %s "$PRETTY_NAME"'], { encoding: 'utf8' });
    expect(document.os_image_name).equals(name);
  });

  it('agrees with lscpu', function () {
    const table = lscpu();
    if (table === undefined) {
      if (process.env['CSM_TEST_REQUIRE'] === 'all') expect.fail('lscpu is missing (apt-get install util-linux)');
      console.log('skipped: needs lscpu (apt-get install util-linux)');
      return this.skip();
    }
    expect(document.discovered_threads).equals(table.length);
    expect(document.discovered_cores).equals(new Set(table.map(([, core, socket]) => `${socket} ${core}`)).size);
    expect(document.discovered_sockets).equals(new Set(table.map(([, , socket]) => socket)).size);
  });
});

/** A row for each online CPU: CPU, core, socket. Undefined where there is no lscpu. */
function lscpu(): string[][] | undefined {
  try {
    const text = execFileSync('lscpu', ['-p=CPU,CORE,SOCKET'], { encoding: 'utf8' });
    const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return rows.map((line) => line.split(','));
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw e;
  }
}
