/**
 * Random histories: offers, commands, calls and every fault the world knows, drawn by fast-check so that a failing one
 * shrinks to a few steps. After the last step all faults heal and the world is given time to come to rest.
 */
import fc from 'fast-check';
import { COPIES_BYTES, COPIES_MAX } from '../../src/tap/tap.ts';
import type { Breakage } from './breakage.ts';
import { always, atRest, credit } from './invariants.ts';
import { World, type WorldConfig } from './world.ts';

/** What may happen, and how often. */
const WEIGHTS = {
  offer: 2,
  stream: 3,
  run: 4,
  rerun: 1,
  call: 2,
  kill: 2,
  start: 3,
  bounce: 3,
  leave: 1,
  stop: 1,
  cont: 2,
  cut: 1,
  join: 1,
  freeze: 1,
  freezeOneWay: 1,
  thaw: 2,
  database: 2,
  rebalance: 1,
} as const;
/** Faults after which not everything can be kept: a diskless node loses its journal, a database is put back. */
export const LOSSES = ['loseJournal', 'loseJournal', 'backup', 'setBack'] as const;
type Op = keyof typeof WEIGHTS | (typeof LOSSES)[number];

const OPS = Object.entries(WEIGHTS).flatMap(([op, weight]) => Array<Op>(weight).fill(op as Op));

export interface Step {
  readonly op: Op;
  readonly x: number;
  readonly y: number;
  /** ms to let pass afterwards. */
  readonly wait: number;
}

export interface Scenario {
  readonly seed: number;
  readonly alternate: boolean;
  readonly narrow: boolean;
  readonly slow: boolean;
  readonly tap: keyof typeof TAPS;
  readonly shape: keyof typeof SHAPES;
  readonly steps: readonly Step[];
}

/** A world whose credit is so small that nodes must beg for it. */
const NARROW: Partial<WorldConfig> = {
  window: 24 * 1024,
  outbox: { bytes: 4_000_000, frameItems: 20, frameBytes: 6000 },
};

/** A network and a database in which everything may be overtaken by anything on another connection. */
const SLOW: Partial<WorldConfig> = {
  network: { latency: [1, 90], dialTimeout: 1000 },
  databaseDelay: [1, 60],
  writeDelay: [0, 400],
};

/** Two aggregators; three, of which a node keeps two; one, with the master itself as the second choice. */
const SHAPES = {
  two: {},
  three: { aggregators: ['A', 'B', 'C'], candidates: ['A', 'B', 'C'] },
  direct: { aggregators: ['A'], candidates: ['A', 'M'] },
} as const satisfies Record<string, Partial<WorldConfig>>;

/** Without sinks; with room for all copies; with so little that their streams go blind. */
const TAPS = {
  none: {},
  wide: { tap: { bytes: COPIES_BYTES, count: COPIES_MAX } },
  tight: { tap: { bytes: 20_000, count: 40 } },
} as const satisfies Record<string, Partial<WorldConfig>>;

const WAITS = [0, 1, 3, 7, 20, 60, 150, 400, 1100, 2500, 4000, 7000];

export function scenarios(more: readonly (typeof LOSSES)[number][] = []): fc.Arbitrary<Scenario> {
  const step = fc.record({
    op: fc.constantFrom<Op[]>(...OPS, ...more),
    x: fc.nat(59),
    y: fc.nat(59),
    wait: fc.constantFrom(...WAITS),
  });
  return fc.record({
    seed: fc.nat(1_000_000),
    alternate: fc.boolean(),
    narrow: fc.boolean(),
    slow: fc.boolean(),
    tap: fc.constantFrom('none', 'wide', 'tight'),
    shape: fc.constantFrom('two', 'two', 'three', 'direct'),
    steps: fc.array(step, { minLength: 5, maxLength: 45, size: 'max' }),
  });
}

/** Plays a scenario; gives everything that was wrong. */
export function play(scenario: Scenario, breakage: Partial<Breakage> = {}): { wrong: string[]; world: World } {
  const { alternate, narrow, slow, shape, tap } = scenario;
  const config = { ...SHAPES[shape], ...TAPS[tap], alternate, ...(narrow ? NARROW : {}), ...(slow ? SLOW : {}) };
  const world = new World(scenario.seed, config, breakage);
  const wrong: string[] = [];
  try {
    world.startAll();
    world.advance(scenario.seed % 3 === 0 ? 30 : 1500);
    for (const step of scenario.steps) {
      world.note(`# ${step.op} ${step.x} ${step.y}, then ${step.wait} ms`);
      apply(world, step);
      pass(world, step.wait);
    }
    wrong.push(...always(world));
    world.note('# heal');
    for (let i = 0; i < 12; i++) {
      world.heal(); // again: a process that was on its way out is started anew
      pass(world, 10_000);
      if (wrong.length === 0 && atRest(world).length === 0) break;
    }
    wrong.push(...atRest(world));
  } catch (error) {
    wrong.push(`thrown: ${error instanceof Error ? `${error.message} ${error.stack}` : String(error)}`);
  }
  return { wrong: [...new Set(wrong)], world };
}

