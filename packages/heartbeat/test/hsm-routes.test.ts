/** The built-in state manager over HTTP, in the whole service: requests as hbtd's neighbours make them. */
import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import { patient } from './patient.ts';
import { type Answered, ServiceWorld } from './service-world.ts';

const ROOT = '/hsm/v2';
const COMPONENTS = `${ROOT}/State/Components`;
const SCN = `${ROOT}/Subscriptions/SCN`;
const A = 'x0c0s0b0n0';
const B = 'x0c0s1b0n0';
const C = 'x0c0s2b0n0';
const SWITCH = 'x0c0w1';

overEngines('the state manager over HTTP', (bench) => {
  let world: ServiceWorld;
  beforeEach(async () => {
    world = await ServiceWorld.open(patient(bench));
  });
  afterEach(async () => {
    await world.stop();
    await world.store.close();
  });

  /** What has nothing to do with the database is looked at over one of them. */
  const itOnce = (title: string, test: () => Promise<void>): void => {
    if (bench.engine === 'in memory') it(title, test);
  };

  const ask = (method: string, path: string, body?: unknown): Promise<Answered> => world.ask(method, path, body);
  const make = async (...components: object[]): Promise<void> => {
    const { status, text } = await ask('POST', COMPONENTS, { Components: components });
    if (status !== 204) throw new Error(`${status} ${text}`);
  };
  const some = (): Promise<void> =>
    make(
      { ID: A, State: 'Ready', NID: 1, Role: 'Compute', Arch: 'X86' },
      { ID: B, State: 'Standby', Flag: 'Alert', NID: 2, Role: 'Service', SubRole: 'Worker', Enabled: false },
      { ID: C, State: 'Off', NID: 30, SoftwareStatus: 'booted' },
      { ID: SWITCH, State: 'On', Class: 'River' },
    );
  const ids = async (query: string): Promise<string> => {
    const { json, status, text } = await world.get(`${COMPONENTS}?${query}`);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return (json.Components as { ID: string }[]).map(({ ID }) => ID).join();
  };
  const state = async (id: string): Promise<string> => {
    const { json } = await world.get(`${COMPONENTS}/${id}`);
    return `${json.State}/${json.Flag}`;
  };
  /** `400 Bad Request: Missing IDs`, of problem details as smd writes them. */
  const refusal = ({ status, type, text, json }: Answered): string => {
    expect(type).to.equal('application/problem+json');
    expect(text.endsWith('}\n')).to.equal(true);
    expect(Object.keys(json)).to.deep.equal(['type', 'title', 'detail', 'status']);
    expect(json.status).to.equal(status);
    return `${status} ${json.title}: ${json.detail}`;
  };

  itOnce('is ready and alive', async () => {
    expect(await world.get(`${ROOT}/service/ready`)).to.include({
      status: 200,
      type: 'application/json',
      text: '{"code":0,"message":"HSM is healthy"}\n',
    });
    expect(await world.get(`${ROOT}/service/liveness`)).to.include({ status: 204, text: '' });
  });

  itOnce('says in words which methods a path has', async () => {
    const answer = await fetch(`${world.url}${ROOT}/service/ready`, { method: 'POST' });
    expect(answer.status).to.equal(405);
    expect(answer.headers.get('allow')).to.match(/GET/);
    expect(answer.headers.get('content-type')).to.equal('application/problem+json');
    expect((await ask('PATCH', SCN, {})).status).to.equal(405);
  });

  it('shows components, one and all', async () => {
    await some();
    expect(await world.get(`${COMPONENTS}/X0C0S01B0N0`)).to.deep.include({
      status: 200,
      type: 'application/json',
      json: {
        ID: B,
        Type: 'Node',
        State: 'Standby',
        Flag: 'Alert',
        Enabled: false,
        Role: 'Service',
        SubRole: 'Worker',
        NID: 2,
      },
    });
    expect(refusal(await world.get(`${COMPONENTS}/x7`))).to.equal('404 Not Found: no such xname.');
    const { json } = await world.get(COMPONENTS);
    expect(Object.keys(json)).to.deep.equal(['Components']);
    expect(json.Components).to.have.length(4);
  });

  it('finds components by what they are: values are alternatives, ! leaves out', async () => {
    await some();
    for (const [query, found] of [
      ['id=X0C0S0B0N0&id=x0c0w1', [A, SWITCH]],
      ['id=!x0c0w1', [A, B, C]],
      ['type=node', [A, B, C]],
      ['type=node&type=mgmtswitch', [A, B, C, SWITCH]],
      ['type=!Node', [SWITCH]],
      ['state=ready&state=ON', [A, SWITCH]],
      ['state=!Off&type=Node', [A, B]],
      ['flag=alert', [B]],
      ['flag=!OK', [B]],
      ['enabled=false', [B]],
      ['enabled=!0', [A, C, SWITCH]],
      ['role=compute', [A, C]],
      ['role=', [SWITCH]],
      ['role=!compute', [B, SWITCH]],
      ['subrole=worker', [B]],
      ['softwarestatus=booted', [C]],
      ['arch=x86', [A]],
      ['class=river', [SWITCH]],
      ['nid=1&nid=30', [A, C]],
      ['nid=!1&nid=!2', [C, SWITCH]],
      ['nid_start=2&nid_end=29', [B]],
      ['nid_start=1&nid_end=1&nid_start=30&nid_end=40', [A, C]],
      ['nid=2&nid_start=30', [B, C]],
      ['partition=NULL', [A, B, C, SWITCH]],
      ['group=blue', []],
      ['state=Ready&state=Off&flag=ok&nid_end=10', [A]],
    ] as const) {
      expect(await ids(query), query).to.equal(found.join());
    }
  });

  itOnce('shows of components what is asked for', async () => {
    await some();
    const first = async (query: string): Promise<unknown> =>
      (await world.get(`${COMPONENTS}?id=${B}&${query}`)).json.Components[0];
    expect(await first('stateonly=true')).to.deep.equal({ ID: B, Type: 'Node', State: 'Standby', Flag: 'Alert' });
    expect(await first('flagonly=1')).to.deep.equal({ ID: B, Type: 'Node', Flag: 'Alert' });
    expect(await first('roleonly=true')).to.deep.equal({ ID: B, Type: 'Node', Role: 'Service', SubRole: 'Worker' });
    expect(await first('nidonly=true&stateonly=false')).to.deep.equal({ ID: B, Type: 'Node', NID: 2 });
  });

  itOnce('refuses filters in words', async () => {
    for (const [query, words] of [
      ['id=FAKE', 'Argument was not a valid xname ID'],
      ['type=Toaster', 'Argument was not a valid HMS Type'],
      ['state=!Asleep', 'Argument was not a valid HMS State'],
      ['flag=red', 'Argument was not a valid HMS Flag'],
      ['role=cook', 'Argument was not a valid HMS Role'],
      ['subrole=cook', 'Argument was not a valid HMS SubRole'],
      ['arch=vax', 'Argument was not a valid HMS Arch'],
      ['class=valley', 'Argument was not a valid HMS Class'],
      ['enabled=perhaps', 'a required argument did not match any valid input'],
      ['nid=one', 'a required argument was not an integer'],
      ['nid_end=-1', 'a required argument was not an integer'],
    ]) {
      expect(refusal(await world.get(`${COMPONENTS}?${query}`)), query).to.equal(
        `400 Bad Request: bad query param: ${words}`,
      );
    }
  });

  it('gives long lists whole', async () => {
    const all = Array.from(
      { length: 2_500 },
      (_, i) =>
        `x${1000 + Math.floor(i / 512)}c${Math.floor(i / 64) % 8}s${Math.floor(i / 8) % 8}b${Math.floor(i / 2) % 4}n${i % 2}`,
    );
    await make(...all.map((ID) => ({ ID, State: 'On' })));
    const { json } = await world.get(COMPONENTS);
    expect((json.Components as { ID: string }[]).map(({ ID }) => ID)).to.deep.equal([...all].sort());
    expect((await world.get(`${COMPONENTS}?state=Off`)).json).to.deep.equal({ Components: [] });
    expect((await ids('nid=5')).length).to.equal(0);
  });

  it('makes components, and replaces those that are there only by force', async () => {
    await some();
    await make({ ID: A, State: 'Off' });
    expect(await state(A)).to.equal('Ready/OK');
    expect((await ask('POST', COMPONENTS, { Components: [{ ID: A, State: 'Halt' }], Force: true })).status).to.equal(
      204,
    );
    expect(await state(A)).to.equal('Halt/OK');
    expect(refusal(await ask('POST', COMPONENTS, { Components: [] }))).to.equal('400 Bad Request: Missing Components');
    expect(refusal(await ask('POST', COMPONENTS, '{'))).to.match(/^500 Internal Server Error: error decoding JSON /);
  });

  it('forgets a component', async () => {
    await some();
    expect((await ask('DELETE', `${COMPONENTS}/${A}`)).text).to.equal('{"code":0,"message":"deleted 1 entry"}\n');
    expect(refusal(await ask('DELETE', `${COMPONENTS}/${A}`))).to.equal('404 Not Found: no such xname.');
    expect(refusal(await ask('DELETE', `${COMPONENTS}/FAKE`))).to.equal('400 Bad Request: invalid xname');
  });

  it('patches states in bulk: 204, and what does not fit is passed over', async () => {
    await some();
    const body = { ComponentIDs: [A, B, C, 'x9'], State: 'Standby', Flag: 'Alert' };
    expect(await ask('PATCH', `${COMPONENTS}/BulkStateData`, body)).to.include({ status: 204, text: '' });
    expect([await state(A), await state(B), await state(C)]).to.deep.equal([
      'Standby/Alert',
      'Standby/Alert',
      'Off/OK',
    ]);
    expect((await world.get(`${COMPONENTS}/x9`)).status).to.equal(404);
  });

  it('tells what became of each, when it is asked to', async () => {
    await some();
    const patch = (query: string) =>
      ask('PATCH', `${COMPONENTS}/BulkStateData?${query}`, {
        ComponentIDs: [A, B, C, 'X9'],
        State: 'standby',
        Flag: 'alert',
      });
    expect((await patch('results=false')).status).to.equal(204);
    expect((await ask('PATCH', `${COMPONENTS}/${A}/StateData`, { State: 'Ready' })).status).to.equal(204);
    expect((await patch('results=true')).json).to.deep.equal({
      Results: [
        { ID: A, Result: 'changed' },
        { ID: B, Result: 'same' },
        { ID: C, Result: 'refused', Detail: 'state Off may not become Standby; allowed from Standby, Ready' },
        { ID: 'x9', Result: 'unknown' },
      ],
    });
  });

  itOnce('takes all of a PATCH or nothing', async () => {
    await some();
    const bulk = (body: unknown) => ask('PATCH', `${COMPONENTS}/BulkStateData`, body);
    expect(refusal(await bulk({ ComponentIDs: [A, 'FAKE'], State: 'Standby' }))).to.equal(
      '400 Bad Request: invalid xname ID',
    );
    expect(refusal(await bulk({ ComponentIDs: [A], State: 'FAKE' }))).to.equal(
      '400 Bad Request: Argument was not a valid HMS State',
    );
    expect(refusal(await bulk({ ComponentIDs: [A], State: 'Empty' }))).to.equal(
      '400 Bad Request: operation not allowed and not forced.',
    );
    expect(refusal(await bulk('not JSON'))).to.match(/^500 Internal Server Error: error decoding JSON /);
    expect(refusal(await ask('PATCH', `${COMPONENTS}/FAKE/StateData`, { State: 'On' }))).to.equal(
      '400 Bad Request: invalid xname ID',
    );
    expect(await state(A)).to.equal('Ready/OK');
    expect((await bulk({ ComponentIDs: [A], State: 'Empty', Force: true })).status).to.equal(204);
    expect(await state(A)).to.equal('Empty/OK');
  });

  it('patches flags alone, one and many', async () => {
    await some();
    expect((await ask('PATCH', `${COMPONENTS}/${C}/FlagOnly`, { Flag: 'warn' })).status).to.equal(204);
    const answer = await ask('PATCH', `${COMPONENTS}/BulkFlagOnly?results=1`, {
      ComponentIDs: [A, B, 'x9'],
      Flag: 'Alert',
    });
    expect((answer.json.Results as { Result: string }[]).map(({ Result }) => Result)).to.deep.equal([
      'changed',
      'same',
      'unknown',
    ]);
    expect([await state(A), await state(C)]).to.deep.equal(['Ready/Alert', 'Off/Warning']);
  });

  it('hears of beats: who begins is ready, who is late has a warning, who is dead stands by', async () => {
    await make({ ID: A, State: 'On' });
    await world.beat(A);
    await world.beat(B);
    await world.settled();
    expect([await state(A), await state(B)]).to.deep.equal(['Ready/OK', 'Ready/OK']);
    await world.time.advance(10_250);
    await world.settled();
    expect(await state(A)).to.equal('Ready/Warning');
    await world.beat(B);
    await world.time.advance(20_000);
    await world.settled();
    expect(await state(A)).to.equal('Standby/Alert');
    await world.beat(B, 'Kernel Oops');
    await world.settled();
    expect(await state(B)).to.equal('Halt/Alert');
  });

  it('keeps who is off quiet: no warning, no death, until it beats again', async () => {
    await world.beat(A);
    await world.beat(B);
    await world.settled();
    expect((await ask('PATCH', `${COMPONENTS}/${A}/StateData`, { State: 'Off' })).status).to.equal(204);
    await world.time.advance(60_000);
    expect(await world.kinds(A)).to.deep.equal(['started']);
    expect(await world.kinds(B)).to.deep.equal(['started', 'warning', 'dead']);
    expect(await state(A)).to.equal('Off/OK');
    await world.beat(A);
    expect(await world.kinds(A)).to.deep.equal(['started', 'started']);
    expect(await state(A)).to.equal('Ready/OK');
    // One that is made to be off is off, too; and one that is refused is not.
    await world.beat(C);
    await world.settled();
    await make({ ID: 'x9c0s0b0n0', State: 'Off' });
    expect((await ask('PATCH', `${COMPONENTS}/${C}/StateData`, { State: 'Populated' })).status).to.equal(400);
    await world.time.advance(60_000);
    expect(await world.kinds(C)).to.deep.equal(['started', 'warning', 'dead']);
  });

  const sub = { Subscriber: 'hmnfd', Url: 'http://127.0.0.1:1/scn', States: ['ready', 'Standby'], Enabled: true };

  it('keeps subscriptions: made, shown, replaced, changed, ended', async () => {
    expect((await world.get(SCN)).text).to.equal('{"SubscriptionList":[]}\n');
    const made = await ask('POST', SCN, sub);
    expect(made).to.include({ status: 200, type: 'application/json' });
    const { ID } = made.json as { ID: number };
    expect(ID).to.be.a('number').above(0);
    expect(Object.keys(made.json)).to.deep.equal(['ID', 'Subscriber', 'Enabled', 'States', 'Url']);
    expect(made.json).to.deep.equal({ ID, ...sub });
    expect((await world.get(SCN)).json).to.deep.equal({ SubscriptionList: [{ ID, ...sub }] });
    expect(refusal(await ask('POST', SCN, { ...sub, Roles: ['Compute'] }))).to.equal(
      '400 Bad Request: Subscribe failed',
    );
    const other = (await ask('POST', SCN, { ...sub, Subscriber: 'other' })).json as { ID: number };
    expect(other.ID).to.be.above(ID);

    expect((await ask('PUT', `${SCN}/${ID}`, { ...sub, States: ['Halt'] })).status).to.equal(204);
    expect((await ask('PATCH', `${SCN}/${ID}`, { Op: 'add', Roles: ['compute'] })).status).to.equal(204);
    expect((await ask('PATCH', `${SCN}/${ID}`, { Op: 'remove', Enabled: true })).status).to.equal(204);
    expect((await world.get(`${SCN}/${ID}`)).json).to.deep.equal({
      ID,
      ...sub,
      States: ['Halt'],
      Roles: ['compute'],
      Enabled: false,
    });
    expect(refusal(await ask('PUT', `${SCN}/${ID}`, { ...sub, Subscriber: 'other' }))).to.equal(
      '400 Bad Request: Subscription update failed',
    );

    expect((await ask('DELETE', `${SCN}/${ID}`)).text).to.equal('{"code":0,"message":"Subscription deleted"}\n');
    for (const [method, body] of [
      ['GET'],
      ['DELETE'],
      ['PUT', sub],
      ['PATCH', { Op: 'add', States: ['On'] }],
    ] as const) {
      expect(refusal(await ask(method, `${SCN}/${ID}`, body)), method).to.equal(
        '404 Not Found: Subscription not found',
      );
      expect(refusal(await ask(method, `${SCN}/0`, body)), method).to.equal('400 Bad Request: Invalid id - 0');
    }
    expect(refusal(await ask('PUT', SCN, sub))).to.equal('404 Not Found: Resource not found');
    expect((await ask('DELETE', SCN)).text).to.equal('{"code":0,"message":"1 Subscriptions deleted"}\n');
    expect((await ask('DELETE', SCN)).text).to.equal('{"code":0,"message":"0 Subscriptions deleted"}\n');
  });

  itOnce('refuses subscriptions in words', async () => {
    expect(refusal(await ask('POST', SCN, { Url: sub.Url }))).to.equal('400 Bad Request: Missing name of subscriber');
    expect(refusal(await ask('POST', SCN, { Subscriber: 'a' }))).to.equal('400 Bad Request: Missing url');
    expect(refusal(await ask('POST', SCN, { ...sub, States: ['FAKE'] }))).to.equal(
      "400 Bad Request: Invalid state 'FAKE'",
    );
    expect(refusal(await ask('POST', SCN, '['))).to.match(/^500 Internal Server Error: error decoding JSON /);
  });
});
