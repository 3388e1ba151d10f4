/** Subscribers to the state manager's changes: who is told what, in which order, and what becomes of what is not taken. */
import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import { until } from './hand-time.ts';
import { patient } from './patient.ts';
import { ScnReceiver } from './scn-receiver.ts';
import { ServiceWorld } from './service-world.ts';

const COMPONENTS = '/hsm/v2/State/Components';
const SCN = '/hsm/v2/Subscriptions/SCN';
const A = 'x0c0s0b0n0';
const B = 'x0c0s1b0n0';

overEngines('notifications of state changes', (bench) => {
  let world: ServiceWorld;
  const receivers: ScnReceiver[] = [];
  beforeEach(async () => {
    world = await ServiceWorld.open(patient(bench));
    await make({ ID: A, State: 'On' }, { ID: B, State: 'On' });
  });
  afterEach(async () => {
    await world.stop();
    await world.store.close();
    for (const receiver of receivers.splice(0)) await receiver.stop();
  });

  /** What has nothing to do with the database is looked at over one of them. */
  const itOnce = (title: string, test: () => Promise<void>): void => {
    if (bench.engine === 'in memory') it(title, test);
  };

  async function make(...Components: object[]): Promise<void> {
    expect((await world.ask('POST', COMPONENTS, { Components })).status).to.equal(204);
  }
  const patch = async (ids: readonly string[], State: string, Flag = 'OK'): Promise<void> => {
    const { status } = await world.ask('PATCH', `${COMPONENTS}/BulkStateData`, { ComponentIDs: ids, State, Flag });
    expect(status).to.equal(204);
  };
  const subscribe = async (triggers: object, Subscriber = 'hmnfd'): Promise<ScnReceiver & { id: number }> => {
    const receiver = await ScnReceiver.start();
    receivers.push(receiver);
    const { status, json } = await world.ask('POST', SCN, { Subscriber, Url: receiver.url, ...triggers });
    expect(status).to.equal(200);
    return Object.assign(receiver, { id: json.ID as number });
  };

  it('tell of all that changes after the subscription was answered, and of no more', async () => {
    await patch([A], 'Ready');
    const receiver = await subscribe({ States: ['ready', 'Standby'] });
    await patch([A, B], 'Ready');
    await patch([B, A], 'Standby', 'Alert');
    await patch([A], 'Ready', 'OK');
    await patch([A], 'Ready', 'Warning');
    await until('all is told', () => receiver.storyOf(A).length === 3 && receiver.storyOf(B).length === 2);
    expect(receiver.storyOf(A)).to.deep.equal(['Standby/Alert', 'Ready/OK', 'Ready/Warning']);
    expect(receiver.storyOf(B)).to.deep.equal(['Ready/OK', 'Standby/Alert']);
  });

  itOnce('name all components of a change together, as smd writes it', async () => {
    const receiver = await subscribe({ States: ['Standby'] });
    await patch([A, B], 'Ready');
    await patch([A, B], 'Standby', 'Alert');
    await until('it is told', () => receiver.taken.length > 0);
    expect(receiver.taken).to.deep.equal([`{"Components":["${A}","${B}"],"Flag":"Alert","State":"Standby"}`]);
  });

  it('tell of beats, too', async () => {
    const receiver = await subscribe({ States: ['Ready', 'Standby', 'Halt'] });
    await world.beat(A);
    await world.time.advance(30_250);
    await world.settled();
    await world.beat(B);
    await world.beat(B, 'Kernel Oops: 0002');
    await until('all is told', () => receiver.storyOf(A).length === 3 && receiver.storyOf(B).length === 2);
    expect(receiver.storyOf(A)).to.deep.equal(['Ready/OK', 'Ready/Warning', 'Standby/Alert']);
    expect(receiver.storyOf(B)).to.deep.equal(['Ready/OK', 'Halt/Alert']);
  });

  itOnce('go by what was asked for: roles, software status, enabled', async () => {
    const roles = await subscribe({ Roles: ['service'] }, 'roles');
    const status = await subscribe({ SoftwareStatus: ['booted'] }, 'status');
    const enabled = await subscribe({ Enabled: true }, 'enabled');
    await make({ ID: 'x1c0s0b0n0', State: 'On', Role: 'Service', SoftwareStatus: 'booted', Enabled: false });
    await until('all are told', () => [roles, status, enabled].every(({ taken }) => taken.length > 0));
    expect(roles.taken).to.deep.equal(['{"Components":["x1c0s0b0n0"],"Role":"Service"}']);
    expect(status.taken).to.deep.equal(['{"Components":["x1c0s0b0n0"],"SoftwareStatus":"booted"}']);
    expect(enabled.taken).to.deep.equal(['{"Components":["x1c0s0b0n0"],"Enabled":false}']);
  });

  it('come again until they are taken, in order, and hold up nobody else', async () => {
    const deaf = await subscribe({ States: ['Ready', 'Standby'] }, 'deaf');
    const other = await subscribe({ States: ['Ready', 'Standby'] }, 'other');
    deaf.answer = () => 500;
    await patch([A, B], 'Ready');
    const problems = (): string => world.service.health().problems.join();
    await until('it is told to be wrong', () => problems() !== '');
    expect(problems()).to.match(/^subscriber deaf at http:\S+ does not take notifications: HTTP 500$/);
    await patch([A], 'Standby', 'Alert');
    await until('the other one is told', () => other.storyOf(A).length === 2);
    deaf.answer = () => undefined;
    const { asked } = deaf;
    await until('it was asked again', () => deaf.asked > asked);
    deaf.answer = () => 204;
    await until('it is told', () => deaf.storyOf(A).length === 2);
    expect(deaf.storyOf(A)).to.deep.equal(['Ready/OK', 'Standby/Alert']);
    expect(deaf.storyOf(B)).to.deep.equal(['Ready/OK']);
    await until('nothing is wrong', () => world.service.health().problems.length === 0);
  });

  itOnce('do not repeat what was taken before another one failed', async () => {
    const receiver = await subscribe({ States: ['Ready', 'Standby'] });
    let failures = 1;
    receiver.answer = (text) => (text.includes('Standby') && failures-- > 0 ? 500 : 200);
    await patch([A], 'Ready');
    await patch([A], 'Standby', 'Alert');
    await until('all is told', () => receiver.storyOf(A).length === 2);
    expect(receiver.storyOf(A)).to.deep.equal(['Ready/OK', 'Standby/Alert']);
  });

  it('outlive a restart: what was not taken comes then', async () => {
    const receiver = await subscribe({ States: ['Ready', 'Off'] });
    receiver.answer = () => 503;
    await patch([A], 'Ready');
    await until('it was asked', () => receiver.asked > 0);
    await world.stop();
    receiver.answer = () => 200;
    await world.start();
    await patch([A], 'Off');
    await until('all is told', () => receiver.storyOf(A).length === 2);
    expect(receiver.storyOf(A)).to.deep.equal(['Ready/OK', 'Off/OK']);
  });

  it('that are too old to be kept are lost to who did not take them, and that is logged', async () => {
    const receiver = await subscribe({ States: ['Ready', 'Standby', 'Off'] });
    receiver.answer = (text) => (text.includes('Ready') ? 500 : 200);
    await patch([A], 'Ready');
    await patch([B], 'Ready');
    await until('it was asked', () => receiver.asked > 0);
    await patch([A], 'Standby');
    await world.store.changes.prune({ hardRows: 1 });
    await until('it is told', () => receiver.storyOf(A).includes('Standby/OK'));
    await patch([A], 'Off');
    await until('it is told', () => receiver.storyOf(A).includes('Off/OK'));
    expect(receiver.storyOf(B)).to.deep.equal([]);
    const told = world.log.events.filter(({ message }) => message.startsWith('a subscriber could not be told'));
    expect(told.map(({ level }) => level)).to.deep.equal(['warn']);
  });

  it('go by a subscription as it is now, and end with it', async () => {
    const receiver = await subscribe({ States: ['Ready'] });
    const kept = async (): Promise<number> =>
      (await world.store.query<{ n: number }>("SELECT count(*) AS n FROM follower WHERE name LIKE 'hsm.scn %'"))[0]
        ?.n ?? 0;
    expect(await kept()).to.equal(1);
    await patch([A], 'Ready');
    await until('it is told', () => receiver.taken.length === 1);
    const change = { Op: 'replace', States: ['Standby'] };
    expect((await world.ask('PATCH', `${SCN}/${receiver.id}`, change)).status).to.equal(204);
    await patch([B], 'Ready');
    await patch([B], 'Standby');
    await until('it is told', () => receiver.taken.length === 2);
    expect(receiver.storyOf(B)).to.deep.equal(['Standby/OK']);
    expect((await world.ask('DELETE', `${SCN}/${receiver.id}`)).status).to.equal(200);
    expect(await kept()).to.equal(0);
    const other = await subscribe({ States: ['Standby'] }, 'other');
    await patch([A], 'Standby');
    await until('the other one is told', () => other.taken.length === 1);
    expect(receiver.taken).to.have.length(2);
  });
});
