import type { MessageOf } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { Executor, type ExecutorEffect, KEEP_MS, PAST_MAX, PAST_MS, REMEMBERED_MAX } from '../src/fanout/executor.ts';
import { at, EPOCH, kinds } from './support.ts';

const command = (id = 'c1', remaining = 10_000): MessageOf<'command'> => ({
  kind: 'command',
  id,
  command: 'run',
  nodes: 'n1',
  remaining,
  room: 500,
  input: { argv: ['date'] },
});
const answers = (effects: readonly ExecutorEffect[]) =>
  effects.flatMap((e) => (e.kind === 'answer' ? [`${e.id} ${e.answer.code}`] : []));

describe('executor', () => {
  it('journals the id before it starts anything', () => {
    const x = new Executor([], at(0));
    x.command(command(), 'h', at(0));
    expect(x.takeEffects()).to.deep.equal([
      { kind: 'journal', id: 'c1', hash: 'h', until: EPOCH + 10_000 + KEEP_MS },
      { kind: 'run', id: 'c1', command: 'run', input: { argv: ['date'] }, remaining: 10_000, room: 500 },
    ]);
    expect(x.running).to.equal(1);
    expect(x.begun()).to.deep.equal([{ id: 'c1', hash: 'h', until: EPOCH + 10_000 + KEEP_MS }]);
  });

  it('a repetition while it runs: no second start, one answer when it is done', () => {
    const x = new Executor([], at(0));
    x.command(command(), 'h', at(0));
    x.takeEffects();
    x.command(command(), 'h', at(1));
    x.command(command(), 'h', at(2));
    expect(x.takeEffects()).to.deep.equal([]);
    x.finished('c1', { code: 0, text: 'ok' });
    expect(answers(x.takeEffects())).to.deep.equal(['c1 0']);
  });

  it('a repetition afterwards: the stored answer, each time', () => {
    const x = new Executor([], at(0));
    x.command(command(), 'h', at(0));
    x.finished('c1', { code: 17, text: 'exit 3', body: { exit: 3 } });
    x.takeEffects();
    for (let i = 0; i < 3; i++) {
      x.command(command(), 'h', at(10));
      expect(x.takeEffects()).to.deep.equal([
        { kind: 'answer', id: 'c1', answer: { code: 17, text: 'exit 3', body: { exit: 3 } } },
      ]);
    }
  });

  it('the same id with another input: 9, and nothing is run', () => {
    const x = new Executor([], at(0));
    x.command(command(), 'h', at(0));
    x.takeEffects();
    x.command(command(), 'other', at(1));
    const effects = x.takeEffects();
    expect(answers(effects)).to.deep.equal(['c1 9']);
    expect(x.running).to.equal(1);
  });

  it('done twice, or by nobody: ignored', () => {
    const x = new Executor([], at(0));
    x.command(command(), 'h', at(0));
    x.finished('c1', { code: 0, text: 'first' });
    x.finished('c1', { code: 1, text: 'second' });
    x.finished('never', { code: 0, text: '' });
    expect(answers(x.takeEffects())).to.deep.equal(['c1 0']);
    x.command(command(), 'h', at(1));
    expect(x.takeEffects()[0]).to.have.nested.property('answer.text', 'first');
  });

  it('gives the answer until a minute after the deadline, then 37 for a day; it is never run again', () => {
    const x = new Executor([], at(0));
    x.command(command(), 'h', at(0));
    x.finished('c1', { code: 0, text: '' });
    x.takeEffects();
    const past = 10_000 + KEEP_MS;
    expect(x.wakeAt()).to.equal(past);
    x.tick(at(past - 1));
    x.command(command(), 'h', at(past - 1));
    expect(answers(x.takeEffects())).to.deep.equal(['c1 0']);
    x.tick(at(past));
    x.command(command(), 'h', at(past));
    expect(answers(x.takeEffects())).to.deep.equal(['c1 37']);
    expect(x.begun()).to.have.length(1);
    expect(x.wakeAt()).to.equal(past + PAST_MS);
    x.tick(at(past + PAST_MS));
    expect(x.begun()).to.deep.equal([]);
    expect(x.wakeAt()).to.equal(undefined);
  });

  it('one that still runs is not forgotten', () => {
    const x = new Executor([], at(0));
    x.command(command(), 'h', at(0));
    x.takeEffects();
    x.tick(at(10_000 + KEEP_MS));
    x.command(command(), 'h', at(80_000));
    expect(x.takeEffects(), 'it was not started again').to.deep.equal([]);
    x.finished('c1', { code: 0, text: '' });
    expect(answers(x.takeEffects())).to.deep.equal(['c1 0']);
  });

  it('what the journal says was begun: 37, outcome unknown; never run again, whatever the wall clock says', () => {
    for (const until of [EPOCH + 5000, EPOCH - 1e12, EPOCH + 1e12]) {
      const x = new Executor([{ id: 'c1', hash: 'h', until }], at(0));
      x.command(command(), 'h', at(1));
      expect(answers(x.takeEffects())).to.deep.equal(['c1 37']);
      x.command(command(), 'other', at(1));
      expect(answers(x.takeEffects())).to.deep.equal(['c1 9']);
      x.finished('c1', { code: 0, text: '' });
      expect(x.takeEffects()).to.deep.equal([]);
      expect(x.running).to.equal(0);
      expect(x.wakeAt()).to.equal(PAST_MS);
      x.tick(at(PAST_MS));
      expect(x.begun()).to.deep.equal([]);
    }
  });

  it('keeps so many past ids, the newest', () => {
    const begun = Array.from({ length: PAST_MAX + 1 }, (_, i) => ({ id: `c${i}`, hash: 'h', until: EPOCH }));
    const x = new Executor(begun, at(0));
    expect(x.begun()).to.have.length(PAST_MAX);
    x.command(command('c1'), 'h', at(1));
    expect(answers(x.takeEffects())).to.deep.equal(['c1 37']);
    x.command(command('c0'), 'h', at(1));
    expect(kinds(x.takeEffects())).to.deep.equal(['journal', 'run']);
  });

  it('a repeatable command is neither journalled nor remembered, but not run twice at once', () => {
    const x = new Executor([], at(0), new Set(['ping']));
    const ping = { ...command(), command: 'ping' };
    x.command(ping, 'h', at(0));
    x.command(ping, 'h', at(0));
    expect(kinds(x.takeEffects())).to.deep.equal(['run']);
    x.finished('c1', { code: 0, text: '' });
    expect(answers(x.takeEffects())).to.deep.equal(['c1 0']);
    expect(x.begun()).to.deep.equal([]);
    x.command(ping, 'h', at(1));
    expect(kinds(x.takeEffects())).to.deep.equal(['run']);
  });

  it('remembers so many; more are refused with 13 until some are forgotten', () => {
    const x = new Executor([], at(0));
    for (let i = 0; i < REMEMBERED_MAX; i++) x.command(command(`c${i}`, i === 0 ? 0 : 10_000), 'h', at(0));
    x.finished('c0', { code: 0, text: '' });
    x.takeEffects();
    x.command(command('more'), 'h', at(1));
    expect(x.takeEffects()).to.deep.equal([
      {
        kind: 'answer',
        id: 'more',
        answer: { code: 13, text: `this node remembers ${REMEMBERED_MAX} commands already` },
      },
    ]);
    x.tick(at(KEEP_MS)); // the first is past: its answer is gone, its id stays
    x.command(command('more'), 'h', at(KEEP_MS));
    expect(kinds(x.takeEffects())).to.deep.equal(['journal', 'run']);
  });

  it('whatever is repeated and whenever it is restarted, nothing runs twice within a day', () => {
    const event = fc.oneof(
      { weight: 5, arbitrary: fc.record({ what: fc.constant('command' as const), id: fc.nat(3) }) },
      { weight: 3, arbitrary: fc.record({ what: fc.constant('finished' as const), id: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constant('wait' as const), id: fc.nat(15_000) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('restart' as const), id: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80, size: 'max' }), (events) => {
        let ms = 0;
        let x = new Executor([], at(0));
        const journal: { id: string; hash: string; until: number }[] = [];
        const startedAt = new Map<string, number>();
        for (const e of events) {
          if (e.what === 'command') x.command(command(`c${e.id}`), 'h', at(ms));
          else if (e.what === 'finished') x.finished(`c${e.id}`, { code: 0, text: '' });
          else if (e.what === 'wait') {
            ms += e.id;
            x.tick(at(ms));
          } else x = new Executor(journal, at(ms));
          let journalled = '';
          for (const effect of x.takeEffects()) {
            if (effect.kind === 'journal') {
              journal.push({ id: effect.id, hash: effect.hash, until: effect.until });
              journalled = effect.id;
            }
            if (effect.kind !== 'run') continue;
            expect(journalled).to.equal(effect.id);
            const before = startedAt.get(effect.id);
            if (before !== undefined) expect(ms - before, `${effect.id} ran twice`).to.be.at.least(PAST_MS);
            startedAt.set(effect.id, ms);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
