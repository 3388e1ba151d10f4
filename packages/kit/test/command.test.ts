import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { access, lstat, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { CallOff } from '../src/child/call-off.ts';
import { Commands, type Files } from '../src/child/command.ts';
import { HANGS_MS, Lookups } from '../src/child/lookups.ts';
import { runChild } from '../src/index.ts';
import { scratch, until } from './scratch.ts';

/** The real file system, of which what stands below some directories does not answer before it is told to. */
class DeadMounts implements Files {
  readonly #dead = new Set<string>();
  #asked: string[] = [];
  #wake: (() => void)[] = [];

  die(...directories: readonly string[]): void {
    for (const directory of directories) this.#dead.add(directory);
  }

  answer(): void {
    this.#dead.clear();
    for (const wake of this.#wake) wake();
    this.#wake = [];
  }

  /** What was asked for below a dead directory. */
  get asked(): readonly string[] {
    return this.#asked;
  }

  async lstat(path: string) {
    await this.#reach(path);
    return lstat(path);
  }

  async stat(path: string) {
    await this.#reach(path);
    return stat(path);
  }

  async access(path: string, mode: number) {
    await this.#reach(path);
    return access(path, mode);
  }

  async readlink(path: string) {
    await this.#reach(path);
    return readlink(path);
  }

  async #reach(path: string): Promise<void> {
    if (![...this.#dead].some((directory) => path === directory || path.startsWith(`${directory}/`))) return;
    this.#asked.push(path);
    await new Promise<void>((resolve) => this.#wake.push(resolve));
  }
}

describe('a command that is looked for', () => {
  const dir = scratch();
  let now: number;
  let mounts: DeadMounts;
  let lookups: Lookups;
  let commands: Commands;
  /** Directories `d0` to `d4`, each with the program `tool`. */
  let places: readonly string[];

  before(() => {
    places = [0, 1, 2, 3, 4].map((i) => join(dir.path, `d${i}`));
    for (const place of places) {
      mkdirSync(place);
      writeFileSync(join(place, 'tool'), '#!/bin/sh\necho "$0"\n');
      chmodSync(join(place, 'tool'), 0o755);
    }
  });
  beforeEach(() => {
    now = 0;
    mounts = new DeadMounts();
    lookups = new Lookups(() => now);
    commands = new Commands(mounts, lookups);
  });
  afterEach(async () => {
    mounts.answer();
    await until('no lookup is left', () => lookups.underWay === 0);
  });

  const place = (i: number): string => places[i] ?? '';
  const run = (search: string, options: Partial<Parameters<typeof runChild>[0]> = {}) =>
    runChild({ argv: ['tool'], env: { PATH: search }, cwd: '/', ...options }, commands);

  it('runs out of time where its directory does not answer, and the loop goes on', async () => {
    mounts.die(place(0));
    let turns = 0;
    const ticking = setInterval(() => turns++, 5);
    const result = await run(`${place(0)}:${place(1)}`, { timeoutMs: 150 });
    clearInterval(ticking);
    expect(result).to.include({
      code: 126,
      timedOut: true,
      aborted: false,
      notStarted: `tool: ${place(0)} did not answer in time`,
      output: `tool: ${place(0)} did not answer in time\n`,
    });
    expect(result.durationMs).to.be.within(140, 20_000);
    expect(turns).to.be.above(3);
  });

  it('can be called off meanwhile', async () => {
    mounts.die(place(0));
    const off = new AbortController();
    const running = run(place(0), { signal: off.signal });
    await until('it is looked for', () => mounts.asked.length === 1);
    off.abort();
    expect(await running).to.include({ code: 126, aborted: true, notStarted: 'tool: called off before it started' });
  });

  it('is refused at once while an earlier lookup there hangs, and found when it has answered', async () => {
    mounts.die(place(0));
    await run(place(0), { timeoutMs: 20 });
    now += HANGS_MS;
    const refused = `tool: ${place(0)} is not looked into while an earlier lookup in ${place(0)} hangs`;
    // Without a time limit: nothing but the refusal ends these.
    const all = await Promise.all(Array.from({ length: 50 }, () => run(`${place(0)}:${place(1)}`)));
    for (const result of all) expect(result).to.include({ code: 126, notStarted: refused, timedOut: false });
    expect(mounts.asked).to.have.length(1);
    expect(await run(place(1))).to.include({ code: 0, output: `${place(1)}/tool\n` });
    mounts.answer();
    await until('the lookup has ended', () => lookups.underWay === 0);
    expect(await run(place(0))).to.include({ code: 0, output: `${place(0)}/tool\n` });
  });

  it('waits for another lookup in its directory, and asks no second time meanwhile', async () => {
    mounts.die(place(0));
    const first = run(place(0));
    const others = Array.from({ length: 20 }, () => run(place(0)));
    const impatient = await run(place(0), { timeoutMs: 20 });
    expect(impatient).to.include({ code: 126, timedOut: true });
    expect(mounts.asked).to.have.length(1);
    mounts.answer();
    for (const result of await Promise.all([first, ...others])) expect(result).to.include({ code: 0 });
  });

  it('never has more than two directories hang, but for those of the system', async () => {
    mounts.die(...places);
    await Promise.all(places.map((each) => run(each, { timeoutMs: 50 })));
    expect(mounts.asked).to.have.length(2);
    now += HANGS_MS;
    const third = await run(place(4));
    expect(third.notStarted).to.equal(
      `tool: ${place(4)} is not looked into while an earlier lookup in ${place(0)} and ${place(1)} hangs`,
    );
    expect(
      await runChild({ argv: ['sh', '-c', 'echo on'], env: { PATH: '/usr/bin:/bin' }, cwd: '/' }, commands),
    ).to.include({ code: 0, output: 'on\n' });
  });

  it('does not close the directory of a link that leads where nothing answers', async () => {
    const link = join(place(3), 'remote');
    symlinkSync(`../d0/tool`, link);
    mounts.die(join(place(3), '../d0'), `${place(3)}/../d0`);
    const result = await run(place(3), { argv: ['remote'], timeoutMs: 20 });
    expect(result.notStarted).to.equal(`remote: ${place(3)}/../d0 did not answer in time`);
    now += HANGS_MS;
    expect(await run(place(3))).to.include({ code: 0, output: `${place(3)}/tool\n` });
  });

  it('follows links as the kernel does, and finds an end in a circle of them', async () => {
    symlinkSync('tool', join(place(4), 'a'));
    symlinkSync('a', join(place(4), 'b'));
    symlinkSync('y', join(place(4), 'x'));
    symlinkSync('x', join(place(4), 'y'));
    symlinkSync('nothing', join(place(4), 'broken'));
    symlinkSync('.', join(place(4), 'self'));
    const found = async (name: string) => {
      const callOff = new CallOff({});
      return commands.find(name, callOff, place(4));
    };
    expect(await found('b')).to.deep.equal({ ok: true, path: join(place(4), 'b') });
    expect(await found('x')).to.deep.equal({ ok: false, code: 127, why: 'x: not found' });
    expect(await found('broken')).to.deep.equal({ ok: false, code: 127, why: 'broken: not found' });
    expect(await found('self')).to.deep.equal({
      ok: false,
      code: 126,
      why: `${join(place(4), 'self')}: is a directory`,
    });
    expect(await found('/proc/self/exe')).to.deep.equal({ ok: true, path: '/proc/self/exe' });
  });

  it('is not started in a working directory that does not answer', async () => {
    mounts.die(place(2));
    const result = await run(place(1), { cwd: place(2), timeoutMs: 20 });
    expect(result).to.include({ code: 126, timedOut: true, notStarted: `tool: ${place(2)} did not answer in time` });
  });
});
