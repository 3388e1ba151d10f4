/** What leaves a node as the answer to a command: always one, always bounded, and nothing starts while stopping. */
import { mono, wall } from '@csm/model';
import { expect } from 'chai';
import type { Answer } from '../src/fanout/merge.ts';
import { type CommandHandler, CommandRunner } from '../src/net/command-runner.ts';

const clock = { now: () => ({ mono: mono(performance.now()), wall: wall(Date.now()) }) };
const ROOM = 1024;

/** Runs one command and gives its answer. */
function answerOf(handler: CommandHandler, command = 'test'): Promise<Answer> {
  return new Promise((resolve) => {
    const runner = new CommandRunner({ test: handler }, clock, (_id, answer) => resolve(answer));
    runner.run({ kind: 'run', id: 'c1', command, input: {}, remaining: 5000, room: ROOM });
  });
}

describe('command runner', () => {
  it('starts nothing once it is stopping, and says so', async () => {
    const answers: [string, Answer][] = [];
    let started = 0;
    const hold: CommandHandler = async (_input, { signal }) => {
      started++;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return { code: 5, text: 'called off' };
    };
    const runner = new CommandRunner({ hold }, clock, (id, answer) => answers.push([id, answer]));
    const order = { kind: 'run', command: 'hold', input: {}, remaining: 5000, room: ROOM } as const;
    runner.run({ ...order, id: 'before' });
    const stopped = runner.stop();
    runner.run({ ...order, id: 'after' });
    expect(answers, 'no answer within the call').to.deep.equal([]);
    await stopped;
    expect(started).to.equal(1);
    expect(new Map(answers)).to.deep.equal(
      new Map([
        ['before', { code: 5, text: 'called off' }],
        ['after', { code: 44, text: 'the daemon is stopping' }],
      ]),
    );
  });

  it('cuts a long text, not within a character, whether it was answered or thrown', async () => {
    const text = `${'x'.repeat(999)}😀${'y'.repeat(5000)}`;
    expect(await answerOf(async () => ({ code: 17, text }))).to.deep.equal({ code: 17, text: 'x'.repeat(999) });
    const thrown = await answerOf(async () => {
      throw new Error(text);
    });
    expect(thrown.code).to.equal(1);
    expect(thrown.text.length).to.be.at.most(1000);
  });

  it('leaves out a body longer than its room and 1024 bytes, with code 30 and words', async () => {
    const body = (bytes: number) => 'é'.repeat((bytes - 2) / 2); // two bytes each, and the quotes
    const fits = await answerOf(async () => ({ code: 0, text: '', body: body(2048) }));
    expect(fits).to.deep.equal({ code: 0, text: '', body: body(2048) });
    const long = await answerOf(async () => ({ code: 17, text: 'exit 3', body: body(2050) }));
    expect(long).to.deep.equal({
      code: 30,
      text: 'the answer has 2050 bytes, allowed are 2048; it was left out. The command ended with code 17: exit 3',
    });
  });

  it('answers code 28 for a body that is no JSON', async () => {
    const answer = await answerOf(async () => ({ code: 0, text: '', body: { n: 1n } }));
    expect(answer.code).to.equal(28);
    expect(answer.text).to.contain('no JSON');
    expect(answer).not.to.have.property('body');
  });

  it('knows only the commands it was given', async () => {
    const answer = await answerOf(async () => ({ code: 0, text: '' }), 'toString');
    expect(answer.code).to.equal(11);
  });
});
