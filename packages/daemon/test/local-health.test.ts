/** What a daemon says of those it links to while none of them leads, over real links. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CsmError, code, JsonFlow, type JsonObject, mono, problem, type Role, wall } from '@csm/model';
import { initCa, issue, readPem } from '@csm/pki';
import { HubShell, LeafShell, StandbyShell } from '@csm/tree';
import { expect } from 'chai';
import { withLocalHealth } from '../src/local-health.ts';

const INTERVAL = 1000;
const HOST = '127.0.0.1';
const quiet = () => undefined;

describe('local health', () => {
  let dir: string;
  const ends: (() => Promise<void>)[] = [];
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'csm-local-health-'));
    await initCa(dir, { name: 'test' });
  });
  after(() => rm(dir, { recursive: true }));
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function common(role: Role, node: string) {
    const { file } = await issue(dir, { role, node, names: [HOST] });
    const tls = { ca: await readFile(join(dir, 'ca.pem'), 'utf8'), ...(await readPem(file)) };
    const clock = { now: () => ({ mono: mono(performance.now()), wall: wall(Date.now()) }) };
    const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
    return { node, tls: () => tls, revoked: () => new Set<string>(), intervalMs: INTERVAL, clock, log };
  }

  /** What `health` answers at a daemon with one candidate, which is linked and does not lead, where no master could be asked. */
  async function askedAt(role: Role, node: string, port: number): Promise<JsonObject> {
    const leaf = await LeafShell.start({
      ...(await common(role, node)),
      role,
      candidates: [{ name: 'above', host: HOST, port }],
      journal: join(dir, `${node}.journal`),
      returnAfterMs: 300_000,
      outboxBytes: 1024 * 1024,
      commands: {},
    });
    ends.push(() => leaf.stop('done'));
    const end = performance.now() + 20_000;
    while (leaf.leaf.failover.candidates[0]?.phase !== 'up') {
      if (performance.now() > end) throw new Error('it is not linked');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const facts = { daemon: `${role}/${node}`, leaf, refused: () => 0, problems: () => [], features: () => ({}) };
    const fault = new CsmError(problem(code.BAD_ADDRESS, 'no leading master is reachable'));
    return (await withLocalHealth(facts)('health', undefined, fault)) as JsonObject;
  }

  it('a utility says of a master that does not lead that it stands by', async () => {
    const listening = { aggregatorListen: { host: HOST, port: 0 }, utilityListen: { host: HOST, port: 0 } };
    const standby = await StandbyShell.start({ ...(await common('master', 'm2')), ...listening });
    ends.push(() => standby.stop('done'));
    const health = await askedAt('utility', 'login', standby.ports.utilities);
    expect((health['local'] as JsonObject)['candidates']).to.deep.equal([
      { name: 'above', state: 'standby', reason: null },
    ]);
    expect(health['problems']).to.deep.equal(['no master is reachable from utility/login; above: standby']);
  });

  it('is added to the answer of a master, also to a long one, which comes as its text', async () => {
    const none = new Map();
    const waiting = { urgent: none, normal: none, sample: none };
    const outbox = { bytes: 0, counters: { dropped: {}, refused: 0 }, numbered: none, waiting };
    const leaf = { leaf: { failover: { candidates: [] }, outbox } };
    const facts = { daemon: 'utility/u', leaf, refused: () => 0, problems: () => ['no disk'], features: () => ({}) };
    const add = withLocalHealth(facts as unknown as Parameters<typeof withLocalHealth>[0]);
    const whole = { degraded: true, problems: ['utility/u: an older word', 'n1 is lost'], computes: { known: 1 } };
    const given = await add('health', whole);
    expect(given?.['problems']).to.deep.equal(['n1 is lost', 'utility/u: no disk']);
    expect(given?.['local']).to.deep.include({ daemon: 'utility/u' });
    const flow = (text: string): JsonFlow =>
      new JsonFlow(
        (async function* () {
          yield* [Buffer.from(text.slice(0, 5)), Buffer.from(text.slice(5))];
        })(),
      );
    expect(await add('health', flow(JSON.stringify(whole)))).to.deep.equal(given);
    expect(await add('node.list', flow('['))).to.equal(undefined);
  });

  it('a node says of an aggregator that it reaches no master', async () => {
    const hub = new HubShell({
      ...(await common('aggregator', 'a1')),
      listen: { host: HOST, port: 0 },
      masters: [],
      drainMs: 0,
    });
    await hub.start();
    ends.push(() => hub.stop('done'));
    const health = await askedAt('compute', 'n1', hub.port);
    expect((health['local'] as JsonObject)['candidates']).to.deep.equal([
      { name: 'above', state: 'linked, reaches no master', reason: null },
    ]);
  });
});
