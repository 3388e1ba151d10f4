import { CsmError, fail, type Json, JsonPages, type Problem, type TakeItems } from '@csm/model';
import { MAX_FRAME, type MessageOf } from '@csm/protocol';
import { expect } from 'chai';
import { CallServer, type CallServerPort, type Serve } from '../src/net/call-server.ts';

const KIB = 1024;
const quiet = { debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 };
const clock = { now: () => ({ mono: 0, wall: 0 }) } as unknown as ConstructorParameters<typeof CallServer>[2];
const call = (id: string, window = 256 * KIB): MessageOf<'call'> =>
  ({ kind: 'call', id, call: 'node.watch', input: {}, trace: 't', remaining: 3_600_000, window }) as never;

interface Sent {
  readonly id: string;
  readonly items: readonly Json[];
  readonly bytes: number;
}

class Port implements CallServerPort {
  readonly sent: Sent[] = [];
  readonly texts: string[] = [];
  readonly answers: Json[] = [];
  readonly ends: { readonly id: string; readonly problem?: Problem; readonly behind: number }[] = [];
  items(id: string, items: readonly Json[], bytes: number): void {
    this.sent.push({ id, items, bytes });
  }
  piece(_id: string, text: string): void {
    this.texts.push(text);
  }
  ended(id: string, { answer, problem }: { readonly answer?: Json; readonly problem?: Problem }): void {
    if (answer !== undefined && answer !== null) this.answers.push(answer);
    this.ends.push({ id, ...(problem === undefined ? {} : { problem }), behind: this.sent.length });
  }
  of(id: string): Json[] {
    return this.sent.filter((one) => one.id === id).flatMap(({ items }) => items);
  }
}

