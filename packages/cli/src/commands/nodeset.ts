/** `csm nodeset …`: node sets and groups for scripts, without any call unless a group needs the master. */
import { CsmError, code, fail, type Json } from '@csm/model';
import { compareNames, groupText, NODESET_NAMES_MAX, NodeSet, parseWithGroups } from '@csm/nodeset';
import type { Argument, CommandSpec, Given } from '../command.ts';
import { flag, text } from '../given.ts';
import type { Source } from '../groups/source.ts';
import { Sources } from '../groups/sources.ts';
import { answerText } from '../print/answer.ts';
import { type Column, table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { fromSystem } from '../system-error.ts';
import { printable } from '../text.ts';

const EXPRESSION: Argument = {
  name: 'expression',
  required: false,
  many: true,
  values: 'nodeset',
  help: "node sets, each joined with those before it; names and node sets of stdin when left out or '-'",
};

/** Characters of stdin, and of what is made of it. */
const TEXT_MAX = NODESET_NAMES_MAX * 65;

async function nodesOf(session: Session, given: Given): Promise<NodeSet> {
  const written = given.arguments['expression'];
  const expression = written === undefined || written === '-' ? await readAll(session) : written;
  return parseWithGroups(expression, new Sources(session), { maxText: TEXT_MAX });
}

async function readAll(session: Session): Promise<string> {
  if (session.io.canAsk === true)
    fail(code.MISSING_PARAMETER, "the argument 'expression' is missing", {
      field: 'expression',
      allowed: 'node sets, or names by a pipe',
    });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of session.io.stdin) {
    const bytes = Buffer.from(chunk as Buffer);
    size += bytes.length;
    if (size > TEXT_MAX)
      fail(code.INVALID_PARAMETER, 'stdin is too long', { field: 'expression', allowed: `at most ${TEXT_MAX} bytes` });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString();
}

const show = async (session: Session, answer: unknown, words: string): Promise<number> => {
  await session.print(answerText(session, answer as Json, () => words, 'record'));
  return 0;
};

export const nodesetExpand: CommandSpec = {
  path: ['nodeset', 'expand'],
  arguments: [EXPRESSION],
  options: [{ flags: '-S, --separator <text>', help: "what stands between names; default a line break; '\\n' is one" }],
  summary: 'Writes a node set out as names',
  purpose: `Names in natural order, each once. The same node sets and groups are taken as everywhere; no daemon is asked, unless a group
is one that the master computes, such as \`@state:IN_SERVICE\`.`,
  examples: [
    { title: 'For a loop', line: "csm nodeset expand 'n[1-3],login1'" },
    { title: 'With commas', line: "csm nodeset expand -S , 'n[1-9]!n[4-6]'" },
  ],
  codes: [code.INVALID_PARAMETER, code.SCRIPT_FAILURE],
  run: async (session, given) => {
    const nodes = await nodesOf(session, given);
    const separator = (text(given, 'separator') ?? '\n').replaceAll('\\n', '\n').replaceAll('\\t', '\t');
    const names = nodes.names();
    if (session.format === 'table') {
      await session.print(names.length === 0 ? '' : `${names.join(separator)}\n`);
      return 0;
    }
    const rows = session.format === 'csv' ? names.map((node) => ({ node })) : names;
    await session.print(answerText(session, rows, () => '', 'records'));
    return 0;
  },
};

export const nodesetFold: CommandSpec = {
  path: ['nodeset', 'fold'],
  arguments: [EXPRESSION],
  options: [],
  summary: 'Folds names to a node set',
  purpose: `The shortest way to write the nodes down; nothing is printed for no node. Equal sets give equal text, so that two can be
compared. Names may come from any program by a pipe, with blanks or line breaks between.`,
  examples: [
    { title: 'Names', line: 'csm nodeset fold n3 n1 n2 login1' },
    { title: 'What is in one of both', line: "csm nodeset fold 'n[1-6]^n[4-9]'" },
  ],
  codes: [code.INVALID_PARAMETER, code.SCRIPT_FAILURE],
  run: async (session, given) => {
    const nodes = await nodesOf(session, given);
    const folded = nodes.toString();
    return show(session, { nodes: folded, count: nodes.size }, folded === '' ? '' : `${folded}\n`);
  },
};

export const nodesetCount: CommandSpec = {
  path: ['nodeset', 'count'],
  arguments: [EXPRESSION],
  options: [],
  summary: 'Counts the nodes of a node set',
  purpose:
    'How many nodes a command with this node set would be about: a good question before a change. 0 is an answer like any other.',
  examples: [{ title: 'With a step, and without one', line: "csm nodeset count 'n[0-10/2]!n4'" }],
  codes: [code.INVALID_PARAMETER, code.SCRIPT_FAILURE],
  run: async (session, given) => {
    const { size } = await nodesOf(session, given);
    return show(session, { count: size }, `${size}\n`);
  },
};

interface Row {
  readonly source: string;
  readonly group: string | null;
  readonly nodes: string | null;
  readonly count: number | null;
  readonly from: string;
}

export const nodesetGroups: CommandSpec = {
  path: ['nodeset', 'groups'],
  arguments: [{ name: 'source', required: false, values: 'source', help: 'only the groups of this source' }],
  options: [
    { flags: '--nodes', help: 'with the nodes of each group and their number' },
    { flags: '--of <nodeset>', help: 'only groups that have one of these nodes', values: 'nodeset' },
    { flags: '--sources', help: 'only the sources, and where each comes from; nothing is run or asked' },
  ],
  call: 'node.group',
  summary: 'Lists groups of nodes and where they come from',
  purpose: `Groups can be named wherever a node set can: \`@gpu\`, \`@genders:rack=r1\`, \`@state:SOFT_FAILURE\`. Sources are /etc/csm/groups.cfg
(\`csm\`), /etc/genders (\`genders\`), those that are set up for ClusterShell, and five that the master computes: \`state\`, \`agg\`
(compute nodes by the aggregator that serves them), \`rack\` (the first word of its location), \`profile\` (equal hardware) and \`role\`. A source
that cannot be read is told on stderr, and the others are listed.`,
  examples: [
    { title: 'Every group there is', line: 'csm nodeset groups' },
    { title: 'The states with their nodes', line: 'csm nodeset groups state --nodes' },
    { title: 'The states of one node', line: 'csm nodeset groups state --of n001', exits: [0, 4] },
    { title: 'Where groups come from', line: 'csm nodeset groups --sources' },
  ],
  exits: [
    [4, 'no group matches'],
    [17, 'a command of groups.conf failed'],
  ],
  run: async (session, given) => {
    const sources = new Sources(session);
    const wanted = given.arguments['source'];
    const chosen = wanted === undefined ? sources.all() : [sources.source(wanted)];
    const isBrief = flag(given, 'sources');
    const of = text(given, 'of');
    const nodes = of === undefined ? undefined : NodeSet.parse(of);
    const rows: Row[] = [];
    let worst = 0;
    /** Reason → sources. */
    const unread = new Map<string, readonly string[]>();
    for (const source of chosen) {
      if (isBrief) {
        rows.push({ source: source.name, group: null, nodes: null, count: null, from: source.from });
        continue;
      }
      try {
        rows.push(...(await rowsOf(source, sources, nodes, flag(given, 'nodes'))));
      } catch (error) {
        // One of many that cannot be read does not hide the others.
        if (wanted !== undefined || session.interrupted) throw error;
        const why = error instanceof CsmError ? error : fromSystem(error);
        if (!(why instanceof CsmError)) throw error;
        worst = Math.max(worst, why.code);
        unread.set(why.message, [...(unread.get(why.message) ?? []), source.name]);
      }
    }
    for (const [why, names] of unread)
      await session.note(`cannot read the groups of ${names.join(', ')}: ${printable(why)}`);
    if (rows.length === 0 && worst === 0) fail(code.NO_RESULTS, 'no group matches');
    const columns: Column<Row>[] = [
      { head: 'SOURCE', cell: ({ source }) => source },
      ...(isBrief
        ? []
        : [{ head: 'GROUP', cell: ({ source, group }: Row) => groupText({ source, group: group ?? '' }) }]),
      ...(flag(given, 'nodes')
        ? [
            { head: 'NODES', align: 'right' as const, cell: ({ count }: Row) => count },
            { head: 'NODE SET', cell: (row: Row) => row.nodes },
          ]
        : []),
      { head: 'FROM', cell: ({ from }) => from },
    ];
    await session.print(answerText(session, rows, () => table(rows, columns, session.header), 'records'));
    return worst;
  },
};

async function rowsOf(
  source: Source,
  sources: Sources,
  nodes: NodeSet | undefined,
  isFull: boolean,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const group of (await namesOf(source, nodes)).toSorted(compareNames)) {
    const needsNodes = isFull || (nodes !== undefined && source.reverse === undefined);
    const set = needsNodes ? await parseWithGroups(groupText({ source: source.name, group }), sources) : undefined;
    if (nodes !== undefined && set !== undefined && set.intersection(nodes).size === 0) continue;
    rows.push({
      source: source.name,
      group,
      nodes: isFull ? (set?.toString() ?? null) : null,
      count: isFull ? (set?.size ?? null) : null,
      from: source.from,
    });
  }
  return rows;
}

/** All groups of a source; with nodes, and where the source can tell by itself, only theirs. */
async function namesOf(source: Source, nodes: NodeSet | undefined): Promise<readonly string[]> {
  const { reverse } = source;
  if (nodes === undefined || reverse === undefined) return (await source.list()) ?? [];
  const found = new Set<string>();
  for (const node of nodes) for (const group of await reverse(node)) found.add(group);
  return [...found];
}
