/** Inventory of the fixture machines: documents that were written from what the fixtures follow, not by the readers. */
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Host, missing, type Programs, RootTree, realPrograms, recordedPrograms } from '@csm/host';
import { wall } from '@csm/model';
import { expect } from 'chai';
import type { Part } from '../src/hardware.ts';
import { collectInventory, type InventoryDocument, inventoryHash } from '../src/inventory/index.ts';
import { Cluster } from './cluster.ts';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures', import.meta.url));
const MACHINES = join(FIXTURES, 'machines');
const NAMES = readdirSync(MACHINES).sort();
const NOW = wall(Date.parse('2026-03-10T12:00:00Z'));

/** A document without its time; of each reason only words that must stand in it. */
type Expected = Omit<InventoryDocument, 'collection_time'>;

const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(join(MACHINES, name, 'expected.json'), 'utf8')) as Expected;

const collect = (host: Host): Promise<InventoryDocument> => collectInventory({ host, now: NOW });

const hostOf = (directory: string): Host => ({
  tree: new RootTree(join(directory, 'root')),
  programs: recordedPrograms(join(directory, 'programs')),
});

/** The files of a machine, and programs of which all do the same wrong; each is given up after `timeoutMs`. */
function faulty(machine: string, fault: string, timeoutMs: number): Host {
  const real = realPrograms(join(FIXTURES, 'programs', fault));
  const programs: Programs = { run: (argv, options) => real.run(argv, { ...options, timeoutMs }) };
  return { tree: new RootTree(join(MACHINES, machine, 'root')), programs };
}

function expectDocument(document: InventoryDocument, expected: Expected): void {
  const { reasons, collection_time, ...rest } = document;
  const { reasons: words, ...wanted } = expected;
  expect(collection_time).to.equal(NOW);
  // Part by part, since the whole would be cut in the message.
  expect(rest.hardware.map(placeOf)).to.deep.equal(wanted.hardware.map(placeOf));
  rest.hardware.forEach((part, i) => {
    expect(part, placeOf(part)).to.deep.equal(wanted.hardware[i]);
  });
  expect(rest).to.deep.equal(wanted);
  expect(Object.keys(reasons).sort()).to.deep.equal(Object.keys(words).sort());
  for (const [field, word] of Object.entries(words)) expect(reasons[field], field).to.include(word);
}

const placeOf = ({ kind, location }: Part): string => `${kind} ${location}`;

/** Parts that differ in what is no passing state. */
function changes(before: readonly Part[], after: readonly Part[]): string[] {
  const key = (part: Part): string => JSON.stringify({ ...part, passing: {} });
  const was = new Map(before.map((part) => [placeOf(part), key(part)]));
  const is = new Map(after.map((part) => [placeOf(part), key(part)]));
  return [...new Set([...was.keys(), ...is.keys()])].filter((place) => was.get(place) !== is.get(place));
}

