import { expect } from 'chai';
import fc from 'fast-check';
import { generateAcl, generateTimeouts } from '../src/generate-call-files.ts';
import { ApiTable, callsNamed, readAcl, readTimeouts } from '../src/index.ts';
import { ROWS, TABLE } from './sample.ts';

const words = (faults: readonly { key: string; value: string; allowed: string; hint?: string }[]) =>
  faults.map(({ key, value, allowed, hint }) => `${key}: ${value}; ${allowed}; ${hint ?? ''}`);

describe('names of calls', () => {
  const rowsOf = (name: string) => {
    const found = callsNamed(name, TABLE);
    return 'near' in found ? found.near : found.rows.map((row) => row.name);
  };
  it('are ours or those of CSM, in any case, with - and _ alike', () => {
    for (const name of ['node.list', 'Node.List', 'NODE.LIST']) expect(rowsOf(name)).to.deep.equal(['node.list']);
    expect(rowsOf('node_attributes_query')).to.deep.equal(['node.list', 'node.show']);
    expect(rowsOf('CSM_Node_Attributes_Query')).to.deep.equal(['node.list', 'node.show']);
    expect(rowsOf('csm_node_resources_query_all')).to.deep.equal(['node.list']);
    const table = new ApiTable(ROWS.map((row) => (row.name === 'node.show' ? { ...row, name: 'node.find-job' } : row)));
    for (const name of ['node.find_job', 'node.find-job', 'node_find_job']) {
      const found = callsNamed(name, table);
      expect('rows' in found && found.rows.map((row) => row.name), name).to.deep.equal(['node.find-job']);
    }
  });
  it('may be of calls that are not built yet', () => {
    for (const name of ['csm_allocation_create', 'step_begin', 'allocation_step_begin', 'ras_event_query']) {
      expect(rowsOf(name), name).to.deep.equal([]);
    }
  });
  it('have the nearest one told when they are unknown', () => {
    expect(rowsOf('node.lst')).to.equal('node.list');
    expect(rowsOf('csm_allocation_creat')).to.equal('allocation_create');
    expect(rowsOf('zzzzzzzzzz')).to.equal(undefined);
    for (const name of ['__proto__', 'constructor', 'toString', '']) expect(rowsOf(name), name).to.not.be.an('array');
  });
});

