import type { NodePart, NodePorts } from '@csm/feature';
import { type Finding, found, type Host, missing, type Programs, RootTree } from '@csm/host';
import { CsmError, mono, problem, wall } from '@csm/model';
import type { CommandContext, Report } from '@csm/tree';
import { expect } from 'chai';
import { nodePart, type Readers } from '../src/node.ts';
import { part } from './parts.ts';

type Document = { readonly [field: string]: unknown };

/** A tree of which the reads wait for `gate`, and programs that give what `answers` has of them. */
class HeldHost extends RootTree implements Host {
  gate: Promise<void> = Promise.resolve();
  readonly tree = this;
  readonly answers = new Map<string, Finding<string>>();
  readonly programs: Programs = { run: async ([name]) => this.answers.get(name) ?? missing(`${name}: not found`) };

  override async text(path: string): Promise<Finding<string>> {
    await this.gate;
    return found(path);
  }
}

/** A node whose inventory, outbox and clock the test holds in hand. */
class Rig {
  document: Document = { machine_model: 'M', hardware: [] };
  collections = 0;
  glances = 0;
  glance = 'f';
  readonly host = new HeldHost('/nowhere');
  /** What a collection and a glance do with the host they are given. */
  reads: (host: Host) => Promise<unknown> = async () => undefined;
  looks: (host: Host) => Promise<unknown> = async () => undefined;
  /** What a collection waits for. */
  gate: Promise<void> = Promise.resolve();
  refuse: string | undefined;
  readonly offered: Report[] = [];
  readonly warnings: string[] = [];
  ms = 0;
  readonly part: NodePart;

  constructor(config = { interval: 86_400_000, hotplug_interval: 0 }) {
    const readers: Readers = {
      collect: async (host) => {
        this.collections++;
        await this.gate;
        await this.reads(host);
        return this.document;
      },
      hash: (document) => String(document['machine_model']),
      fingerprint: async (host) => {
        this.glances++;
        await this.looks(host);
        return this.glance;
      },
    };
    const note = (text: string) => this.warnings.push(text);
    const ports: NodePorts = {
      self: { role: 'compute', node: 'n1', version: '1' },
      clock: { now: () => ({ mono: mono(this.ms), wall: wall(this.ms) }) },
      log: { error: note, warn: note, info: () => undefined, debug: () => undefined },
      config: { inventory: config },
      host: this.host,
      offer: async (report) => {
        if (this.refuse !== undefined) throw new CsmError(problem(13, this.refuse));
        this.offered.push(report);
      },
      rebalance: () => undefined,
    };
    this.part = nodePart(ports, readers);
  }

  collect(signal: AbortSignal = new AbortController().signal): Promise<unknown> {
    const context: CommandContext = { id: 'x', signal, remaining: () => 1000, room: 10_000 };
    return this.part.commands?.['node.collect']?.({}, context) ?? Promise.reject(new Error('no such command'));
  }
}

const gateOf = (): { readonly promise: Promise<void>; readonly resolve: () => void } => {
  let resolve = () => {};
  const promise = new Promise<void>((opened) => {
    resolve = opened;
  });
  return { promise, resolve: () => resolve() };
};

