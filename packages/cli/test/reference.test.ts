import { API } from '@csm/client';
import { expect } from 'chai';
import { allCommands } from '../src/commands/index.ts';
import { commandExamples, commandReference } from '../src/index.ts';
import { csm, type World, words, world } from './harness.ts';
import { WELL } from './sample.ts';

const COMMANDS = await allCommands();

describe('reference of commands', () => {
  let tree: World;
  before(async () => {
    tree = await world();
    tree.handlers = { ...WELL };
  });
  after(() => tree.stop());

  it('has a section for every command, with purpose and examples', () => {
    const page = commandReference(COMMANDS);
    for (const spec of COMMANDS) {
      const name = `csm ${spec.path.join(' ')}`;
      const section = page.split(`\n## ${name}\n`)[1]?.split('\n## ')[0] ?? '';
      expect(section, name).to.contain(`\`\`\`\n${name} [options]`);
      expect(section, name).to.contain('```sh\ncsm ');
      expect(spec.purpose.length, name).to.be.greaterThan(80);
      for (const { flags } of spec.options) expect(section).to.contain(`| \`${flags}\` |`);
      expect(page).to.contain(`| [\`${name}\`](#csm-${spec.path.join('-')}) |`);
    }
    expect(page).not.to.match(/undefined|\[object/);
    expect(page.split('\n').filter((line) => line.startsWith('# '))).to.deep.equal(['# Commands']);
  });

  it('leaves no call of the API without a command', () => {
    const called = new Set(COMMANDS.flatMap(({ call, also = [] }) => [call, ...also]));
    expect(Object.keys(API).filter((name) => !called.has(name as keyof typeof API))).to.deep.equal([]);
  });

  it('has examples that work, one after another', async () => {
    for (const { line, exits } of commandExamples(COMMANDS)) {
      const argv = words(line.replaceAll('/tmp', tree.dir));
      expect(argv.shift(), line).to.equal('csm');
      const needsDir = argv[0] === 'cert' && argv[1] !== 'csr';
      const { exit, err } = await csm(tree, needsDir ? [...argv, '--dir', `${tree.dir}/pki`] : argv);
      // The work on a database that is not there is refused, as it says.
      expect([0, ...exits], `${line}: ${exit} ${err}`).to.include(exit);
      if (exit === 0) expect(err, line).to.equal('');
    }
  });
});