describe('a permission file', () => {
  it('in the form that CSM ships is read', () => {
    const { acl, faults } = readAcl(
      {
        privileged_user_id: 'root',
        privileged_group_id: 'root',
        private: ['csm_allocation_query_details', 'csm_allocation_delete', 'csm_bb_cmd'],
        public: ['csm_allocation_query', 'csm_node_attributes_query', 'csm_node_resources_query'],
      },
      TABLE,
    );
    expect(faults).to.deep.equal([]);
    expect(acl.users).to.deep.equal(['root']);
    expect([...acl.classes]).to.deep.equal([
      ['node.list', 'public'],
      ['node.show', 'public'],
    ]);
  });

  it('has users and groups by name and number, comments and disabled names', () => {
    const { acl, faults } = readAcl(
      {
        '#': 'a comment',
        privileged_user_id: ['ann', 1001, '1002', '#bob'],
        privileged_group_id: 27,
        public: 'node.list',
        private: ['job.cancel', '#node.update', 'no#thing'],
        privileged: ['node.watch'],
      },
      TABLE,
    );
    expect(faults).to.deep.equal([]);
    expect(acl.users).to.deep.equal(['ann', '1001', '1002']);
    expect(acl.groups).to.deep.equal(['27']);
    expect(Object.fromEntries(acl.classes)).to.deep.equal({
      'node.list': 'public',
      'job.cancel': 'private',
      'node.watch': 'privileged',
    });
  });

  it('with mistakes is refused with all of them, each with value, what is allowed and the nearest', () => {
    const { faults } = readAcl(
      {
        privileged_user_id: ['', 1.5],
        privileged_groop_id: 'x',
        public: ['node.lsit', 'node_attributes_query', 7],
        private: ['node.show', 'job.cancel'],
        privileged: ['Job.Cancel', 'NODE_RESOURCES_QUERY', 'allocation_create', 'node.update'],
      },
      TABLE,
    );
    const told = words(faults).join('\n');
    expect(told).to.match(/^privileged_groop_id: "x"; one of .*; unknown key; did you mean privileged_group_id\?$/m);
    expect(told)
      .to.match(/^privileged_user_id\[0\]: "";/m)
      .and.to.match(/^privileged_user_id\[1\]: 1\.5;/m);
    expect(told).to.match(/^public\[0\]: "node\.lsit"; the name of a call .*; did you mean node\.list\?$/m);
    expect(told).to.match(/^public\[2\]: 7; /m);
    expect(told).to.match(
      /^private\[0\]: "node\.show"; a call that checks who owns what it names: job\.cancel; node\.show asks/m,
    );
    expect(told).to.match(
      /^public\[1\]: "node_attributes_query"; each call in one list; it means node\.show, which stands in private\[0\] too$/m,
    );
    expect(told).to.match(
      /^privileged\[0\]: "Job\.Cancel"; each call in one list; it means job\.cancel, which stands in private\[1\] too$/m,
    );
    expect(told).to.match(
      /^privileged\[1\]: "NODE_RESOURCES_QUERY"; each call in one list; it means node\.list, which stands in public\[1\] too$/m,
    );
    expect(faults).to.have.length(9);
  });

  it('keeps a call that is not built yet from standing in two lists', () => {
    const { faults } = readAcl({ public: ['csm_bb_cmd'], private: ['BB_CMD'] }, TABLE);
    expect(words(faults).join()).to.match(/each call in one list/);
  });

  it('is refused when it is no object, or a list is none', () => {
    for (const value of [[], 'x', null, 3, undefined]) expect(readAcl(value, TABLE).faults).to.have.length(1);
    expect(readAcl({ public: { a: 1 } }, TABLE).faults).to.have.length(1);
    expect(readAcl({ public: null }, TABLE).faults).to.have.length(1);
    expect(readAcl({ public: Array(10_001).fill('node.list') }, TABLE).faults).to.have.length(1);
  });

  it('never gives a call to more people than one list says, whatever it holds (property)', () => {
    const name = fc.constantFrom(
      'node.list',
      'NODE.SHOW',
      'node_attributes_query',
      'job.cancel',
      'bb_cmd',
      '#x',
      'nonsense',
    );
    const list = fc.array(name, { maxLength: 6 });
    fc.assert(
      fc.property(list, list, list, (pub, own, rest) => {
        const { acl, faults } = readAcl({ public: pub, private: own, privileged: rest }, TABLE);
        if (faults.length > 0) return;
        for (const [call, access] of acl.classes) {
          const givenIn = { public: pub, private: own, privileged: rest }[access];
          expect(
            givenIn.some((one) => {
              const found = callsNamed(one, TABLE);
              return 'rows' in found && found.rows.some((row) => row.name === call);
            }),
          ).to.equal(true);
          if (access === 'private') expect(TABLE.row(call)?.owned).to.equal(true);
        }
      }),
    );
  });

  it('is made from the table: every call, in its own class', () => {
    const { acl, faults } = readAcl(JSON.parse(generateAcl(TABLE)), TABLE);
    expect(faults).to.deep.equal([]);
    expect([...acl.classes.keys()].sort()).to.deep.equal(TABLE.offered.map((row) => row.name).sort());
    for (const row of TABLE.offered) expect(acl.classes.get(row.name), row.name).to.equal(row.access);
  });
});

describe('a time-out file', () => {
  it('is a flat map from names to whole seconds', () => {
    const { seconds, faults } = readTimeouts(
      { '#': 1, 'NODE.LIST': 60, csm_allocation_create: 120, 'job.cancel': '300', '#node.show': 1 },
      TABLE,
    );
    expect(faults).to.deep.equal([]);
    expect(Object.fromEntries(seconds)).to.deep.equal({ 'node.list': 60, 'job.cancel': 300 });
  });

  it('with mistakes is refused with all of them', () => {
    const { faults } = readTimeouts(
      {
        'node.list': 4,
        'node.lst': 30,
        'node.show': 7.5,
        'job.cancel': 'soon',
        'node.watch': 86_401,
        'node.update': -5,
      },
      TABLE,
    );
    const told = words(faults).join('\n');
    expect(told).to.match(/^node\.list: 4; whole seconds from 5 to 86400; $/m);
    expect(told).to.match(/^node\.lst: "node\.lst"; .*; did you mean node\.list\?$/m);
    expect(faults).to.have.length(6);
    expect(readTimeouts([], TABLE).faults).to.have.length(1);
  });

  it('gives each call one time', () => {
    const { faults } = readTimeouts({ node_attributes_query: 60, node_resources_query: 90 }, TABLE);
    expect(words(faults)).to.deep.equal([
      'node_resources_query: 90; one time for each call; it means node.list, which node_attributes_query gives 60',
    ]);
    expect(readTimeouts({ node_attributes_query: 60, node_resources_query: 60 }, TABLE).faults).to.deep.equal([]);
  });

  it('is made from the table, and changes nothing as it is', () => {
    const { seconds, faults } = readTimeouts(JSON.parse(generateTimeouts(TABLE)), TABLE);
    expect(faults).to.deep.equal([]);
    for (const [call, given] of seconds) expect(TABLE.row(call)?.timeoutSeconds).to.equal(given);
    expect(seconds.get('node.update')).to.equal(5);
  });
});