const until = async (what: () => boolean): Promise<void> => {
  const deadline = performance.now() + 30_000;
  while (!what()) {
    if (performance.now() > deadline) throw new Error(`this did not come true: ${String(what)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
};

describe('the node feature on a node', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.part.stop?.());

  it('reports when a master confirms it, and not again when that one has it', async () => {
    rig.part.confirmed?.(undefined);
    await until(() => rig.offered.length === 1);
    expect(rig.offered[0]).to.deep.include({ kind: 'node.inventory', body: { hash: 'M', document: rig.document } });
    rig.part.confirmed?.('M');
    rig.part.confirmed?.('M');
    expect(rig.offered).to.have.length(1);
  });

  it('answers who asks with what changed, and shares one collection among all', async () => {
    let open = () => {};
    rig.gate = new Promise((resolve) => {
      open = resolve;
    });
    const answers = [rig.collect(), rig.collect(), rig.collect()];
    await until(() => rig.collections === 1);
    open();
    const expected = { code: 0, text: 'changed', body: { changed: true } };
    expect(await Promise.all(answers)).to.deep.equal([expected, expected, expected]);
    expect(rig.collections).to.equal(1);
    expect(rig.offered).to.have.length(1);
  });

  it('reports whenever it is asked, though the hash is the same: wear is not in it', async () => {
    rig.part.confirmed?.('M');
    expect(await rig.collect()).to.deep.equal({ code: 0, text: 'unchanged', body: { changed: false } });
    rig.document = { machine_model: 'M', hardware: [part('ssd', 'nvme0', 'S', { passing: { wear: 3 } })] };
    expect(await rig.collect()).to.deep.include({ text: 'unchanged' });
    expect(rig.offered.map(({ body }) => body)).to.deep.include({ hash: 'M', document: rig.document });
  });

  it('does not wait longer than the command may', async () => {
    let open = () => {};
    rig.gate = new Promise((resolve) => {
      open = resolve;
    });
    const abort = new AbortController();
    const answer = rig.collect(abort.signal).then(
      () => 0,
      (error: CsmError) => error.code,
    );
    abort.abort();
    expect(await answer).to.equal(5);
    const second = rig.collect();
    open();
    expect(await second).to.deep.include({ code: 0 });
  });

  it('tells who asked, and health, that the outbox took nothing, until it does', async () => {
    rig.refuse = 'the outbox is full';
    const failure = await rig.collect().then(
      () => undefined,
      (error: CsmError) => error.problem.detail,
    );
    expect(failure).to.equal('the outbox is full');
    await until(() => rig.warnings.length === 1);
    expect(rig.part.problems?.()).to.deep.equal(['the inventory could not be reported: the outbox is full']);
    rig.refuse = undefined;
    await rig.collect();
    expect(rig.part.problems?.()).to.deep.equal([]);
  });

  it('says in health when a collection does not end', async () => {
    let open = () => {};
    rig.gate = new Promise((resolve) => {
      open = resolve;
    });
    rig.part.confirmed?.(undefined);
    await until(() => rig.collections === 1);
    expect(rig.part.problems?.()).to.deep.equal([]);
    rig.ms = 400_000;
    expect(rig.part.problems?.()).to.deep.equal(['taking the inventory has not ended for 400 s']);
    open();
    await until(() => rig.offered.length === 1);
    expect(rig.part.problems?.()).to.deep.equal([]);
  });

  it('notices hot-plug by itself', async () => {
    await rig.part.stop?.();
    rig = new Rig({ interval: 86_400_000, hotplug_interval: 1 });
    const clock = setInterval(() => {
      rig.ms += 10;
    }, 1);
    try {
      rig.part.confirmed?.(undefined);
      await until(() => rig.offered.length === 1);
      rig.document = { machine_model: 'N', hardware: [] };
      rig.glance = 'g';
      await until(() => rig.offered.length === 2);
      expect(rig.offered[1]?.body).to.deep.include({ hash: 'N' });
      expect(rig.collections).to.equal(2);
    } finally {
      clearInterval(clock);
    }
  });

  it('takes one glance at a time, and says since when one has not ended', async () => {
    await rig.part.stop?.();
    rig = new Rig({ interval: 86_400_000, hotplug_interval: 1 });
    let ticks = 0;
    const clock = setInterval(() => {
      rig.ms += 10;
      ticks++;
    }, 1);
    const gate = gateOf();
    try {
      rig.part.confirmed?.(undefined);
      await until(() => rig.offered.length === 1);
      rig.looks = () => gate.promise;
      const before = rig.glances;
      await until(() => rig.glances > before);
      const then = ticks;
      await until(() => ticks > then + 50);
      expect(rig.glances).to.equal(before + 1);
      clearInterval(clock);
      expect(rig.part.problems?.()).to.deep.equal([]);
      rig.ms += 100_000;
      expect(rig.part.problems?.()[0]).to.match(
        /^the inventory cannot be taken: a glance at the devices has not ended since 1970-01-01T00:00:0\d\.\d+Z$/,
      );
      const refused = await rig.collect().then(
        () => '',
        (error: CsmError) => error.problem.detail,
      );
      expect(refused).to.match(/^a glance at the devices has not ended since 1970-/);
      expect([rig.collections, rig.glances]).to.deep.equal([1, before + 1]);
      gate.resolve();
      rig.looks = async () => undefined;
      await until(() => rig.part.problems?.().every((problem) => !problem.includes('cannot be taken')) === true);
      await rig.collect();
      expect(rig.part.problems?.()).to.deep.equal([]);
    } finally {
      clearInterval(clock);
      gate.resolve();
    }
  });

  it('begins nothing while a read of an earlier collection has not ended, and says so, until it has', async () => {
    const gate = gateOf();
    rig.host.gate = gate.promise;
    let later: Promise<unknown> | undefined;
    // The reader is given up while it waits for its first read; the second then is not begun.
    rig.reads = async ({ tree }) => {
      later = tree.text('/sys/first').then(() => tree.text('/sys/second'));
    };
    try {
      expect(await rig.collect()).to.deep.include({ code: 0 });
      rig.ms = 100_000;
      const words = '/sys/first has not answered since 1970-01-01T00:00:00.000Z';
      expect(rig.part.problems?.()).to.deep.equal([`the inventory cannot be taken: ${words}`]);
      for (let i = 0; i < 3; i++) {
        const refused = await rig.collect().then(
          () => '',
          (error: CsmError) => error.problem.detail,
        );
        expect(refused).to.equal(words);
      }
      expect([rig.collections, rig.glances]).to.deep.equal([1, 1]);
      expect(rig.part.problems?.()).to.deep.equal([`the inventory cannot be taken: ${words}`]);
    } finally {
      gate.resolve();
    }
    expect(await later).to.deep.equal({ reason: '/sys/second was called off' });
    expect(await rig.collect()).to.deep.include({ code: 0 });
    expect(rig.part.problems?.()).to.deep.equal([]);
  });

  it('tells who asked, and health, what went wrong in the last collection, and not what is not there', async () => {
    rig.host.answers.set('nvidia-smi', missing('nvidia-smi did not end within 30000 ms'));
    rig.reads = async ({ programs }) => {
      for (const name of ['nvidia-smi', 'dmidecode']) await programs.run([name]);
    };
    const late = 'the reader of gpus failed: no answer within 90000 ms';
    rig.document = { machine_model: 'M', hardware: [], reasons: { gpu: late, dimm: 'dmidecode: not found' } };
    expect(await rig.collect()).to.deep.equal({
      code: 0,
      text: `changed; nvidia-smi did not end within 30000 ms; ${late}`,
      body: { changed: true },
    });
    expect(rig.part.problems?.()).to.deep.equal([
      'when the inventory was taken, nvidia-smi did not end within 30000 ms',
      `when the inventory was taken, ${late}`,
    ]);
    rig.host.answers.set('nvidia-smi', found('well'));
    rig.document = { machine_model: 'M', hardware: [], reasons: { dimm: 'dmidecode: not found' } };
    expect(await rig.collect()).to.deep.include({ text: 'unchanged' });
    expect(rig.part.problems?.()).to.deep.equal([]);
  });

  it('reports nothing once stopping', async () => {
    let open = () => {};
    rig.gate = new Promise((resolve) => {
      open = resolve;
    });
    rig.part.confirmed?.(undefined);
    await until(() => rig.collections === 1);
    const stopped = rig.part.stop?.();
    open();
    await stopped;
    expect(rig.offered).to.have.length(0);
    expect(rig.warnings).to.deep.equal([]);
    const late = await rig.collect().then(
      () => 0,
      (error: CsmError) => error.code,
    );
    expect(late).to.equal(44);
  });
});
