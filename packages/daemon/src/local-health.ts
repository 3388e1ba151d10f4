/** What a daemon knows about itself: the last part of `health`, and all of it while no master is reachable. */
import type { CallAnswer } from '@csm/api';
import { type CsmError, code, JsonFlow, type JsonObject } from '@csm/model';
import { type LeafShell, type MasterState, waitingCount } from '@csm/tree';
import { type Standby, wordsOf } from './standby.ts';

export interface LocalFacts {
  readonly daemon: string;
  readonly leaf: LeafShell;
  /** Peers this daemon refused. */
  refused(): number;
  /** Of a master that stands by. */
  standby?(): Standby | undefined;
  /** Of an aggregator, which links to masters where others have candidates. */
  masters?(): readonly MasterState[] | undefined;
  /** What the features' parts of this daemon say is wrong. */
  readonly problems: () => readonly string[];
  /** What those that keep counters say, by name of the feature. */
  readonly features: () => JsonObject;
}

function local(facts: LocalFacts): JsonObject {
  const { daemon, leaf } = facts;
  const { failover, outbox } = leaf.leaf;
  const { counters } = outbox;
  const nameOf = (i: number | undefined): string | null => (i === undefined ? null : (leaf.hubName(i) ?? null));
  const secondary = failover.candidates.findIndex((c, i) => i !== failover.primary && c.phase === 'up');
  return {
    daemon,
    standby: standbyRow(facts.standby?.()),
    primary: nameOf(failover.primary),
    secondary: secondary < 0 ? null : nameOf(secondary),
    candidates:
      facts.masters?.()?.map(({ name, state, reason }) => ({ name, state, reason: reason ?? null })) ??
      candidates(leaf, !daemon.startsWith('compute/')),
    outbox: {
      bytes: outbox.bytes,
      waiting: waitingCount(outbox),
      unacknowledged: outbox.numbered.size,
      dropped: counters.dropped,
      refused: counters.refused,
    },
    journal: leaf.journalFault ?? 'ok',
    refused: facts.refused(),
    features: facts.features(),
  };
}

function standbyRow(standby: Standby | undefined): JsonObject | null {
  if (standby === undefined) return null;
  const { why, leader } = standby;
  const { master = null, term = null, since } = leader ?? {};
  return { why, leader: master, term, since: since === undefined ? null : new Date(since).toISOString() };
}

/** `masters`: they are masters, of which one leads; else aggregators, each of which may reach it. */
function candidates({ leaf: { failover } }: LeafShell, masters: boolean): JsonObject[] {
  return failover.candidates.map(({ name, phase, draining, leader, refused, reason }) => {
    let state = refused ? 'refused' : 'not linked';
    if (phase === 'dialing') state = 'dialling';
    if (phase === 'up')
      state = draining ? 'closing' : leader ? 'linked' : masters ? 'standby' : 'linked, reaches no master';
    return { name, state, reason: reason ?? null };
  });
}

/** Throws where it breaks off. */
async function read(flow: JsonFlow): Promise<unknown> {
  const parts: Uint8Array[] = [];
  for await (const part of flow.parts) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}

/** Faults that mean that no master could be asked. */
const UNREACHABLE: readonly number[] = [code.BAD_ADDRESS, code.COMMUNICATION, code.TIMEOUT];

/** Adds the local part to the master's answer; makes an answer of it alone where the master could not be asked. */
export function withLocalHealth(facts: LocalFacts) {
  return async (call: string, answer: CallAnswer, fault?: CsmError): Promise<JsonObject | undefined> => {
    if (call !== 'health') return undefined;
    const mine = local(facts);
    if (fault === undefined) {
      // That of a large cluster is long, and comes as its text.
      const whole = (answer instanceof JsonFlow ? await read(answer) : answer) as JsonObject;
      // The master has it from this daemon, maybe some seconds ago.
      const others = (whole['problems'] as readonly string[]).filter((words) => !words.startsWith(`${facts.daemon}: `));
      const problems = [...others, ...named(facts)];
      return { ...whole, degraded: problems.length > 0, problems, local: mine };
    }
    if (!UNREACHABLE.includes(fault.code)) return undefined;
    const standby = facts.standby?.();
    const candidates = (mine['candidates'] as readonly { name: string; state: string; reason: string | null }[]).map(
      ({ name, state, reason }) => `${name}: ${state}${reason === null ? '' : ` (${reason})`}`,
    );
    return {
      degraded: true,
      problems: [
        ...(standby === undefined ? [] : [`${facts.daemon} stands by: ${wordsOf(standby)}`]),
        `no master is reachable from ${facts.daemon}; ${candidates.join('; ') || 'net.master names none'}`,
        ...named(facts),
      ],
      warnings: [],
      master: {
        node: null,
        reachable: false,
        version: null,
        since: null,
        term: null,
        engine: null,
        settling: false,
        database: null,
        reports: { queued: 0, committed: 0, stale: 0, rejected: 0 },
        store: null,
        self: null,
      },
      aggregators: [],
      masters: [],
      utilities: [],
      computes: { known: 0, redundant: 0, single: 0, lost: 0, versions: [] },
      certificates: [],
      clocks: [],
      drops: [],
      refused: [],
      local: mine,
    };
  };
}

/** What is wrong with this daemon itself, a sentence each. */
export function localProblems({ leaf, problems }: Pick<LocalFacts, 'leaf' | 'problems'>): string[] {
  const journal = leaf.journalFault === undefined ? [] : [`the journal cannot be written: ${leaf.journalFault}`];
  return [...journal, ...problems()];
}

const named = (facts: LocalFacts): string[] => localProblems(facts).map((problem) => `${facts.daemon}: ${problem}`);
