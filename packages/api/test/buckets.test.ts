import { expect } from 'chai';
import { Buckets } from '../src/buckets.ts';
import { addressKey } from '../src/https-door.ts';

describe('allowances', () => {
  it('are used up, and fill again with time', () => {
    const buckets = new Buckets(3, 100, 10);
    expect([1, 2, 3, 4].map(() => buckets.take('a', 0))).to.deep.equal([true, true, true, false]);
    expect(buckets.take('b', 0)).to.equal(true);
    expect(buckets.wait('a', 0)).to.equal(100);
    expect(buckets.wait('a', 60)).to.equal(40);
    expect(buckets.take('a', 99)).to.equal(false);
    expect(buckets.take('a', 101)).to.equal(true);
    expect(buckets.wait('a', 101)).to.be.within(98, 100);
    expect([1, 2, 3, 4].map(() => buckets.take('a', 1e9))).to.deep.equal([true, true, true, false]);
  });
  it('are remembered for a bounded number of keys, the longest unused is forgotten', () => {
    const buckets = new Buckets(1, 1e6, 2);
    expect(['a', 'b', 'a', 'c'].map((key) => buckets.take(key, 0))).to.deep.equal([true, true, false, true]);
    expect(buckets.take('a', 0)).to.equal(false);
    expect(buckets.take('b', 0)).to.equal(true);
  });
});

describe('addresses', () => {
  it('count alone, those of IPv6 by the network of their host', () => {
    expect(addressKey('10.0.0.1')).to.equal('10.0.0.1');
    expect(addressKey('::ffff:10.0.0.1')).to.equal('10.0.0.1');
    expect(addressKey('2001:db8:1:2:3:4:5:6')).to.equal('2001:db8:1:2::/64');
    expect(addressKey('2001:db8::1')).to.equal('2001:db8:0:0::/64');
    expect(addressKey('2001:db8:1:2::')).to.equal(addressKey('2001:db8:1:2::9'));
    expect(addressKey('fe80::1%eth0')).to.equal('fe80:0:0:0::/64');
    expect(addressKey('::1')).to.equal('0:0:0:0::/64');
    expect(addressKey(undefined)).to.equal('?');
  });
});
