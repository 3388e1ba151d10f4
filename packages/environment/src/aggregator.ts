/** What an aggregator does with samples that pass it: a copy of them goes to a log receiver, at least once. */

import { join } from 'node:path';
import type { AggregatorPart, AggregatorPorts, CopiedReport } from '@csm/feature';
import { printHostPort } from '@csm/kit';
import type { Json } from '@csm/model';
import { SAMPLE_KIND } from './report.ts';
import type { SinkConfig } from './settings.ts';
import { documents } from './sink/documents.ts';
import { Sender } from './sink/sender.ts';
import { Spool } from './sink/spool.ts';

/** How often old lines are dropped and a failing disk is tried again, also when no lines come. */
const KEEP_MS = 2000;

/** Undefined where no receiver is configured. Fails, in words, when another process uses the spool. */
export async function aggregatorPart(ports: AggregatorPorts): Promise<AggregatorPart | undefined> {
  const { bds } = ports.config as SinkConfig;
  if (bds.host === undefined) return undefined;
  const dir = bds.spool ?? join(ports.stateDir, 'bds');
  const spool = await Spool.open({
    dir,
    maxBytes: bds.spool_max,
    maxAge: bds.data_cache_expiration,
    now: () => ports.clock.now().wall,
  });
  return new Sink(ports, bds, bds.host, dir, spool);
}

class Sink implements AggregatorPart {
  readonly copies = [SAMPLE_KIND];
  readonly #ports: AggregatorPorts;
  readonly #receiver: string;
  readonly #dir: string;
  readonly #spool: Spool;
  readonly #sender: Sender;
  readonly #keeper: NodeJS.Timeout;
  /** Reports that are no samples: the master stores them as rejected, no document can be made of them. */
  #unreadable = 0;
  #toldProblem: string | undefined;

  constructor(ports: AggregatorPorts, bds: SinkConfig['bds'], host: string, dir: string, spool: Spool) {
    this.#ports = ports;
    this.#receiver = printHostPort({ host, port: bds.port });
    this.#dir = dir;
    this.#spool = spool;
    this.#sender = new Sender({
      host,
      port: bds.port,
      pauseMax: bds.reconnect_interval_max,
      spool,
      now: () => ports.clock.now(),
      random: Math.random,
      onReason: (reason) => this.#tellReason(reason),
    });
    this.#sender.start();
    this.#keeper = setInterval(() => {
      this.#spool.expire();
      this.#tellProblem();
    }, KEEP_MS);
    this.#tellProblem();
  }

  async take(reports: readonly CopiedReport[]): Promise<void> {
    const lines: string[] = [];
    for (const report of reports) {
      try {
        lines.push(...documents(report));
      } catch (error) {
        this.#unreadable++;
        const { node, seq } = report;
        this.#ports.log.warn('a report is no sample and is not passed on', { node, seq, error });
      }
    }
    if (lines.length === 0) return;
    await this.#spool.append(`${lines.join('\n')}\n`);
    this.#tellProblem();
    this.#sender.more();
  }

  status(): Json {
    const spool = this.#spool;
    const sender = this.#sender;
    return {
      receiver: this.#receiver,
      state: ['open', 'resting', 'ending'].includes(sender.state) ? 'connected' : sender.state,
      reason: sender.reason ?? null,
      sent: sender.counters.sent,
      spooled_bytes: spool.bytes,
      oldest: spool.oldest === undefined ? null : new Date(spool.oldest).toISOString(),
      dropped_full: spool.counters.droppedFull,
      dropped_old: spool.counters.droppedOld,
      unreadable: this.#unreadable,
      reconnects: sender.counters.reconnects,
    };
  }

  problems(): string[] {
    const { problem, counters } = this.#spool;
    const { reason } = this.#sender;
    const dropped = counters.droppedFull + counters.droppedOld;
    return [
      ...(reason === undefined ? [] : [`the receiver ${this.#receiver} does not take environmental data: ${reason}`]),
      ...(problem === undefined ? [] : [`the spool ${this.#dir} takes nothing, lines are kept in memory: ${problem}`]),
      ...(dropped === 0 ? [] : [`${dropped} lines for the receiver ${this.#receiver} were dropped since the start`]),
    ];
  }

  async stop(): Promise<void> {
    clearInterval(this.#keeper);
    this.#sender.stop();
    await this.#spool.close();
  }

  #tellReason(reason: string | undefined): void {
    const { log } = this.#ports;
    if (reason === undefined) log.info(`the receiver ${this.#receiver} takes environmental data`);
    else log.warn(`the receiver ${this.#receiver} does not take environmental data: ${reason}`);
  }

  #tellProblem(): void {
    const { problem } = this.#spool;
    if (problem === this.#toldProblem) return;
    this.#toldProblem = problem;
    const { log } = this.#ports;
    if (problem === undefined) log.info(`the spool ${this.#dir} takes lines again`);
    else log.warn(`the spool ${this.#dir} takes nothing, lines are kept in memory`, { reason: problem });
  }
}
