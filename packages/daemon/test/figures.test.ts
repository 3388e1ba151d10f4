/** What a daemon's figures tell where little of it stands: a master that stands by, a database that does not answer. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallContext, TableRow } from '@csm/api';
import { CsmError, code, mono, problem, wall } from '@csm/model';
import { initCa, issue, readPem } from '@csm/pki';
import { openMemoryStore, type Store } from '@csm/store';
import { StandbyShell } from '@csm/tree';
import { expect } from 'chai';
import { apiTable } from '../src/features.ts';
import { Figures } from '../src/figures/index.ts';
import type { Sources } from '../src/figures/sources.ts';

const HOST = '127.0.0.1';
const quiet = () => undefined;
const nobody = () => undefined;
const NOTHING: Sources = {
  self: { role: 'master', node: 'm1', version: '0.1.0' },
  certificateExpires: nobody,
  clockAhead: nobody,
  now: () => 0,
  leaf: nobody,
  outboxMax: () => 1024,
  servers: () => [],
  hub: nobody,
  status: () => ({}),
  core: nobody,
  standby: nobody,
  store: nobody,
};

describe('figures', () => {
  const made: Figures[] = [];
  const figures = (more: Partial<Sources> = {}): Figures => {
    const one = new Figures({ ...NOTHING, ...more });
    made.push(one);
    return one;
  };
  afterEach(() => {
    for (const { metrics } of made.splice(0)) metrics.close();
  });

  it('of a master that stands by: it leads not, has links, and tells nothing of a cluster', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'csm-figures-'));
    let standby: StandbyShell | undefined;
    try {
      await initCa(dir, { name: 'test' });
      const { file } = await issue(dir, { role: 'master', node: 'm2', names: [HOST] });
      const tls = { ca: await readFile(join(dir, 'ca.pem'), 'utf8'), ...(await readPem(file)) };
      standby = await StandbyShell.start({
        node: 'm2',
        tls: () => tls,
        revoked: () => new Set<string>(),
        intervalMs: 1000,
        clock: { now: () => ({ mono: mono(performance.now()), wall: wall(Date.now()) }) },
        log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
        aggregatorListen: { host: HOST, port: 0 },
        utilityListen: { host: HOST, port: 0 },
      });
      const text = await figures({ standby: () => standby }).text();
      expect(text).to.contain('csm_master_leads{role="master",node="m1"} 0\n');
      expect(text).to.contain('csm_links{side="down",state="up",role="master",node="m1"} 0\n');
      expect(text).to.contain('csm_links_refused_total{side="down",role="master",node="m1"} 0\n');
      for (const none of ['csm_daemons', 'csm_master_term', 'csm_database_up', 'csm_outbox_bytes', 'csm_clock_ahead'])
        expect(text, none).not.to.match(new RegExp(`^${none}`, 'm'));
    } finally {
      await standby?.stop('done');
      await rm(dir, { recursive: true });
    }
  });

  it('of a database are left out where it does not answer, and all others told', async () => {
    const store = await openMemoryStore({ modules: [] });
    try {
      expect(await figures({ store: () => store }).text()).to.match(/^csm_database_queue_calls\{.*\} 0$/m);
      // As one whose disk hangs: it neither answers nor fails.
      const hung = new Proxy(store, {
        get: (of, key) => {
          if (key === 'query') return () => new Promise(() => undefined);
          const value: unknown = Reflect.get(of, key, of);
          return typeof value === 'function' ? value.bind(of) : value;
        },
      }) as Store;
      const text = await figures({ store: () => hung }).text();
      expect(text).not.to.match(/^csm_database_queue_calls/m);
      expect(text).to.match(/^csm_database_up\{.*\} 1$/m);
      expect(text).to.match(/^csm_master_leads\{/m);
    } finally {
      await store.close();
    }
    expect(await figures({ store: () => store }).text()).not.to.match(/^csm_database_queue_calls/m);
  });

  it('time calls by name and outcome, but none that lasts as long as its client likes', async () => {
    const one = figures();
    const table = apiTable();
    const rowOf = (name: string) => table.row(name) as TableRow;
    const context = {} as CallContext;
    const fine = one.timed(async () => null);
    const failing = one.timed(async () => {
      throw new CsmError(problem(code.PERMISSION, 'no'));
    });
    await fine(rowOf('health'), {}, context);
    await fine(rowOf('node.watch'), {}, context);
    const thrown = await Promise.resolve(failing(rowOf('run'), {}, context)).catch((error: unknown) => error);
    expect((thrown as CsmError).code, 'it is thrown on').to.equal(code.PERMISSION);
    const serve = one.timedServe(async () => ({ ok: true }), table);
    const call = (name: string) => serve({ call: name } as never, {} as never);
    expect(await call('health')).to.deep.equal({ ok: true });
    await call('made-up-by-a-stranger');
    await call('node.watch');
    const text = await one.text();
    const labels = 'role="master",node="m1"';
    expect(text).to.contain(`csm_api_call_seconds_count{${labels},call="health",code="SUCCESS"} 1\n`);
    expect(text).to.contain(`csm_api_call_seconds_count{${labels},call="run",code="PERMISSION"} 1\n`);
    expect(text).to.contain(`csm_served_call_seconds_count{${labels},call="health",code="SUCCESS"} 1\n`);
    expect(text).to.contain(`csm_served_call_seconds_count{${labels},call="unknown",code="SUCCESS"} 1\n`);
    expect(text).not.to.match(/node\.watch|stranger/);
  });
});
