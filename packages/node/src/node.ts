/** The node feature on a node: takes the inventory when `schedule.ts` says so, and reports it. */
import type { NodePart, NodePorts } from '@csm/feature';
import type { Host } from '@csm/host';
import { CsmError, code, fail, type Json, type Mono, problem, toProblem, type Wall } from '@csm/model';
import { fingerprint } from './fingerprint.ts';
import {
  collectInventory,
  faultsOf,
  type InventoryDocument,
  inventoryHash,
  Outstanding,
  ProgramFaults,
  READER_MS,
  type Waiting,
} from './inventory/index.ts';
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

interface Outcome {
  /** Whether the inventory is another one than the master had. */
  readonly changed: boolean;
  /** What went wrong while it was taken, a sentence each. */
  readonly faults: readonly string[];
}

const TIMER_MAX = 2 ** 31 - 1;
/** A stopping daemon waits so long for a collection it has called off, ms. */
const STOP_MS = 3000;
/** A collection that takes longer stands in health, ms: each program in it has a deadline, a read of a file none. */
const SLOW_MS = 300_000;
/** A collection waits so long for the glance it begins with, ms: it lists some directories, which takes a moment. */
const GLANCE_MS = 30_000;

export function nodePart(ports: NodePorts, readers: Readers = READERS): NodePart {
  const { clock, log, self } = ports;
  const { interval, hotplug_interval } = (ports.config as NodeConfig).inventory;
  const state = initialState({ intervalMs: interval, lookMs: hotplug_interval, phase: phaseOf(self.node) });
  const stopping = new AbortController();
  const outstanding = new Outstanding(clock);
  let timer: NodeJS.Timeout | undefined;
  let looking: { readonly outcome: Promise<string>; readonly since: Waiting['since'] } | undefined;
  let running: { readonly outcome: Promise<Outcome>; readonly since: Mono } | undefined;
  let failure: string | undefined;
  /** What went wrong in the last collection. */
  let faults: readonly string[] = [];

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

  /** Looks, unless a glance or a read of an earlier collection has not ended: `problems` says so. */
  function look(): void {
    if (looking !== undefined || outstanding.size > 0) return;
    glance()
      .then((seen) => take({ kind: 'looked', fingerprint: seen }))
      .catch((error: unknown) =>
        log.warn('no glance could be taken at the devices', { error: toProblem(error).detail }),
      );
  }

  /** One at a time, which whoever wants one meanwhile shares: those that never end would take thread after thread. */
  function glance(): Promise<string> {
    if (looking !== undefined && clock.now().mono - looking.since.mono < GLANCE_MS) return looking.outcome;
    const earlier = lateRead();
    if (earlier !== undefined) return Promise.reject(new CsmError(problem(code.BAD_STATE, earlier)));
    const outcome = readers.fingerprint(outstanding.watched(ports.host, stopping.signal)).finally(() => {
      looking = undefined;
    });
    looking = { outcome, since: clock.now() };
    return outcome;
  }

  /** What holds up everything that would be read, in words. */
  function lateRead(): string | undefined {
    const { oldest, size } = outstanding;
    if (oldest !== undefined)
      return `${oldest.what} has not answered since ${iso(oldest)}${size > 1 ? `, nor have ${size - 1} others` : ''}`;
    return looking === undefined ? undefined : `a glance at the devices has not ended since ${iso(looking)}`;
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
    const ended = new AbortController();
    const host = outstanding.watched(ports.host, AbortSignal.any([stopping.signal, ended.signal]));
    const programs = new ProgramFaults(host.programs);
    try {
      const seen = await inTime(glance(), GLANCE_MS, () => lateRead() ?? 'a glance at the devices took too long');
      const document = await readers.collect({ tree: host.tree, programs }, wall);
      body = { hash: readers.hash(document), document };
      if (stopping.signal.aborted) fail(code.BAD_STATE, 'the daemon is stopping');
      faults = faultsOf(programs.reasons, document['reasons']);
      done = take({ kind: 'collected', collected: { hash: body.hash, fingerprint: seen } });
    } catch (error) {
      take({ kind: 'failed' });
      throw error;
    } finally {
      // A reader that was given up ends with the read it waits for.
      ended.abort();
    }
    const result = { changed: done?.changed === true, faults };
    if (done?.report === true) {
      try {
        await ports.offer({ kind: 'node.inventory', urgency: 'normal', time: wall, body: body as unknown as Json });
      } catch (error) {
        take({ kind: 'refused' });
        throw error;
      }
      take({ kind: 'reported' });
    }
    return result;
  }

  return {
    confirmed(inventory) {
      take({ kind: 'confirmed', inventory });
    },
    commands: {
      'node.collect': async (_input, context) => {
        take({ kind: 'asked' });
        if (running === undefined) fail(code.BAD_STATE, 'the daemon is stopping');
        const { changed, faults: wrong } = await within(running.outcome, context.signal);
        const text = [changed ? 'changed' : 'unchanged', ...wrong].join('; ');
        return { code: 0, text, body: { changed } };
      },
    },
    repeatable: ['node.collect'],
    problems() {
      const { mono } = clock.now();
      const seconds = running === undefined ? 0 : Math.floor((mono - running.since) / 1000);
      const held = outstanding.oldest ?? looking;
      const late = held === undefined || mono - held.since.mono <= READER_MS ? undefined : lateRead();
      return [
        ...(seconds * 1000 > SLOW_MS ? [`taking the inventory has not ended for ${seconds} s`] : []),
        ...(late === undefined ? [] : [`the inventory cannot be taken: ${late}`]),
        ...faults.map((fault) => `when the inventory was taken, ${fault}`),
        ...(failure === undefined || failure === late ? [] : [`the inventory could not be reported: ${failure}`]),
      ];
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await settled(running?.outcome);
    },
  };
}

const iso = ({ since }: Pick<Waiting, 'since'>): string => new Date(since.wall).toISOString();

/** What it resolves to, or code 5 with these words after so many ms. */
async function inTime<T>(outcome: Promise<T>, ms: number, words: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CsmError(problem(code.TIMEOUT, words()))), ms);
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
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