/** A step's own frames, and what beats cost: a cluster of this size sends far less. */
const FRAMES_A_STEP = 400;
const FRAMES_A_MS = 0.1;
const FRAMES_A_REPORT = 8;

/** Time passes; frames that nobody's question explains are a fault. */
function pass(world: World, ms: number): void {
  const before = world.network.frames;
  const offered = world.offers.length;
  world.advance(ms);
  const frames = world.network.frames - before;
  for (const text of credit(world)) world.fault(text);
  if (frames > FRAMES_A_STEP + FRAMES_A_MS * ms + FRAMES_A_REPORT * (world.offers.length - offered))
    world.fault(`${frames} frames in ${ms} ms: somebody talks in circles`);
}

function apply(world: World, { op, x, y }: Step): void {
  const { nodes, aggregators, candidates, master } = world.config;
  const node = nodes[x % nodes.length] ?? '';
  // Nodes, aggregators and the master are struck about equally often.
  const hosts = [...nodes, ...aggregators, ...aggregators, master, master];
  const host = hosts[x % hosts.length] ?? '';
  const pairs = [...nodes.flatMap((n) => candidates.map((hub) => [n, hub])), ...aggregators.map((a) => [a, master])];
  const more = pairs.concat(aggregators.map((a) => [a, master]));
  const [a = '', b = ''] = more[x % more.length] ?? [];
  switch (op) {
    case 'offer':
      for (let i = 0; i <= y % 5; i++)
        world.offer(node, y % 3 === 0 ? 'urgent' : y % 3 === 1 ? 'normal' : 'sample', (x % 6) * (y % 7) * 250);
      return;
    case 'stream':
      world.stream(node, 10 + y, 1 + (x % 40), (['urgent', 'normal', 'sample'] as const)[y % 3] ?? 'normal');
      return;
    case 'run': {
      const asked = nodes.filter((_, i) => ((x % 7) + 1) & (1 << i));
      world.run(world.unique('c'), asked, [300, 2000, 8000, 20_000][y % 4] ?? 1000);
      return;
    }
    case 'rerun':
      world.resume();
      return;
    case 'call':
      world.call(node, world.unique('k'), y % 2 === 0, [500, 5000, 20_000][y % 3] ?? 1000);
      return;
    case 'kill':
      world.kill(host);
      return;
    case 'bounce':
      world.kill(host);
      world.start(host);
      return;
    case 'start': {
      const dead = world.processes().filter((p) => !p.alive);
      const one = dead[x % Math.max(1, dead.length)];
      if (one !== undefined) world.start(one.host, one.node);
      return;
    }
    case 'stop':
      world.process(host)?.stop();
      return;
    case 'cont': {
      const stopped = world.processes().filter((p) => p.stopped);
      stopped[x % Math.max(1, stopped.length)]?.cont();
      return;
    }
    case 'leave':
      world.leave(hosts[x % hosts.length] ?? '');
      return;
    case 'cut':
      world.network.cut(a, b);
      return;
    case 'join':
      for (const [c = '', d = ''] of pairs) if (y % 2 === 0 || c === a) world.network.join(c, d);
      return;
    case 'freeze':
      world.network.freeze(a, b);
      world.network.freeze(b, a);
      return;
    case 'freezeOneWay':
      if (y % 2 === 0) world.network.freeze(a, b);
      else world.network.freeze(b, a);
      return;
    case 'thaw':
      for (const [c = '', d = ''] of pairs) {
        if (y % 2 === 1 && c !== a) continue;
        world.network.thaw(c, d);
        world.network.thaw(d, c);
      }
      return;
    case 'database':
      world.database.health = (['ok', 'ok', 'failing', 'lying'] as const)[y % 4] ?? 'ok';
      return;
    case 'rebalance':
      world.nodes.get(node)?.rebalance(500);
      return;
    case 'loseJournal':
      world.loseJournal(node);
      if (y % 2 === 0) world.start(node);
      return;
    case 'backup':
      world.backup();
      return;
    case 'setBack':
      world.setBack();
      return;
    default:
      op satisfies never;
  }
}

export const story = (world: World): string => world.lines.slice(-400).join('\n');
