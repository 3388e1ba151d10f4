import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readDraining, writeDraining } from '../src/draining.ts';

describe('an aggregator remembers that it is drained', () => {
  let directory: string;
  const faults: string[] = [];
  const read = () => readDraining(directory, (text) => faults.push(text));

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'csm-'));
    faults.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('until it is no longer, in one file', async () => {
    expect(await read()).to.equal(undefined);
    await writeDraining(directory, 50);
    await writeDraining(directory, 7);
    expect(await read()).to.equal(7);
    expect(readdirSync(directory)).to.deep.equal(['drained.json']);
    await writeDraining(directory, undefined);
    await writeDraining(directory, undefined);
    expect(await read()).to.equal(undefined);
    expect([readdirSync(directory), faults]).to.deep.equal([[], []]);
  });

  it('starts with a file that is of no use, and says so', async () => {
    for (const text of ['', '{', '[]', '{"per_second": "7"}', '{"per_second": -1}']) {
      writeFileSync(join(directory, 'drained.json'), text);
      faults.length = 0;
      expect(await read(), text).to.equal(undefined);
      expect(faults.join(), text).to.contain('drained.json');
    }
  });
});
