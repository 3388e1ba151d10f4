/** Collectors over the fixture machines: values that were written from the documents the fixtures follow, not by them. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Host, RootTree, realPrograms, recordedPrograms } from '@csm/host';
import { expect } from 'chai';
import { Absent, type Before, COLLECTORS, type Context, type Reading, toValues } from '../src/collect/index.ts';
import { ITEMS, type Item, type Values } from '../src/items.ts';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures', import.meta.url));
const MACHINES = join(FIXTURES, 'machines');

/** Between the two readings of a machine. */
const APART_MS = 10_000;

/** What is expected of an item: its values, names of its instances, or why there is nothing, in words of the reason. */
interface Outcome {
  readonly values?: Values;
  readonly absent?: string;
  readonly failed?: string;
}
type Expected = {
  readonly [round in 'first' | 'later']: { readonly [I in Item]: { readonly [name: string]: unknown } };
};

const expectedOf = (machine: string): Expected =>
  JSON.parse(readFileSync(join(MACHINES, machine, 'expected-environment.json'), 'utf8')) as Expected;

const hostOf = (directory: string): Host => ({
  tree: new RootTree(join(directory, 'root')),
  programs: recordedPrograms(join(directory, 'programs')),
});

const context = (signal: AbortSignal = new AbortController().signal, mono = 0): Context => ({
  signal,
  intervalMs: APART_MS,
  pause: async () => undefined,
  now: () => mono,
  learnt: new Set(),
  waitsFor: () => {},
});

/** The reading of one item with its values, or why there is none. */
async function read(
  host: Host,
  item: Item,
  mono: number,
  before?: Before,
  signal?: AbortSignal,
): Promise<Outcome & { readonly reading?: Reading }> {
  try {
    const reading = await COLLECTORS[item](host, context(signal, mono));
    return { reading, values: toValues(reading, mono, before).values };
  } catch (e) {
    const { message } = e as Error;
    return e instanceof Absent ? { absent: message } : { failed: message };
  }
}

/** Differences between what was read and what is expected, a line each. Values hold six significant digits. */
function differences(item: Item, outcome: Outcome, expected: { readonly [name: string]: unknown }): string[] {
  for (const kind of ['absent', 'failed'] as const) {
    const words = expected[kind];
    if (typeof words !== 'string') continue;
    const told = outcome[kind];
    if (told === undefined) return [`${item} should be ${kind} (${words}), it gave ${JSON.stringify(outcome)}`];
    return told.includes(words) ? [] : [`${item} is ${kind} because of '${told}', '${words}' is expected in it`];
  }
  if (outcome.values === undefined) return [`${item} should have values, it gave ${JSON.stringify(outcome)}`];
  if (Array.isArray(expected['instances'])) {
    const instances = [...new Set(Object.keys(outcome.values).map((name) => name.slice(0, name.lastIndexOf('.'))))];
    const wanted = expected['instances'].map(String);
    return String(instances.sort()) === String(wanted.sort()) ? [] : [`${item} tells of ${instances.join(' ')}`];
  }
  const lines: string[] = [];
  for (const name of new Set([...Object.keys(expected), ...Object.keys(outcome.values)])) {
    const want = expected[name];
    const got = outcome.values[name];
    const isSame = typeof want === 'number' && got !== undefined && Math.abs(got - want) <= Math.abs(want) * 1e-5;
    if (!isSame) lines.push(`${item} ${name}: ${String(want)} is expected, ${got} was read`);
  }
  return lines;
}

