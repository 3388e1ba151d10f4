import { ApiTable } from '@csm/api';
import { type CsmError, type Json, type JsonObject, wall } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { overEngines } from '@csm/sim';
import type { Store } from '@csm/store';
import type { CoreShell } from '@csm/tree';
import { expect } from 'chai';
import { api } from '../src/api.ts';
import { NodeRecord } from '../src/api-records.ts';
import { listNodes, showNode, writeRecords } from '../src/records.ts';
import { Cluster } from './cluster.ts';
import { part } from './parts.ts';

const table = new ApiTable(api);
const SEEN = wall(1_800_000_123_456);

/** A tree that knows these daemons: their hubs, the primary first. */
const treeOf = (known: { readonly [daemon: string]: readonly string[] }, settling = false): CoreShell =>
  ({
    core: {
      roster: {
        settling,
        daemon: (id: string) => {
          const hubs = known[id];
          if (hubs === undefined) return undefined;
          return { primary: hubs[0], links: new Map(hubs.map((hub) => [hub, {}])), lastSeen: SEEN };
        },
      },
    },
  }) as unknown as CoreShell;
const NOBODY = treeOf({});

describe('a list of nodes', () => {
  it('that is too long is refused before its first record', async () => {
    const names = Array.from({ length: 50_001 }, (_, i) => `n${i}`);
    const store = {
      texts: (_sql: unknown, _params: unknown, take: (texts: readonly string[]) => void): Promise<void> => {
        // As the database gives them: all names in one text, then each node's fields.
        take([`\u001e${names.join('\u001f')}`, 'n0\u001fcompute']);
        return Promise.resolve();
      },
    } as unknown as Store;
    let given = 0;
    const list = () => writeRecords(store, NOBODY, undefined, undefined, (some) => (given += some.length));
    const refused = await list().then(
      () => undefined,
      (error: CsmError) => error.problem,
    );
    expect(refused).to.deep.include({ code: 30, detail: 'there are 50001 nodes' });
    expect(given).to.equal(0);
  });
});

overEngines('node records', ({ open }) => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.open({ open });
    for (const name of ['n10', 'n2', 'n1']) await cluster.report(name, [part('dimm', 'A1', `S-${name}`)]);
    await cluster.store.call('node.update', {
      nodes: ['n2'],
      set: { comment: 'says "no"\n\u0001 é 😀', features: ['gpu', 'a "b"'], location: 'r1 \\ top' },
      by: 'root',
    });
  });
  after(() => cluster.store.close());

  it('are in natural order, each a line of JSON with every field of the schema in its order', async () => {
    const texts: string[] = [];
    const count = await writeRecords(cluster.store, NOBODY, undefined, undefined, (some) => texts.push(...some));
    expect(count).to.equal(texts.length);
    const nodes = texts.map((text) => JSON.parse(text) as JsonObject);
    expect(nodes.map(({ name }) => name)).to.deep.equal(['n1', 'n2', 'n10']);
    expect(table.outputFault('node.list', 'output', nodes as Json)).to.equal(undefined);
    for (const text of texts) expect(text).not.to.contain('\n');
    for (const node of nodes) expect(Object.keys(node)).to.deep.equal(Object.keys(NodeRecord.properties));
    expect(await listNodes(cluster.store, NOBODY, undefined, undefined)).to.deep.equal(nodes);
  });

  it('say what the tables say, whatever it is made of', async () => {
    const node = await showNode(cluster.store, NOBODY, 'n2');
    expect(node).to.include({ type: 'compute', state: 'DISCOVERED', machine_model: 'M', discovered_dimms: 1 });
    expect(node).to.include({ comment: 'says "no"\n\u0001 é 😀', location: 'r1 \\ top', bios_version: null });
    expect(node.features).to.deep.equal(['gpu', 'a "b"']);
    expect((await showNode(cluster.store, NOBODY, 'n1')).features).to.deep.equal([]);
    const [row] = await cluster.store.query<{ first_seen: number }>(
      "SELECT first_seen FROM node WHERE node_name = 'n2'",
    );
    expect(node.first_seen).to.equal(new Date(row?.first_seen ?? 0).toISOString());
    expect(node.state_since).to.equal(node.first_seen);
    expect(node.ready).to.equal(false);
  });

  it('say what only memory knows, where it does', async () => {
    const tree = treeOf({ 'compute/n1': ['agg-A', 'agg-B'], 'compute/n2': ['agg-"B"'] });
    const [n1, n2, n10] = await listNodes(cluster.store, tree, undefined, 'compute');
    const about = (node: NodeRecord | undefined) => [
      node?.primary_aggregator,
      node?.secondary_aggregator,
      node?.connected,
      node?.links,
      node?.last_seen,
    ];
    expect(about(n1)).to.deep.equal(['agg-A', 'agg-B', true, 2, new Date(SEEN).toISOString()]);
    expect(about(n2)).to.deep.equal(['agg-"B"', null, true, 1, new Date(SEEN).toISOString()]);
    expect(about(n10).slice(0, 4)).to.deep.equal([null, null, false, 0]);
  });

  it('are those of a set and of a type', async () => {
    const names = async (nodes: string | undefined, type?: string) =>
      (await listNodes(cluster.store, NOBODY, nodes === undefined ? undefined : NodeSet.parse(nodes), type)).map(
        ({ name }) => name,
      );
    expect(await names('n[2-10]')).to.deep.equal(['n2', 'n10']);
    expect(await names('n10')).to.deep.equal(['n10']);
    expect(await names('n11')).to.deep.equal([]);
    expect(await names(undefined, 'utility')).to.deep.equal([]);
    expect(await showNode(cluster.store, NOBODY, 'n11').catch((error: { code: number }) => error.code)).to.equal(46);
  });
});
