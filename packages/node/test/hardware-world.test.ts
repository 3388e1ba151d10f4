import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@csm/store';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Part } from '../src/hardware.ts';
import { Cluster } from './cluster.ts';
import { part } from './parts.ts';

const NODES = ['n1', 'n2', 'n3'] as const;
const SLOTS = ['A1', 'A2'] as const;
type Place = `${(typeof NODES)[number]} ${(typeof SLOTS)[number]}`;

/** What really sits where. */
class World {
  readonly places = new Map<Place, string | undefined>();

  constructor() {
    let serial = 1;
    for (const node of NODES) for (const slot of SLOTS) this.places.set(`${node} ${slot}`, `S${serial++}`);
  }

  swap(x: Place, y: Place): void {
    const [inX, inY] = [this.places.get(x), this.places.get(y)];
    this.places.set(x, inY);
    this.places.set(y, inX);
  }

  /** Parts of a node as it reads them now. */
  of(node: string): Part[] {
    return SLOTS.flatMap((slot) => {
      const serial = this.places.get(`${node} ${slot}` as Place);
      return serial === undefined ? [] : [part('dimm', slot, serial)];
    });
  }

  list(): string[] {
    return NODES.flatMap((node) => this.of(node).map(({ location, serial }) => `${node}: dimm ${location} ${serial}`));
  }
}

const place = fc.tuple(fc.constantFrom(...NODES), fc.constantFrom(...SLOTS)).map(([n, s]) => `${n} ${s}` as Place);
const order = fc.shuffledSubarray([...NODES], { minLength: NODES.length, maxLength: NODES.length });

