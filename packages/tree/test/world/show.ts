/** What a transcript can ask to see. */
import { EPOCH } from './process.ts';
import type { World } from './world.ts';

export function show(world: World, what: string, who: string): string[] {
  switch (what) {
    case 'roster':
      return roster(world);
    case 'links':
      return links(world, who);
    case 'db':
      return [...world.database.cursors].map(([stream, cursor]) => {
        const rows = world.database.rows.filter((row) => `${row.daemon} ${row.incarnation}` === stream);
        return `${stream}: cursor ${cursor}, ${rows.length} rows`;
      });
    case 'outbox':
      return outbox(world, who);
    case 'executed':
      return world.ledger.map(({ node, id }) => `${node} executed ${id}`);
    case 'calls':
      return [...world.calls].map(
        ([id, { ends, problem }]) =>
          `${id}: ended ${ends} times${problem === undefined ? '' : `, ${problem.code} ${problem.detail}`}`,
      );
    case 'credit':
      return [...world.aggregators.values()].map(
        ({ node, hub, granted }) =>
          `${node}: pool ${hub.credit.pool}, granted ${[...granted.values()].reduce((a, b) => a + b, 0)} of ${world.config.window}`,
      );
    default:
      throw new Error(`'${what}' is nothing that can be shown`);
  }
}

/** As the core sees it. */
function roster(world: World): string[] {
  const core = world.master?.core.roster;
  if (core === undefined) return ['no master'];
  const hubs = [...core.hubs()].map(({ hub, link, refs, bounced, reason }) =>
    link === undefined ? `hub ${hub}: lost (${reason})` : `hub ${hub}: ${refs.size} links, bounced ${bounced}`,
  );
  const daemons = [...core.daemons()]
    .sort((a, b) => (a.daemon < b.daemon ? -1 : 1))
    .map(({ daemon, primary, term, links: there, told, limboUntil, lastSeen }) => {
      const at = [...there.keys()].sort().join(' ') || 'none';
      const seen = there.size > 0 ? '' : `, last seen ${((lastSeen - EPOCH) / 1000).toFixed(3)}`;
      return `${daemon}: primary ${primary ?? 'none'}, term ${term}, links ${at}, told ${told}${seen}${limboUntil === undefined ? '' : ', in limbo'}`;
    });
  return [...(core.settling ? ['settling'] : []), ...hubs, ...daemons];
}

/** As the node sees it. */
function links(world: World, host: string): string[] {
  const failover = world.nodes.get(host)?.leaf.failover;
  if (failover === undefined) return ['no such node'];
  const { candidates, primary, claim, term } = failover;
  return [
    `${host}: term ${term}, claim ${claim}`,
    ...candidates.map(({ name, phase, leader, reason, draining }, i) => {
      const role = i === primary ? 'primary' : 'secondary';
      const about = phase === 'up' ? `${role}, ${leader ? 'reaches' : 'does not reach'} the leader` : (reason ?? '');
      return `  ${name}: ${phase}, ${about}${draining ? ', closing' : ''}`;
    }),
  ];
}

function outbox(world: World, host: string): string[] {
  const box = world.nodes.get(host)?.leaf.outbox;
  if (box === undefined) return ['no such node'];
  const { incarnation, cursor, numbered, waiting, credit } = box;
  const unsent = waiting.urgent.size + waiting.normal.size + waiting.sample.size;
  return [`${host} ${incarnation}: cursor ${cursor}, ${numbered.size} numbered, ${unsent} waiting, credit ${credit}`];
}
