import { expect } from 'chai';
import { GRAIN_MS } from '../src/tracker/index.ts';
import { Driver, thresholds } from './tracker-driver.ts';

const S = 1000;

const driver = () => new Driver({ thresholds: thresholds(10, 30) });

describe('the tracker: its size', () => {
  it('asks to be woken rarely, however many there are', () => {
    const d = new Driver({ thresholds: thresholds(10, 30) });
    const COUNT = 5000;
    for (let i = 0; i < COUNT; i++) {
      d.sleep(2);
      d.tracker.beat(`sms${i}`, 't', 'OK', d.now);
    }
    let calls = 0;
    let latest = 0;
    for (let wake = d.tracker.advance(d.now, COUNT); wake !== undefined; wake = d.tracker.advance(d.now, COUNT)) {
      calls++;
      d.ms += wake - d.now.mono;
      for (const { kind, at, lastBeat } of d.tracker.takeChanges(COUNT)) {
        if (kind === 'warning') latest = Math.max(latest, at - (lastBeat ?? 0) - 10 * S);
        else if (kind === 'dead') latest = Math.max(latest, at - (lastBeat ?? 0) - 30 * S);
      }
    }
    expect(d.tracker.counts().dead).equals(COUNT);
    expect(latest).at.most(GRAIN_MS);
    // Twenty seconds in which something is due, at most as many calls as grains fit.
    expect(calls).at.most((20 * S) / GRAIN_MS + 20);
  });

  it('takes little memory for 100,000 components', async function () {
    this.timeout(120_000);
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const used = () => {
      gc();
      gc();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = used();
    const d = driver();
    const beats = () => {
      for (let i = 0; i < 100_000; i++) {
        // As they come off the wire: text of their own for each.
        const body = JSON.parse(
          `{"name":"x${1000 + (i >> 9)}c${(i >> 6) & 7}s${(i >> 3) & 7}b${(i >> 2) & 1}n${i & 3}","at":"2026-01-01T00:00:00.${i}Z"}`,
        ) as { readonly name: string; readonly at: string };
        d.tracker.beat(body.name, body.at, 'OK', d.now);
      }
    };
    beats();
    d.nudge();
    d.changes.length = 0;
    d.pass(5 * S);
    beats();
    expect(d.tracker.size).equals(100_000);
    const mib = (used() - before) / 2 ** 20;
    expect(mib).below(60);
    expect(d.tracker.counts().beating).equals(100_000);
  });

  it('lets go of what is forgotten', () => {
    const d = driver();
    for (let round = 0; round < 50; round++) {
      const names = Array.from({ length: 200 }, (_, i) => `x${round}c0r${i}b0`);
      d.beats(names);
      for (const name of names) d.tracker.forget(name, d.now);
    }
    expect(d.tracker.size).equals(0);
    expect(d.tracker.list({}, undefined, 10)).deep.equals([]);
    expect(d.tracker.advance(d.now, 1000)).equals(undefined);
    expect(Object.values(d.tracker.counts()).every((count) => count === 0)).equals(true);
  });
});
