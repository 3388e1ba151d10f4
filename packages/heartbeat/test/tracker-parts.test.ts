/** The collections the tracker stands on, each against the same promise without any cleverness. */
import { compareNames } from '@csm/nodeset';
import { expect } from 'chai';
import fc from 'fast-check';
import { Arrivals } from '../src/tracker/arrivals.ts';
import { ChangeQueue, type Draft } from '../src/tracker/change-queue.ts';
import { DeadlineHeap } from '../src/tracker/deadline-heap.ts';
import { isIn, type Place, Places } from '../src/tracker/places.ts';
import { Registry } from '../src/tracker/registry.ts';
import { Roll } from '../src/tracker/roll.ts';
import { fit, meaningOf, short, TEXT_MAX } from '../src/tracker/status.ts';

describe('the heap of deadlines', () => {
  const SLOTS = 40;
  const slot = fc.nat(SLOTS - 1);
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('set' as const), slot, at: fc.nat(50) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove' as const), slot }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('never' as const), slot }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('refill' as const), odd: fc.nat(6) }) },
  );

  it('has the nearest on top whatever was done to it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new DeadlineHeap(4);
        heap.grow(16);
        heap.grow(SLOTS);
        let model = new Map<number, number>();
        for (const todo of steps) {
          switch (todo.kind) {
            case 'set':
              heap.set(todo.slot, todo.at);
              model.set(todo.slot, todo.at);
              break;
            case 'remove':
              heap.remove(todo.slot);
              model.delete(todo.slot);
              break;
            case 'never':
              heap.set(todo.slot, Number.POSITIVE_INFINITY);
              model.delete(todo.slot);
              break;
            case 'refill': {
              const at = (s: number) => (s % 3 === 0 ? Number.POSITIVE_INFINITY : (s * todo.odd) % 17);
              heap.refill(SLOTS, at);
              model = new Map(
                Array.from({ length: SLOTS }, (_, s) => [s, at(s)] as const).filter(([, a]) => Number.isFinite(a)),
              );
              break;
            }
            default:
              todo satisfies never;
          }
          expect(heap.size).equals(model.size);
          expect(heap.topAt()).equals(Math.min(...model.values()));
          if (model.size > 0) expect(model.get(heap.top())).equals(heap.topAt());
        }
        const order: number[] = [];
        while (heap.size > 0) {
          order.push(heap.topAt());
          heap.remove(heap.top());
        }
        expect(order).deep.equals([...model.values()].sort((a, b) => a - b));
        expect(heap.top()).equals(-1);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('arrivals', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('note' as const), slot: fc.nat(15) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), slot: fc.nat(15) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('take' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('grow' as const) }) },
  );

  it('come out once each, whoever waited longest first, and not at all when forgotten', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let capacity = 16;
        const arrivals = new Arrivals(capacity);
        // As the ring has them: a slot that is forgotten keeps its place for the next one.
        const model: { slot: number; isDirty: boolean }[] = [];
        const take = () => {
          for (let first = model.shift(); first !== undefined; first = model.shift())
            if (first.isDirty) return first.slot;
          return -1;
        };
        for (const todo of steps) {
          if (todo.kind === 'grow') {
            capacity += 16;
            arrivals.grow(capacity);
          } else if (todo.kind === 'take') expect(arrivals.take()).equals(take());
          else {
            const found = model.find(({ slot }) => slot === todo.slot);
            if (todo.kind === 'forget') {
              arrivals.forget(todo.slot);
              if (found !== undefined) found.isDirty = false;
            } else {
              arrivals.note(todo.slot);
              if (found === undefined) model.push({ slot: todo.slot, isDirty: true });
              else found.isDirty = true;
            }
          }
          expect(arrivals.size).equals(model.length);
        }
        while (model.length > 0) expect(arrivals.take()).equals(take());
        expect(arrivals.take()).equals(-1);
      }),
    );
  });
});

describe('the roll', () => {
  it('is in order of the names, and goes on behind any of them', () => {
    const name = fc.tuple(fc.nat(40), fc.nat(40)).map(([a, b]) => `x${a}c${b}`);
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 60 }),
        fc.array(name, { maxLength: 20 }),
        name,
        (added, removed, after) => {
          const roll = new Roll<{ readonly name: string }>();
          const items = new Map([...new Set(added)].map((each) => [each, { name: each }]));
          for (const item of items.values()) roll.add(item);
          for (const each of removed) {
            const item = items.get(each);
            if (item !== undefined) roll.remove(item);
            items.delete(each);
          }
          const sorted = [...items.keys()].sort(compareNames);
          expect([...roll.behind(undefined)].map((one) => one.name)).deep.equals(sorted);
          const behind = sorted.filter((each) => compareNames(each, after) > 0);
          expect([...roll.behind(after)].map((one) => one.name)).deep.equals(behind);
        },
      ),
    );
  });

  it('stays in order when leaves are split and emptied', () => {
    const roll = new Roll<{ readonly name: string }>();
    const COUNT = 5000;
    // Each once, in an order that is none: 1237 has no factor in common with 5000.
    const items = Array.from({ length: COUNT }, (_, i) => ({ name: `x${(i * 1237) % COUNT}` }));
    for (const item of items) roll.add(item);
    const inOrder = Array.from({ length: COUNT }, (_, i) => `x${i}`);
    expect([...roll.behind(undefined)].map((one) => one.name)).deep.equals(inOrder);
    expect([...roll.behind('x4990')].map((one) => one.name)).deep.equals(inOrder.slice(4991));
    for (const item of items) if (Number(item.name.slice(1)) % 1000 !== 7) roll.remove(item);
    expect([...roll.behind('x7')].map((one) => one.name)).deep.equals(['x1007', 'x2007', 'x3007', 'x4007']);
    for (const item of items) roll.remove(item);
    expect([...roll.behind(undefined)]).deep.equals([]);
    roll.add({ name: 'x1' });
    expect([...roll.behind('x0')].map((one) => one.name)).deep.equals(['x1']);
  });
});

