/**
 * What an admin does with the database, over real daemons: `csm db` at work, on SQLite, then on PostgreSQL, to which
 * everything is copied. After each the cluster goes on.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PostgresSite, postgresPrograms } from '@csm/sim';
import { expect } from 'chai';
import { type Daemon, needs, ROOT, type SmallCluster, smallCluster, until, whole } from '../support/daemons.ts';

const CSM = join(ROOT, 'packages/cli/bin/csm.cjs');

interface KeptTable {
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
  readonly oldest: string | null;
  readonly due: number | null;
}

interface Ended {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

describe('the database in the hands of an admin', function () {
  this.timeout(300_000);
  let cluster: SmallCluster;
  let postgres: PostgresSite | undefined;
  let master: Daemon;
  let backups = '';

  before(async () => {
    const data_collection = { buckets: [{ execution_interval: 1, item_list: ['memory'] }] };
    cluster = await smallCluster(['n1'], (who) => ({ more: who === 'n1' ? { data_collection } : {} }));
    ({ master } = cluster);
    backups = join(cluster.site.root, 'backups');
    mkdirSync(backups);
  });
  after(async () => {
    await cluster?.site.close();
    await postgres?.remove();
  });

  /** `csm` as somebody types it, asking the utility daemon; the work of csmd is on the master's configuration. */
  const csm = (...words: readonly string[]): Promise<Ended> =>
    new Promise((resolve) => {
      const env = { ...process.env, CSM_SOCKET: cluster.utility.socket };
      execFile(process.execPath, [CSM, ...words], { env, maxBuffer: 16 * 1024 * 1024 }, (error, out, err) => {
        resolve({ exit: Number((error as { readonly code?: number } | null)?.code ?? 0), out, err });
      });
    });
  const offline = (...words: readonly string[]): Promise<Ended> => csm('db', ...words, '--config', master.file);
  const json = async <T>(...words: readonly string[]): Promise<T> => {
    const { exit, out, err } = await csm(...words, '-o', 'json');
    expect(exit, err).to.equal(0);
    return JSON.parse(out) as T;
  };
  const start = async (): Promise<void> => {
    const { site } = cluster;
    master = site.startFile('master', 'master', master.file, master.socket);
    cluster = { ...cluster, master };
    await whole(cluster);
    await until('all is well', async () => {
      const { degraded, problems } = await cluster.utility.client.call('health', {});
      if (degraded) throw new Error(problems.join('; '));
      return true;
    });
  };

  /** What can be done on either engine; the cluster runs before and after. */
  async function care(engine: 'sqlite' | 'postgresql'): Promise<void> {
    const status = await json<{ engine: string; term: number; changes: { newest: number } }>('db', 'status');
    expect(status.engine).to.equal(engine);
    const kept = await until('figures of the environment are kept', async () => {
      const rows = await json<KeptTable[]>('db', 'retention');
      return rows.find(({ table, rows: count }) => table === 'env_sample' && count > 0) && rows;
    });
    const begun = Date.parse(kept.find(({ table }) => table === 'env_sample')?.oldest ?? '');
    expect(begun % 3_600_000, 'samples go by whole hours').to.equal(0);
    expect(Date.now() - begun).to.be.within(0, 7_200_000);
    const daemons = kept.find(({ table }) => table === 'daemon');
    expect(daemons).to.include({ rows: 5, due: null });
    expect(daemons?.bytes).to.be.above(0);
    expect(kept.find(({ table }) => table === 'change')).to.include({ due: 0 });

    const file = join(backups, `${engine}.backup`);
    const told = await csm('db', 'backup', file);
    expect(told.exit, told.err).to.equal(0);
    expect(told.out).to.match(/rows in \d+ tables/);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect((await csm('db', 'backup', file)).err).to.match(/is there already/);
    const manifest = JSON.parse(readFileSync(`${file}.manifest.json`, 'utf8')) as { tables: Record<string, number> };
    expect(manifest.tables['daemon']).to.equal(5);

    const sound = await offline('check');
    expect(sound.exit, sound.out + sound.err).to.equal(0);
    expect(sound.out).to.match(/: sound\n$/);
    const held = await offline('restore', file);
    expect(held.exit, held.err).to.equal(24);
    expect(held.err).to.match(/is in use by/);
    expect((await csm('db', 'archive', backups, '--before', '0d')).exit, 'nothing is of yesterday').to.equal(4);

    // What comes after the backup is gone with the restore, and what nodes report then is stored.
    const profile = await csm('node', 'update', 'n1', '--comment', 'later');
    expect(profile.exit, profile.err).to.equal(0);
    await master.stop();
    const restored = await offline('restore', file);
    expect(restored.exit, restored.out + restored.err).to.equal(0);
    expect(restored.out).to.match(/the former database is kept as .*before[-_]/);
    await start();
    const [node] = await json<{ comment: string | null }[]>('node', 'list', 'n1');
    expect(node?.comment ?? null).to.equal(null);
    const after = await json<{ term: number }>('db', 'status');
    expect(after.term).to.be.above(status.term);
    const collected = await csm('node', 'collect', 'n1');
    expect(collected.exit, collected.err).to.equal(0);
  }

  it('backs up, checks and restores SQLite', () => care('sqlite'));

  it('brings everything to PostgreSQL, and cares for it there', async function () {
    needs(this, 'postgres', postgresPrograms() !== undefined, 'postgresql');
    postgres = await PostgresSite.start({ durable: false });
    await postgres.create('csm');
    const old = readFileSync(master.file, 'utf8');
    const { csm: settings } = JSON.parse(old) as { csm: { state_dir: string } };
    const { host, port, database, user } = postgres.at('csm');
    const db = { engine: 'postgresql', postgresql: { host, port, database, user } };
    const nodes = await json<object[]>('node', 'list');

    expect((await offline('copy', '--to', 'postgresql')).err).to.match(/db.engine is sqlite/);
    writeFileSync(master.file, JSON.stringify({ csm: { ...settings, db } }));
    const held = await offline('copy', '--to', 'postgresql');
    expect(held.err).to.match(/csm\.db is in use by pid/);
    await master.stop();
    const copied = await offline('copy', '--to', 'postgresql');
    expect(copied.exit, copied.err).to.equal(0);
    expect(copied.out).to.match(/counted and compared/);
    expect(copied.err).to.match(/csm: daemon: 5 rows/);
    expect(existsSync(join(settings.state_dir, 'csm.db'))).to.equal(true);
    expect((await offline('copy', '--to', 'postgresql')).err).to.match(/is not empty/);
    await start();
    const names = (rows: readonly object[]) => rows.map((row) => (row as { name: string }).name);
    expect(names(await json<object[]>('node', 'list'))).to.deep.equal(names(nodes));
    await care('postgresql');
  });

  it('says what is wrong with a database, in words and by exit code', async () => {
    const file = join(backups, 'sqlite.backup');
    const sound = await offline('check', file);
    expect(sound.exit, sound.out + sound.err).to.equal(0);
    const damaged = join(backups, 'damaged');
    const bytes = readFileSync(file);
    bytes.fill(0xee, 3 * 4096, 3 * 4096 + 512);
    writeFileSync(damaged, bytes);
    const found = await offline('check', damaged);
    expect(found.exit, found.out + found.err).to.be.oneOf([24, 25]);
    expect(found.out + found.err).to.match(/FAULT|damaged|malformed/);
    expect((await offline('check', join(backups, 'nothing'))).exit).to.equal(24);
  });
});
