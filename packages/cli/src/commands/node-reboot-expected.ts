import { code, fail } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { nodeset, text } from '../given.ts';
import { readStep } from '../moment.ts';
import { REASON_OPTION, showChanged } from '../states/words.ts';

const WITHIN_MAX = 7 * 86_400;
const RULE = 'a whole number and a unit: 90s, 30m, 2h, of 1s to 7d';

export const nodeRebootExpected: CommandSpec = {
  path: ['node', 'reboot-expected'],
  arguments: [nodesetArgument(true)],
  options: [{ flags: '--within <time>', help: `how long from now: ${RULE}` }, REASON_OPTION],
  call: 'node.reboot-expected',
  changesNodes: true,
  purpose: `For administrators, before nodes are booted. Until then their absence is no failure, and their boot is told as expected; the
first boot uses the announcement up. A boot that nobody announced is told as such by \`csm node watch\`.`,
  examples: [
    { title: 'A new kernel', line: "csm node reboot-expected 'n[001-008]' --within 30m --reason 'new kernel'" },
  ],
  exits: [[27, 'some nodes are not known']],
  run: async (session, given) => {
    const nodes = nodeset(given);
    const asked = text(given, 'within');
    if (asked === undefined) fail(code.MISSING_PARAMETER, 'the time is missing', { field: '--within', allowed: RULE });
    const within = readStep(asked, '--within');
    if (within > WITHIN_MAX)
      fail(code.INVALID_PARAMETER, `'${asked}' is longer than 7 days`, { field: '--within', allowed: RULE });
    const input = { nodes, within, reason: text(given, 'reason') };
    const answer = await session.client.call('node.reboot-expected', input, session.callOptions);
    const words = `expected to boot until ${answer.until}`;
    const total = NodeSet.parse(nodes).size;
    return showChanged(session, 'update', answer, { done: answer.updated, words, total });
  },
};
