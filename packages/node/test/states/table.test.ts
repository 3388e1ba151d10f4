import { expect } from 'chai';
import { refusal } from '../../src/states/judge.ts';
import { statesPage } from '../../src/states/page.ts';
import { CAUSES, isReady, keepsEvents, MOVES, NODE_STATES, OUT_STATES, targets } from '../../src/states/table.ts';

describe('the table of node states', () => {
  it('has each move once, and none to where a node is', () => {
    const keys = MOVES.map(({ from, to }) => `${from} ${to}`);
    expect(new Set(keys).size).to.equal(keys.length);
    for (const { from, to, by } of MOVES) {
      expect(from, `${from}`).not.to.equal(to);
      expect(by).not.to.deep.equal([]);
    }
  });

  it('has every state within reach, and a way from each into service', () => {
    const reached = new Set<string | null>([null]);
    for (let size = 0; size < reached.size; ) {
      size = reached.size;
      for (const { from, to } of MOVES) if (reached.has(from) && to !== null) reached.add(to);
    }
    expect([...reached].filter((state) => state !== null)).to.have.members([...NODE_STATES]);
    for (const from of NODE_STATES)
      if (from !== 'IN_SERVICE') expect(targets(from, 'user'), from).to.include('IN_SERVICE');
  });

  it('has what CSM documents', () => {
    expect(NODE_STATES.filter(isReady)).to.deep.equal(['IN_SERVICE']);
    expect(NODE_STATES.filter((state) => !keepsEvents(state))).to.deep.equal(['MAINTENANCE', 'OUT_OF_SERVICE']);
    const documented = [
      ['DISCOVERED', 'IN_SERVICE', 'user'],
      ['IN_SERVICE', 'ADMIN_RESERVED', 'user'],
      ['ADMIN_RESERVED', 'IN_SERVICE', 'user'],
      ['IN_SERVICE', 'MAINTENANCE', 'user'],
      ['MAINTENANCE', 'IN_SERVICE', 'user'],
      ['IN_SERVICE', 'OUT_OF_SERVICE', 'user'],
      ['OUT_OF_SERVICE', 'IN_SERVICE', 'user'],
      ['HARD_FAILURE', 'OUT_OF_SERVICE', 'user'],
      ['HARD_FAILURE', 'IN_SERVICE', 'user'],
      ['DISCOVERED', 'SOFT_FAILURE', 'event'],
      ['IN_SERVICE', 'SOFT_FAILURE', 'event'],
      ['DISCOVERED', 'HARD_FAILURE', 'event'],
      ['IN_SERVICE', 'HARD_FAILURE', 'event'],
      ['SOFT_FAILURE', 'HARD_FAILURE', 'event'],
      ['SOFT_FAILURE', 'IN_SERVICE', 'recovery'],
    ] as const;
    for (const [from, to, cause] of documented)
      expect(refusal({ from, to, cause, reason: 'r' }), `${from} → ${to}`).to.equal(undefined);
  });

  it('keeps events and contact from a node that somebody keeps out of service', () => {
    for (const from of OUT_STATES)
      for (const cause of ['event', 'contact', 'recovery'] as const)
        expect(targets(from, cause), from).to.deep.equal([]);
  });

  it('lets nobody but an admin or a window take a node out', () => {
    for (const cause of CAUSES.filter((one) => one !== 'user' && one !== 'window'))
      for (const from of NODE_STATES)
        expect(targets(from, cause).filter((to) => (OUT_STATES as readonly string[]).includes(to))).to.deep.equal([]);
  });
});

describe('a refusal', () => {
  it('says what is allowed instead', () => {
    const wish = { from: 'IN_SERVICE', to: 'DISCOVERED', cause: 'user', reason: 'r' } as const;
    expect(refusal(wish)).to.include({
      code: 43,
      detail: 'IN_SERVICE → DISCOVERED is not allowed; from IN_SERVICE: ADMIN_RESERVED, MAINTENANCE, OUT_OF_SERVICE',
    });
    expect(refusal({ ...wish, from: 'MAINTENANCE', to: 'SOFT_FAILURE', cause: 'contact' })?.detail).to.equal(
      'MAINTENANCE → SOFT_FAILURE is not allowed; from MAINTENANCE: nothing',
    );
  });

  it('asks for a reason where a node is taken out of service, and nowhere else', () => {
    for (const to of OUT_STATES)
      expect(refusal({ from: 'IN_SERVICE', to, cause: 'user', reason: null }), to).to.include({
        code: 8,
        field: 'reason',
      });
    expect(refusal({ from: 'OUT_OF_SERVICE', to: 'IN_SERVICE', cause: 'user', reason: null })).to.equal(undefined);
  });
});

describe('the page of node states', () => {
  it('has a row for every state, cause and move', () => {
    const page = statesPage();
    for (const word of [...NODE_STATES, ...CAUSES]) expect(page).to.contain(`| ${word} |`);
    expect(page).to.match(/^\| SOFT_FAILURE \| contact \| user, contact, recovery \|/m);
  });
});
