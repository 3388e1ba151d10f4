import { code, fail } from '@csm/model';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { optionalNodeset } from '../given.ts';
import { KIND_OPTION, kind, SERIAL_OPTION, serial } from '../inventory/kinds.ts';
import { GATHERED_MAX, listParts } from '../inventory/list.ts';

export const nodeHardware: CommandSpec = {
  path: ['node', 'hardware'],
  arguments: [nodesetArgument(false)],
  options: [KIND_OPTION, SERIAL_OPTION],
  call: 'node.hardware',
  purpose: `A line for each part: memory modules, processors, GPUs, host channel adapters, network adapters, drives. The table leaves out
columns of which nothing is known, cuts DETAILS, which ends with what passes, such as the wear of a drive, and ends after ${GATHERED_MAX}
parts; the other formats give everything, as it comes. The columns of CSV are the fields of the first ${GATHERED_MAX} parts.`,
  examples: [
    { title: 'The processors of some nodes', line: "csm node hardware 'n[001-008]' --kind cpu" },
    { title: 'Everything in one, for a program', line: 'csm node hardware n001 -o json' },
  ],
  exits: [[4, 'no part matches']],
  run: async (session, given) => {
    const input = { nodes: optionalNodeset(given), kind: kind(given), serial: serial(given) };
    const parts = session.client.stream('node.hardware', input, session.callOptions);
    if ((await listParts(session, parts)) === 0) fail(code.NO_RESULTS, 'no part matches');
    return 0;
  },
};
