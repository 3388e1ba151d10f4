import { expect } from 'chai';
import { access } from '../src/index.ts';

describe('feature access', () => {
  it('has its name', () => {
    expect(access.name).to.equal('access');
  });
});
