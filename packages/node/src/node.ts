/** The node feature on a node: takes the inventory when `schedule.ts` says so, and reports it. */
import { setMaxListeners } from 'node:events';
import type { NodePart, NodePorts } from '@csm/feature';
import type { Host } from '@csm/host';
import { CsmError, code, fail, type Json, type Mono, problem, toProblem, type Wall } from '@csm/model';
import { fingerprint } from './fingerprint.ts';
import { collectInventory, type InventoryDocument, inventoryHash } from './inventory/index.ts';
import { type Event, initialState, phaseOf, step } from './schedule.ts';
import type { NodeConfig } from './settings.ts';

type Document = { readonly [field: string]: unknown };

/** What takes the inventory; tests bring their own. */
export interface Readers {
  collect(host: Host, now: Wall): Promise<Document>;
  hash(document: Document): string;
  fingerprint(host: Host): Promise<string>;
}

const READERS: Readers = {
  collect: (host, now) => collectInventory({ host, now }),
  hash: (document) => inventoryHash(document as InventoryDocument),
  fingerprint: (host) => fingerprint(host.tree),
};

/** Whether the inventory is another one than the master had. */
type Outcome = boolean;

const TIMER_MAX = 2 ** 31 - 1;
/** A stopping daemon waits so long for a collection it has called off, ms. */
const STOP_MS = 3000;
/** A collection that takes longer stands in health, ms: each program in it has a deadline, a read of a file has none. */
const SLOW_MS = 300_000;

export function nodePart(ports: NodePorts, readers: Readers = READERS): NodePart {
  const { clock, log, self } = ports;
  const { interval, hotplug_interval } = (ports.config as NodeConfig).inventory;
  const state = initialState({ intervalMs: interval, lookMs: hotplug_interval, phase: phaseOf(self.node) });
  const stopping = new AbortController();
  const host = stoppable(ports.host, stopping.signal);
  let timer: NodeJS.Timeout | undefined;
  let running: { readonly outcome: Promise<Outcome>; readonly since: Mono } | undefined;
  let failure: string | undefined;

  /** Takes one event; gives what to do of it that somebody waits for. */
  function take(event: Event): { readonly changed: boolean; readonly report: boolean } | undefined {
    const { mono } = clock.now();
    const { effects, wakeAt } = step(state, event, mono);
    clearTimeout(timer);
    timer = undefined;
    if (stopping.signal.aborted) return undefined;
    if (wakeAt !== undefined)
      timer = setTimeout(() => take({ kind: 'tick' }), Math.min(Math.max(0, wakeAt - mono), TIMER_MAX)).unref();
    let done: { readonly changed: boolean; readonly report: boolean } | undefined;
    for (const effect of effects) {
      if (effect.kind === 'done') done = effect;
      else if (effect.kind === 'look') look();
      else begin(mono);
    }
    return done;
  }

  function look(): void {
    readers
      .fingerprint(host)
      .then((glance) => take({ kind: 'looked', fingerprint: glance }))
      .catch((error: unknown) =>
        log.warn('no glance could be taken at the devices', { error: toProblem(error).detail }),
      );
  }

  function begin(since: Mono): void {
    const outcome = collect().finally(() => {
      // Another may have begun since the state came to rest.
      if (running === mine) running = undefined;
    });
    const mine = { outcome, since };
    running = mine;
    outcome.then(
      () => {
        failure = undefined;
      },
      (error: unknown) => {
        if (stopping.signal.aborted) return;
        failure = toProblem(error).detail;
        log.warn('the inventory could not be reported', { error: failure });
      },
    );
  }

  async function collect(): Promise<Outcome> {
    const { wall } = clock.now();
    let body: { readonly hash: string; readonly document: Document };
    let done: ReturnType<typeof take>;
    try {
      const glance = await readers.fingerprint(host);
      const document = await readers.collect(host, wall);
      body = { hash: readers.hash(document), document };
      if (stopping.signal.aborted) fail(code.BAD_STATE, 'the daemon is stopping');
      const collected = { hash: body.hash, fingerprint: glance };
      done = take({ kind: 'collected', collected });
    } catch (error) {
      take({ kind: 'failed' });
      throw error;
    }
    if (done?.report === true) {
      try {
        await ports.offer({ kind: 'node.inventory', urgency: 'normal', time: wall, body: body as unknown as Json });
      } catch (error) {
        take({ kind: 'refused' });
        throw error;
      }
      take({ kind: 'reported' });
    }
    return done?.changed === true;
  }

  return {
    confirmed(inventory) {
      take({ kind: 'confirmed', inventory });
    },
    commands: {
      'node.collect': async (_input, context) => {
        take({ kind: 'asked' });
        if (running === undefined) fail(code.BAD_STATE, 'the daemon is stopping');
        const changed = await within(running.outcome, context.signal);
        return { code: 0, text: changed ? 'changed' : 'unchanged', body: { changed } };
      },
    },
    repeatable: ['node.collect'],
    problems() {
      const seconds = running === undefined ? 0 : Math.floor((clock.now().mono - running.since) / 1000);
      return [
        ...(seconds * 1000 > SLOW_MS ? [`taking the inventory has not ended for ${seconds} s`] : []),
        ...(failure === undefined ? [] : [`the inventory could not be reported: ${failure}`]),
      ];
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await settled(running?.outcome);
    },
  };
}

/** A host whose programs are ended when the signal fires. */
function stoppable({ tree, programs }: Host, signal: AbortSignal): Host {
  // Each program listens while it runs, and a collection runs many at a time.
  setMaxListeners(0, signal);
  return {
    tree,
    programs: {
      run: (argv, options = {}) =>
        programs.run(argv, {
          ...options,
          signal: options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]),
        }),
    },
  };
}

/** The outcome, or code 5 when the signal comes first: the collection goes on then, for whoever else waits. */
function within(outcome: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new CsmError(problem(code.TIMEOUT, 'the inventory is still being taken')));
    if (signal.aborted) return late();
    signal.addEventListener('abort', late, { once: true });
    outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', late));
  });
}

/** Resolves when it has, at the latest after a while. */
async function settled(outcome: Promise<unknown> | undefined): Promise<void> {
  if (outcome === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, STOP_MS);
  });
  await Promise.race([
    outcome.then(
      () => undefined,
      () => undefined,
    ),
    late,
  ]);
  clearTimeout(timer);
}
