/** The way into the database: what waits while it is away, what it refuses, and what is written when. */
import { memoryLog } from '@csm/kit';
import { CsmError, code, problem, wall } from '@csm/model';
import { openMemoryStore, type Store } from '@csm/store';
import { expect } from 'chai';
import { Backlog } from '../src/backlog.ts';
import { Recorder } from '../src/recorder.ts';
import { readHistory, readRestored, readWatchedUntil } from '../src/store/queries.ts';
import * as module from '../src/store.ts';
import { Tracker } from '../src/tracker/index.ts';
import type { Change, Procedures } from '../src/types.ts';
import { until } from './hand-time.ts';
import { StepTime } from './service-world.ts';

const change = (name: string, n: number): Change => ({
  name,
  kind: n % 2 === 0 ? 'started' : 'dead',
  source: 'beat',
  at: wall(n),
  lastBeat: null,
  timestamp: String(n),
  status: 'OK',
  gap: false,
  incident: null,
});

describe('changes that wait', () => {
  it('come out whole and in order while there is room', () => {
    const backlog = new Backlog(100);
    const all = Array.from({ length: 100 }, (_, n) => change(`x${n % 7}`, n));
    backlog.add(all);
    const out: Change[] = [];
    for (let next = backlog.next(9); next.length > 0; next = backlog.next(9)) {
      out.push(...next);
      backlog.done(next.length);
    }
    expect(out).to.deep.equal(all);
    expect(backlog).to.include({ size: 0, lost: 0 });
  });

  it('beyond the room are the newest of each component, the others counted', () => {
    const backlog = new Backlog(10);
    backlog.add(Array.from({ length: 1_000 }, (_, n) => change(`x${n % 5}`, n)));
    expect(backlog.size).to.equal(15);
    expect(backlog.lost).to.equal(985);
    const out: Change[] = [];
    for (let next = backlog.next(4); next.length > 0; next = backlog.next(4)) {
      out.push(...next);
      backlog.done(next.length);
    }
    expect(out.map(({ at }) => at)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 995, 996, 997, 998, 999]);
    expect(backlog.size).to.equal(0);
  });

  it('that are taken stay until they are done, whatever comes meanwhile', () => {
    const backlog = new Backlog(4);
    backlog.add([0, 1, 2, 3].map((n) => change('x0', n)));
    const taken = backlog.next(4);
    backlog.add([4, 5].map((n) => change('x0', n)));
    expect(backlog.next(4)).to.deep.equal(taken);
    backlog.done(4);
    expect(backlog.next(4).map(({ at }) => at)).to.deep.equal([5]);
    expect(backlog.lost).to.equal(1);
  });
});

describe('the recorder', () => {
  const time = new StepTime();
  let store: Store;
  let tracker: Tracker;
  let recorder: Recorder;
  let log = memoryLog();
  /** What a call is refused with. */
  let refuse: (input: Procedures['record']) => CsmError | undefined = () => undefined;
  let calls: Procedures['record'][] = [];

  beforeEach(async () => {
    store = await openMemoryStore({ modules: [module], clock: () => time.now().wall });
    const call = store.call.bind(store);
    const watched = Object.assign(Object.create(store) as Store, {
      call: async (procedure: string, input: Procedures['record']) => {
        calls.push(input);
        const refusal = refuse(input);
        if (refusal !== undefined) throw refusal;
        return call(procedure, input);
      },
    });
    tracker = new Tracker();
    log = memoryLog();
    calls = [];
    refuse = () => undefined;
    recorder = new Recorder({
      store: watched,
      tracker,
      time,
      log,
      flushMs: 2_000,
      how: () => ({ manager: 'builtin', discover: true }),
      random: () => 0.5,
    });
    await recorder.start();
  });
  afterEach(async () => {
    refuse = () => undefined;
    await recorder.stop(5_000);
    await store.close();
  });

  const beat = (name: string, status = 'OK') => {
    tracker.beat(name, 'now', status, time.now());
    recorder.collect();
  };
  const written = () => until('it is written', () => recorder.waiting === 0);

  it('notes at once that somebody watches, writes changes at once and arrivals in batches', async () => {
    expect(await readWatchedUntil(store)).to.equal(time.now().wall);
    beat('x0c0s0b0n0');
    await written();
    expect((await readHistory(store)).map(({ name }) => name)).to.deep.equal(['x0c0s0b0n0']);
    const before = calls.length;
    await time.advance(500);
    for (let n = 0; n < 10; n++) beat('x0c0s0b0n0');
    expect(calls.length).to.equal(before);
    const last = time.now().wall;
    await time.advance(2_000);
    await until('the arrival is written', async () => (await readRestored(store)).rows[0]?.lastBeat === last);
  });

  it('writes nothing where nothing is tracked, and a sign of life now and then where something is', async () => {
    const before = calls.length;
    await time.advance(60_000);
    expect(calls.length).to.equal(before);
    beat('x0c0s0b0n0');
    await written();
    const then = calls.length;
    await time.advance(60_000);
    expect(calls.length - then).to.be.within(3, 6);
  });

  it('keeps what the database does not take while it is away, in order', async () => {
    refuse = () => new CsmError(problem(code.DATABASE_UNAVAILABLE, 'it is away'));
    beat('x0c0s0b0n0');
    beat('x0c0s0b0n0', 'Kernel Oops');
    beat('x0c0s0b0n0');
    await time.advance(30_000);
    expect(recorder.waiting).to.equal(3);
    expect(recorder.problem?.detail).to.equal('it is away');
    expect(log.events.filter(({ level }) => level === 'warn')).to.have.length(1);
    refuse = () => undefined;
    await time.advance(20_000);
    await written();
    const kinds = (await readHistory(store)).map(({ kind }) => kind).reverse();
    expect(kinds).to.deep.equal(['started', 'halted', 'started']);
    expect(recorder.problem).to.equal(undefined);
  });

  it('sets aside what the database refuses for what it is, and the others pass', async () => {
    const bad = new Set(['x0c0s0b0n7', 'x0c0s1b0n3']);
    refuse = ({ changes }) =>
      changes?.some(({ name }) => bad.has(name)) === true
        ? new CsmError(problem(code.DATABASE, 'this one breaks a rule'))
        : undefined;
    for (let s = 0; s < 4; s++) for (let n = 0; n < 10; n++) tracker.beat(`x0c0s${s}b0n${n}`, 'now', 'OK', time.now());
    recorder.collect();
    await written();
    const names = (await readHistory(store)).map(({ name }) => name);
    expect(names).to.have.length(38);
    for (const name of bad) expect(names).to.not.include(name);
    expect(recorder.lost).to.equal(2);
    expect(log.events.filter(({ level }) => level === 'error')).to.have.length(2);
  });

  it('writes all that waits when it is stopped', async () => {
    for (let n = 0; n < 5; n++) tracker.beat(`x0c0s0b0n${n}`, 'now', 'OK', time.now());
    await recorder.stop(5_000);
    expect((await readRestored(store)).rows.map(({ lastBeat }) => lastBeat)).to.deep.equal(
      Array.from({ length: 5 }, () => time.now().wall),
    );
  });

  it('ends in its time where the database does not answer', async () => {
    refuse = () => new CsmError(problem(code.DATABASE_UNAVAILABLE, 'it is away'));
    beat('x0c0s0b0n0');
    const began = performance.now();
    await recorder.stop(200);
    expect(performance.now() - began).to.be.below(20_000);
    expect(recorder.waiting).to.equal(1);
  });
});
