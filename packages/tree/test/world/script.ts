/**
 * Transcripts: commands to a world, and everything it then says. A block is a few command lines, `----`, and the output
 * up to an empty line. Lines that begin with `#` are for the reader.
 */
import { NodeSet } from '@csm/nodeset';
import type { Health } from './database.ts';
import { always, atRest } from './invariants.ts';
import { show } from './show.ts';
import { World, type WorldConfig } from './world.ts';

/** In transcripts every latency is the same, so that times can be read. */
const CALM: Partial<WorldConfig> = {
  network: { latency: [2, 2], dialTimeout: 1000 },
  writeDelay: [1, 1],
  databaseDelay: [3, 3],
  runTime: [300, 300],
  clockSkew: 0,
};

export interface Block {
  readonly comment: string;
  readonly commands: readonly string[];
  readonly expected: string;
}

export function parse(text: string): Block[] {
  const blocks: Block[] = [];
  let comment: string[] = [];
  let commands: string[] = [];
  let expected: string[] | undefined;
  const end = () => {
    if (expected !== undefined) blocks.push({ comment: comment.join('\n'), commands, expected: expected.join('\n') });
    else if (commands.length > 0) throw new Error(`'${commands[0]}' has no ---- behind it`);
    if (expected !== undefined) [comment, commands, expected] = [[], [], undefined];
  };
  for (const line of text.split('\n')) {
    if (line.trim() === '') end();
    else if (expected !== undefined) expected.push(line);
    else if (line === '----') expected = [];
    else (line.startsWith('#') ? comment : commands).push(line);
  }
  end();
  return blocks;
}

export function print(blocks: readonly Block[]): string {
  const one = ({ comment, commands, expected }: Block) =>
    [...(comment === '' ? [] : [comment]), ...commands, '----', ...(expected === '' ? [] : [expected])].join('\n');
  return `${blocks.map(one).join('\n\n')}\n`;
}

/** Plays a transcript; gives it with the output that the world really had. */
export function perform(blocks: readonly Block[]): Block[] {
  let world = new World(1, CALM);
  let read = 0;
  return blocks.map((block) => {
    const said: string[] = [];
    for (const line of block.commands) {
      const [verb = '', ...rest] = line.split(/\s+/);
      if (verb === 'world') {
        world = new World(1, { ...CALM, ...settings(rest) });
        read = 0;
      } else said.push(...command(world, verb, rest));
      said.push(...world.lines.slice(read));
      read = world.lines.length;
    }
    return { ...block, expected: said.join('\n') };
  });
}

function settings(words: readonly string[]): Partial<WorldConfig> {
  const out: Record<string, unknown> = {};
  for (const word of words) {
    const [key = '', value = ''] = word.split('=');
    if (key === 'nodes' || key === 'aggregators' || key === 'candidates') out[key] = NodeSet.parse(value).names();
    else if (key === 'alternate') out[key] = value === 'yes';
    else if (key === 'run') out['runTime'] = [span(value), span(value)];
    else out[key] = Number(value);
  }
  return out;
}

function span(text: string): number {
  const m = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  if (m === null) throw new Error(`'${text}' is no span such as 200ms, 5s or 2m`);
  return Number(m[1]) * ({ ms: 1, s: 1000, m: 60_000 }[m[2] ?? ''] ?? 1);
}

/** Does something to every host of some node sets. */
function each(words: readonly string[], act: (host: string) => void): void {
  for (const host of names(words)) act(host);
}

const names = (words: readonly string[]): string[] => words.flatMap((word) => NodeSet.parse(word).names());

type Deed = (world: World, rest: readonly string[]) => void;

const DEEDS: Readonly<Record<string, Deed>> = {
  start: (world, rest) => each(rest, (host) => world.start(host)),
  /** Another daemon under a node's name, on another host. */
  twin: (world, [host = '', node = '']) => world.start(host, node),
  kill: (world, rest) => each(rest, (host) => world.kill(host)),
  leave: (world, rest) => each(rest, (host) => world.leave(host)),
  lose: (world, rest) => each(rest, (host) => world.loseJournal(host)),
  stop: (world, rest) => each(rest, (host) => world.process(host)?.stop()),
  cont: (world, rest) => each(rest, (host) => world.process(host)?.cont()),
  cut: (world, [a = '', b = '']) => each([a], (host) => world.network.cut(host, b)),
  join: (world, [a = '', b = '']) => each([a], (host) => world.network.join(host, b)),
  freeze: (world, [a = '', b = '']) =>
    each([a], (host) => {
      world.network.freeze(host, b);
      world.network.freeze(b, host);
    }),
  /** What the first sends does not arrive at the second. */
  mute: (world, [a = '', b = '']) => world.network.freeze(a, b),
  thaw: (world, [a = '', b = '']) =>
    each([a], (host) => {
      world.network.thaw(host, b);
      world.network.thaw(b, host);
    }),
  offer: (world, [nodes = '', count = '1', urgency = 'normal', bytes = '0']) => {
    for (const node of names([nodes]))
      for (let i = 0; i < Number(count); i++)
        world.offer(node, urgency === 'urgent' || urgency === 'sample' ? urgency : 'normal', Number(bytes));
  },
  run: (world, [id = '', nodes = '', within = '5s']) => world.run(id, names([nodes]), span(within)),
  resume: (world) => world.resume(),
  call: (world, [node = '', id = '', within = '5s']) => world.call(node, id, true, span(within)),
  rebalance: (world, [nodes = '', spread = '1s']) =>
    each([nodes], (node) => world.nodes.get(node)?.rebalance(span(spread))),
  database: (world, [health = 'ok']) => {
    world.database.health = health as Health;
  },
  backup: (world) => world.backup(),
  setback: (world) => world.setBack(),
  advance: (world, [time = '']) => world.advance(span(time)),
};

const QUESTIONS: Readonly<Record<string, (world: World, rest: readonly string[]) => readonly string[]>> = {
  show: (world, [what = '', who = '']) => show(world, what, who),
  /** What is wrong at this moment. */
  check: (world) => verdict(always(world)),
  /** What is wrong, now that all should be well again. */
  rest: (world) => verdict(atRest(world)),
};

const verdict = (wrong: readonly string[]): readonly string[] => (wrong.length === 0 ? ['all is well'] : wrong);

function command(world: World, verb: string, rest: readonly string[]): readonly string[] {
  const question = QUESTIONS[verb];
  if (question !== undefined) return question(world, rest);
  const deed = DEEDS[verb];
  const all = [...Object.keys(DEEDS), ...Object.keys(QUESTIONS)].join(', ');
  if (deed === undefined) throw new Error(`'${verb}' is no command of a transcript: ${all}`);
  deed(world, rest);
  return [];
}
