/** A bus, a database with changes, and publishers between them; and what must stand in the stream in the end. */
import { wall } from '@csm/model';
import { type CommonOptions, openMemoryStore, type Store } from '@csm/store';
import { expect } from 'chai';
import { DEFAULT_SUBJECT, readBusAddress } from '../src/bus/address.ts';
import { type BusOptions, MessageBus } from '../src/bus/bus.ts';
import { busMessage } from '../src/bus/message.ts';
import * as changes from './bus-changes.ts';
import { NatsServer, type Stored, until } from './nats-server.ts';

export const CHANGES: string = new URL('./bus-changes.js', import.meta.url).href;
export const SUBJECT = DEFAULT_SUBJECT;
/** A machine that is busy with other things needs some of it. */
export const PATIENCE_MS = 50_000;

export class BusWorld {
  readonly #undo: (() => Promise<unknown>)[] = [];
  #told = 0;
  #now = 1_800_000_000_000;

  /** Stops all that was begun, the last first; what comes then begins anew. */
  async close(): Promise<void> {
    this.#told = 0;
    for (const step of this.#undo.splice(0).reverse()) await step();
  }

  undo(step: () => Promise<unknown>): void {
    this.#undo.push(step);
  }

  async server(...options: Parameters<typeof NatsServer.start>): Promise<NatsServer> {
    const server = await NatsServer.start(...options);
    this.undo(() => server.remove());
    return server;
  }

  /** Each transaction has a time of its own, as on a machine. */
  readonly options: CommonOptions = { clock: () => wall(this.#now++), onFault: () => undefined, random: () => 0.05 };

  async store(): Promise<Store> {
    const store = await openMemoryStore({ modules: [changes], ...this.options });
    this.undo(() => store.close());
    return store;
  }

  /** A publisher whose follower begins at what comes next. */
  async bus(store: Store, port: number, options: Partial<BusOptions> = {}): Promise<MessageBus> {
    const address = readBusAddress(`nats://127.0.0.1:${port}`);
    // Pauses are short, and yet some: one that is away is not dialled without rest.
    const bus = new MessageBus({ store, address, random: () => 0.05, answerMs: 10_000, ...options });
    this.undo(() => bus.stop());
    const sql = "SELECT count(*) AS n FROM follower WHERE name LIKE 'heartbeat bus %'";
    await until('it follows', async () => (await store.query<{ n: number }>(sql))[0]?.n === 1, PATIENCE_MS);
    return bus;
  }

  /** So many more changes, in one transaction. */
  async tell(store: Store, count: number): Promise<void> {
    const from = this.#told;
    this.#told += count;
    await store.call('buschanges.tell', { from, count });
  }

  /** As `tell`, in small transactions, until it is told to end. */
  async tellOn(store: Store, count: number, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.tell(store, count);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Resolves when nothing waits and the cursor is at the head. */
export async function allPublished(store: Store): Promise<void> {
  const sql = `SELECT count(*) AS n FROM change WHERE kind = 'heartbeat' AND seq > (SELECT min(cursor) FROM follower)`;
  await until('all is published', async () => (await store.query<{ n: number }>(sql))[0]?.n === 0, PATIENCE_MS);
}

/** Ours in the stream are the changes of the database, each once, in order, word for word. */
export async function check(server: NatsServer, store: Store, stream = SUBJECT): Promise<Stored[]> {
  const stored = await server.read(stream);
  const ours = stored.filter(({ id }) => id.startsWith('csm-'));
  const rows = [];
  for (let seq = 0; ; ) {
    const page = await store.changes.since(seq, 5_000, { kinds: ['heartbeat'] });
    rows.push(...page);
    const last = page.at(-1);
    if (last === undefined) break;
    seq = last.seq;
  }
  expect(ours.map(({ headers }) => Number(headers['Csm-Seq']))).to.deep.equal(rows.map(({ seq }) => seq));
  const identity = /^csm-([0-9a-f]+)-/.exec(ours[0]?.id ?? '')?.[1] ?? '';
  for (const [i, row] of rows.entries()) {
    const { id, text } = busMessage(identity, row);
    expect(ours[i]).to.include({ id, text });
  }
  return stored;
}
