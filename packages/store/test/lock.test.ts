import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { code, type Problem } from '@csm/model';
import { expect } from 'chai';
import { openStore, type Store } from '../src/index.ts';
import { directoryForTests, LEDGER, problemOf } from './fixtures/engines.ts';
import { children } from './fixtures/process.ts';

describe('lock of the database', () => {
  const directory = directoryForTests();
  const start = children();
  const open = (file: string): Promise<Store> => openStore({ file, modules: [LEDGER] });

  it('refuses a second process by the name of the first, until that is gone, however it ended', async () => {
    const file = `${directory()}/csm.db`;
    const child = start(file, 'hold');
    await child.said(1);
    const refused = await problemOf(open(file));
    expect(refused.code).to.equal(code.DATABASE_UNAVAILABLE);
    expect(refused.detail).to.match(
      new RegExp(`^the database ${file} is in use by pid ${child.process.pid} on host ${hostname()} since 20`),
    );
    await child.kill();
    const store = await open(file);
    const second = start(file, 'hold');
    await second.ended;
    expect((JSON.parse(second.lines[0] ?? '') as Problem).detail).to.include(`in use by pid ${process.pid} on host`);
    await store.close();
    const third = start(file, 'hold');
    await third.said(1);
    expect(third.lines).to.deep.equal(['ready']);
    third.process.stdin?.write('\n');
    await third.ended;
    expect(third.process.exitCode).to.equal(0);
  });

  it('refuses a second store in one process, by another path too', async () => {
    const file = `${directory()}/csm.db`;
    const store = await open(file);
    expect((await problemOf(open(`${directory()}/../${file.split('/').at(-2)}/csm.db`))).detail).to.include(
      'in use by',
    );
    expect(await store.call('ledger.add', { n: 1 })).to.include({ n: 1 });
    await store.close();
    await (await open(file)).close();
  });

  it('says in words why a file cannot be opened', async () => {
    expect((await problemOf(open(`${directory()}/missing/csm.db`))).detail).to.include('ENOENT');
    await mkdir(`${directory()}/csm.db`);
    expect((await problemOf(open(`${directory()}/csm.db`))).code).to.equal(code.DATABASE_UNAVAILABLE);
  });
});
