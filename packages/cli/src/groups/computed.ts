/** Groups that a file need not tell: the master knows them. */
import type { NodeGroupInput } from '@csm/client';
import { CsmError, code, problem } from '@csm/model';
import { ALL } from '@csm/nodeset';
import type { Session } from '../session.ts';
import type { Source } from './source.ts';

export const COMPUTED = [
  'state',
  'agg',
  'rack',
  'profile',
  'role',
] as const satisfies readonly NodeGroupInput['source'][];
export type Computed = (typeof COMPUTED)[number];

export function computedSource(session: Session, source: Computed): Source {
  const ask = (name?: string) => session.client.call('node.group', { source, name }, session.callOptions);
  const text = (nodes: readonly { readonly nodes: string }[]): string =>
    nodes
      .map((group) => group.nodes)
      .filter((folded) => folded !== '')
      .join(',');
  return {
    name: source,
    from: 'the master',
    list: async () => (await ask()).map(({ name }) => name),
    find: async (group) => {
      const found = await (group === ALL ? ask() : ask(group)).catch(refused);
      return { text: text(found), where: 'the master' };
    },
  };
}

/** The master's words, with the field as it is called here. */
function refused(error: unknown): never {
  if (!(error instanceof CsmError) || error.code !== code.INVALID_PARAMETER) throw error;
  const { allowed } = error.problem;
  const more = { field: 'nodeset', ...(allowed === undefined ? {} : { allowed }) };
  throw new CsmError(problem(code.INVALID_PARAMETER, error.message, more), { cause: error });
}
