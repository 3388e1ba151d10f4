/** What must hold in a world: at any moment (`always`), and when every fault is healed and time has passed (`atRest`). */
import { NodeSet } from '@csm/nodeset';
import type { AggregatorProcess } from './aggregator-process.ts';
import type { NodeProcess } from './node-process.ts';
import type { World } from './world.ts';

/** Everything that is wrong, in words. */
export function always(world: World): string[] {
  return [
    ...world.faults,
    ...rows(world),
    ...tellings(world),
    ...executions(world),
    ...commands(world),
    ...credit(world),
    ...tapped(world),
  ];
}

export function atRest(world: World): string[] {
  return [
    ...always(world),
    ...stored(world),
    ...agreement(world),
    ...ends(world),
    ...baseline(world),
    ...credit(world, true),
  ];
}

/** Each report is stored once; numbers run without gaps, and reports of one urgency keep their order. */
function rows(world: World): string[] {
  const wrong: string[] = [];
  const seen = new Set<string>();
  const last = new Map<string, number>();
  const order = new Map<string, number>();
  const urgency = new Map(world.offers.map(({ id, urgency: u }) => [id, u]));
  for (const { daemon, incarnation, number, id } of world.database.rows) {
    if (seen.has(id)) wrong.push(`report ${id} is stored twice`);
    seen.add(id);
    const key = `${daemon} ${incarnation}`;
    if (number !== (last.get(key) ?? 0) + 1) wrong.push(`${key}: ${number} is stored after ${last.get(key) ?? 0}`);
    last.set(key, number);
    const stream = `${key} ${urgency.get(id)}`;
    const made = Number(id.slice(id.lastIndexOf('.') + 1));
    if (made < (order.get(stream) ?? -1)) wrong.push(`${stream}: ${id} is stored after a later one`);
    order.set(stream, made);
  }
  return wrong;
}

/** Each daemon is told up before down, and nothing twice in a row. */
function tellings(world: World): string[] {
  const wrong: string[] = [];
  const counts = new Map<string, number>();
  const legal: Record<string, { from: readonly number[]; to: number }> = {
    up: { from: [0], to: 1 },
    full_redundancy: { from: [1], to: 2 },
    lost_redundancy: { from: [2], to: 1 },
    down: { from: [1, 2], to: 0 },
  };
  for (const { what, daemons } of world.database.tellings) {
    const rule = legal[what];
    if (rule === undefined) continue;
    for (const daemon of daemons) {
      const before = counts.get(daemon) ?? 0;
      if (!rule.from.includes(before)) wrong.push(`${daemon} is told ${what} when it had ${before} links`);
      counts.set(daemon, rule.to);
    }
  }
  return wrong;
}

function executions(world: World): string[] {
  const seen = new Set<string>();
  const wrong: string[] = [];
  for (const { node, id } of world.ledger) {
    if (seen.has(`${node} ${id}`)) wrong.push(`${node} executed command ${id} twice`);
    seen.add(`${node} ${id}`);
  }
  return wrong;
}

/** No node answers a command twice, and an ended one names all. */
function commands(world: World): string[] {
  const wrong: string[] = [];
  for (const { id, nodes, parts, ended } of world.commands.values()) {
    const named = parts.flatMap((part) => NodeSet.parse(part.nodes).names());
    if (new Set(named).size !== named.length) wrong.push(`command ${id} names a node twice: ${named.join()}`);
    if (ended && !NodeSet.of(named).equals(NodeSet.of(nodes)))
      wrong.push(`command ${id} for ${nodes.join()} ended with ${named.join()}`);
  }
  return wrong;
}

/** What a hub may still grant and what its nodes hold is never more than its window; at rest all of it is there. */
export function credit(world: World, rest = false): string[] {
  const wrong: string[] = [];
  const { window } = world.config;
  for (const { alive, node, hub, granted } of world.aggregators.values()) {
    if (!alive || !(hub.leads || rest)) continue;
    const held = [...granted.values()].reduce((sum, bytes) => sum + bytes, 0);
    const all = hub.credit.pool + held;
    if (all > window)
      wrong.push(`hub ${node} has ${hub.credit.pool} bytes in its pool and ${held} granted of ${window}`);
    if (rest && all < window) wrong.push(`hub ${node} leaked ${window - all} bytes of its credit`);
    if (hub.counters.flooded > 0) wrong.push(`hub ${node} was flooded: a node sent more than its credit`);
  }
  if ((world.master?.core.counters.overdrawn ?? 0) > 0) wrong.push('a hub sent more than its credit');
  return wrong;
}

