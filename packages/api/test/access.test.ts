import { code, isObject } from '@csm/model';
import { expect } from 'chai';
import { type Caller, classesOf, DEFAULT_POLICY, decide, notOwner, type Policy, statusOf } from '../src/index.ts';
import { TABLE } from './sample.ts';

const row = (name: string) => {
  const found = TABLE.row(name);
  if (found === undefined) throw new Error(`no row ${name}`);
  return found;
};
const user = (changes: Partial<Caller> = {}): Caller => ({
  user: 'ann',
  uid: 1000,
  gid: 1000,
  groups: ['ann', 'ops'],
  pid: 7,
  vouchedBy: 'utility/login1',
  ...changes,
});
const outcome = (name: string, caller: Caller, policy: Partial<Policy> = {}): unknown => {
  const decision = decide(row(name), caller, { ...DEFAULT_POLICY, ...policy });
  return isObject(decision) ? decision.code : decision;
};

describe('decide', () => {
  const root = { user: 'root', uid: 0 };
  const table: readonly [string, string, Partial<Caller>, Partial<Policy>, unknown][] = [
    ['public: anybody', 'node.list', {}, {}, 'granted'],
    ['private: anybody, the handler checks', 'job.cancel', {}, {}, 'owner-check'],
    ['private: root', 'job.cancel', root, {}, 'granted'],
    ['private: privileged user', 'job.cancel', {}, { privilegedUsers: ['ann'] }, 'granted'],
    ['privileged: nobody', 'node.update', {}, {}, code.PERMISSION],
    ['privileged: root', 'node.update', root, {}, 'granted'],
    ['privileged: by user name', 'node.update', {}, { privilegedUsers: ['ann'] }, 'granted'],
    ['privileged: by uid', 'node.update', {}, { privilegedUsers: ['1000'] }, 'granted'],
    ['privileged: by supplementary group', 'node.update', {}, { privilegedGroups: ['ops'] }, 'granted'],
    ['privileged: by gid', 'node.update', {}, { privilegedGroups: ['1000'] }, 'granted'],
    ['privileged: group root by its number', 'node.update', { gid: 0 }, {}, 'granted'],
    ['privileged: group root among the others', 'node.update', { groups: ['ann', 'root'] }, {}, 'granted'],
    ['privileged: another group', 'node.update', {}, { privilegedGroups: ['wheel'] }, code.PERMISSION],
    ['privileged: root by compute', 'node.update', { ...root, vouchedBy: 'compute/n1' }, {}, code.PERMISSION],
    [
      'privileged: root by compute, configured',
      'node.update',
      { ...root, vouchedBy: 'compute/n1' },
      { privilegedEnters: ['compute'] },
      'granted',
    ],
    ['private: root by compute', 'job.cancel', { ...root, vouchedBy: 'compute/n1' }, {}, code.PERMISSION],
    [
      'privileged: a number that is a name',
      'node.update',
      { user: '77' },
      { privilegedUsers: ['77'] },
      code.PERMISSION,
    ],
    [
      'privileged: nobody by number',
      'node.update',
      { user: 'gone', uid: 65_534, gid: 65_534, groups: [] },
      { privilegedUsers: ['65534'], privilegedGroups: ['65534'] },
      code.PERMISSION,
    ],
    ['enters: not by aggregator', 'job.cancel', { vouchedBy: 'aggregator/a' }, {}, code.PERMISSION],
    ['vouched by nothing', 'node.list', { ...root, vouchedBy: 'nobody' }, {}, code.PERMISSION],
  ];
  for (const [title, name, changes, policy, expected] of table) {
    it(title, () => expect(outcome(name, user(changes), policy)).to.equal(expected));
  }

  describe('with the classes of a permission file', () => {
    const classes = new Map([
      ['node.update', 'public'],
      ['node.show', 'privileged'],
      ['job.cancel', 'private'],
    ] as const);
    const filed = { classOf: classesOf(classes) };
    const cases: readonly [string, string, Partial<Caller>, unknown][] = [
      ['public by it', 'node.update', {}, 'granted'],
      ['public by it, by a compute daemon', 'node.update', { vouchedBy: 'compute/n1' }, 'granted'],
      ['privileged by it', 'node.show', {}, code.PERMISSION],
      ['privileged by it: root', 'node.show', root, 'granted'],
      ['private by it', 'job.cancel', {}, 'owner-check'],
      ['not in it', 'node.list', {}, code.PERMISSION],
      ['not in it: root', 'node.list', root, 'granted'],
      ['not in it: root by compute', 'node.list', { ...root, vouchedBy: 'compute/n1' }, code.PERMISSION],
    ];
    for (const [title, name, changes, expected] of cases) {
      it(title, () => expect(outcome(name, user(changes), filed)).to.equal(expected));
    }

    it('leaves calls between daemons alone', () => {
      expect(filed.classOf({ name: 'x.y', access: 'public', internal: true })).to.equal('public');
      expect(filed.classOf({ name: 'x.y', access: 'public' })).to.equal('privileged');
    });
  });

  it('names the call, its class and the user', () => {
    const decision = decide(row('node.update'), user(), DEFAULT_POLICY);
    expect(isObject(decision) && decision.detail).to.equal(
      'node.update is privileged and refused to user ann (uid 1000): ' +
        'only root and the configured privileged users and groups may make it',
    );
    expect(notOwner(row('job.cancel'), user(), 'job 4').detail).to.contain('only the owner of job 4');
  });
});

describe('statusOf', () => {
  it('maps codes', () => {
    const of = (...codes: (0 | 1 | 4 | 5 | 8 | 9 | 11 | 12 | 13 | 16 | 24)[]) => codes.map((c) => statusOf(c));
    expect(of(9, 8, 16, 4, 5, 24, 13, 11, 12, 1)).to.deep.equal([400, 400, 403, 404, 504, 503, 503, 404, 502, 500]);
  });
});
