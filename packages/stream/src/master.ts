/** The stream feature in a master: subscriptions, and their delivery while it leads. */
import { randomBytes } from 'node:crypto';
import type { CallContext, Handler } from '@csm/api';
import { type MasterPart, type MasterPorts, once } from '@csm/feature';
import { code, fail, type Json, wall } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Delivery } from '@csm/store';
import type { SubscriptionRecord } from './api.ts';
import type { StreamConfig } from './settings.ts';
import { ALL_MAX, type CreateInput, LIST, type Listed, type Made, type Subscription } from './store.ts';
import { checkBelow, readUrl } from './url.ts';
import { FOLLOWER, followerName, Webhook } from './webhook.ts';

/** How often changes are removed for which receivers have not come in time, ms. */
const PRUNE_MS = 3_600_000;

interface CreateCall {
  readonly url: string;
  readonly kinds?: readonly string[];
  readonly nodes?: string;
  readonly since?: number;
  readonly secret?: string;
}

interface Running {
  readonly webhook: Webhook;
  readonly delivery: Delivery;
}

export async function masterPart(ports: MasterPorts): Promise<MasterPart> {
  const { store, log, clock, self } = ports;
  const config = () => ports.config as StreamConfig & { readonly db: { readonly change_keep: number } };
  const running = new Map<string, Running>();
  let stopping = false;

  const start = ({ id, url, kinds, nodes, secret }: Subscription): void => {
    // A repeated call gets the answer of the first.
    if (stopping || running.has(id)) return;
    const webhook = new Webhook({
      id,
      url,
      kinds: kindsOf(kinds),
      nodes,
      secret,
      timeoutMs: config().webhook.timeout,
      version: self.version,
      now: () => clock.now().wall,
      lost: async (from, to) => void (await store.call('stream.lost', { id, from, to })),
    });
    running.set(id, { webhook, delivery: store.deliver(webhook.follower) });
  };
  const stop = async (id: string): Promise<void> => {
    const one = running.get(id);
    running.delete(id);
    await one?.delivery.stop();
    one?.webhook.close();
  };

  const create: Handler<CreateCall> = async (input, ctx) => {
    const url = readUrl(input.url);
    if (ctx.grant === 'owner-check') checkBelow(url, config().webhook.url_prefixes);
    const nodes = input.nodes === undefined ? null : NodeSet.parse(input.nodes);
    if (nodes?.size === 0) {
      fail(code.INVALID_PARAMETER, 'the node set names no node', { field: 'nodes', allowed: 'at least one node' });
    }
    const id = randomBytes(8).toString('hex').slice(0, 12);
    const order: CreateInput = {
      id,
      owner: ctx.caller.user,
      url: url.href,
      kinds: input.kinds === undefined ? null : JSON.stringify([...new Set(input.kinds)]),
      nodes: nodes === null ? null : nodes.toString(),
      secret: input.secret ?? randomBytes(32).toString('base64url'),
      follower: followerName(id),
      since: input.since ?? null,
    };
    const made = await store.call<Made>('stream.create', order, { once: once(ctx, input) });
    const [kept] = await store.query<Pick<Subscription, 'secret'>>('SELECT secret FROM subscription WHERE id = $1', [
      made.id,
    ]);
    // Asked for again under its key, one that was deleted meanwhile does not come back.
    if (kept === undefined) {
      fail(code.CONTEXT_LOST, `subscription ${made.id} was made under this key before, and deleted since`, {
        field: 'Idempotency-Key',
        allowed: 'a new key for a new one',
      });
    }
    start({ ...made, ...kept });
    return { ...shown(made), secret: kept.secret };
  };

  const all = () => store.query<Listed>(LIST, [FOLLOWER], { limit: ALL_MAX });

  const list: Handler<object> = async (_input, ctx) => {
    const rows = await all();
    const head = await store.changes.head();
    const found = rows.filter((row) => isHis(row, ctx)).map((row) => record(row, running.get(row.id), head));
    if (found.length === 0) fail(code.NO_RESULTS, 'there are no subscriptions');
    return found as unknown as Json;
  };

  const remove: Handler<{ id: string }> = async (input, ctx) => {
    const { id } = input;
    const owner = ctx.grant === 'owner-check' ? ctx.caller.user : null;
    const order = { id, owner, follower: followerName(id) };
    await store.call('stream.remove', order, { once: once(ctx, input) });
    await stop(id);
    return { id };
  };

  // Whoever follows by name holds changes back from the ordinary pruning; not beyond what is kept for anybody.
  const prune = (): void => {
    const before = wall(clock.now().wall - config().db.change_keep);
    store.changes
      .prune({ hardOlderThan: before })
      .catch((error: unknown) => log.error('old changes could not be removed', { error }));
  };
  for (const row of await all()) start(row);
  prune();
  const timer = setInterval(prune, PRUNE_MS).unref();

  return {
    handlers: { 'subscription.create': create, 'subscription.list': list, 'subscription.delete': remove },
    async stop() {
      stopping = true;
      clearInterval(timer);
      await Promise.all([...running.keys()].map(stop));
    },
  };
}

const kindsOf = (kinds: string | null): string[] | null => (kinds === null ? null : (JSON.parse(kinds) as string[]));

const isHis = ({ owner }: Subscription, { grant, caller }: CallContext): boolean =>
  grant === 'granted' || owner === caller.user;

const shown = ({ id, owner, url, kinds, nodes, created }: Made) => ({
  id,
  owner,
  url,
  kinds: kindsOf(kinds),
  nodes,
  created: new Date(created).toISOString(),
});

function record(row: Listed, one: Running | undefined, head: number): SubscriptionRecord {
  const status = one?.delivery.status();
  const cursor = Math.max(row.cursor, status?.cursor ?? 0);
  return {
    ...shown(row),
    cursor,
    behind: Math.max(0, head - cursor),
    sent: one?.webhook.requests ?? 0,
    failures: status?.failures ?? 0,
    lost: row.lost,
    problem: status === undefined || status.failures === 0 ? null : (status.lastProblem?.detail ?? null),
  };
}
