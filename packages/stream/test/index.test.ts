import { expect } from 'chai';
import { stream } from '../src/index.ts';

describe('feature stream', () => {
  it('has its name', () => {
    expect(stream.name).to.equal('stream');
  });
});
