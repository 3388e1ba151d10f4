import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cpuTicks, field, readCost, readWakeUps } from '../src/bench/process-cost.ts';

const STATUS = 'Name:\tnode\nVmPeak:\t  999 kB\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\n';
const THREAD = 'Name:\tnode\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t7\n';
/** Fields 3 to 17 of a stat: utime 12, stime 3, cutime 5, cstime 2. */
const REST = 'S 1 1 1 0 -1 4194560 100 0 0 0 12 3 5 2 20 0 11';

describe('the cost of a process', () => {
  let proc = '';
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'csm-proc-'));
    for (const thread of [7, 8]) {
      mkdirSync(join(proc, `7/task/${thread}`), { recursive: true });
      writeFileSync(join(proc, `7/task/${thread}/status`), THREAD);
      writeFileSync(join(proc, `7/task/${thread}/schedstat`), `${thread}500000 10 3\n`);
    }
    writeFileSync(join(proc, '7/status'), STATUS);
    writeFileSync(join(proc, '7/stat'), `7 (node) ${REST}\n`);
    writeFileSync(join(proc, '7/smaps_rollup'), '0-1 ---p 00 0 [rollup]\nRss: 1024 kB\nPss:  512 kB\nPss_Anon: 9 kB\n');
  });
  afterEach(() => rmSync(proc, { recursive: true, force: true }));

  it('is read from where the kernel tells it, each in one unit', async () => {
    const cost = await readCost(7, proc);
    expect({ ...cost, threads: [...cost.threads].sort(([a], [b]) => a - b) }).to.deep.equal({
      rss: 1024 * 1024,
      peak: 2048 * 1024,
      pss: 512 * 1024,
      cpuMs: 150,
      childrenMs: 70,
      threads: [
        [7, { cpuMs: 7.5, wakeUps: 40 }],
        [8, { cpuMs: 8.5, wakeUps: 40 }],
      ],
    });
  });

  it('tells how often the main thread was woken, apart from the others', async () => {
    writeFileSync(join(proc, '7/task/8/status'), THREAD.replace('40', '9000'));
    expect(await readWakeUps(7, proc)).to.equal(40);
  });

  it('leaves out a thread that ends while it is read', async () => {
    rmSync(join(proc, '7/task/8/schedstat'));
    expect([...(await readCost(7, proc)).threads.keys()]).to.deep.equal([7]);
  });

  it('takes a program whose name is made to look like fields', () => {
    expect(cpuTicks(`7 (a) R 1 (2 3) ${REST}`)).to.deep.equal({ own: 15, children: 7 });
  });

  it('is refused in words where the kernel tells less', () => {
    expect(() => field(STATUS, 'Pss')).to.throw('the kernel does not tell Pss');
    expect(() => cpuTicks('7 (node) S 1 1')).to.throw("field 14 of stat is '', not a number");
    expect(() => cpuTicks(`7 (node) ${REST.replace('12', 'x')}`)).to.throw("field 14 of stat is 'x', not a number");
  });

  it('is refused for a process that has ended', async () => {
    const fault = await readCost(9, proc).catch((error: NodeJS.ErrnoException) => error.code);
    expect(fault).to.equal('ENOENT');
  });

  it('is that of this process on a real machine', async () => {
    const cost = await readCost(process.pid);
    expect(cost.threads.has(process.pid)).to.equal(true);
    expect(cost.rss).to.be.within(10 * 1024 ** 2, cost.peak);
    expect(cost.pss).to.be.within(1, cost.rss);
  });
});
