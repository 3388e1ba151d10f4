import { expect } from 'chai';
import { DialTurns } from '../src/population/dial-turns.ts';

/** A dial that ends when it is told to. */
function held() {
  let end: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const state = { begun: false };
  const ended = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  const dial = () => {
    state.begun = true;
    return ended;
  };
  return { state, dial, end, fail };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('turns of simulated nodes at a hub', () => {
  it('lets so many dial at once, and the others in their order, each told that it waits', async () => {
    const turns = new DialTurns(2);
    const dials = [held(), held(), held(), held()];
    const waited: number[] = [];
    const ends = dials.map(({ dial }, i) => turns.take('a:1', dial, () => waited.push(i)));
    await turn();
    expect(dials.map(({ state }) => state.begun)).to.deep.equal([true, true, false, false]);
    expect(waited).to.deep.equal([2, 3]);
    dials[1]?.end();
    await ends[1];
    await turn();
    expect(dials.map(({ state }) => state.begun)).to.deep.equal([true, true, true, false]);
    for (const { end } of dials) end();
    await Promise.all(ends);
    expect(dials[3]?.state.begun).to.equal(true);
    expect(waited).to.deep.equal([2, 3]);
  });

  it('hands on the place of one that failed, and holds up no other hub', async () => {
    const turns = new DialTurns(1);
    const [first, second, other] = [held(), held(), held()];
    const failing = turns.take('a:1', first.dial, () => undefined).catch((error: Error) => error.message);
    const waiting = turns.take('a:1', second.dial, () => undefined);
    const elsewhere = turns.take('b:1', other.dial, () => expect.fail('nobody dials there'));
    await turn();
    expect([second.state.begun, other.state.begun]).to.deep.equal([false, true]);
    first.fail(new Error('refused'));
    expect(await failing).to.equal('refused');
    await turn();
    expect(second.state.begun).to.equal(true);
    second.end();
    other.end();
    await Promise.all([waiting, elsewhere]);
    // All places are free again.
    const late = held();
    const last = turns.take('a:1', late.dial, () => expect.fail('nobody is before it'));
    expect(late.state.begun).to.equal(true);
    late.end();
    await last;
  });

  it('whoever hangs up leaves the line at once, and the others keep their order', async () => {
    const turns = new DialTurns(1);
    const [first, second, third] = [held(), held(), held()];
    const hangUp = new AbortController();
    const ends = [
      turns.take('a:1', first.dial, () => undefined, hangUp.signal),
      turns.take('a:1', second.dial, () => undefined, hangUp.signal).catch((error: Error) => error.message),
      turns.take('a:1', third.dial, () => undefined),
    ];
    await turn();
    hangUp.abort(new Error('called off'));
    expect(await ends[1]).to.equal('called off');
    expect([second.state.begun, third.state.begun], 'the one under way ends by itself').to.deep.equal([false, false]);
    first.end();
    await turn();
    expect([second.state.begun, third.state.begun]).to.deep.equal([false, true]);
    third.end();
    await Promise.all(ends);
  });
});