describe('calls being served', () => {
  let port: Port;
  const serverOf = (serve: Serve): CallServer => new CallServer(serve, port, clock, quiet as never);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  beforeEach(() => {
    port = new Port();
  });

  it('send items that are emitted together in frames of a size, in order, before the end', async () => {
    const item = (n: number): Json => ({ n, pad: 'x'.repeat(1_000) });
    const server = serverOf(async (_call, ctx) => {
      await Promise.all(Array.from({ length: 80 }, (_, n) => ctx.emit(item(n))));
      return undefined;
    });
    await server.start(call('a'));
    expect(port.of('a')).to.deep.equal(Array.from({ length: 80 }, (_, n) => item(n)));
    expect(port.sent.length).to.be.within(2, 4);
    for (const { items, bytes } of port.sent) {
      expect(bytes).to.equal(items.reduce<number>((sum, one) => sum + JSON.stringify(one).length, 0));
      expect(bytes).to.be.at.most(32 * KIB);
    }
    expect(port.ends).to.deep.equal([{ id: 'a', behind: port.sent.length }]);
  });

  it('send a list page by page: what is full leaves before the next page is written', async () => {
    const item = (n: number): string => `{"n":${n}, "pad":"${'x'.repeat(1_000)}"}`;
    const page = (from: number) => Array.from({ length: 50 }, (_, i) => item(from + i));
    let take: TakeItems = () => undefined;
    let written: () => void = () => undefined;
    const pages = new JsonPages((given) => {
      take = given;
      return new Promise((resolve) => {
        written = resolve;
      });
    });
    const done = serverOf(async () => pages).start(call('a'));
    await turn();
    take(page(0));
    expect(port.texts).to.have.length(1);
    take(page(50));
    expect(port.ends).to.deep.equal([]);
    written();
    await done;
    expect(port.texts.join('')).to.equal(`[\n${[...page(0), ...page(50)].join(',\n')}\n]`);
    expect(port.ends).to.deep.equal([{ id: 'a', behind: 0 }]);
  });

  it('answer a list of little text as a value, and tell what is wrong with a list behind its first pages too', async () => {
    await serverOf(async () => new JsonPages(async () => undefined)).start(call('none'));
    await serverOf(async () => new JsonPages(async (take) => take(['{"a":1}', '2']))).start(call('few'));
    expect([port.answers, port.texts]).to.deep.equal([[[], [{ a: 1 }, 2]], []]);
    const pages = new JsonPages(async (take) => {
      take([`"${'x'.repeat(100_000)}"`]);
      fail(24, 'the disk is gone');
    });
    await serverOf(async () => pages).start(call('broken'));
    expect(port.texts).not.to.deep.equal([]);
    expect(port.ends.at(-1)?.problem).to.deep.include({ code: 24, detail: 'the disk is gone', trace: 't' });
  });

  it('write no further page of a list once its call is called off', async () => {
    let taken = 0;
    let server: CallServer | undefined;
    const pages = new JsonPages(async (take) => {
      for (; taken < 10; taken++) {
        if (taken === 1) server?.abort('a', 'cancelled');
        take([`"${'x'.repeat(100_000)}"`]);
      }
    });
    server = serverOf(async () => pages);
    await server.start(call('a'));
    expect(taken).to.equal(1);
    expect(port.ends).to.have.length(1);
  });

  it('send what one emits after another together, too, and alone what comes alone', async () => {
    const server = serverOf(async (_call, ctx) => {
      for (let n = 0; n < 10; n++) await ctx.emit(n);
      await turn();
      await ctx.emit('alone');
      await turn();
      throw new CsmError({ code: 24, name: 'DATABASE_UNAVAILABLE', detail: 'away' });
    });
    await server.start(call('a'));
    expect(port.of('a')).to.deep.equal([...Array.from({ length: 10 }, (_, n) => n), 'alone']);
    expect(port.sent.at(-1)).to.deep.equal({ id: 'a', items: ['alone'], bytes: 7 });
    expect(port.sent.length).to.be.below(11);
    expect(port.ends[0]).to.deep.include({ id: 'a', behind: port.sent.length });
  });

  it('wait for their own client, and for nobody else', async () => {
    const emitted = new Map<string, number>();
    const server = serverOf(async ({ id }, ctx) => {
      while (!ctx.signal.aborted) {
        await ctx.emit('x'.repeat(998));
        emitted.set(id, (emitted.get(id) ?? 0) + 1);
      }
      return undefined;
    });
    const all = Array.from({ length: 200 }, (_, i) => server.start(call(`c${i}`)));
    for (let i = 0; i < 20; i++) await turn();
    // None of them is read: together they have no more under way than a link bears.
    const bytes = port.sent.reduce((sum, one) => sum + one.bytes, 0);
    expect(bytes).to.be.below(8 * KIB * KIB);
    expect(Math.min(...emitted.values())).to.be.at.least(10);
    const before = emitted.get('c0') ?? 0;
    const others = emitted.get('c1');
    // One is read now, and goes on alone.
    for (let i = 0; i < 50; i++) {
      server.room('c0', 10_000);
      await turn();
    }
    expect(emitted.get('c0')).to.be.at.least(before + 400);
    expect(emitted.get('c1')).to.equal(others);
    server.stop();
    await Promise.all(all);
    expect(server.open).to.equal(0);
  });

  it('keep within the window of a client that asked for less', async () => {
    const server = serverOf(async (_call, ctx) => {
      while (!ctx.signal.aborted) await ctx.emit('x'.repeat(98));
      return undefined;
    });
    const ended = server.start(call('a', 1_000));
    for (let i = 0; i < 5; i++) await turn();
    expect(port.of('a')).to.have.length(10);
    server.room('a', 500);
    for (let i = 0; i < 5; i++) await turn();
    expect(port.of('a')).to.have.length(15);
    server.stop();
    await ended;
  });

  it('refuse an item that no frame can hold: the link belongs to all', async () => {
    const server = serverOf(async (_call, ctx) => {
      await ctx.emit('first');
      await ctx.emit('ä'.repeat(MAX_FRAME / 6));
      return undefined;
    });
    await server.start(call('a'));
    expect(port.of('a')).to.deep.equal(['first']);
    expect(port.ends[0]?.problem).to.include({ code: 30 });
  });
});
