/** What is made from tables is as the tables are now, and the examples in it are true. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allCommands, commandReference } from '@csm/cli';
import { generated } from '@csm/daemon';
import { ROLES } from '@csm/model';
import { expect } from 'chai';
import { csmd, ROOT, Site } from './support/daemons.ts';

/** Roles of the tree, and the service that may stand alone. */
const WITH_SETTINGS = [...ROLES, 'heartbeat'] as const;

const files = [
  ...(await generated()),
  { path: 'docs/reference/commands.md', text: commandReference(await allCommands()) },
];

describe('what is generated', () => {
  it('is the client, the reference of calls and errors, and a page of settings for each role', () => {
    expect(files.map(({ path }) => path)).to.include.members([
      'packages/client/src/generated/api.ts',
      'docs/reference/api.md',
      'docs/reference/errors.md',
      ...WITH_SETTINGS.map((role) => `docs/reference/settings-${role}.md`),
    ]);
  });

  for (const { path, text } of files) {
    it(`${path} is as its source; else: npm run generate`, () => {
      expect(readFileSync(join(ROOT, path), 'utf8')).to.equal(text);
    });
  }

  describe('in the pages of settings', () => {
    let site: Site;
    before(async () => {
      site = await Site.open();
      writeFileSync(join(site.root, 'revoked.json'), '[]\n');
    });
    after(() => site.close());

    for (const role of WITH_SETTINGS) {
      it(`has examples for a ${role} that csmd --check takes`, async () => {
        const node = 'n0001';
        // Who stands alone has no certificate of the tree.
        const cred = role === 'heartbeat' ? '' : await site.cred(role, node);
        const page = readFileSync(join(ROOT, `docs/reference/settings-${role}.md`), 'utf8');
        const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
        expect(examples).to.have.length.of.at.least(2);
        await Promise.all(
          examples.map(async (text, i) => {
            const given = text
              .replace('/etc/csm/ca.pem', site.ca)
              .replace('/etc/csm/revoked.json', join(site.root, 'revoked.json'))
              .replace(`/etc/csm/${role}.pem`, cred)
              // The name of this machine is not known to the page.
              .replace('"csm": {', `"csm": { "node_name": "${node}",`);
            const file = join(site.root, `${role}-${i}.cfg`);
            writeFileSync(file, given);
            const { code, stderr } = await csmd(['--role', role, '--file', file, '--check']);
            expect(stderr, text).to.equal('');
            expect(code, text).to.equal(0);
          }),
        );
      });
    }
  });
});
