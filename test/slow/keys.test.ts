/** A master that is killed at any moment: what was asked under a key is changed once, and the record tells the truth. */
import { join } from 'node:path';
import type { Client } from '@csm/client';
import { CsmError } from '@csm/model';
import { loadAdmin } from '@csm/store';
import { expect } from 'chai';
import { at, type Daemon, freePorts, Site, until } from '../support/daemons.ts';
import { random, seedOr } from '../support/random.ts';
import { pass } from '../support/wait.ts';

const ROUNDS = 8;
/** A change is answered within some ms; so it is killed before, while and after it is made. */
const LATEST_MS = 40;

describe('a master that is killed while it changes something', () => {
  const seed = seedOr(7);
  const chance = random(seed);
  let site: Site;
  let master: Daemon;
  let file = '';
  let socket = '';

  before(async () => {
    site = await Site.open();
    const [a = 0, b = 0] = await freePorts(2);
    const net = { aggregator_listen: at(a), utility_listen: at(b) };
    ({ file, socket } = await site.config('master', 'm1', { net }));
    master = site.startFile('master', 'm1', file, socket);
    await master.started();
    await until('its own node is known', async () => (await master.client.call('node.list', {}))[0]?.kernel_release);
  });
  after(() => site?.close());

  const restarted = async (): Promise<void> => {
    master.signal('SIGKILL');
    await master.stop();
    master = site.startFile('master', 'm1', file, socket);
    await master.started();
  };

  /** Asked again under the same key until there is an answer. */
  const asked = async <T>(what: (client: Client) => Promise<T>): Promise<T> => {
    let answer: { readonly value: T } | undefined;
    await until('an answer', async () => {
      try {
        answer = { value: await what(master.client) };
      } catch (error) {
        // Refused is answered: only what does not come through is asked again.
        if (error instanceof CsmError && error.code === 9) throw new Error(`refused: ${error.message}`);
      }
      return answer !== undefined;
    });
    return (answer as { readonly value: T }).value;
  };

  it(`has changed it once, whatever it had answered (seed ${seed})`, async () => {
    const outcomes: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const key = { idempotencyKey: `round-${round}` };
      const update = (client: Client) => client.call('node.update', { nodes: 'm1', comment: `r${round}` }, key);
      const token = (client: Client) =>
        client.call('token.create', { scopes: ['node.list'] }, { idempotencyKey: `token-${round}` });
      const first = Promise.allSettled([update(master.client), token(master.client)]);
      await pass(chance.below(LATEST_MS));
      await restarted();
      const [changed] = await first;
      outcomes.push(changed.status);
      expect(await asked(update), `round ${round}`).to.deep.include({ updated: 1 });
      if (changed.status === 'fulfilled') expect(await asked(update)).to.deep.equal(changed.value);
      const tokens = await asked((client) => client.call('token.list', {}));
      // Where its text was lost with the master, it says so, and makes no second one.
      const again = await token(master.client).then(
        () => 'made',
        (error: CsmError) => String(error.code),
      );
      expect(again).to.equal(tokens.length === round ? 'made' : '37');
      expect(await asked((client) => client.call('token.list', {}))).to.have.length(round + 1);
    }
    const { openReading } = await loadAdmin();
    const reading = await openReading({ engine: 'sqlite', file: join(site.root, 'state', 'master-m1', 'csm.db') });
    try {
      const rows = await reading.all<{ body: string }>(
        "SELECT body FROM change WHERE kind = 'node' AND subject = 'm1'",
      );
      const comments = rows.flatMap(({ body }) => (JSON.parse(body) as { comment?: string }).comment ?? []);
      expect(comments, outcomes.join(' ')).to.deep.equal(Array.from({ length: ROUNDS }, (_, round) => `r${round}`));
    } finally {
      await reading.close();
    }
  });

  it('tells in the record what is known: no call of a master that died is still under way', async () => {
    const rows = await master.client.call('audit.list', { call: 'node.update', limit: 1000 });
    expect(rows.length).to.be.least(ROUNDS);
    for (const { outcome } of rows) expect(outcome).to.be.oneOf(['ok', 'unknown', 'failed']);
    expect(rows.filter(({ outcome }) => outcome === 'ok').length).to.be.least(ROUNDS);
  });
});
