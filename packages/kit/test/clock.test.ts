import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { shiftedClock, systemClock } from '../src/index.ts';

describe('systemClock', () => {
  it('gives whole wall milliseconds and a monotonic clock that never goes back', () => {
    const first = systemClock.now();
    expect(first.wall).to.be.closeTo(Date.now(), 10_000);
    expect(Number.isInteger(first.wall)).to.equal(true);
    let last = first.mono;
    for (let i = 0; i < 1_000; i++) {
      const { mono } = systemClock.now();
      expect(mono).to.be.at.least(last);
      last = mono;
    }
  });
});

describe('a shifted clock', () => {
  it('is wrong by what its file says, and right without one', () => {
    const directory = mkdtempSync(join(tmpdir(), 'csm-clock-'));
    const file = join(directory, 'shift');
    const off = (): number => Math.round((shiftedClock(file).now().wall - Date.now()) / 1000);
    try {
      expect(off()).to.equal(0);
      for (const [text, seconds] of [
        ['3600000', 3600],
        ['-3600000\n', -3600],
        ['an hour', 0],
        ['', 0],
      ] as const) {
        writeFileSync(file, text);
        expect(off(), text).to.equal(seconds);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('has a monotonic clock that a shift does not touch', () => {
    const { mono } = shiftedClock('/nowhere/at/all').now();
    expect(mono).to.be.closeTo(performance.now(), 10_000);
  });
});
