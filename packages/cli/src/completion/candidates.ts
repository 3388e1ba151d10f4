/**
 * `csm __complete KIND WORD`: what a word that is being written may become, a line each. It is asked at every Tab: it
 * loads little, waits for a daemon for a second at most, and says nothing where something is wrong.
 */
import { ALL, compareNames, NodeSet } from '@csm/nodeset';
import { readCommon } from '../common.ts';
import type { Source } from '../groups/source.ts';
import { Sources } from '../groups/sources.ts';
import { type Io, write } from '../io.ts';
import { Session } from '../session.ts';

export const KINDS = ['node', 'nodeset', 'group', 'source', 'aggregator'] as const;
export type Kind = (typeof KINDS)[number];

const WAIT_SECONDS = 1;
/** Words offered; more help nobody. */
const OFFERED_MAX = 500;

const isKind = (word: string): word is Kind => KINDS.some((kind) => kind === word);

/** Writes them, a line each; never rejects. */
export async function complete([kind = '', word = '']: readonly string[], io: Io): Promise<void> {
  const found = await candidates(kind, word, io);
  await write(io.stdout, found.map((one) => `${one}\n`).join('')).catch(() => undefined);
}

/** The words; none for a kind that there is not. */
export async function candidates(kind: string, word: string, io: Io): Promise<readonly string[]> {
  if (!isKind(kind)) return [];
  const session = new Session(io, readCommon({ timeout: String(WAIT_SECONDS) }));
  try {
    const found = await wordsOf(kind, word, session);
    return found.slice(0, OFFERED_MAX);
  } catch {
    return [];
  } finally {
    session.close();
  }
}

async function wordsOf(kind: Kind, word: string, session: Session): Promise<readonly string[]> {
  switch (kind) {
    case 'node':
      return nodes(session, word);
    case 'aggregator':
      return aggregators(session, word);
    case 'source':
      return new Sources(session)
        .all()
        .map(({ name }) => name)
        .filter((name) => name.startsWith(word));
    case 'group':
      return groups(session, word);
    case 'nodeset':
      return nodeset(session, word);
    default:
      return kind satisfies never;
  }
}

/** Only what stands behind the last operator is being written. */
async function nodeset(session: Session, word: string): Promise<readonly string[]> {
  const start = lastOperand(word);
  const [before, operand] = [word.slice(0, start), word.slice(start)];
  const found = operand.startsWith('@') ? await groups(session, operand) : await nodes(session, operand);
  return found.map((one) => before + one);
}

/** Where the last operand begins; commas in brackets divide nothing. */
export function lastOperand(text: string): number {
  let start = 0;
  let isOpen = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === '[') isOpen = true;
    else if (c === ']') isOpen = false;
    else if (!isOpen && /[\s,!&^]/.test(c)) start = i + 1;
  }
  return start;
}

/** Also those on a machine that has a compute daemon too: the role of that node is `compute`. */
async function aggregators(session: Session, word: string): Promise<readonly string[]> {
  const found = await session.client.call('aggregator.list', {});
  return found
    .map(({ node }) => node)
    .filter((name) => name.startsWith(word))
    .sort(compareNames);
}

/** All nodes fold to a short text: asking for the groups of roles is asking for their names and nothing else. */
async function nodes(session: Session, word: string): Promise<readonly string[]> {
  const found = await session.client.call('node.group', { source: 'role' });
  return found
    .flatMap((group) => NodeSet.parse(group.nodes, { maxText: Number.MAX_SAFE_INTEGER }).names())
    .filter((name) => name.startsWith(word))
    .sort(compareNames);
}

/** `@`: groups without a source, and the sources; `@source:`: the groups of it. */
async function groups(session: Session, word: string): Promise<readonly string[]> {
  const sources = new Sources(session);
  const [, source, name = ''] = /^@([^:]*):(.*)$/.exec(word) ?? [];
  if (source !== undefined) {
    const known = await listOf(sources.source(source));
    return known.filter((group) => group.startsWith(name)).map((group) => `@${source}:${group}`);
  }
  const plain = (await Promise.all(sources.defaults().map(listOf))).flat();
  const all = [...new Set([...plain.toSorted(compareNames), ...sources.all().map((one) => `${one.name}:`)])];
  return all.map((group) => `@${group}`).filter((group) => group.startsWith(word));
}

const listOf = async (source: Source): Promise<readonly string[]> =>
  ((await source.list().catch(() => [])) ?? []).filter((group) => group !== ALL).toSorted(compareNames);
