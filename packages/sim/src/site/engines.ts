/// <reference types="mocha" />
/** A feature's suite over both databases: SQLite in memory, and PostgreSQL, each test in a database of its own. */
import { type CommonOptions, openMemoryStore, openPostgresStore, type Store, type StoreModule } from '@csm/store';
import { PostgresSite, postgresPrograms } from './postgres.ts';

export type EngineName = 'in memory' | 'PostgreSQL';

/** What a suite stands on; a module is given as it is, and by the URL of its file as built. */
export interface Bench {
  readonly engine: EngineName;
  /**
   * A store that is closed behind the test that opens it, or behind the suite where that is a hook `before`; its database
   * goes with the server.
   */
  readonly open: (module: StoreModule, url: string, options: CommonOptions) => Promise<Store>;
}

/**
 * Runs a suite over both, in mocha; PostgreSQL is skipped in words where it is not installed, and required where all
 * tests are.
 */
export function overEngines(title: string, suite: (bench: Bench) => void): void {
  for (const engine of ['in memory', 'PostgreSQL'] as const) {
    describe(`${title}, ${engine}`, function () {
      // Generous, for a machine that is busy with other things; each test takes a fraction of it.
      this.timeout(60_000);
      const open: { readonly ofTest: Store[]; readonly ofSuite: Store[] } = { ofTest: [], ofSuite: [] };
      const close = async (stores: Store[]): Promise<void> => {
        for (const store of stores.splice(0)) await store.close();
      };
      let isTest = false;
      const fresh = engine === 'PostgreSQL' ? databases() : undefined;
      beforeEach(() => {
        isTest = true;
      });
      suite({
        engine,
        open: async (module, url, options) => {
          const store =
            fresh === undefined
              ? await openMemoryStore({ modules: [module], ...options })
              : await openPostgresStore({ server: await fresh(), modules: [url], ...options });
          open[isTest ? 'ofTest' : 'ofSuite'].push(store);
          return store;
        },
      });
      // Behind the suite's own hooks, which may still need them.
      afterEach(async () => {
        isTest = false;
        await close(open.ofTest);
      });
      after(() => close(open.ofSuite));
    });
  }
}

/** A server for tests, which are skipped in words where there is none. */
export async function startPostgres(test: { skip(): never }): Promise<PostgresSite> {
  needsPostgres(test);
  return PostgresSite.start({ durable: false });
}

function needsPostgres(test: { skip(): never }): void {
  if (postgresPrograms() !== undefined) return;
  const words = 'skipped: needs initdb and postgres (apt-get install --no-install-recommends postgresql)';
  if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(words);
  console.log(`      ${words}`);
  test.skip();
}

/** So many databases, of 8 MB each, are room enough in memory: the suite after that has a new server. */
const DATABASES_MAX = 60;

let shared: { readonly site: Promise<PostgresSite>; databases: number } | undefined;

/**
 * Of a suite, to be called in its `describe`: gives an empty database at each call. Servers are made one after another for
 * all suites of a process, since a new one costs more than most suites do; the last goes when all are through.
 */
export function databases(): () => Promise<ReturnType<PostgresSite['at']>> {
  let server: NonNullable<typeof shared> | undefined;
  before(async function () {
    this.timeout(180_000);
    needsPostgres(this);
    if (shared !== undefined && shared.databases >= DATABASES_MAX) await removeShared();
    if (shared === undefined) {
      shared = { site: PostgresSite.start({ durable: false }), databases: 0 };
      rootOf(this).afterAll(removeShared);
    }
    server = shared;
    await server.site.catch((error: unknown) => {
      // The next suite tries again.
      shared = undefined;
      throw error;
    });
  });
  return async () => {
    if (server === undefined) throw new Error('a database is wanted before the suite has begun');
    const site = await server.site;
    const name = `csm${++server.databases}`;
    await site.create(name);
    return site.at(name);
  };
}

async function removeShared(): Promise<void> {
  const last = shared;
  shared = undefined;
  // Where it was not to be had, the suites are skipped, or have failed.
  const site = await last?.site.catch(() => undefined);
  await site?.remove();
}

function rootOf(context: Mocha.Context): Mocha.Suite {
  let suite = context.test?.parent;
  if (suite === undefined) throw new Error('databases are for suites of mocha');
  while (suite.parent !== undefined) suite = suite.parent;
  return suite;
}
