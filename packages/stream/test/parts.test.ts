import { createHmac } from 'node:crypto';
import { Agent } from 'node:http';
import { createServer } from 'node:net';
import { CsmError, code } from '@csm/model';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { inLanes } from '../src/lanes.ts';
import { post } from '../src/post.ts';
import { signature } from '../src/signature.ts';
import { checkBelow, isBelow, readUrl } from '../src/url.ts';
import { Receiver } from './receiver.ts';

const problemOf = async (work: Promise<unknown>): Promise<CsmError> => {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof CsmError) return thrown;
    throw thrown;
  }
  throw new Error('it did not fail');
};

describe('the URL of a receiver', () => {
  it('is http or https, and has nothing in it that would be kept from its reader', () => {
    expect(readUrl('HTTPS://Hooks.Example.org:443/a/../b').href).to.equal('https://hooks.example.org/b');
    for (const bad of [
      'hooks.example.org',
      'ftp://a/b',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'http://u:p@a/',
      'http://a/#x',
      'http://',
    ]) {
      expect(() => readUrl(bad), bad)
        .to.throw(CsmError)
        .with.nested.property('problem.field', 'url');
    }
  });

  it('lies below a prefix as it is called, not as it is written', () => {
    const prefixes = ['https://hooks.example.org/csm', 'http://10.0.0.1:8080/'];
    const below = (text: string): boolean => isBelow(readUrl(text), prefixes);
    expect(
      ['https://hooks.example.org/csm', 'https://HOOKS.example.org/csm/x?y=1', 'http://10.0.0.1:8080/any'].map(below),
    ).to.deep.equal([true, true, true]);
    for (const outside of [
      'https://hooks.example.org/csmx',
      'https://hooks.example.org/csm/../admin',
      'https://hooks.example.org/csm/%2e%2e/admin',
      'http://hooks.example.org/csm/',
      'https://hooks.example.org:8443/csm/',
      'https://hooks.example.org.evil.example/csm/',
      'http://10.0.0.1/any',
      'http://169.254.169.254/latest/meta-data',
    ]) {
      expect(below(outside), outside).to.equal(false);
    }
    expect(isBelow(readUrl('http://a/'), [])).to.equal(false);
    expect(() => checkBelow(readUrl('http://a/'), [])).to.throw(CsmError, 'only for privileged users');
  });
});

describe('the signature', () => {
  it('is what a receiver works out from the time, the body and the secret', () => {
    const body = '{"seq":1,"text":"ä"}';
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature('s3cret', 1_700_000_000, body)) ?? [];
    expect(t).to.equal('1700000000');
    expect(v1).to.equal(createHmac('sha256', 's3cret').update(`${t}.${body}`).digest('hex'));
    expect(signature('s3cret', 1_700_000_001, body)).to.not.include(v1);
    // A known answer, so that nobody changes it by changing both sides.
    expect(signature('key', 1, '{}')).to.equal(
      `t=1,v1=${createHmac('sha256', Buffer.from('key')).update(Buffer.from('1.{}')).digest('hex')}`,
    );
  });
});

describe('lanes', () => {
  it('keep the order of what belongs together, a few side by side', async () => {
    const items = fc.array(fc.record({ lane: fc.integer({ min: 0, max: 5 }), turns: fc.integer({ min: 0, max: 3 }) }));
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 4 }), fc.nat(60), async (given, width, failAt) => {
        const all = given.map((item, index) => ({ ...item, index }));
        const began: number[] = [];
        const done: number[] = [];
        let open = 0;
        const work = inLanes(
          all,
          ({ lane }) => String(lane),
          width,
          async ({ index, turns }) => {
            began.push(index);
            expect(++open).to.be.at.most(width);
            for (let i = 0; i < turns; i++) await Promise.resolve();
            open--;
            if (index === failAt) throw new Error(`item ${index}`);
            done.push(index);
          },
        );
        const failed = await work.then(
          () => undefined,
          (thrown: Error) => thrown.message,
        );
        expect(open).to.equal(0);
        if (failed === undefined) expect(done).to.have.length(all.length);
        else expect(failed).to.equal(`item ${failAt}`);
        for (let lane = 0; lane <= 5; lane++) {
          const mine = began.filter((index) => all[index]?.lane === lane);
          expect(mine).to.deep.equal(
            all
              .filter((item) => item.lane === lane)
              .slice(0, mine.length)
              .map((i) => i.index),
          );
        }
        // Nothing of a lane is begun behind the item that failed.
        const lane = all[failAt]?.lane;
        if (failed !== undefined) expect(began.findLast((index) => all[index]?.lane === lane)).to.equal(failAt);
      }),
    );
  });
});

describe('a request', () => {
  let receiver: Receiver;
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const send = (more: Partial<Parameters<typeof post>[0]> = {}): Promise<void> =>
    post({
      url: new URL(receiver.url),
      body: '{"seq":1,"text":"ä"}',
      headers: { 'content-type': 'application/json' },
      agent,
      timeoutMs: 30_000,
      signal: new AbortController().signal,
      ...more,
    });
  beforeEach(async () => {
    receiver = await Receiver.start();
  });
  afterEach(() => receiver.stop());
  after(() => agent.destroy());

  it('is taken by a 2xx, and by nothing else', async () => {
    await send();
    expect(receiver.taken[0]?.text).to.equal('{"seq":1,"text":"ä"}');
    for (const status of [300, 302, 400, 404, 410, 500, 503]) {
      receiver.answer = (_taken, res) => {
        res.setHeader('location', '/elsewhere');
        return status;
      };
      const before = receiver.asked;
      const { code: given, message } = await problemOf(send());
      expect([given, message]).to.deep.equal([
        code.COMMUNICATION,
        `${new URL(receiver.url).origin} answered HTTP ${status}`,
      ]);
      expect(receiver.asked).to.equal(before + 1);
    }
  });

  it('fails in words when nobody is there, hangs, or hangs up', async () => {
    receiver.answer = () => undefined;
    expect((await problemOf(send({ timeoutMs: 50 }))).code).to.equal(code.TIMEOUT);
    const giveUp = new AbortController();
    const given = send({ signal: giveUp.signal });
    giveUp.abort();
    expect((await problemOf(given)).message).to.equal('the request was given up');
    expect((await problemOf(send({ signal: giveUp.signal }))).message).to.equal('the request was given up');
    receiver.answer = (_taken, res) => {
      res.destroy();
      return undefined;
    };
    expect((await problemOf(send())).message).to.match(/was not reached/);
    const free = createServer();
    const port = await new Promise<number>((resolve) => {
      free.listen(0, '127.0.0.1', () => resolve((free.address() as { port: number }).port));
    });
    await new Promise((resolve) => free.close(resolve));
    const nobody = await problemOf(send({ url: new URL(`http://127.0.0.1:${port}/`) }));
    expect(nobody.message).to.match(/was not reached: ECONNREFUSED/);
  });

  it('does not read an answer without end', async () => {
    receiver.answer = (_taken, res) => {
      res.writeHead(200);
      const more = (): void => {
        while (!res.destroyed && res.write(Buffer.alloc(16 * 1024)));
      };
      res.on('drain', more);
      more();
      return undefined;
    };
    await send();
  });
});
