import { expect } from 'chai';
import fc from 'fast-check';
import { COMPONENTS_MAX, readBulkFlag, readBulkState, readComponents, readFlag, readState } from '../src/hsm/bodies.ts';
import { Refused } from '../src/hsm/fields.ts';
import { patched, readId, readPatch, readSubscription } from '../src/hsm/subscriptions.ts';
import type { ScnSubscription } from '../src/types.ts';

/** `400 Missing IDs`. */
function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (thrown) {
    if (thrown instanceof Refused) return `${thrown.status} ${thrown.message}`;
    throw thrown;
  }
  throw new Error('it was not refused');
}

const A = 'x0c0s0b0n0';
const bulk = (body: unknown) => () => readBulkState(JSON.stringify(body));

describe('bodies to the state manager', () => {
  it('are read with names in any case, null as nothing, and xnames normalised', () => {
    expect(
      readBulkState(
        '{"componentids":["X0000C00S0B0N0"," x1c0s0b0n0 "],"STATE":"standby","flag":"warn","Other":1,' +
          '"ExtendedInfo":{"Message":"Heartbeat stopped"},"Force":null}',
      ),
    ).to.deep.equal({ ids: [A, 'x1c0s0b0n0'], state: 'Standby', flag: 'Warning', force: false });
    expect(bulk({ ComponentIDs: [A], State: 'Empty', Flag: null, Force: true })()).to.deep.equal({
      ids: [A],
      state: 'Empty',
      flag: 'OK',
      force: true,
    });
    expect(readState('{"State":"Off"}', 'X0C0S0B0N0')).to.include({ state: 'Off', flag: 'OK' });
    expect(readState(`{"ID":"${A}","State":"Off"}`, A).ids).to.deep.equal([A]);
    expect(readFlag('{"Flag":"locked"}', A)).to.deep.equal({ ids: [A], flag: 'Locked' });
    expect(readBulkFlag(`{"ComponentIDs":["${A}"],"Flag":"Alert"}`).flag).to.equal('Alert');
  });

  const REFUSED: readonly (readonly [string, () => unknown])[] = [
    ['400 Missing IDs', bulk({ State: 'Ready' })],
    ['400 Missing IDs', bulk({ ComponentIDs: [], State: 'FAKE' })],
    ['400 Missing IDs', bulk(null)],
    ['400 invalid xname ID', bulk({ ComponentIDs: ['x9999c7s9b8n8', 'FAKE'], State: 'Ready' })],
    ['400 invalid xname ID', bulk({ ComponentIDs: [''] })],
    ['400 Missing State', bulk({ ComponentIDs: [A] })],
    ['400 Missing State', bulk({ ComponentIDs: [A], State: '', Flag: 'FAKE' })],
    ['400 Argument was not a valid HMS State', bulk({ ComponentIDs: [A], State: 'FAKE' })],
    ['400 Argument was not a valid HMS State', bulk({ ComponentIDs: [A], State: 'FAKE', Flag: 'OK' })],
    ['400 Argument was not a valid HMS Flag', bulk({ ComponentIDs: [A], State: 'Ready', Flag: 'FAKE' })],
    ['400 Argument was not a valid HMS Flag', bulk({ ComponentIDs: [A], State: 'Ready', Flag: 'Unknown' })],
    ['400 operation not allowed and not forced.', bulk({ ComponentIDs: [A], State: 'Populated' })],
    ['500 error decoding JSON ComponentIDs is not a list', bulk({ ComponentIDs: A, State: 'Ready' })],
    ['500 error decoding JSON ComponentIDs is not a list of strings', bulk({ ComponentIDs: [1], State: 'Ready' })],
    ['500 error decoding JSON State is not a string', bulk({ ComponentIDs: [A], State: 1 })],
    ['500 error decoding JSON Force is not true or false', bulk({ ComponentIDs: [A], State: 'On', Force: 'yes' })],
    ['500 error decoding JSON the body is not an object', bulk([])],
    [
      `400 too many IDs: ${COMPONENTS_MAX + 1}; allowed: ${COMPONENTS_MAX}`,
      bulk({ ComponentIDs: Array.from({ length: COMPONENTS_MAX + 1 }, () => A), State: 'On' }),
    ],
    ['400 ID in URL and PATCH body do not match', () => readState('{"ID":"x1","State":"On"}', A)],
    ['400 invalid xname ID', () => readState('{"State":"On"}', 'FAKE')],
    ['400 Missing Flag', () => readFlag('{}', A)],
    ['400 Argument was not a valid HMS Flag', () => readBulkFlag(`{"ComponentIDs":["${A}"],"Flag":"Red"}`)],
    ['400 Missing Components', () => readComponents('{}')],
    ['400 Missing Components', () => readComponents('{"Components":[{"State":"On"}]}')],
    [
      "400 couldn't validate components: xname ID 'FAKE' is invalid",
      () => readComponents('{"Components":[{"ID":"FAKE"}]}'),
    ],
    ["400 couldn't validate components: state '' is invalid", () => readComponents('{"Components":[{"ID":"x0"}]}')],
    [
      "400 couldn't validate components: flag 'Red' is invalid",
      () => readComponents('{"Components":[{"ID":"x0","State":"On","Flag":"Red"}]}'),
    ],
    [
      "400 couldn't validate components: role 'Cook' is invalid",
      () => readComponents('{"Components":[{"ID":"x0","State":"On"},{"ID":"x1","State":"On","Role":"Cook"}]}'),
    ],
    [
      '500 error decoding JSON Components[0].NID is not a whole number',
      () => readComponents('{"Components":[{"ID":"x0","State":"On","NID":1.5}]}'),
    ],
    ['500 error decoding JSON Components[0] is not an object', () => readComponents('{"Components":[1]}')],
    ['400 Missing name of subscriber', () => readSubscription('{"Url":"http://a/"}')],
    ['400 Missing url', () => readSubscription('{"Subscriber":"a"}')],
    ['400 Missing Patch Op', () => readPatch('{"States":["On"]}')],
    ['400 Invalid Patch Op - turn', () => readPatch('{"Op":"turn"}')],
    ["400 Invalid role 'Cook'", () => readPatch('{"Op":"add","Roles":["Cook"]}')],
    ["400 Invalid subRole 'Cook'", () => readPatch('{"Op":"add","SubRoles":["Cook"]}')],
    ["400 Invalid state 'FAKE'", () => readPatch('{"Op":"add","States":["FAKE"]}')],
    ['400 SoftwareStatus can not be an empty string', () => readPatch('{"Op":"add","SoftwareStatus":[""]}')],
    ['400 Invalid id - 0', () => readId('0')],
    ['400 Invalid id - x', () => readId('x')],
    ['400 Invalid id - 1e3', () => readId('1e3')],
  ];
  for (const [refusal, read] of REFUSED) it(`are refused: ${refusal}`, () => expect(refusalOf(read)).to.equal(refusal));

  it('are refused without a trigger, and with a url that nobody can be asked under', () => {
    const subscription = (more: object) => () =>
      readSubscription(JSON.stringify({ Subscriber: 'a', Url: 'http://a/', ...more }));
    expect(refusalOf(subscription({}))).to.match(/^400 Missing trigger\. Must subscribe to atleast one Enabled, Role/);
    expect(refusalOf(subscription({ Enabled: false, States: [] }))).to.match(/^400 Missing trigger/);
    expect(refusalOf(() => readPatch('{"Op":"add"}'))).to.match(/^400 Missing trigger\. Subscriptions must have/);
    for (const Url of ['a', 'ftp://a/', `http://a/${'b'.repeat(2_048)}`]) {
      expect(refusalOf(subscription({ Url, Enabled: true }))).to.match(
        /^400 Invalid url; allowed: an http or https URL/,
      );
    }
    expect(refusalOf(subscription({ States: Array.from({ length: 65 }, () => 'On') }))).to.match(
      /^400 too many values/,
    );
  });

  it('never do anything but to be read or refused', () => {
    const names = ['ComponentIDs', 'State', 'Flag', 'Force', 'Components', 'Subscriber', 'Url', 'Op', 'States', 'ID'];
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(A, 'On', 'add', 'http://a/', [A], ['On'], [{ ID: A, State: 'On' }]),
    );
    const body = fc.oneof(
      fc.string(),
      fc.json(),
      fc.dictionary(fc.constantFrom(...names), value).map((one) => JSON.stringify(one)),
    );
    fc.assert(
      fc.property(body, fc.string(), (text, path) => {
        for (const read of [readBulkState, readBulkFlag, readComponents, readSubscription, readPatch]) {
          try {
            read(text);
          } catch (thrown) {
            expect(thrown).to.be.instanceOf(Refused);
          }
        }
        try {
          readState(text, path);
          readId(path);
        } catch (thrown) {
          expect(thrown).to.be.instanceOf(Refused);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('make components whole: the type follows from the name, a node computes, all are enabled', () => {
    const { components, force } = readComponents(
      JSON.stringify({
        force: true,
        Components: [
          {
            ID: 'X0C0S0B0N0',
            State: 'off',
            NID: '12',
            Class: 'mountain',
            Arch: 'x86',
            NetType: 'sling',
            Locked: false,
          },
          { ID: 'x0c0w1', Type: 'Node', State: 'On', Flag: 'alert', Enabled: false, NID: -1, Role: '' },
          { ID: 'x0c0s1b0n0', State: 'On', Role: 'application', SubRole: 'uan', SoftwareStatus: 'booted' },
        ],
      }),
    );
    expect(force).to.equal(true);
    expect(components).to.deep.equal([
      {
        ID: A,
        Type: 'Node',
        State: 'Off',
        Flag: 'OK',
        Enabled: true,
        Role: 'Compute',
        NID: 12,
        NetType: 'Sling',
        Arch: 'X86',
        Class: 'Mountain',
        Locked: false,
      },
      { ID: 'x0c0w1', Type: 'MgmtSwitch', State: 'On', Flag: 'Alert', Enabled: false },
      {
        ID: 'x0c0s1b0n0',
        Type: 'Node',
        State: 'On',
        Flag: 'OK',
        Enabled: true,
        SoftwareStatus: 'booted',
        Role: 'Application',
        SubRole: 'UAN',
      },
    ]);
  });

  it('change a subscription: add, remove and replace', () => {
    const has: ScnSubscription = { ID: 3, Subscriber: 'a', Url: 'http://a/', States: ['Ready', 'on'], Enabled: false };
    const after = (body: object) => patched(has, readPatch(JSON.stringify(body)));
    const rest = { ID: 3, Subscriber: 'a', Url: 'http://a/' };
    expect(after({ Op: 'Add', States: ['On', 'Off'], Roles: ['Compute'], Enabled: true })).to.deep.equal({
      ...rest,
      States: ['Ready', 'on', 'Off'],
      Roles: ['Compute'],
      Enabled: true,
    });
    expect(after({ Op: 'remove', States: ['ON', 'ready'] })).to.deep.equal({ ...rest, Enabled: false });
    expect(after({ Op: 'replace', States: ['Halt'] })).to.deep.equal({ ...rest, States: ['Halt'], Enabled: false });
    expect(after({ Op: 'replace', Enabled: true })).to.deep.equal({ ...rest, States: ['Ready', 'on'], Enabled: true });
    expect(patched({ ...has, Enabled: true }, readPatch('{"Op":"remove","Enabled":true}')).Enabled).to.equal(false);
  });
});