describe('inventory of the fixture machines', () => {
  const made: string[] = [];
  afterEach(() => {
    for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
  });

  /** A copy to be changed; with `stage` `later` the machine ten seconds later. */
  function copyOf(name: string, stage?: 'later'): string {
    const directory = mkdtempSync(join(tmpdir(), 'csm-machine-'));
    made.push(directory);
    for (const from of stage === undefined ? ['.'] : ['.', stage])
      for (const half of ['root', 'programs']) {
        const path = join(MACHINES, name, from, half);
        if (existsSync(path)) cpSync(path, join(directory, half), { recursive: true, verbatimSymlinks: true });
      }
    return directory;
  }

  for (const name of NAMES)
    it(`tells what ${name} is, and why anything of it is not known`, async () => {
      expectDocument(await collect(hostOf(join(MACHINES, name))), expectedOf(name));
    });

  it('takes machines for the same whose counters, links and wear went on', async () => {
    for (const name of NAMES) {
      const before = await collect(hostOf(join(MACHINES, name)));
      const after = await collect(hostOf(copyOf(name, 'later')));
      expect(inventoryHash(after), name).to.equal(inventoryHash(before));
    }
  });

  it('tells the machines apart', async () => {
    const hashes = await Promise.all(
      NAMES.map(async (name) => inventoryHash(await collect(hostOf(join(MACHINES, name))))),
    );
    expect(new Set(hashes).size).to.equal(NAMES.length);
  });

  it('tells a module that was changed, and that two changed places', async () => {
    const name = 'two-socket-x86';
    const before = await collect(hostOf(join(MACHINES, name)));
    const directory = copyOf(name);
    const path = join(directory, 'programs/dmidecode');
    const told = readFileSync(path, 'utf8');
    const serials = before.hardware.filter(({ kind }) => kind === 'dimm').map(({ serial }) => serial ?? '');
    const [first = '', second = ''] = serials;

    writeFileSync(path, told.replace(first, '5EED5EED'));
    const changed = await collect(hostOf(directory));
    expect(changes(before.hardware, changed.hardware)).to.deep.equal(['dimm P1-DIMMA1']);
    expect(inventoryHash(changed)).not.to.equal(inventoryHash(before));

    writeFileSync(path, told.replace(first, '<1>').replace(second, first).replace('<1>', second));
    const swapped = await collect(hostOf(directory));
    expect(changes(before.hardware, swapped.hardware)).to.deep.equal(['dimm P1-DIMMA1', 'dimm P1-DIMMA2']);
    const after = swapped.hardware.filter(({ kind }) => kind === 'dimm').map(({ serial }) => serial ?? '');
    expect(after.toSorted()).to.deep.equal(serials.toSorted());
  });

  it('tells less to an ordinary user, with the reasons, and the same of all that he may read', async () => {
    const name = 'two-socket-x86';
    const directory = copyOf(name);
    const path = join(directory, 'root/sys/devices/virtual/dmi/id/product_serial');
    // Root reads what nobody may: then the file is taken away.
    if (process.getuid?.() === 0) rmSync(path);
    else chmodSync(path, 0);
    rmSync(join(directory, 'programs'), { recursive: true });
    const { hardware, reasons, ...facts } = await collect(hostOf(directory));
    const { hardware: all, reasons: _, ...full } = expectedOf(name);
    expect(facts).to.deep.equal({
      ...full,
      collection_time: NOW,
      serial_number: null,
      bmc_address: null,
      bmc_version: null,
    });
    for (const field of ['serial_number', 'bmc_address', 'bmc_version', 'cpu', 'dimm', 'dimm.serial', 'cpu.serial'])
      expect(reasons[field], field).to.match(/./);
    // What the memory controllers drive, by the labels of their driver.
    const dimms = hardware.filter(({ kind }) => kind === 'dimm');
    expect(dimms).to.have.length(16);
    expect(dimms[0]).to.deep.include({ location: 'CPU_SrcID#0_MC#0_Chan#0_DIMM#0', serial: null, vendor: null });
    expect(new Set(dimms.map(({ details }) => details['size']))).to.deep.equal(new Set([16 * 1024 * 1024]));
    expect(hardware.filter(({ kind }) => kind === 'cpu').map(({ location }) => location)).to.deep.equal([
      'socket 0',
      'socket 1',
    ]);
    const ports = (parts: readonly Part[]) => parts.filter(({ kind }) => kind === 'nic');
    expect(ports(hardware)).to.deep.equal(ports(all));
    // The kernel cuts the model at 16 characters, the firmware at 4: as such they would be another drive's.
    const drive = hardware.find(({ kind }) => kind === 'ssd');
    expect(drive).to.deep.include({
      location: '0000:00:17.0 ata1',
      serial: 'S45PNA0M512345',
      model: null,
      firmware: null,
    });
    expect(drive?.passing).to.include({ kernel_model: 'SAMSUNG MZ7LH480', kernel_firmware: '904Q' });
    expect(reasons['ssd.model']).to.match(/^smartctl: not found; .*'SAMSUNG MZ7LH480'/);
  });

  it('is a document with every field null for an empty directory', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'csm-machine-'));
    made.push(directory);
    const { hardware, reasons, collection_time, ...facts } = await collect(hostOf(directory));
    expect(collection_time).to.equal(NOW);
    expect(hardware).to.deep.equal([]);
    for (const [field, value] of Object.entries(facts)) {
      if (value === null) expect(reasons[field], field).to.match(/./);
      else expect(value, field).to.equal(0);
    }
  });
});

