import { ApiTable } from '@csm/api';
import type { CsmError } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { expect } from 'chai';
import fc from 'fast-check';
import type { NodeRecord } from '../src/api-records.ts';
import { groupHandler, groupsOf } from '../src/groups.ts';
import { GROUP_SOURCES, groupsApi } from '../src/groups-api.ts';
import { NODE_STATES } from '../src/states/table.ts';
import { Cluster } from './cluster.ts';
import { part } from './parts.ts';

const node = (name: string, more: { readonly [field: string]: unknown } = {}): NodeRecord =>
  ({
    name,
    type: 'compute',
    state: 'IN_SERVICE',
    location: null,
    profile: null,
    primary_aggregator: null,
    secondary_aggregator: null,
    ...more,
  }) as NodeRecord;

const NODES = [
  node('n1', { location: 'R07 U12', primary_aggregator: 'agg-A', secondary_aggregator: 'agg-D', profile: 'abc' }),
  node('n2', { location: 'r07, top', primary_aggregator: 'agg-B', profile: 'abc', state: 'SOFT_FAILURE' }),
  node('n10', { location: 'R7', primary_aggregator: 'agg-A', profile: 'def' }),
  node('n11', { location: '$(reboot)' }),
  node('login1', { type: 'utility', location: '', primary_aggregator: 'm1' }),
  node('agg-A', { type: 'aggregator', primary_aggregator: 'agg-A' }),
  node('agg-C', { type: 'aggregator', primary_aggregator: 'agg-C' }),
];
const told = (source: (typeof GROUP_SOURCES)[number], wanted?: string): string[] =>
  groupsOf(source, NODES, wanted).map(({ name, nodes, count }) => `${name}=${nodes} ${count}`);

describe('groups of the record', () => {
  it('are by state, and every state is one', () => {
    expect(told('state', 'SOFT_FAILURE')).to.deep.equal(['SOFT_FAILURE=n2 1']);
    expect(told('state', 'hard_failure')).to.deep.equal(['HARD_FAILURE= 0']);
    expect(groupsOf('state', [])).to.have.length(NODE_STATES.length);
  });

  it('are by aggregator, profile and role', () => {
    expect(told('agg')).to.deep.equal(['agg-A=n[1,10] 2', 'agg-B=n2 1', 'agg-C= 0', 'agg-D= 0']);
    expect(told('profile')).to.deep.equal(['abc=n[1-2] 2', 'def=n10 1']);
    expect(told('role', 'utility')).to.deep.equal(['utility=login1 1']);
  });

  it('are by rack, the first word of the location; what no node set can name is none', () => {
    expect(told('rack')).to.deep.equal(['R7=n10 1', 'R07=n[1-2] 2']);
    expect(told('rack', 'r07')).to.deep.equal(['R07=n[1-2] 2']);
  });

  it('refuses a name that is not known, with the nearest and those there are', () => {
    const refused = (source: (typeof GROUP_SOURCES)[number], wanted: string, nodes = NODES) => {
      try {
        return groupsOf(source, nodes, wanted);
      } catch (error) {
        return (error as CsmError).problem;
      }
    };
    expect(refused('state', 'SOFT_FAILUER')).to.deep.include({
      code: 9,
      field: 'name',
      detail: 'there is no group @state:SOFT_FAILUER; did you mean @state:SOFT_FAILURE?',
      allowed: NODE_STATES.toSorted().join(', '),
    });
    expect(refused('rack', 'x', [])).to.deep.include({ allowed: 'none: no node is in such a group yet' });
  });

  it('have each node at most once, and no others', () => {
    const record = fc
      .tuple(fc.nat(50), fc.constantFrom(...NODE_STATES), fc.constantFrom(null, 'a', 'A b', 'c'))
      .map(([n, state, location]) => node(`n${n}`, { state, location }));
    const nodes = fc.uniqueArray(record, { selector: ({ name }) => name });
    fc.assert(
      fc.property(nodes, fc.constantFrom(...GROUP_SOURCES), (all, source) => {
        const names = groupsOf(source, all).flatMap(({ nodes: folded, count }) => {
          const set = NodeSet.parse(folded).names();
          expect(set).to.have.length(count);
          return set;
        });
        expect(new Set(names).size).to.equal(names.length);
        for (const name of names) expect(all.map((one) => one.name)).to.include(name);
        if (source === 'state') expect(names).to.have.length(all.length);
      }),
    );
  });

  it('are answered by the master as the table says', async () => {
    const cluster = await Cluster.open();
    try {
      await cluster.report('n1', [part('dimm', 'A1', 'SA')]);
      await cluster.report('n2', [part('dimm', 'A1', 'SB')]);
      await cluster.store.call('node.update', { nodes: ['n2'], set: { location: 'R07 U12' } });
      const table = new ApiTable(groupsApi);
      const answer = groupHandler({
        store: cluster.store,
        tree: () => ({ core: { roster: { daemon: () => undefined } } }) as never,
      });
      const call = async (input: { source: (typeof GROUP_SOURCES)[number]; name?: string }) => {
        expect(table.validate('node.group', input).ok).to.equal(true);
        const given = await answer(input, {} as never);
        expect(table.outputFault('node.group', 'output', given)).to.equal(undefined);
        return given;
      };
      expect(await call({ source: 'role', name: 'compute' })).to.deep.equal([
        { name: 'compute', nodes: 'n[1-2]', count: 2 },
      ]);
      expect(await call({ source: 'rack' })).to.deep.equal([{ name: 'R07', nodes: 'n2', count: 1 }]);
      expect(await call({ source: 'state', name: 'DISCOVERED' })).to.deep.equal([
        { name: 'DISCOVERED', nodes: 'n[1-2]', count: 2 },
      ]);
      expect(await call({ source: 'profile' })).to.have.length(1);
      expect(await call({ source: 'agg' })).to.deep.equal([]);
      const refused = (await call({ source: 'rack', name: 'R08' }).catch((error: unknown) => error)) as CsmError;
      expect(refused.problem).to.include({ code: 9, field: 'name' });
      for (const wrong of [{ source: 'racks' }, {}, { source: 'rack', name: '' }, { source: 'rack', more: 1 }])
        expect(table.validate('node.group', wrong).ok).to.equal(false);
    } finally {
      await cluster.store.close();
    }
  });
});