describe('parts of a world in which they are exchanged', () => {
  it('give two rows for each exchange between nodes when all report after it, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(place, place, order), { maxLength: 6 }), async (exchanges) => {
        const cluster = await Cluster.open();
        try {
          const world = new World();
          for (const node of NODES) await cluster.report(node, world.of(node));
          let rows = 0;
          for (const [x, y, reports] of exchanges) {
            world.swap(x, y);
            for (const node of reports) await cluster.report(node, world.of(node));
            if (x !== y) rows += 2;
            const history = await cluster.history();
            expect(history).to.have.length(rows);
            expect(await cluster.parts()).to.deep.equal(world.list());
          }
        } finally {
          await cluster.store.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are known as they are once all have reported, whatever was taken out, put in and reported before', async () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant('swap' as const), x: place, y: place }),
      fc.record({ kind: fc.constant('take' as const), x: place }),
      fc.record({ kind: fc.constant('report' as const), node: fc.constantFrom(...NODES) }),
      fc.record({ kind: fc.constant('old' as const), node: fc.constantFrom(...NODES) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
        const cluster = await Cluster.open();
        try {
          const world = new World();
          for (const node of NODES) await cluster.report(node, world.of(node));
          const before = new Map<string, Part[]>();
          for (const a of acts) {
            for (const node of NODES) before.set(node, world.of(node));
            if (a.kind === 'swap') world.swap(a.x, a.y);
            else if (a.kind === 'take') world.places.set(a.x, undefined);
            else if (a.kind === 'report') await cluster.report(a.node, world.of(a.node));
            else await cluster.report(a.node, before.get(a.node) ?? []);
          }
          for (const node of NODES) await cluster.report(node, world.of(node));
          for (const node of NODES) await cluster.report(node, world.of(node));
          expect(await cluster.parts()).to.deep.equal(world.list());
          const rows = await cluster.history();
          for (const node of NODES) await cluster.report(node, world.of(node));
          expect(await cluster.history()).to.deep.equal(rows);
        } finally {
          await cluster.store.close();
        }
      }),
      { numRuns: 80 },
    );
  });

  it('make a bounded number of rows when nodes hold the same serials, however often they report', async () => {
    const clone = fc.tuple(fc.constantFrom(...NODES), fc.subarray(['X', 'Y', 'Z']));
    await fc.assert(
      fc.asyncProperty(fc.tuple(clone, clone, clone), order, async (has, reports) => {
        const cluster = await Cluster.open();
        try {
          const of = (node: string): Part[] =>
            has.flatMap(([at, serials], i) => (at === node ? serials.map((s) => part('ssd', `${i}${s}`, s)) : []));
          for (const node of reports) await cluster.report(node, of(node));
          for (const node of reports) await cluster.report(node, of(node));
          const rows = await cluster.history();
          expect(rows.length).to.be.at.most(3);
          for (let i = 0; i < 3; i++) for (const node of reports) await cluster.report(node, of(node));
          expect(await cluster.history()).to.deep.equal(rows);
          expect(await cluster.parts()).to.have.length(NODES.reduce((sum, node) => sum + of(node).length, 0));
        } finally {
          await cluster.store.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('parts that a poor source tells now and then', () => {
  const model = fc.constantFrom(null, 'M1', 'M2');
  const details = fc.dictionary(
    fc.constantFrom('size', 'type', 'constructor', '__proto__'),
    fc.constantFrom(1, 2, null),
  );
  const placed = (serial: fc.Arbitrary<string | null>) =>
    fc.uniqueArray(
      fc
        .record({ slot: fc.constantFrom('A1', 'A2', 'mc0', 'mc1'), serial, model, firmware: model, details })
        .map(({ slot, serial: s, ...more }) => part('dimm', slot, s, more)),
      { selector: ({ location }) => location, maxLength: 4 },
    );
  const full = placed(fc.constantFrom('S1', 'S2', 'S3', null));
  const poor = placed(fc.constant(null));

  it('leave no trace once they are told in full again, whatever it told', async () => {
    await fc.assert(
      fc.asyncProperty(full, fc.array(poor, { maxLength: 4 }), async (parts, tellings) => {
        const cluster = await Cluster.open();
        const state = async () => ({
          parts: (await cluster.hardware()).map((p) => ({ ...p, passing: {} })),
          profile: await cluster.store.query('SELECT profile FROM node'),
        });
        try {
          await cluster.report('n1', parts);
          const before = await state();
          for (const told of tellings) {
            await cluster.report('n1', told, { reasons: { dimm: 'its program did not end' } });
            expect(await state()).to.deep.equal(before);
          }
          await cluster.report('n1', parts);
          expect(await cluster.history()).to.deep.equal([]);
          expect(await state()).to.deep.equal(before);
        } finally {
          await cluster.store.close();
        }
      }),
      { numRuns: 100 },
    );
  });

  it('make no history before they are told in full for the first time, nor then', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(poor, { maxLength: 4 }), full, async (tellings, parts) => {
        const cluster = await Cluster.open();
        try {
          for (const told of tellings) await cluster.report('n1', told, { reasons: { dimm: 'not permitted' } });
          for (let i = 0; i < 2; i++) await cluster.report('n1', parts);
          expect(await cluster.history()).to.deep.equal([]);
          const list = parts.map(({ location, serial }) => `n1: dimm ${location} ${serial ?? '-'}`);
          expect((await cluster.parts()).sort()).to.deep.equal(list.sort());
        } finally {
          await cluster.store.close();
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('parts exchanged while the master restarts', () => {
  it('give two rows all the same', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'csm-hardware-'));
    const modules = [new URL('../src/store/index.js', import.meta.url).href];
    const open = () => openStore({ file: join(directory, 'csm.db'), modules });
    try {
      const [x, y] = [part('gpu', 'g0', 'X'), part('gpu', 'g0', 'Y')];
      let cluster = new Cluster(await open());
      const restart = async (): Promise<void> => {
        const { cursors } = cluster;
        await cluster.store.close();
        cluster = new Cluster(await open(), cursors);
      };
      await cluster.report('n1', [x]);
      await cluster.report('n2', [y]);
      await cluster.report('n1', []);
      await restart();
      await cluster.report('n2', [x]);
      await restart();
      await cluster.report('n1', [y]);
      await restart();
      await cluster.report('n2', [x]);
      expect((await cluster.history()).sort()).to.deep.equal(['moved X n1/g0>n2/g0', 'moved Y n2/g0>n1/g0']);
      await cluster.store.close();
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
