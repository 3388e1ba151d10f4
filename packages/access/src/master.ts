/** The access feature in a master: tokens, and what stands between a call and its handler. */
import type { Handler } from '@csm/api';
import type { MasterPart, MasterPorts } from '@csm/feature';
import { code, fail, type Json, toProblem } from '@csm/model';
import { Audit } from './audit.ts';
import { type ListInput, LOOKED_MAX, listAudit } from './audit-list.ts';
import type { MasterConfig } from './settings.ts';
import { allTokens } from './store/tokens.ts';
import { TokenMemory } from './token-memory.ts';
import { tokenHandlers } from './tokens.ts';

/** How often tokens under way are looked at, and when they were used last is written, ms. */
const SWEEP_MS = 10_000;
const USED_MS = 60_000;
const PRUNE_MS = 3_600_000;

export async function masterPart(ports: MasterPorts): Promise<MasterPart> {
  const { store, clock, log } = ports;
  const { keep } = (ports.config as MasterConfig).audit;
  const memory = new TokenMemory(await allTokens(store));
  const audit = new Audit(ports, memory);
  let stopped = false;
  let pruning: Promise<void> | undefined;

  const list: Handler<ListInput> = async (input, ctx) => {
    await audit.settled();
    const rows = await listAudit(store, input, ctx.signal);
    if (rows.length === 0) {
      const where =
        input.nodes === undefined ? '' : ` among the last ${LOOKED_MAX} that are not of other users, calls or times`;
      fail(code.NO_RESULTS, `the audit record has no such call${where}`);
    }
    return rows as unknown as Json;
  };
  async function writeUsed(): Promise<void> {
    const used = memory.takeUsed();
    if (used.length > 0) await store.call('access.usedTokens', { used });
  }
  async function prune(): Promise<void> {
    const olderThan = clock.now().wall - keep;
    while (!stopped && (await store.call<{ more: boolean }>('access.prune', { olderThan })).more);
  }
  const unlessStopped = (what: string) => (error: unknown) => {
    if (!stopped) log.warn(what, { error: toProblem(error).detail });
  };
  const pruned = (): void => {
    pruning ??= prune()
      .catch(unlessStopped('the audit record could not be pruned'))
      .finally(() => {
        pruning = undefined;
      });
  };
  pruned();
  const timers = [
    setInterval(() => memory.sweep(clock.now().wall), SWEEP_MS),
    setInterval(() => {
      writeUsed().catch(unlessStopped('when tokens were used last could not be written'));
    }, USED_MS),
    setInterval(pruned, PRUNE_MS),
  ];
  for (const timer of timers) timer.unref();
  return {
    guard: audit,
    problems: async () => audit.problems(),
    handlers: { ...tokenHandlers(ports, memory), 'audit.list': list },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await audit.stop();
      await writeUsed().catch(unlessStopped('when tokens were used last could not be written'));
      stopped = true;
      await pruning;
    },
  };
}
