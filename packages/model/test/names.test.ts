import { expect } from 'chai';
import fc from 'fast-check';
import { daemonId, isNodeName, isRole, NODE_NAME_MAX, NODE_NAME_RULE, parseDaemonId, ROLES } from '../src/index.ts';

describe('node names', () => {
  it('are letters, digits and . - _, with a letter or digit at both ends', () => {
    for (const name of ['n', '1', 'n001', 'r1n01-ib', 'a.b.example', 'a_b', 'N1', 'n'.repeat(NODE_NAME_MAX)]) {
      expect(isNodeName(name), name).equals(true);
    }
    const others = [
      '',
      '-n',
      'n-',
      '.n',
      'n.',
      '_n',
      'n 1',
      'n1\n',
      '\nn1',
      'n/1',
      'n[1]',
      'n,m',
      '@n',
      'n\0',
      'é',
      '１',
    ];
    for (const name of [...others, 'n'.repeat(NODE_NAME_MAX + 1), 1, null, undefined, ['n1']]) {
      expect(isNodeName(name), String(name)).equals(false);
    }
    expect(NODE_NAME_RULE).matches(/^1 to 64 /);
  });
});

describe('daemon ids', () => {
  it('are a role and a node name', () => {
    for (const role of ROLES) {
      expect(isRole(role)).equals(true);
      expect(parseDaemonId(daemonId(role, 'n1'))).deep.equals({ role, node: 'n1' });
    }
    expect(isRole('Master')).equals(false);
    expect(isRole(undefined)).equals(false);
    for (const id of ['', '/', 'compute', 'compute/', '/n1', 'compute/n1/x', 'Compute/n1', 'root/n1', 'compute /n1']) {
      expect(parseDaemonId(id), id).equals(undefined);
    }
  });

  it('survive any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const id = parseDaemonId(text);
        if (id !== undefined) expect(daemonId(id.role, id.node)).equals(text);
      }),
    );
  });
});