/** With a sink beside each aggregator: what a node no longer holds, some sink has; at rest that is all. */
function tapped(world: World): string[] {
  if (world.config.tap === undefined || world.config.candidates.includes(world.config.master)) return [];
  const cursors = new Map([...world.nodes.values()].map(({ leaf: { outbox } }) => [outbox.incarnation, outbox.cursor]));
  const excused = new Set(world.offers.filter((o) => o.excused).map((o) => o.id));
  return world.database.rows
    .filter(({ id, incarnation, number }) => number <= (cursors.get(incarnation) ?? 0) && !excused.has(id))
    .filter(({ id }) => !world.tapped.has(id))
    .map(({ id }) => `${id} was acknowledged to its node before any sink had it`);
}

function stored(world: World): string[] {
  const ids = new Set(world.database.rows.map((row) => row.id));
  const lost = world.offers.filter((o) => o.accepted && !o.excused && !ids.has(o.id)).map((o) => o.id);
  const wrong = lost.length === 0 ? [] : [`accepted but not stored: ${lost.join(' ')}`];
  for (const [name, { leaf }] of world.nodes) {
    const { bytes, numbered, waiting } = leaf.outbox;
    const left = numbered.size + waiting.urgent.size + waiting.normal.size + waiting.sample.size;
    if (bytes !== 0 || left !== 0) wrong.push(`the outbox of ${name} did not drain: ${left} reports, ${bytes} bytes`);
  }
  return wrong;
}

/** Node, core and hubs say the same of who is whose primary, and everybody has two links and was told so. */
function agreement(world: World): string[] {
  const wrong: string[] = [];
  const counts = new Map<string, number>();
  for (const { what, daemons } of world.database.tellings) {
    const to = { up: 1, full_redundancy: 2, lost_redundancy: 1, down: 0 }[what as string];
    if (to !== undefined) for (const daemon of daemons) counts.set(daemon, to);
  }
  for (const process of world.nodes.values()) {
    const { node, leaf } = process;
    const own = leaf.failover.primary === undefined ? 'none' : (leaf.config.candidates[leaf.failover.primary] ?? '?');
    if (leaf.failover.claim !== 'confirmed') wrong.push(`${node}: its claim at ${own} is ${leaf.failover.claim}`);
    const view = world.master?.core.roster.daemon(`compute/${node}`);
    if (view?.primary !== own) wrong.push(`${node} says its primary is ${own}, the core says ${view?.primary}`);
    if (view?.term !== leaf.failover.term)
      wrong.push(`${node} is at term ${leaf.failover.term}, the core at ${view?.term}`);
    const active = hubs(world).filter(({ hub }) => hub.roster.activeOn(node) !== undefined);
    if (active.length !== 1 || active[0]?.node !== own)
      wrong.push(`${node} is active at ${active.map((a) => a.node).join() || 'no hub'}, its primary is ${own}`);
    const links = view?.links.size ?? 0;
    const told = counts.get(`compute/${node}`) ?? 0;
    if (links !== 2 || view?.told !== links || told !== links)
      wrong.push(`${node} has ${links} links, the core told ${view?.told}, followers heard ${told}`);
    if (links !== linksOf(process)) wrong.push(`${node} has ${linksOf(process)} links up, the core counts ${links}`);
  }
  return wrong;
}

/** Commands and calls are over. */
function ends(world: World): string[] {
  const wrong: string[] = [];
  for (const command of world.commands.values())
    if (!command.ended && !command.abandoned) wrong.push(`command ${command.id} did not end`);
  for (const [id, call] of world.calls) {
    if (call.ends > 1 || (call.ends === 0 && !call.excused)) wrong.push(`call ${id} ended ${call.ends} times`);
  }
  return wrong;
}

/** No machine keeps what is over. */
function baseline(world: World): string[] {
  const wrong: string[] = [];
  const not = (what: string, size: number, most = 0) => {
    if (size > most) wrong.push(`${what} keeps ${size}`);
  };
  for (const { node, hub } of hubs(world)) {
    not(`the commands of hub ${node}`, hub.commands.open);
    not(`the relay of hub ${node}`, hub.relay.open);
    not(`the tap of hub ${node}`, hub.tap?.count ?? 0);
  }
  const core = world.master?.core;
  not('the origin', core?.origin.open ?? 0);
  not('the calls of the core', core?.calls.open ?? 0);
  not('the intake', core?.intake.depth ?? 0);
  for (const { host, leaf, table } of world.nodes.values()) {
    not(`the entry of ${host}`, leaf.entry.open);
    not(`the executor of ${host}`, leaf.executor.running);
    not(`the links of ${host}`, [...table.links()].length, 2);
  }
  return wrong;
}

function hubs(world: World): (AggregatorProcess | NonNullable<World['master']>)[] {
  const all = [...world.aggregators.values()].filter((a) => a.alive);
  return world.master === undefined ? all : [...all, world.master];
}

const linksOf = ({ table }: NodeProcess): number => [...table.links()].filter((link) => link.phase === 'up').length;
