import { code, fail } from '@csm/model';
import { type CommandSpec, type Given, nodesetArgument } from '../command.ts';
import { flag, nodeset, seconds } from '../given.ts';
import { KEY_OPTION, underKey } from '../keyed.ts';
import { DEADLINE_MAX, DEADLINE_OPTION, outputPart, showParts, timeLimit } from '../parts.ts';

const DEADLINE = 30;

/** Only what stands behind `--` is the program's: an option before it is ours, even where it looks like the program's. */
function program(given: Given): readonly string[] {
  const { behind } = given;
  if (behind !== undefined && behind.length > 0 && behind[0] !== '') return behind;
  return fail(code.MISSING_PARAMETER, 'the program is missing', {
    field: 'command',
    allowed: "a program behind '--', such as csm run 'n[1-8]' -- uname -r",
  });
}

export const run: CommandSpec = {
  path: ['run'],
  arguments: [nodesetArgument(true)],
  takesProgram: true,
  options: [
    DEADLINE_OPTION(DEADLINE),
    { flags: '--partial', help: 'show answers as they come, instead of all at the end, folded' },
    KEY_OPTION,
  ],
  call: 'run',
  purpose: `For administrators. The program runs as root without a shell: for pipes and variables give one, as in \`-- sh -c '…'\`. Equal output
of many nodes is printed once, as it came, under a line that names them; \`--no-header\` leaves that line out. What failed
is told on stderr by node, code and reason. At the deadline the program is killed with all its children. The order has a
key of its own, shown with \`-v\`, for \`--key\`: a repeated order is answered from what the nodes remember until a minute
after its deadline; later the answer is code 37 and nothing is run. Ctrl-C ends the waiting, not the program.`,
  examples: [
    { title: 'The kernel of eight nodes', line: "csm run 'n[001-008]' -- uname -r" },
    { title: 'A pipe, with a minute for all', line: "csm run 'n[001-008]' --deadline 60 -- sh -c 'dmesg | tail -1'" },
    { title: 'Answers as they come, an object a line', line: "csm run 'n[001-008]' --partial -o json -- uptime" },
  ],
  exits: [
    [0, 'the program ran on every node and exited with 0'],
    [5, 'it was killed at the deadline, or nodes did not answer in time'],
    [17, 'it exited with something else than 0; the line above its output says with what'],
    [37, 'whether it ran cannot be known'],
    [48, 'nodes are down'],
  ],
  run: (session, given) => {
    const nodes = nodeset(given);
    const argv = program(given);
    const deadline = seconds(given, 'deadline', 0.1, DEADLINE_MAX);
    const partial = flag(given, 'partial');
    return underKey(session, given, (idempotencyKey) => {
      const options = { ...session.callOptions, ...timeLimit(session, deadline ?? DEADLINE), idempotencyKey };
      const parts = session.client.stream('run', { nodes, argv, deadline, partial }, options);
      const csv = ['nodes', 'code', 'text', 'body.exit', 'body.signal', 'body.cut_bytes', 'body.output'];
      return showParts(session, parts, { partial, csv, text: (part) => outputPart(session, part) });
    });
  },
};
