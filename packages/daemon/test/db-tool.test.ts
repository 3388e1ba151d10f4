/** Work on the database without a master: how it ends when the tool is told to end. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from '@csm/kit';
import { code } from '@csm/model';
import { loadAdmin, openStore } from '@csm/store';
import { expect } from 'chai';
import type { ConfigFor } from '../src/config.ts';
import { runDbTool } from '../src/db-tool.ts';
import type { DbWork } from '../src/db-work.ts';

describe('work on the database without a master', () => {
  let directory = '';
  let file = '';

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'csm-tool-'));
    file = join(directory, 'csm.db');
    await (await openStore({ file, modules: [] })).close();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** Runs it; `at` is called for each line it tells. */
  const tool = async (work: DbWork, from: string | undefined, at: (line: string) => void = () => {}) => {
    const config = { csm: { state_dir: directory, db: { engine: 'sqlite' } } } as unknown as ConfigFor<'master'>;
    const told: string[] = [];
    const texts: string[] = [];
    const exit = await runDbTool(work, {
      config,
      features: [],
      from,
      json: false,
      out: (text) => texts.push(text),
      err: (line) => {
        told.push(line);
        at(line);
      },
    });
    return { exit, told: told.join(''), text: texts.join('') };
  };
  /** SQLite's own files come and go with whoever has opened the database. */
  const files = (): string[] => readdirSync(directory).filter((name) => !/-(?:wal|shm)$/.test(name));
  const backup = async (): Promise<string> => {
    const { backup: take } = await loadAdmin();
    const to = join(directory, 'one.backup');
    await take({ engine: 'sqlite', file }, to, { run: runChild, clock: Date.now });
    return to;
  };

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`undoes a restore at ${signal}, however often it comes, and says so`, async () => {
      const from = await backup();
      const before = files();
      const listeners = process.listenerCount(signal);
      const { exit, told, text } = await tool('restore', from, (line) => {
        if (!line.includes('whole, taken at')) return;
        for (let i = 0; i < 2; i++) process.kill(process.pid, signal);
      });
      expect([exit, text], told).to.deep.equal([code.CONTEXT_LOST, '']);
      expect(told.match(/is called off and undone/g)).to.deep.equal(['is called off and undone']);
      expect(told).to.match(/csm: the restore was called off\n$/);
      expect(files()).to.deep.equal(before);
      expect(process.listenerCount(signal)).to.equal(listeners);
    });
  }

  it('checks a backup by its manifest first', async () => {
    const sound = await tool('check', await backup());
    expect([sound.exit, sound.text.split(':')[0]], sound.told).to.deep.equal([0, 'ok     manifest']);
    const { text } = await tool('check', undefined);
    expect(text, 'the database itself').to.not.include('manifest');
  });
});