describe('collectors on the fixture machines', () => {
  const made: string[] = [];
  afterEach(() => {
    for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
  });

  /** The machine ten seconds later: its tree with the files that changed. */
  function laterOf(machine: string): string {
    const directory = mkdtempSync(join(tmpdir(), 'csm-machine-'));
    made.push(directory);
    for (const stage of ['.', 'later'])
      for (const half of ['root', 'programs'].filter((name) => readdirSync(join(machine, stage)).includes(name)))
        cpSync(join(machine, stage, half), join(directory, half), { recursive: true, verbatimSymlinks: true });
    return directory;
  }

  it('has the five machines', () => {
    expect(readdirSync(MACHINES).sort()).to.deep.equal([
      'aarch64',
      'eight-gpu',
      'four-nvme-two-hca',
      'torn',
      'two-socket-x86',
    ]);
  });

  for (const name of readdirSync(MACHINES).sort())
    it(`gives what ${name} tells, and the rates between its two readings`, async () => {
      const machine = join(MACHINES, name);
      const expected = expectedOf(name);
      const first = hostOf(machine);
      const later = hostOf(laterOf(machine));
      const lines: string[] = [];
      for (const item of ITEMS) {
        const one = await read(first, item, 0);
        lines.push(...differences(item, one, expected.first[item]).map((line) => `first: ${line}`));
        const before = one.reading === undefined ? undefined : { counters: one.reading.counters, mono: 0 };
        const two = await read(later, item, APART_MS, before);
        lines.push(...differences(item, two, expected.later[item]).map((line) => `later: ${line}`));
      }
      expect(lines).to.deep.equal([]);
    });

  it('gives no rate when a machine is read backwards, but what its wraps explain', async () => {
    const machine = join(MACHINES, 'two-socket-x86');
    const later = await COLLECTORS.disk(hostOf(laterOf(machine)), context());
    const { values } = await read(hostOf(machine), 'disk', APART_MS, { counters: later.counters, mono: 0 });
    expect(Object.entries(values ?? {}).filter(([instance]) => instance.startsWith('sda.'))).to.deep.equal([]);
  });

  it('gives nothing of a directory that is empty, and says that it is not there', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'csm-machine-'));
    made.push(directory);
    for (const item of ITEMS) expect(await read(hostOf(directory), item, 0), item).to.have.property('absent');
  });
});

describe('collectors with programs that do wrong', () => {
  /** The files of a machine, and programs of which all do the same wrong. */
  const faulty = (machine: string, fault: string): Host => ({
    tree: new RootTree(join(MACHINES, machine, 'root')),
    programs: realPrograms(join(FIXTURES, 'programs', fault)),
  });
  const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);

  for (const [item, machine, faults] of [
    ['gpu', 'eight-gpu', ['hang', 'crash', 'flood']],
    ['ssd', 'two-socket-x86', ['hang', 'crash', 'flood', 'lie']],
    ['ssd', 'four-nvme-two-hca', ['hang', 'crash', 'flood', 'lie']],
  ] as const)
    for (const fault of faults)
      it(`fails ${item} of ${machine} in this round, and nothing else, when its programs ${fault}`, async () => {
        const host = faulty(machine, fault);
        const outcome = await read(host, item, 0, undefined, within(700));
        expect(outcome.failed).to.match(/^\P{Cc}{1,400}$/u);
        const expected = expectedOf(machine);
        expect(differences('memory', await read(host, 'memory', 0), expected.first.memory)).to.deep.equal([]);
      });

  it('believes of a lying nvidia-smi what can be true, and tells what cannot', async () => {
    const { reading, values = {} } = await read(faulty('eight-gpu', 'lie'), 'gpu', 0);
    expect(Object.keys(values).every((name) => name.startsWith('0.'))).to.equal(true);
    expect(values).to.include({ '0.sm_clock_mhz': 210 }).and.not.to.have.property('0.power_watts');
    expect([...(reading?.faults.keys() ?? [])]).to.deep.equal([
      '0.power_watts',
      '0.temperature_celsius',
      '0.memory_temperature_celsius',
      '0.utilization_percent',
      '0.memory_utilization_percent',
      'line 2',
      'line 3',
      'line 4',
    ]);
  });

  it('believes smartctl of a disk that fails, whose status is not 0', async () => {
    const expected = expectedOf('two-socket-x86');
    const outcome = await read(faulty('two-socket-x86', 'sick'), 'ssd', 0);
    expect(differences('ssd', outcome, expected.first.ssd)).to.deep.equal([]);
  });

  it('waits for programs that are slow and right', async () => {
    const [gpu, ssd] = await Promise.all([
      read(faulty('eight-gpu', 'slow'), 'gpu', 0),
      read(faulty('two-socket-x86', 'slow'), 'ssd', 0),
    ]);
    expect(differences('gpu', gpu, expectedOf('eight-gpu').first.gpu)).to.deep.equal([]);
    expect(differences('ssd', ssd, expectedOf('two-socket-x86').first.ssd)).to.deep.equal([]);
  });
});
