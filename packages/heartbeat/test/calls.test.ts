/** CSM's own calls about heartbeats, over the service as it is, a store in memory and a clock of the test's own. */
import type { CallContext, Handler } from '@csm/api';
import { CsmError, code, type Json, type JsonObject, mono, type Now, type Problem, wall } from '@csm/model';
import { openMemoryStore, type Store } from '@csm/store';
import { expect } from 'chai';
import { assemble } from '../src/assemble.ts';
import { heartbeatCalls } from '../src/calls.ts';
import type { HeartbeatService } from '../src/service.ts';
import { masterSettings } from '../src/settings.ts';
import { type Setup, setupOf } from '../src/setup.ts';
import * as module from '../src/store.ts';
import type { TimePort } from '../src/types.ts';

const BEGIN = wall(1_800_000_000_000);
const DEADLINE_MS = 30_000;

/** Time stands still unless it is moved; timers that come due run in their order. */
class OwnTime implements TimePort {
  #ms = 1000;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): Now {
    return { mono: mono(this.#ms), wall: wall(BEGIN + this.#ms - 1000) };
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#ms + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** In steps, so that what is done at the end of a turn of the loop finds its time. */
  async move(ms: number): Promise<void> {
    const end = this.#ms + ms;
    while (this.#ms < end) {
      this.#ms = Math.min(end, this.#ms + 100);
      const due = this.#timers.filter(({ at }) => at <= this.#ms).sort((a, b) => a.at - b.at);
      this.#timers = this.#timers.filter((one) => !due.includes(one));
      for (const { run } of due) run();
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
  }
}

const LOG = { error: () => 0, warn: () => 0, info: () => 0, debug: () => 0 };

/** The settings' own defaults, as a master has them. */
function setup(): Setup {
  const defaults = (schema: object): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(schema).map(([key, node]: [string, object]) => [
        key,
        Reflect.get(node, 'kind') === 'setting' ? Reflect.get(node, 'default') : defaults(node),
      ]),
    );
  const config = { ...defaults(masterSettings.heartbeat), flush_interval: 2000, history_keep: 86_400_000 };
  return setupOf(config as unknown as Parameters<typeof setupOf>[0], 'mem:');
}

describe('the calls about heartbeats', function () {
  this.timeout(60_000);
  let store: Store;
  let time: OwnTime;
  let service: HeartbeatService;
  let calls: Readonly<Record<string, Handler<never>>>;

  beforeEach(async () => {
    store = await openMemoryStore({ modules: [module], clock: () => BEGIN });
    time = new OwnTime();
    const made = await assemble({ store, setup: setup(), time, log: LOG, cutOff: async () => undefined });
    service = made.service;
    calls = heartbeatCalls({ store, service });
  });
  afterEach(async () => {
    await service.stop();
    await store.close();
  });

  const beat = (name: string, status = 'OK') => {
    service.tracker.beat(name, 'a time', status, time.now());
    service.nudge();
  };

  async function call(
    name: string,
    input: JsonObject = {},
    more: { readonly key?: string; readonly signal?: AbortSignal; readonly items?: Json[] } = {},
  ): Promise<Json | undefined> {
    const handler = calls[name] as Handler | undefined;
    if (handler === undefined) throw new Error(`there is no ${name}`);
    const { key, signal = new AbortController().signal, items = [] } = more;
    const ctx: CallContext = {
      caller: { user: 'root', uid: 0, gid: 0, groups: [], pid: 1, vouchedBy: 'master/m1' },
      grant: 'granted',
      trace: '0'.repeat(16),
      signal,
      remaining: () => DEADLINE_MS,
      ...(key === undefined ? {} : { idempotencyKey: key }),
      emit: async (item) => void items.push(item),
    };
    return (await handler(input, ctx)) as Json | undefined;
  }

  async function refused(name: string, input: JsonObject = {}, key?: string): Promise<Problem> {
    try {
      await call(name, input, key === undefined ? {} : { key });
    } catch (error) {
      if (error instanceof CsmError) return error.problem;
      throw error;
    }
    throw new Error(`${name} was not refused`);
  }

  async function list(input: JsonObject = {}): Promise<Record<string, unknown>[]> {
    const items: Json[] = [];
    await call('heartbeat.list', input, { items });
    return items as unknown as Record<string, unknown>[];
  }
  const names = async (input: JsonObject = {}) => (await list(input)).map(({ name }) => name as string);

  /** Waits for what the database is to have; its time is the machine's own. */
  async function until(what: string, look: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + DEADLINE_MS;
    while (!(await look())) {
      if (performance.now() > end) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
      await new Promise(setImmediate);
    }
  }
  const stored = async () => {
    // What has just happened is collected at the end of this turn of the loop.
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    await until('all is stored', async () => service.health().waiting.store === 0);
  };

  it('list those who match, in order, and go on behind a name', async () => {
    for (const name of ['x0c0s1b0n0', 'x0c0s0b0n0', 'x0c0s0b0']) beat(name);
    service.tracker.verdict('n001', 'up', time.now());
    service.nudge();
    await time.move(11_000);
    beat('x0c0s0b0n0');
    await time.move(100);
    const all = await names();
    expect([...all].sort()).to.deep.equal(['n001', 'x0c0s0b0', 'x0c0s0b0n0', 'x0c0s1b0n0']);
    expect(await names({ limit: 2 })).to.deep.equal(all.slice(0, 2));
    expect(await names({ after: String(all[1]) })).to.deep.equal(all.slice(2));
    expect((await names({ states: ['late'] })).sort()).to.deep.equal(['x0c0s0b0', 'x0c0s1b0n0']);
    expect((await names({ flags: ['Warning'], nodes: 'X00c0s[0-9]b0n0' })).sort()).to.deep.equal(['x0c0s1b0n0']);
    const seen = new Date(BEGIN + 5000).toISOString();
    expect(await names({ seen_since: seen, nodes: 'x0c0s[0-1]b0n0' })).to.deep.equal(['x0c0s0b0n0']);
    expect(await names({ seen_before: seen, nodes: 'x0c0s[0-1]b0n0' })).to.deep.equal(['x0c0s1b0n0']);
    const [late] = await list({ nodes: 'x0c0s0b0' });
    expect(late).to.include({
      state: 'late',
      flag: 'Warning',
      status: 'OK',
      timestamp: 'a time',
      warntime: 10,
      errtime: 30,
    });
    expect((await refused('heartbeat.list', { nodes: 'x9' })).code).to.equal(code.NO_RESULTS);
    expect(await refused('heartbeat.list', { seen_since: 'soon' })).to.include({ code: 9, field: 'seen_since' });
    expect(await refused('heartbeat.list', { nodes: 'x[2-1]' })).to.include({ code: 9, field: 'nodes' });
  });

  it('list more than a page of the tracker has', async () => {
    for (let i = 0; i < 12_001; i++) service.tracker.beat(`x${i % 9999}c${Math.floor(i / 9999)}`, '', 'OK', time.now());
    const all = await names();
    expect(all).to.have.length(12_001);
    expect(new Set(all).size).to.equal(12_001);
  });

  it('show one, with its state manager, thresholds and what comes next', async () => {
    beat('x0c0s0b0');
    await stored();
    const shown = (await call('heartbeat.show', { name: 'X00C0s0b0' })) as JsonObject;
    expect(shown).to.include({ name: 'x0c0s0b0', type: 'NodeBMC', limits: 'global', state: 'beating', incident: null });
    expect(shown['manager']).to.deep.equal({ mode: 'builtin', state: 'Ready', flag: 'OK', waiting: null });
    expect(shown['next']).to.deep.equal({
      text: 'it is late, unless it beats',
      at: new Date(time.now().wall + 10_000).toISOString(),
    });
    await call('heartbeat.update-thresholds', { type: 'NodeBMC', warntime: 60, errtime: 90 });
    expect(await call('heartbeat.show', { name: 'x0c0s0b0' })).to.include({
      limits: 'type:NodeBMC',
      warntime: 60,
      errtime: 90,
    });
    expect(await refused('heartbeat.show', { name: 'x1' })).to.include({ code: code.UNKNOWN_NODES, field: 'name' });
  });

  it('tell history and watch with one cursor', async () => {
    beat('x0c0s0b0n0');
    await time.move(200);
    beat('x0c0s1b0n0', 'Kernel Oops at 12');
    await time.move(200);
    await stored();
    const rows = (await call('heartbeat.history')) as unknown as { seq: number; name: string; kind: string }[];
    expect(rows.map(({ name, kind }) => `${name} ${kind}`).at(-1)).to.equal('x0c0s1b0n0 halted');
    expect(rows.map(({ seq }) => seq)).to.deep.equal(rows.map(({ seq }) => seq).toSorted((a, b) => a - b));
    const last = rows.at(-1)?.seq ?? 0;
    const before = (await call('heartbeat.history', { before: last })) as unknown as { seq: number }[];
    expect(before.map(({ seq }) => seq)).to.deep.equal(rows.slice(0, -1).map(({ seq }) => seq));
    expect(await call('heartbeat.history', { kinds: ['halted'] })).to.have.length(1);
    expect((await refused('heartbeat.history', { nodes: 'x5' })).code).to.equal(code.NO_RESULTS);

    const leave = new AbortController();
    const items: Json[] = [];
    const watching = call('heartbeat.watch', { since: 0, nodes: 'x0c0s1b0n0' }, { signal: leave.signal, items });
    await until('the change is told', async () => items.length > 0);
    leave.abort();
    await watching;
    expect(items.at(-1)).to.include({ seq: last, kind: 'heartbeat', subject: 'x0c0s1b0n0' });
    expect(items.every((item) => (item as JsonObject)['subject'] === 'x0c0s1b0n0')).to.equal(true);
  });

  it('change parameters, all or nothing, once under a key', async () => {
    expect(await call('heartbeat.params')).to.include({ Warntime: '10', Errtime: '30', Interval: '5' });
    expect(await refused('heartbeat.update-params', {})).to.include({ code: code.MISSING_PARAMETER });
    const wrong = await refused('heartbeat.update-params', { Warntime: '12', Errtime: 'x', Debug: '-1' });
    expect(wrong).to.include({ code: 9, field: 'Debug', detail: "Debug is '-1'; Errtime is 'x'" });
    expect(await refused('heartbeat.update-params', { Errtime: '10' })).to.include({ code: 9, field: 'Errtime' });
    expect(service.params(), 'nothing has changed').to.include({ Warntime: '10', Errtime: '30', Debug: '0' });
    const change = { Warntime: '12', Errtime: '40' };
    expect(await call('heartbeat.update-params', change, { key: 'k1' })).to.include(change);
    await call('heartbeat.update-params', { Warntime: '5' });
    // The repetition of an order that was carried out long ago.
    expect(await call('heartbeat.update-params', change, { key: 'k1' })).to.include({ Warntime: '5', Errtime: '40' });
    expect(await refused('heartbeat.update-params', { Warntime: '6' }, 'k1')).to.include({ field: 'Idempotency-Key' });
    expect(service.params()).to.include({ Warntime: '5', Errtime: '40' });
  });

  it('change thresholds one after another, though they come together', async () => {
    await Promise.all(
      ['Node', 'NodeBMC', 'RouterBMC'].map((type) =>
        call('heartbeat.update-thresholds', { type, warntime: 60, errtime: 90 }),
      ),
    );
    const { special, global } = (await call('heartbeat.thresholds')) as { special: JsonObject[]; global: JsonObject };
    expect(special.map(({ type }) => type)).to.deep.equal(['Node', 'NodeBMC', 'RouterBMC']);
    expect(global).to.deep.equal({ warntime: 10, errtime: 30 });
    expect(await refused('heartbeat.update-thresholds', { type: 'Node', errtime: 60 })).to.include({
      field: 'errtime',
    });
  });

  it('forget a set: those known go, the others are named, and a repetition says the same', async () => {
    beat('x0c0s0b0n0');
    beat('x0c0s1b0n0');
    await stored();
    const input = { nodes: 'x0c0s[0-2]b0n0' };
    const answer = {
      nodes: 'x0c0s[0-2]b0n0',
      forgotten: 2,
      failed: [{ nodes: 'x0c0s2b0n0', code: code.UNKNOWN_NODES, text: 'not known' }],
    };
    expect(await call('heartbeat.forget', input, { key: 'k' })).to.deep.equal(answer);
    expect(service.tracker.size).to.equal(0);
    expect(await call('heartbeat.forget', input, { key: 'k' })).to.deep.equal(answer);
    expect(await call('heartbeat.forget', input)).to.include({ forgotten: 0 });
    expect(await refused('heartbeat.forget', { nodes: ',' })).to.include({ code: 9, field: 'nodes' });
    expect(await refused('heartbeat.forget', { nodes: 'x[0-9999]c[0-7]' })).to.include({ code: 9, field: 'nodes' });
    await stored();
    expect(await call('heartbeat.history', { nodes: 'x0c0s0b0n0' }), 'its history stays').to.not.have.length(0);
  });

  it('make one incident of a chassis that falls silent, and show whom it concerns', async () => {
    for (let s = 0; s < 8; s++) for (let n = 0; n < 4; n++) beat(`x0c0s${s}b0n${n}`);
    for (let s = 0; s < 8; s++) for (let n = 0; n < 4; n++) beat(`x1c0s${s}b0n${n}`);
    for (let i = 0; i < 4; i++) {
      await time.move(3000);
      for (let s = 0; s < 8; s++) for (let n = 0; n < 4; n++) beat(`x1c0s${s}b0n${n}`);
    }
    await time.move(1000);
    await stored();
    const { incidents, counts } = (await call('heartbeat.status')) as { incidents: JsonObject[]; counts: JsonObject };
    expect([counts['late'], counts['beating']]).to.deep.equal([32, 32]);
    expect(incidents.map(({ count, ended }) => [count, ended])).to.deep.equal([[32, null]]);
    const [open] = (await call('heartbeat.incidents', { open: true })) as unknown as JsonObject[];
    expect(open?.['components']).to.equal('x0c0s[0-7]b0n[0-3]');
    const late = (await call('heartbeat.show', { name: 'x0c0s3b0n1' })) as { incident: JsonObject | null };
    expect(late.incident?.['id']).to.equal(open?.['id']);
    expect(await call('heartbeat.show', { name: 'x1c0s3b0n1' })).to.include({ incident: null });
  });

  it('tell lists that are empty from questions that nothing answers', async () => {
    const why = async (name: string, input: JsonObject = {}) => (await refused(`heartbeat.${name}`, input)).detail;
    expect(await why('list')).to.equal('no component has sent a heartbeat yet');
    expect(await why('history')).to.equal('nothing has become of any component yet');
    expect(await why('incidents')).to.equal('there is no incident');
    expect(await why('incidents', { open: true })).to.equal('no incident lasts');
    beat('x0c0s0b0n0');
    await stored();
    expect(await why('list', { states: ['dead'] })).to.equal('no component matches');
    expect(await why('list', { nodes: 'x9' })).to.equal("no component of 'x9' matches");
    expect(await why('history', { kinds: ['dead'] })).to.equal('nothing has become of such components');
    const since = '2026-01-31T08:00:00Z';
    expect(await why('incidents', { since })).to.equal(`there is no incident that began at ${since} or later`);
  });

  it('say in words that the service is off', async () => {
    calls = heartbeatCalls({ store, service: undefined });
    for (const name of ['status', 'params', 'thresholds', 'list'])
      expect(await refused(`heartbeat.${name}`), name).to.include({ code: code.BAD_STATE });
    expect((await refused('heartbeat.history')).code, 'what was kept is still told').to.equal(code.NO_RESULTS);
  });
});