describe('inventory with programs that do wrong', () => {
  const without = (document: InventoryDocument, kinds: readonly string[]) =>
    document.hardware.filter(({ kind }) => !kinds.includes(kind));

  for (const fault of ['hang', 'crash', 'flood'] as const)
    for (const name of ['two-socket-x86', 'four-nvme-two-hca', 'eight-gpu'] as const)
      it(`costs what only the programs know of ${name} when they ${fault}`, async () => {
        const expected = expectedOf(name);
        const document = await collect(faulty(name, fault, 300));
        const { hardware: _, reasons, collection_time: __, ...facts } = document;
        const { hardware: all, reasons: ___, ...full } = expected;
        const dimms = name === 'four-nvme-two-hca' ? null : full.discovered_dimms;
        expect(facts).to.deep.equal({ ...full, bmc_address: null, bmc_version: null, discovered_dimms: dimms });
        expect(reasons['bmc_address']).to.match(/^ipmitool /);
        expect(reasons['cpu.serial']).to.match(/^dmidecode /);
        for (const reason of Object.values(reasons)) expect(reason).to.match(/^\P{Cc}{1,300}$/u);
        const fromFiles = (parts: readonly Part[]) => parts.filter(({ kind }) => kind === 'hca' || kind === 'nic');
        expect(fromFiles(document.hardware)).to.deep.equal(fromFiles(all));
        const places = (parts: readonly Part[]) =>
          parts.filter(({ kind }) => kind === 'gpu' || kind === 'ssd').map(placeOf);
        expect(places(document.hardware)).to.deep.equal(places(all));
      });

  it('believes no nonsense, and loses nothing to it that files tell', async () => {
    for (const name of ['two-socket-x86', 'four-nvme-two-hca', 'eight-gpu']) {
      const document = await collect(faulty(name, 'lie', 5000));
      const places = document.hardware.map(placeOf);
      expect(new Set(places).size, name).to.equal(places.length);
      expect(document.bmc_address).to.equal(null);
      const { discovered_gpus, discovered_hcas, discovered_nics, discovered_ssds } = expectedOf(name);
      expect(document).to.deep.include({ discovered_gpus, discovered_hcas, discovered_nics, discovered_ssds });
      for (const { kind, details, passing } of without(document, ['hca', 'nic'])) {
        const size = kind === 'gpu' ? details['hbm_memory'] : (details['size'] ?? null);
        if (kind === 'gpu') expect(size, kind).to.equal(null);
        // What EDAC tells of modules stands in their place, or nothing.
        if (kind === 'dimm') expect(size).to.be.within(1, 2 ** 40);
        if (kind === 'cpu')
          expect([details['discovered_cores'], details['discovered_threads']]).to.deep.equal([null, null]);
        for (const value of Object.values(passing)) if (typeof value === 'number') expect(value).to.be.within(0, 1e19);
      }
    }
  });

  it('says that the programs contradict the kernel', async () => {
    const sockets = await collect(faulty('two-socket-x86', 'lie', 5000));
    expect(sockets.reasons['dimm']).to.match(/^dmidecode tells a module that cannot be/);
    expect(sockets.reasons['cpu']).to.equal(sockets.reasons['cpu.count']);
    expect(sockets.reasons['cpu.count']).to.be.a('string');
    const gpus = await collect(faulty('eight-gpu', 'lie', 5000));
    expect(gpus.reasons['gpu.count']).to.be.a('string');
  });

  it('believes smartctl of a disk that fails, whose status is not 0', async () => {
    const { hardware } = await collect(faulty('two-socket-x86', 'sick', 5000));
    const drive = (parts: readonly Part[]) => parts.find(({ kind }) => kind === 'ssd');
    expect(drive(hardware)).to.deep.equal(drive(expectedOf('two-socket-x86').hardware));
  });

  it('are neither history nor another profile, whatever they did, once the parts were told in full', async () => {
    const told = (reason: string): Programs => ({ run: async ([name]) => missing(`${name} ${reason}`) });
    for (const name of NAMES) {
      const cluster = await Cluster.open();
      const wellKnown = hostOf(join(MACHINES, name));
      const report = async (host: Host) => {
        const document = await collect(host);
        expect(await cluster.take('n1', inventoryHash(document), document), name).to.equal(0);
        return document.hardware.length;
      };
      const profile = async () => (await cluster.store.query<{ profile: string }>('SELECT profile FROM node'))[0];
      try {
        await report(wellKnown);
        const parts = await cluster.parts();
        const before = await profile();
        const bad = [
          { ...wellKnown, programs: recordedPrograms('/nowhere') },
          { ...wellKnown, programs: told('did not end within 30000 ms') },
          { ...wellKnown, programs: told('ended with 255: Unknown Error') },
          faulty(name, 'crash', 5000),
          ...(name === 'eight-gpu' || name === 'torn' ? [faulty(name, 'hang', 50)] : []),
        ];
        for (const host of bad) {
          await report(host);
          expect(await cluster.history(), name).to.deep.equal([]);
          expect(await profile(), name).to.deep.equal(before);
          expect(await report(wellKnown), name).to.equal(parts.length);
          expect(await cluster.history(), name).to.deep.equal([]);
          expect(await cluster.parts(), name).to.deep.equal(parts);
          expect(await profile(), name).to.deep.equal(before);
        }
      } finally {
        await cluster.store.close();
      }
    }
  });

  it('are no history either when they did wrong from the beginning', async () => {
    for (const name of NAMES) {
      const cluster = await Cluster.open();
      const wellKnown = hostOf(join(MACHINES, name));
      try {
        for (const programs of [recordedPrograms('/nowhere'), wellKnown.programs, recordedPrograms('/nowhere')]) {
          const document = await collect({ ...wellKnown, programs });
          expect(await cluster.take('n1', inventoryHash(document), document), name).to.equal(0);
        }
        expect(await cluster.history(), name).to.deep.equal([]);
      } finally {
        await cluster.store.close();
      }
    }
  });

  it('waits for programs that are slow and right', async () => {
    expectDocument(await collect(faulty('two-socket-x86', 'slow', 10_000)), expectedOf('two-socket-x86'));
  });
});
