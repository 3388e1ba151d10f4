import { fstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CsmError, code, problem } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { createLog, isJournal, type LogOptions, memoryLog, runChild, serializeError } from '../src/index.ts';
import { formatBody, MESSAGE_MAX } from '../src/log/line.ts';
import { HELD_MAX, streamSink } from '../src/log/sink.ts';
import { scratch } from './scratch.ts';

describe('a line of the log', () => {
  it('reads message, then fields, quoted only where needed', () => {
    expect(formatBody('link lost', { node: 'n001', beats: 3, why: 'no "beat"', left: undefined, none: null })).to.equal(
      'link lost node=n001 beats=3 why="no \\"beat\\"" none=null',
    );
  });

  it('keeps the chain of causes and the problem', () => {
    const inner = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const outer = new CsmError(problem(code.BAD_ADDRESS, 'no master', { field: 'net.master' }), { cause: inner });
    const error = serializeError(outer);
    expect(error).to.deep.include({ name: 'CsmError', message: 'no master', problem: outer.problem });
    expect(error.cause).to.include({ message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' });
    expect(formatBody('x', { error: outer }))
      .to.include('"field":"net.master"')
      .and.to.include('ECONNREFUSED');
  });

  it('ends a chain of causes that turns in a circle', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    expect(JSON.stringify(serializeError(a))).to.have.length.below(4_000);
  });

  it('is one line of bounded length whatever is logged, and never throws', () => {
    const evil = fc.constantFrom<unknown>(
      10n,
      Symbol('s'),
      () => 1,
      Object.create(null),
      new Map([[1, 2]]),
      {
        get bad() {
          throw new Error('getter');
        },
      },
      {
        toJSON() {
          throw new Error('toJSON');
        },
      },
      '\u0085\u2028\u2029\u202e\u001b[2J\r\n',
      'x'.repeat(100_000),
      '\ud800',
    );
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const value = fc.oneof(evil, fc.anything(), fc.string({ unit: 'binary' }), fc.constant(cyclic));
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.dictionary(fc.string({ unit: 'binary' }), value, { maxKeys: 5 }),
        (message, fields) => {
          const line = formatBody(message, fields);
          expect(line).to.not.match(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
          expect(line, 'no half characters').to.not.match(/\p{Cs}/u);
        },
      ),
    );
    expect(formatBody('y'.repeat(1_000_000), {})).to.have.length.below(MESSAGE_MAX + 50);
  });
});

