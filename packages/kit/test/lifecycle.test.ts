import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { until } from './scratch.ts';

const program = fileURLToPath(new URL('./fixtures/life-child.js', import.meta.url));

/** A small daemon in a process of its own, with what it wrote so far. */
function daemon(...args: string[]) {
  const child: ChildProcess = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += String(chunk);
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal ?? 'unknown'));
  });
  return {
    ended,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    says: (words: string) => until(`"${words}" in ${JSON.stringify(out)}`, () => out.includes(words)),
    events: () => [...out.matchAll(/^<\d>life (.*)$/gm)].map((match) => match[1] ?? ''),
    end: () => child.kill('SIGKILL'),
  };
}

describe('the life cycle', () => {
  let one: ReturnType<typeof daemon>;
  const start = (...args: string[]) => {
    one = daemon(...args);
    return one;
  };
  afterEach(async () => {
    one.end();
    await one.ended;
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`starts in order, stops in reverse at ${signal} and exits 0`, async () => {
      const life = start();
      await life.says('runs');
      life.kill(signal);
      expect(await life.ended).to.equal(0);
      expect(life.events()).to.deep.equal([
        'one starts',
        'two starts',
        'runs',
        `the daemon stops reason=${signal}`,
        'two stops',
        'one stops',
      ]);
    });
  }

  it('stops what has started when a part does not, exit 1', async () => {
    const life = start('fail');
    expect(await life.ended).to.equal(1);
    expect(
      life
        .events()
        .slice(2)
        .map((event) => event.split(/ part=| reason=/)[0]),
    ).to.deep.equal(['the daemon cannot start', 'the daemon stops', 'one stops']);
  });

  it('exits 78 when the configuration is to blame', async () => {
    expect(await start('config').ended).to.equal(78);
  });

  it('can be stopped while it starts', async () => {
    const life = start('slow');
    await life.says('two starts');
    life.kill('SIGTERM');
    expect(await life.ended).to.equal(0);
    expect(life.events()).to.include('one stops').and.not.include('runs');
  });

  it('does not wait for a part past its deadline, and says so', async () => {
    const life = start('stuck');
    await life.says('runs');
    life.kill('SIGTERM');
    expect(await life.ended).to.equal(1);
    expect(life.events()).to.include('a part did not stop in time part=two deadline_ms=100').and.include('one stops');
  });

  it('goes on stopping after a part failed to', async () => {
    const life = start('stop-throws');
    await life.says('runs');
    life.kill('SIGTERM');
    expect(await life.ended).to.equal(1);
    expect(life.events()).to.include('one stops');
  });

  it('exits at once at a second SIGTERM', async () => {
    const life = start('stuck-long');
    await life.says('runs');
    life.kill('SIGTERM');
    await life.says('two stops');
    life.kill('SIGTERM');
    expect(await life.ended).to.equal(143);
  });

  it('reloads at SIGHUP, never twice at a time, and once more for those that came meanwhile', async () => {
    const life = start();
    await life.says('runs');
    life.kill('SIGHUP');
    await life.says('reload begins n=1');
    life.kill('SIGHUP');
    await life.says('reload begins n=2');
    await until('two ends', () => life.events().filter((event) => event === 'reload ends').length === 2);
    life.kill('SIGTERM');
    expect(await life.ended).to.equal(0);
    const reloads = life.events().filter((event) => event.startsWith('reload'));
    expect(reloads).to.deep.equal(['reload begins n=1', 'reload ends', 'reload begins n=2', 'reload ends']);
  });

  it('goes on with what it had when a reload fails', async () => {
    const life = start('bad-reload');
    await life.says('runs');
    life.kill('SIGHUP');
    await life.says('the configuration was not reloaded');
    life.kill('SIGTERM');
    expect(await life.ended).to.equal(0);
  });

  for (const [how, words] of [
    ['reject', 'a rejection was not handled'],
    ['throw', 'an error was not caught'],
  ] as const) {
    it(`logs what nobody caught and exits 70: ${how}`, async () => {
      const life = start(how);
      expect(await life.ended).to.equal(70);
      expect(life.events().at(-1)).to.match(new RegExp(`^${words} error=`));
    });
  }
});
