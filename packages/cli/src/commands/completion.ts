import { code } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { oneOf } from '../given.ts';

const SHELLS = ['bash', 'zsh'] as const;

export const completion: CommandSpec = {
  path: ['completion'],
  arguments: [{ name: 'shell', required: true, help: 'bash or zsh', values: SHELLS }],
  options: [],
  summary: 'Prints what makes a shell complete command lines of csm',
  purpose: `Nouns, verbs, options and their words are in the script itself. Names of nodes, groups and aggregators are asked of the daemon at
the key; without one, or when it does not answer within a second, none are offered. bash must be 4.2 or later.`,
  examples: [
    { title: 'In ~/.bashrc', line: 'csm completion bash' },
    { title: 'As the file _csm in a directory of $fpath', line: 'csm completion zsh' },
  ],
  codes: [code.INVALID_PARAMETER],
  run: async (session, given) => {
    const shell = oneOf(given.arguments['shell'] ?? '', SHELLS, 'shell');
    // They are made from the table of commands, in which this command stands.
    const { allCommands } = await import('./index.ts');
    const shape = (await import('../completion/shape.ts')).commandLine(await allCommands());
    const script =
      shell === 'bash'
        ? (await import('../completion/bash.ts')).bashCompletion(shape)
        : (await import('../completion/zsh.ts')).zshCompletion(shape);
    await session.print(script);
    return 0;
  },
};
