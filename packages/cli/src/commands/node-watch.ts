import type { NodeWatchItem } from '@csm/client';
import { code, isObject } from '@csm/model';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { kinds, optionalNodeset, since } from '../given.ts';
import { Items } from '../print/items.ts';
import { again } from '../resume.ts';
import { nodesWords, printable } from '../text.ts';

function changeLine({ seq, time, kind, subject, body }: NodeWatchItem): string {
  return `${seq}  ${printable(time)}  ${printable(kind).padEnd(9)}  ${printable(subject)}  ${change(kind, body)}\n`;
}

/** What changed, in the words of its kind; an unknown kind gives its fields. */
function change(kind: string, body: unknown): string {
  if (!isObject(body)) return printable(JSON.stringify(body) ?? '');
  const said = (field: string) => (typeof body[field] === 'string' ? printable(body[field]) : undefined);
  if (kind === 'node' && 'from' in body && 'to' in body && body['window'] === undefined) {
    const who = said('by') === undefined ? '' : ` (by ${said('by')})`;
    return `${said('from') ?? 'not known'} → ${said('to') ?? 'deleted'}: ${said('reason') ?? said('cause') ?? ''}${who}`;
  }
  if (kind === 'link' && said('event') !== undefined) {
    const nodes = typeof body['nodes'] === 'string' && body['nodes'] !== '' ? ` ${nodesWords(body['nodes'])}` : '';
    const planned = body['planned'] === true ? ', planned' : '';
    return `${said('event')}${nodes}${said('cause') === undefined ? '' : `: ${said('cause')}`}${planned}`;
  }
  if (kind === 'inventory') return `new inventory${body['rebooted'] === true ? ' after a reboot' : ''}`;
  return Object.entries(body)
    .map(([key, value]) => printable(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`))
    .join(' ');
}

export const nodeWatch: CommandSpec = {
  path: ['node', 'watch'],
  arguments: [nodesetArgument(false)],
  options: [
    { flags: '--since <seq>', help: 'begin behind this change instead of with what comes next' },
    { flags: '--kinds <kinds>', help: 'changes of these kinds; default node,link,inventory' },
  ],
  call: 'node.watch',
  purpose: `A line for each change as it happens, until Ctrl-C (exit 0): states that change, windows that begin and end, links lost and made, new inventories. An aggregator that
goes away is one line that names its nodes. The first column is the number to give to \`--since\` in order to go on
without a gap. JSON is one object a line. When the connection to the daemon or the master is lost, it is made anew, and the
watch goes on behind the last change it has shown.`,
  examples: [
    {
      title: 'What happened since change 100, for at most five seconds',
      line: 'csm node watch --since 100 --timeout 5',
      exits: [code.TIMEOUT, code.CONTEXT_LOST],
    },
    {
      title: 'Some nodes, for a program',
      line: "csm node watch 'n[001-008]' --since 100 --timeout 5 -o json",
      exits: [code.TIMEOUT, code.CONTEXT_LOST],
    },
  ],
  exits: [
    [5, 'the time of `--timeout` is over'],
    [37, 'changes since the one named are no longer kept'],
  ],
  run: async (session, given) => {
    const nodes = optionalNodeset(given);
    const from = since(given);
    const items = new Items<NodeWatchItem>(session, {
      text: changeLine,
      csv: ['seq', 'time', 'kind', 'subject', 'body'],
      lines: true,
    });
    const input = { nodes, kinds: kinds(given) };
    await again(session, from, async (last, seen) => {
      for await (const item of session.client.stream('node.watch', { ...input, since: last }, session.callOptions)) {
        await items.add(item);
        seen(item.seq);
      }
    });
    return 0;
  },
};
