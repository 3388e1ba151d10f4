import { expect } from 'chai';
import { after, earliest, isObject, mono, wall } from '../src/index.ts';

describe('time', () => {
  it('moves and compares moments', () => {
    expect(after(mono(100), 50)).equals(150);
    expect(wall(1_700_000_000_000)).equals(1_700_000_000_000);
    expect(earliest(undefined, undefined)).equals(undefined);
    expect(earliest(mono(3), undefined)).equals(3);
    expect(earliest(undefined, mono(3))).equals(3);
    expect(earliest(mono(3), mono(2))).equals(2);
    expect(earliest(mono(0), mono(2))).equals(0);
  });
});

describe('isObject', () => {
  it('is true of JSON objects only', () => {
    expect(isObject({})).equals(true);
    for (const other of [null, [], 'a', 1, true, undefined]) expect(isObject(other)).equals(false);
  });
});
