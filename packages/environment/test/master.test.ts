import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiTable } from '@csm/api';
import type { MasterPorts, StoredReport } from '@csm/feature';
import { type CsmError, code, type Json, mono, wall } from '@csm/model';
import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import { api } from '../src/api.ts';
import { type Fault, faultSentences } from '../src/faults.ts';
import { masterPart } from '../src/master.ts';
import { Backlog, type WatchedItem, watch } from '../src/query/watch.ts';
import { DAY, HOUR, listener, NOW, openRig, type Rig } from './rig.ts';

const silent = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

/** Waits until something holds; fails after five seconds. */
async function until(holds: () => boolean): Promise<void> {
  for (const began = Date.now(); !holds(); ) {
    if (Date.now() - began > 5000) throw new Error('it did not come true');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

overEngines('environment in a master', (bench) => {
  let rig: Rig;
  let now = NOW;
  const listeners = new Set<(report: StoredReport) => void>();
  const onStored = (_kind: string, listener: (report: StoredReport) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const ports = (): MasterPorts => ({
    self: { role: 'master', node: 'm1', version: '1.0' },
    clock: { now: () => ({ mono: mono(0), wall: now }) },
    log: silent,
    config: {
      environment: { keep_samples: DAY, keep_hourly: 2 * DAY, keep_daily: 9 * DAY, keep_bytes: 2 ** 30 },
    },
    store: rig.store,
    tree: () => {
      throw new Error('there is no tree here');
    },
    startedAt: NOW,
    onStored,
    problems: async () => [],
    calls: [],
    isPrivileged: () => true,
  });
  beforeEach(async () => {
    rig = await openRig(bench);
    now = NOW;
  });
  afterEach(() => rig.store.close());

  it('answers its calls', async () => {
    const part = masterPart(ports());
    await rig.tell({ items: { cpu: { user_percent: 5 } } });
    const { ctx, items } = listener();
    await part.handlers['env.query']?.({ item: 'cpu' } as never, ctx);
    expect(items).to.deep.equal([
      { node: 'n1', item: 'cpu', time: '2026-03-10T12:00:00.000Z', values: { user_percent: 5 } },
    ]);
    const rows = await part.handlers['env.top']?.({ item: 'cpu' } as never, ctx);
    expect(rows).to.have.length(1);
    const table = new ApiTable(api);
    expect(table.outputFault('env.query', 'item', items[0])).to.equal(undefined);
    expect(table.outputFault('env.top', 'output', rows)).to.equal(undefined);
    await part.stop?.();
  });

  it('answers an archive asked for again under its key, and nothing else under it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'csm-archive-'));
    const part = masterPart(ports());
    try {
      await rig.tell({ time: NOW - 13 * HOUR, items: { cpu: { user_percent: 5 } } });
      const ctx = { ...listener().ctx, idempotencyKey: 'k1' };
      const archive = (more: object, under = ctx): Promise<unknown> =>
        Promise.resolve(
          part.handlers['env.archive']?.({ directory, before: NOW - 12 * HOUR, ...more } as never, under),
        );
      const refusal = (asked: Promise<unknown>): Promise<unknown> =>
        asked.then(
          () => undefined,
          (thrown: CsmError) => thrown.problem,
        );
      const [first, meanwhile] = await Promise.all([archive({}), archive({})]);
      expect(first).to.include({ rows: 1, path: join(directory, 'samples-before-2026-03-10') });
      expect(meanwhile).to.equal(first);
      expect(await archive({})).to.equal(first);
      const other = await refusal(archive({ before: NOW - 36 * HOUR }));
      expect(other).to.deep.include({ code: code.INVALID_PARAMETER, field: 'Idempotency-Key' });
      const noDay = await refusal(archive({ before: NOW - HOUR }, { ...ctx, idempotencyKey: 'k0' }));
      expect(noDay).to.deep.include({
        detail: 'before is 2026-03-10T11:00:00.000Z',
        allowed: 'the beginning of a day (UTC) that has begun, such as 2026-03-10T00:00:00.000Z',
      });
      // Under a key of its own, or of another caller, it is an order of its own, for which there is an archive already.
      for (const under of [
        { ...ctx, idempotencyKey: 'k2' },
        { ...ctx, caller: { ...ctx.caller, user: 'v' } },
      ]) {
        expect(await refusal(archive({}, under))).to.deep.include({ code: code.INVALID_PARAMETER, field: 'directory' });
      }
    } finally {
      await part.stop?.();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('tells what fails where, folded, until nobody has said so for long', async () => {
    const part = masterPart(ports());
    const reason = 'nvidia-smi did not end within 10000 ms';
    for (const node of ['n001', 'n002', 'n003', 'n004']) await rig.tell({ node, failed: { gpu: reason } });
    expect(await part.problems?.()).to.deep.equal([
      `environment: gpu fails on n[001-004]: ${reason} (since 2026-03-10T12:00:00.000Z)`,
    ]);
    await rig.tell({ node: 'n001', time: NOW + 1, items: { gpu: { '0.power_watts': 1 } } });
    expect((await part.problems?.())?.[0]).to.contain('on n[002-004]');
    // Told once: the next round of a daily bucket may be a day off.
    now = wall(NOW + DAY + HOUR);
    expect(await part.problems?.()).to.have.length(1);
    now = wall(NOW + DAY + HOUR + 1);
    expect(await part.problems?.()).to.deep.equal([]);
    await part.stop?.();
  });

  it('tells what is missing in part apart from what fails', async () => {
    const part = masterPart(ports());
    const parts = { ssd: 'nvme1 does not answer' };
    for (const node of ['n7', 'n8']) await rig.tell({ node, items: { ssd: { 'nvme0.used_percent': 3 } }, parts });
    await rig.tell({ node: 'n9', failed: { ssd: 'nvme1 does not answer' } });
    expect(await part.problems?.()).to.deep.equal([
      'environment: ssd in part on n[7-8]: nvme1 does not answer (since 2026-03-10T12:00:00.000Z)',
      'environment: ssd fails on n9: nvme1 does not answer (since 2026-03-10T12:00:00.000Z)',
    ]);
    await part.stop?.();
  });

  it('tells no more sentences than fit a page, on one line each', () => {
    const fault = (i: number, reason: string): Fault => ({
      node: `n${i}`,
      item: 'gpu',
      reason,
      part: false,
      since: NOW,
    });
    const many = Array.from({ length: 50 }, (_, i) => fault(i, `reason ${i}`));
    const told = faultSentences([...many, fault(60, 'bad\n\u001b[31m line'), fault(61, 'bad\n\u001b[31m line')]);
    expect(told).to.have.length(21);
    expect(told[0]).to.contain('gpu fails on n[60-61]: bad [31m line (since');
    expect(told.at(-1)).to.equal('environment: items fail for 31 more reasons');
    const wide = Array.from({ length: 2000 }, (_, i) => ({ ...fault(i, 'x'), node: `a${i}b${i * 7}` }));
    expect(faultSentences(wide)[0]?.length).to.be.below(600);
    expect(faultSentences(wide)[0]).to.contain('(2000 nodes)');
  });

  it('shows samples as they are stored, of the nodes and the item asked for', async () => {
    const { ctx, items, end } = listener();
    const watching = watch(onStored, { nodes: 'n[1-2]', item: 'cpu' }, ctx);
    expect(listeners.size).to.equal(1);
    const body = { items: { cpu: { user_percent: 12.3456789 }, memory: { free_bytes: 1 } }, failed: {} };
    for (const node of ['n1', 'n3', 'n2']) for (const tell of listeners) tell({ node, time: NOW, body });
    await until(() => items.length === 2);
    const item = { item: 'cpu', time: '2026-03-10T12:00:00.000Z', values: { user_percent: 12.3457 } };
    expect(items).to.deep.equal([
      { node: 'n1', ...item },
      { node: 'n2', ...item },
    ]);
    end.abort();
    await watching;
    expect(listeners.size).to.equal(0);
  });

  it('tells a slow watcher how much it has lost', async () => {
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { ctx, items, end } = listener(() => gate);
    const watching = watch(onStored, {}, ctx);
    const tell = (i: number): void => {
      const body = { items: { cpu: { load1: i } }, failed: {} };
      for (const each of listeners) each({ node: 'n1', time: wall(NOW + i), body });
    };
    tell(0);
    await until(() => items.length === 1);
    for (let i = 1; i <= 20_100; i++) tell(i);
    go();
    await until(() => items.length === 20_002);
    expect(items[1]).to.deep.equal({ lost: 100 });
    expect((items[2] as { values: Json }).values).to.deep.equal({ load1: 101 });
    end.abort();
    await watching;
  });

  it('bounds what waits by values too', () => {
    const backlog = new Backlog(1000, 10);
    const wide = (n: number): WatchedItem => ({
      node: `n${n}`,
      item: 'disk',
      time: '',
      values: { a: 1, b: 2, c: 3, d: 4 },
    });
    for (let n = 1; n <= 5; n++) backlog.push(wide(n));
    expect(backlog.size).to.equal(2);
    expect([backlog.take(), backlog.take(), backlog.take(), backlog.take()]).to.deep.equal([
      { lost: 3 },
      wide(4),
      wide(5),
      undefined,
    ]);
  });
});
