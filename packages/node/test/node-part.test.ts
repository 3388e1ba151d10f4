import type { NodePart, NodePorts } from '@csm/feature';
import { realHost } from '@csm/host';
import { CsmError, mono, problem, wall } from '@csm/model';
import type { CommandContext, Report } from '@csm/tree';
import { expect } from 'chai';
import { nodePart, type Readers } from '../src/node.ts';
import { part } from './parts.ts';

type Document = { readonly [field: string]: unknown };

/** A node whose inventory, outbox and clock the test holds in hand. */
class Rig {
  document: Document = { machine_model: 'M', hardware: [] };
  collections = 0;
  glance = 'f';
  /** What a collection waits for. */
  gate: Promise<void> = Promise.resolve();
  refuse: string | undefined;
  readonly offered: Report[] = [];
  readonly warnings: string[] = [];
  ms = 0;
  readonly part: NodePart;

  constructor(config = { interval: 86_400_000, hotplug_interval: 0 }) {
    const readers: Readers = {
      collect: async () => {
        this.collections++;
        await this.gate;
        return this.document;
      },
      hash: (document) => String(document['machine_model']),
      fingerprint: async () => this.glance,
    };
    const note = (text: string) => this.warnings.push(text);
    const ports: NodePorts = {
      self: { role: 'compute', node: 'n1', version: '1' },
      clock: { now: () => ({ mono: mono(this.ms), wall: wall(this.ms) }) },
      log: { error: note, warn: note, info: () => undefined, debug: () => undefined },
      config: { inventory: config },
      host: realHost({ root: '/nowhere' }),
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

const until = async (what: () => boolean): Promise<void> => {
  const deadline = performance.now() + 2000;
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