describe('the tree of places', () => {
  it('has those that have components, and counts in each what is below', () => {
    const places = new Places();
    const { root } = places;
    const shape = (at: Place): string =>
      `${at.name} ${at.members}/${at.watched}${at.below.size === 0 ? '' : ` (${[...at.below].map(shape).join(', ')})`}`;
    const node = places.enter('x3c0s0b0n0');
    places.watch(node, 1);
    expect(places.enter('x3c0s1b0n0')).equals(node);
    const pdu = places.enter('x3m0');
    places.watch(pdu, 1);
    const login = places.enter('login1');
    expect(login).equals(root);
    expect(shape(root)).equals('all 4/2 (x3 3/2 (x3c0 2/1))');
    expect(isIn(node, pdu) && isIn(node, root)).equals(true);
    expect(isIn(pdu, node)).equals(false);
    places.watch(node, -1);
    places.leave(node);
    places.leave(pdu);
    expect(shape(root)).equals('all 2/1 (x3 1/1 (x3c0 1/0))');
    places.leave(node);
    expect(shape(root)).equals('all 1/1');
    expect(places.enter('x3c0s0b0n0'), 'a new place, of which nothing is known').not.equals(node);
  });
});

describe('the registry', () => {
  it('forgets the places of those it removes', () => {
    const registry = new Registry();
    const limits = { warnMs: 1000, errMs: 2000 };
    const first = registry.add('x3c0s0b0n0', 'beat', limits);
    registry.turn(first, 'beating');
    expect(registry.places.root.watched).equals(1);
    registry.turn(first, 'dead');
    expect(registry.places.root.watched).equals(1);
    registry.turn(first, 'off');
    expect(registry.places.root.watched).equals(0);
    registry.remove(first);
    expect(registry.places.root.below.size).equals(0);
    expect(registry.add('x1', 'beat', limits).slot, 'slots are used again').equals(0);
    expect(registry.slots).equals(1);
    expect(registry.at(0)?.name).equals('x1');
  });
});

describe('the queue of changes', () => {
  const change = (name: string): Draft => ({
    name,
    kind: 'started',
    source: 'beat',
    at: 0 as Draft['at'],
    lastBeat: null,
    timestamp: '',
    status: '',
    gap: false,
    incident: null,
  });

  it('knows by its number what nobody has taken', () => {
    const queue = new ChangeQueue();
    expect([0, 1, 2].map((i) => queue.push(change(`x${i}`)))).deep.equals([0, 1, 2]);
    expect(queue.take(1).map(({ name }) => name)).deep.equals(['x0']);
    expect(queue.waiting(0)).equals(undefined);
    expect(queue.waiting(1)?.name).equals('x1');
    expect(queue.push(change('x3'))).equals(3);
    expect(queue.take(100).map(({ name }) => name)).deep.equals(['x1', 'x2', 'x3']);
    expect(queue.waiting(3)).equals(undefined);
    expect(queue.push(change('x4'))).equals(4);
    expect(queue.size).equals(1);
    expect(queue.take(0)).deep.equals([]);
    expect(queue.waiting(4)?.name).equals('x4');
  });
});

describe('what a Status means', () => {
  const MEANINGS: Readonly<Record<string, string>> = {
    OK: 'alive',
    '': 'alive',
    'Kernel Oops': 'oops',
    ' kernel oops: at 0xdead ': 'oops',
    'KERNEL OOPS': 'oops',
    'no Kernel Oops': 'alive',
    'Going Away': 'leaving',
    '\thalting\n': 'leaving',
    'halting soon': 'alive',
    halted: 'alive',
  };
  for (const [status, meaning] of Object.entries(MEANINGS)) {
    it(`${JSON.stringify(status)}: ${meaning}`, () => expect(meaningOf(status)).equals(meaning));
  }

  it('text is kept so far and no further', () => {
    expect(short('x'.repeat(TEXT_MAX))).equals('x'.repeat(TEXT_MAX));
    expect(short('x'.repeat(TEXT_MAX + 1))).equals('x'.repeat(TEXT_MAX));
    expect(meaningOf(`kernel oops${'!'.repeat(100_000)}`)).equals('oops');
  });

  it('text that some database would refuse is made fit', () => {
    expect(fit('a\0b')).equals('a\uFFFDb');
    expect(fit('a\uD800b\uDC00')).equals('a\uFFFDb\uFFFD');
    expect(fit('pair \u{1F600} stays')).equals('pair \u{1F600} stays');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const once = fit(text);
        expect(Buffer.from(once, 'utf8').toString('utf8')).equals(once);
        expect(once).not.contains('\0');
      }),
    );
  });
});