describe('the log', () => {
  const dir = scratch();
  let count = 0;
  const fresh = (options: Partial<LogOptions> = {}, rotationSize = 1e9, keep = 3) => {
    const path = join(dir.path, `log${count++}`, 'csm.log');
    mkdirSync(join(path, '..'));
    const open = () =>
      createLog({ name: 'csmd', level: 'debug', console: 'none', file: { path, rotationSize, keep }, ...options });
    return { path, open, lines: (file = path) => readFileSync(file, 'utf8').trimEnd().split('\n') };
  };

  it('writes time, level, name, message and fields; children add theirs', async () => {
    const { open, lines } = fresh();
    const log = open();
    log.child({ component: 'net' }).child({ link: 7 }).warn('beat missed', { after_ms: 300 });
    await log.close();
    expect(lines()[0]).to.match(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn {2}csmd beat missed component=net link=7 after_ms=300$/,
    );
  });

  it('loses no line at close, in order, and appends when opened again', async () => {
    const { open, lines } = fresh();
    for (const part of [0, 1]) {
      const log = open();
      for (let i = 0; i < 5_000; i++) log.info('line', { i: part * 5_000 + i });
      await log.close();
      expect(log.lost).to.equal(0);
    }
    expect(lines().map((line) => Number(line.split('i=')[1]))).to.deep.equal(
      Array.from({ length: 10_000 }, (_, i) => i),
    );
  });

  it('turns the file over by size, loses nothing over it, and keeps as many as told', async () => {
    const { path, open, lines } = fresh({}, 10_000, 3);
    const log = open();
    for (let i = 0; i < 900; i++) {
      log.info('line', { i });
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    expect(readdirSync(join(path, '..')).sort()).to.deep.equal(['csm.log', 'csm.log.1', 'csm.log.2', 'csm.log.3']);
    const numbers = [`${path}.3`, `${path}.2`, `${path}.1`, path].flatMap((file) => {
      expect(readFileSync(file).length).to.be.at.most(10_000);
      return lines(file).map((line) => Number(line.split('i=')[1]));
    });
    expect(numbers.at(-1)).to.equal(899);
    expect(numbers).to.deep.equal(Array.from({ length: numbers.length }, (_, i) => 900 - numbers.length + i));
    expect(numbers.length).to.be.above(550);
  });

  it('turns over with nothing kept, and lets a line longer than a file have one of its own', async () => {
    const { path, open, lines } = fresh({}, 4_096, 0);
    const log = open();
    log.info('a'.repeat(6_000));
    log.info('b');
    await log.close();
    expect(lines()).to.have.length(1);
    expect(readdirSync(join(path, '..'))).to.deep.equal(['csm.log']);
  });

  it('counts what a full disk costs, goes on, and says so when there is room again', async () => {
    const { path, open, lines } = fresh();
    symlinkSync('/dev/full', path);
    const log = open();
    for (let i = 0; i < 100; i++) log.info('lost', { i });
    while (log.lost < 100) await new Promise((resolve) => setImmediate(resolve));
    rmSync(path);
    log.info('room again');
    await log.close();
    expect(lines()).to.have.length(2);
    expect(lines()[0]).to.match(/warn {2}csmd 100 log lines were lost$/);
    expect(lines()[1]).to.match(/room again$/);
    expect(log.lost).to.equal(100);
  });

  it('does not fail where no file can be', async () => {
    const log = createLog({
      name: 'x',
      level: 'info',
      console: 'none',
      file: { path: join(dir.path, 'none', 'such', 'log'), rotationSize: 1e6, keep: 1 },
    });
    log.error('no one hears this');
    await log.close();
    log.error('nor this');
    expect(log.lost).to.equal(2);
  });

  it('holds no more than its limit for a writer that is stuck', async () => {
    let open: (() => void) | undefined;
    const stuck = new Writable({
      write(_chunk, _encoding, done) {
        open = done;
      },
    });
    const sink = streamSink(stuck);
    const line = 'x'.repeat(99_999);
    for (let i = 0; i < 100; i++) sink.write(line);
    expect(stuck.writableLength).to.be.at.most(HELD_MAX + 100_000);
    expect(sink.lost).to.equal(100 - Math.floor(HELD_MAX / 100_000) - 1);
    stuck.destroy();
    open?.();
    await sink.close();
  });

  it('changes its severity while running, also of one component', async () => {
    const { open, lines } = fresh({ level: 'warning', levels: { db: 'debug' } });
    const log = open();
    const db = log.child({ component: 'db' });
    log.info('no');
    db.debug('yes 1');
    log.setLevel('info');
    log.info('yes 2');
    log.setLevel('off', 'db');
    db.error('no');
    log.debug('no');
    log.setLevel('critical');
    log.warn('no');
    log.error('yes 3');
    await log.close();
    expect(lines().map((line) => line.match(/csmd (\w+)/)?.[1])).to.deep.equal(['yes', 'yes', 'yes']);
  });

  it('writes to stdout of a real process with the prefixes of the journal, losing nothing before exit', async () => {
    const program = fileURLToPath(new URL('./fixtures/log-child.js', import.meta.url));
    const run = await runChild({ argv: [process.execPath, program], maxOutput: 1e7 });
    const lines = run.output.trimEnd().split('\n');
    expect(run.code).to.equal(0);
    expect(lines.slice(0, 2)).to.deep.equal(['<3>csmd one\\ntwo', '<4>csmd line i=0']);
    expect(lines).to.have.length(3_001);
  });
});

describe('isJournal', () => {
  it('believes JOURNAL_STREAM only when it names this very stream', () => {
    const { dev, ino } = fstatSync(1);
    expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, 1)).to.equal(true);
    expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino + 1}` }, 1)).to.equal(false);
    expect(isJournal({}, 1)).to.equal(false);
    expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, 9_999)).to.equal(false);
  });
});

describe('memoryLog', () => {
  it('keeps events with their fields, of children too, up to its limit', () => {
    const log = memoryLog('info', 2);
    log.debug('no');
    log.info('a');
    log.child({ x: 1 }).error('b', { y: 2 });
    log.info('c');
    expect(log.events.map(({ message }) => message)).to.deep.equal(['b', 'c']);
    expect(log.events[0]).to.deep.equal({
      level: 'error',
      message: 'b',
      fields: { x: 1, y: 2 },
      line: 'error b x=1 y=2',
    });
    expect(log.lost).to.equal(1);
  });
});
