import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { RootTree } from '../src/index.ts';

describe('the files below a root', () => {
  let root: string;
  let tree: RootTree;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'csm-root-'));
    mkdirSync(join(root, 'sys/b'), { recursive: true });
    mkdirSync(join(root, 'sys/a'));
    writeFileSync(join(root, 'sys/number'), '-12\n');
    writeFileSync(join(root, 'sys/words'), '  two words \0\n');
    writeFileSync(join(root, 'sys/escape'), 'red \u001b[31m\n');
    writeFileSync(join(root, 'sys/empty'), '\n');
    writeFileSync(join(root, 'sys/big'), 'x'.repeat(70_000));
    writeFileSync(join(root, 'sys/raw'), Buffer.from([0x82, 0, 0xff]));
    symlinkSync('../../0000:3b:00.0', join(root, 'sys/device'));
    symlinkSync('loop', join(root, 'sys/loop'));
    tree = new RootTree(root);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('are lines, numbers, bytes, names and links', async () => {
    expect(await tree.line('/sys/words')).to.deep.equal({ value: 'two words' });
    expect(await tree.integer('/sys/number')).to.deep.equal({ value: -12 });
    expect(await tree.bytes('/sys/raw')).to.deep.equal({ value: Buffer.from([0x82, 0, 0xff]) });
    expect(await tree.link('/sys/device')).to.deep.equal({ value: '../../0000:3b:00.0' });
    const names = await tree.names('/sys');
    expect('value' in names ? names.value.slice(0, 3) : names).to.deep.equal(['a', 'b', 'big']);
  });

  it('that cannot be had are a reason that names the path without the root', async () => {
    const cases: readonly (readonly [Promise<object>, string])[] = [
      [tree.text('/sys/none'), '/sys/none cannot be read: it does not exist'],
      [tree.names('/sys/none'), '/sys/none cannot be read: it does not exist'],
      [tree.names('/sys/number'), '/sys/number cannot be read: it does not exist'],
      [tree.link('/sys/none'), '/sys/none cannot be read: it does not exist'],
      [tree.link('/sys/number'), '/sys/number is not a symbolic link'],
      [tree.text('/sys/a'), '/sys/a is not a file'],
      [tree.text('/sys/loop'), '/sys/loop cannot be read: too many symbolic links'],
      [tree.text('/sys/big'), '/sys/big is larger than the 65536 bytes allowed'],
      [tree.line('/sys/empty'), '/sys/empty is empty'],
      [tree.line('/sys/escape'), '/sys/escape holds control characters'],
      [tree.integer('/sys/words'), "/sys/words holds 'two words', not a whole number"],
    ];
    for (const [finding, reason] of cases) expect(await finding).to.deep.equal({ reason });
  });
});
