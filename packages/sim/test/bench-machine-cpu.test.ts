import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { descendants, foreignShare, machineTicks, readMachineCpu } from '../src/bench/machine-cpu.ts';

/** user nice system idle iowait irq softirq steal guest guest_nice */
const STAT = 'cpu  100 5 30 800 40 3 7 15 90 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n';
const stat = (pid: number, parent: number, own: number, children: number): string =>
  `${pid} (a) b) S ${parent} 1 1 0 -1 4194560 100 0 0 0 ${own} 0 ${children} 0 20 0 11\n`;

describe('the CPU of the machine', () => {
  it('is what is neither idle nor waiting, what other machines took included', () => {
    expect(machineTicks(STAT)).to.deep.equal({ all: 1000, busy: 160 });
    expect(() => machineTicks('cpu0 1 2\n')).to.throw('the kernel does not tell the CPU of the machine');
    expect(() => machineTicks('cpu  1 2 3\n')).to.throw('the kernel does not tell the CPU of the machine');
  });

  it('is foreign where it is not of our processes', () => {
    const begin = { all: 1000, busy: 500, ours: 400 };
    expect(foreignShare(begin, { all: 1200, busy: 650, ours: 500 })).to.equal(0.25);
    expect(foreignShare(begin, { all: 1200, busy: 600, ours: 500 })).to.equal(0);
    // Ticks are counted at different moments: a difference below nothing is none.
    expect(foreignShare(begin, { all: 1200, busy: 600, ours: 505 })).to.equal(0);
    expect(foreignShare(begin, begin)).to.equal(0);
  });

  it('is ours where a process descends from ours, however far', () => {
    const parents = new Map([
      [2, 1],
      [3, 2],
      [4, 3],
      [9, 1],
    ]);
    expect([...descendants(2, parents)]).to.deep.equal([2, 3, 4]);
  });

  describe('as the kernel tells it', () => {
    let proc = '';
    beforeEach(() => {
      proc = mkdtempSync(join(tmpdir(), 'csm-proc-'));
      writeFileSync(join(proc, 'stat'), STAT);
      for (const [pid, parent, own, children] of [
        [1, 0, 50, 0],
        [2, 1, 10, 3],
        [3, 2, 20, 0],
        [9, 1, 70, 0],
      ] as const) {
        mkdirSync(join(proc, String(pid)));
        writeFileSync(join(proc, String(pid), 'stat'), stat(pid, parent, own, children));
      }
      mkdirSync(join(proc, '10'));
    });
    afterEach(() => rmSync(proc, { recursive: true, force: true }));

    it('sums up a process, its descendants and those that have ended; one that ends meanwhile is left out', async () => {
      expect(await readMachineCpu(2, proc)).to.deep.equal({ all: 1000, busy: 160, ours: 33 });
    });
  });

  it('is that of this machine', async () => {
    const { all, busy, ours } = await readMachineCpu(process.pid);
    expect(busy).to.be.within(1, all);
    expect(ours).to.be.within(1, busy);
  });
});
