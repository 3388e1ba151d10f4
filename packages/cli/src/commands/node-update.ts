import { code, fail } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { nodeset, text } from '../given.ts';
import { ADMIN_STATES, showChanged, stateOption, statesOption } from '../states/words.ts';
import { printable } from '../text.ts';

/** Characters, and features of a node. */
const TEXT_MAX = 1024;
const FEATURE_MAX = 64;
const FEATURES_MAX = 16;

/** What is empty is cleared; undefined stays as it is. */
function cleared(value: string | undefined, field: string): string | null | undefined {
  if (value === undefined || value === '') return value === '' ? null : undefined;
  if (value.length <= TEXT_MAX) return value;
  return fail(code.INVALID_PARAMETER, `${value.length} characters are too many`, {
    field,
    allowed: `text of at most ${TEXT_MAX} characters`,
  });
}

function features(value: string | undefined): readonly string[] | null | undefined {
  if (value === undefined) return undefined;
  const words = value === '' ? [] : value.split(',').map((word) => word.trim());
  const allowed = `at most ${FEATURES_MAX} words of 1 to ${FEATURE_MAX} characters, with commas between`;
  const wrong = words.find((word) => word === '' || word.length > FEATURE_MAX);
  if (wrong !== undefined || words.length > FEATURES_MAX) {
    fail(code.INVALID_PARAMETER, `'${printable(value.slice(0, 80))}' is not a list of features`, {
      field: '--features',
      allowed,
    });
  }
  return words.length === 0 ? null : words;
}

export const nodeUpdate: CommandSpec = {
  path: ['node', 'update'],
  arguments: [nodesetArgument(true)],
  options: [
    { flags: '--comment <text>', help: 'free text' },
    { flags: '--features <words>', help: 'words such as gpu,fat, which replace those there' },
    { flags: '--location <text>', help: 'where it stands, such as R07 U12' },
    statesOption(ADMIN_STATES),
    { flags: '--reason <text>', help: 'with --state: why, in a line' },
  ],
  call: 'node.update',
  changesNodes: true,
  purpose: `For administrators. What people know of nodes, apart from what is discovered, which nothing here can change. What is not named
stays as it is, and an empty text, as in \`--comment ''\`, clears. With \`--state\` nodes are moved to a state as \`csm node drain\` and
\`csm node resume\` do; whoever takes them out of service says why. What can be changed is; the other nodes are named with the
reason, and of these nothing is changed.`,
  examples: [
    { title: 'Where a rack stands', line: "csm node update 'n[001-008]' --location 'R07'" },
    {
      title: 'What a node is good for, and no comment any more',
      line: "csm node update n001 --features gpu,fat --comment ''",
    },
  ],
  exits: [
    [8, 'nothing is to be changed, or a reason is missing'],
    [27, 'some nodes could not be changed'],
  ],
  run: async (session, given) => {
    const nodes = nodeset(given);
    const comment = cleared(text(given, 'comment'), '--comment');
    const location = cleared(text(given, 'location'), '--location');
    const words = features(text(given, 'features'));
    const state = stateOption(given, ADMIN_STATES);
    if (comment === undefined && location === undefined && words === undefined && state === undefined) {
      fail(code.MISSING_PARAMETER, 'nothing is to be changed', {
        field: '--comment',
        allowed: 'at least one of --comment, --features, --location and --state',
      });
    }
    const reason = text(given, 'reason');
    const input = { nodes, comment, features: words, location, state, reason };
    const answer = await session.client.call('node.update', input, session.callOptions);
    const total = NodeSet.parse(nodes).size;
    return showChanged(session, 'update', answer, { done: answer.updated, words: 'changed', total });
  },
};
