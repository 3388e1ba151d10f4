/// <reference types="mocha" />
/** A feature's suite over both databases: SQLite in memory, and PostgreSQL, each test in a database of its own. */
import { type CommonOptions, openMemoryStore, openPostgresStore, type Store, type StoreModule } from '@csm/store';
import { PostgresSite, postgresPrograms } from './postgres.ts';

export type EngineName = 'in memory' | 'PostgreSQL';

/** What a suite stands on; a module is given as it is, and by the URL of its file as built. */
export interface Bench {
  readonly engine: EngineName;
  /** A store that is closed at the end of the suite, if not before; its database goes with the server. */
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
      let site: PostgresSite | undefined;
      let databases = 0;
      const open: Store[] = [];
      if (engine === 'PostgreSQL') {
        before(async function () {
          this.timeout(180_000);
          site = await startPostgres(this);
        });
      }
      after(async () => {
        for (const store of open) await store.close();
        await site?.remove();
      });
      suite({
        engine,
        open: async (module, url, options) => {
          const store =
            site === undefined
              ? await openMemoryStore({ modules: [module], ...options })
              : await openPostgresStore({ server: await fresh(site, ++databases), modules: [url], ...options });
          open.push(store);
          return store;
        },
      });
    });
  }
}

/** A server for tests, which are skipped in words where there is none. */
export async function startPostgres(test: { skip(): never }): Promise<PostgresSite> {
  if (postgresPrograms() === undefined) {
    const words = 'skipped: needs initdb and postgres (apt-get install --no-install-recommends postgresql)';
    if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(words);
    console.log(`      ${words}`);
    return test.skip();
  }
  return PostgresSite.start({ durable: false });
}

async function fresh(site: PostgresSite, number: number): Promise<ReturnType<PostgresSite['at']>> {
  await site.create(`csm${number}`);
  return site.at(`csm${number}`);
}
