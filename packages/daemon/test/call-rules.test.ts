import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callsNamed, DEFAULT_POLICY, decide, isPrivileged } from '@csm/api';
import { expect } from 'chai';
import { readCallRules } from '../src/call-rules.ts';
import { apiTable } from '../src/features.ts';

const TABLE = apiTable();
const ETC = fileURLToPath(new URL('../../../../etc/', import.meta.url));

describe('the files about calls', () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'csm-rules-'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const NONE = {
    api_permission_file: undefined,
    api_configuration_file: undefined,
    privileged_user_id: [] as readonly string[],
    privileged_group_id: [] as readonly string[],
  };
  const file = (text: string): string => {
    const at = join(dir, `${Math.random()}`);
    writeFileSync(at, text);
    return at;
  };
  const rules = (given: Partial<typeof NONE> | object) => readCallRules({ ...NONE, ...given }, TABLE);
  const fault = async (given: object): Promise<string> => {
    try {
      await rules(given);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('it was taken');
  };
  const classes = async (text: string) => {
    const { policy } = await rules({ api_permission_file: file(text) });
    return (call: string) => policy.classOf(TABLE.row(call) ?? { name: call, access: 'public' });
  };

  it('are not needed: calls have the class and the time of their table', async () => {
    const { policy, secondsOf } = await rules({});
    for (const row of TABLE.rows) {
      expect(policy.classOf(row), row.name).to.equal(row.access);
      expect(secondsOf(row), row.name).to.equal(row.timeoutSeconds);
    }
  });

  it('that are shipped hold every call, each in its own class and with its own time', async () => {
    const shipped = { api_permission_file: join(ETC, 'csm_api.acl'), api_configuration_file: join(ETC, 'csm_api.cfg') };
    const { policy, secondsOf } = await rules(shipped);
    for (const row of TABLE.rows) {
      expect(policy.classOf(row), row.name).to.equal(row.access);
      expect(secondsOf(row), row.name).to.equal(row.timeoutSeconds);
    }
    const text = readFileSync(join(ETC, 'csm_api.acl'), 'utf8');
    for (const row of TABLE.offered) expect(text, row.name).to.contain(`"${row.name}"`);
  });

  it('of CSM itself are taken as they are', async () => {
    const acl = file(`{
      "privileged_user_id": "root",
      "privileged_group_id": "root",
      "private": ["csm_allocation_query_details", "csm_allocation_delete", "csm_allocation_update_state", "csm_bb_cmd",
        "csm_jsrun_cmd", "csm_allocation_step_query_details"],
      "public": ["csm_allocation_step_cgroup_create", "csm_allocation_step_cgroup_delete", "csm_allocation_query",
        "csm_allocation_query_active_all", "csm_allocation_resources_query", "csm_allocation_step_begin",
        "csm_allocation_step_end", "csm_allocation_step_query", "csm_allocation_step_query_active_all",
        "csm_diag_run_query", "csm_node_attributes_query", "csm_node_attributes_query_history",
        "csm_node_resources_query", "csm_node_resources_query_all"]
    }`);
    const times = file('{"csm_allocation_create": 120, "csm_allocation_step_end": 120, "csm_jsrun_cmd": 60}');
    const { policy } = await rules({ api_permission_file: acl, api_configuration_file: times });
    const open = TABLE.offered.filter((row) => policy.classOf(row) === 'public').map((row) => row.name);
    expect(open.sort()).to.deep.equal(['node.history', 'node.list', 'node.show']);
  });

  it("have CSM's names for what is built", () => {
    for (const [name, call] of Object.entries({
      csm_node_attributes_query: 'node.list',
      csm_node_attributes_query_history: 'node.history',
      csm_node_attributes_query_details: 'node.hardware',
      csm_node_attributes_update: 'node.update',
      csm_infrastructure_test: 'health',
    })) {
      const found = callsNamed(name, TABLE);
      expect('rows' in found && found.rows.map((row) => row.name), name).to.include(call);
    }
  });

  it('make what they do not list privileged, but for calls between daemons', async () => {
    const of = await classes('{"public":["node.list"]}');
    expect(of('node.list')).to.equal('public');
    for (const row of TABLE.rows.filter(({ name }) => name !== 'node.list')) {
      expect(of(row.name), row.name).to.equal(row.internal === true ? row.access : 'privileged');
    }
  });

  it('name users and groups besides those of the configuration; a group by number has its name too', async () => {
    const { policy } = await rules({
      api_permission_file: file('{"privileged_user_id":["ann",1001],"privileged_group_id":[0,"ops"]}'),
      privileged_user_id: ['bob'],
      privileged_group_id: ['1', '4294967290'],
    });
    expect(policy.privilegedUsers).to.deep.equal(['bob', 'ann', '1001']);
    expect(policy.privilegedGroups).to.include.members(['1', '4294967290', '0', 'ops', 'root', 'daemon']);
    const caller = { user: 'x', uid: 7, gid: 7, groups: ['x', 'daemon'], pid: 1, vouchedBy: 'utility/u' };
    expect(isPrivileged(caller, policy)).to.equal(true);
    expect(isPrivileged(caller, { ...DEFAULT_POLICY })).to.equal(false);
  });

  it('with faults are refused with place, value, what is allowed and the nearest name', async () => {
    const acl = file('{\n  "public": [\n    "node.list",\n    "node.lsit"\n  ],\n  "privat": []\n}');
    const told = await fault({ api_permission_file: acl });
    expect(told).to.equal(
      [
        `${acl} has 2 faults:`,
        '  line 4, column 5: public[1] is "node.lsit"; allowed: the name of a call (GET /csm/v1/ lists them) or one of IBM CSM (did you mean node.list?)',
        '  line 6, column 13: privat is []; allowed: one of privileged_user_id, privileged_group_id, private, public, privileged (unknown key; did you mean private?)',
      ].join('\n'),
    );
    expect(await fault({ api_permission_file: file('{"public":["node.list"],"public":["health"]}') })).to.match(
      /public.*each key once.*it stands twice/,
    );
    expect(await fault({ api_permission_file: file('{"public":["node.list"') })).to.match(/not JSON: the file ends/);
    expect(await fault({ api_permission_file: file('[]') })).to.match(/an object of privileged_user_id/);
    expect(await fault({ api_permission_file: file('{"private":["run"]}') })).to.match(/run asks for no owner/);
    expect(await fault({ api_permission_file: file('{"public":["token.resolve"]}') })).to.match(/the name of a call/);
    expect(await fault({ api_permission_file: file('{"privileged_user_id":[65534]}') })).to.match(
      /everybody who is unknown/,
    );
    expect(await fault({ api_permission_file: file('{"privileged_group_id":"ops "}') })).to.match(/there are spaces/);
    expect(await fault({ api_configuration_file: file('{\n"node.list": 4}') })).to.match(
      /line 2, column 14: node\.list is 4; allowed: whole seconds from 5 to 86400/,
    );
  });

  it('that are missing, unreadable or too large are refused, and named with their setting', async () => {
    const missing = join(dir, 'nowhere');
    expect(await fault({ api_permission_file: missing })).to.match(/csm\.api_permission_file is ".*nowhere".*ENOENT/);
    expect(await fault({ api_configuration_file: dir })).to.match(/csm\.api_configuration_file is .*it is no file/);
    expect(await fault({ api_permission_file: '/dev/zero' })).to.match(/it is no file/);
    const open = file('{}');
    chmodSync(open, 0o666);
    expect(await fault({ api_permission_file: open })).to.match(/everybody may write it/);
    const large = file(' '.repeat(1024 * 1024 + 1));
    expect(await fault({ api_permission_file: large })).to.match(/it has 1048577 bytes/);
  });

  it('give a call its time', async () => {
    const { secondsOf } = await rules({ api_configuration_file: file('{"NODE_ATTRIBUTES_QUERY": 77, "run": 5}') });
    const seconds = (call: string) => {
      const row = TABLE.row(call);
      return row === undefined ? undefined : secondsOf(row);
    };
    expect(['node.list', 'node.show', 'run', 'health'].map(seconds)).to.deep.equal([77, 77, 5, 30]);
  });

  it('never let an ordinary user beyond what a class gives him, at any door', async () => {
    const { policy } = await rules({ api_permission_file: join(ETC, 'csm_api.acl') });
    for (const row of TABLE.rows) {
      for (const role of ['master', 'aggregator', 'utility', 'compute']) {
        const caller = { user: 'ann', uid: 1000, gid: 1000, groups: ['ann'], pid: 1, vouchedBy: `${role}/x` };
        const decision = decide(row, caller, policy);
        if (row.access === 'privileged') expect(decision, `${row.name} by ${role}`).to.be.an('object');
        if (row.access === 'private') expect(decision, `${row.name} by ${role}`).to.not.equal('granted');
      }
    }
  });
});
