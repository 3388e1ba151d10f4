import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { migrations } from '../src/store/migrations.ts';

describe('migrations of the node feature', () => {
  it('stay as they were released: a database made by the first must open', () => {
    const [first] = migrations;
    expect(createHash('sha256').update(JSON.stringify(first?.sql)).digest('hex')).to.equal(
      '0f54b3072b10cdc5beb9170853be72b4f040a501090731a9b528ebd778b97e00',
    );
  });
});
