/**
 * `csm run` on real nodes: every node runs an order at most once and is in the answer exactly once, whatever is killed
 * while it runs. The truth is a file that the program itself appends to.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiTypes } from '@csm/client';
import { CsmError, code } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { expect } from 'chai';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import { random, seedOr } from '../support/random.ts';
import { pass } from '../support/wait.ts';

type Part = ApiTypes['run']['item'];

const OPTIONS = { computes: 4, interval: 0.5 };
const ROUNDS = 14;
/** What each node runs, ms: long enough that faults fall before, into and behind it. */
const RUN_MS = 1200;
const DEADLINE_S = 15;
/** A deadline nobody waits for. */
const LONG_S = 90;
/** Spans within which the fault of a round comes, from the call on, ms. */
const FAULT_WITHIN = 1400;

interface Asked {
  readonly nodes: string;
  readonly argv: readonly string[];
  readonly deadline?: number;
}

async function run(cluster: Cluster, asked: Asked, idempotencyKey: string): Promise<Part[]> {
  const client = cluster.client('utility');
  const parts: Part[] = [];
  try {
    const input = { ...asked, argv: [...asked.argv] };
    const options = { idempotencyKey, timeoutSeconds: 2 * LONG_S };
    for await (const part of client.stream('run', input, options)) parts.push(part);
  } finally {
    client.close();
  }
  return parts;
}

/** Faults after which a client asks again under the same key: nobody answers, or the way to the master broke. */
const PASSING: readonly number[] = [code.BAD_ADDRESS, code.COMMUNICATION];

async function runUntilAnswered(cluster: Cluster, asked: Asked, key: string): Promise<Part[]> {
  const until = performance.now() + 45_000;
  for (;;) {
    try {
      return await run(cluster, asked, key);
    } catch (error) {
      if (!(error instanceof CsmError) || !PASSING.includes(error.problem.code) || performance.now() > until)
        throw error;
      await pass(100);
    }
  }
}

const namesOf = (parts: readonly Part[]): string[] => parts.flatMap((part) => NodeSet.parse(part.nodes).names());

const partOf = (parts: readonly Part[], node: string): Part | undefined =>
  parts.find((part) => NodeSet.parse(part.nodes).has(node));

/** The nodes that wrote into a file, one line for each time. */
const linesOf = (file: string): string[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ')[0] ?? '')
    : [];

const twice = (names: readonly string[]): string[] => names.filter((name, i) => names.indexOf(name) !== i);

/** CSM_TEST_NODE is in the environment of each daemon, and so of what it runs. */
const counter = (file: string, ms: number): string[] => [
  '/bin/sh',
  '-c',
  `echo "$CSM_TEST_NODE $$" >> ${file}; sleep ${ms / 1000}; echo done`,
];

const isRunning = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('csm run', function () {
  this.timeout(300_000);
  const inCluster = sharedCluster(OPTIONS);

  it('never runs an order twice on a node, and answers for each exactly once, whatever is killed meanwhile', () =>
    inCluster(async (cluster) => {
      const seed = seedOr(3);
      const chance = random(seed);
      const everyone = NodeSet.of(cluster.computes).toString();
      const hops = ['agg-A', 'agg-B', 'master', 'utility'];
      const victims = chance.shuffle([...hops, ...hops, 'agg-A', 'master', 'c1', 'c2', 'c1', 'c3']);
      expect(victims).to.have.length(ROUNDS);
      const codes = new Map<number, number>();
      for (const [round, victim] of victims.entries()) {
        const file = join(cluster.directory, `order-${round}`);
        const asked = { nodes: everyone, argv: counter(file, RUN_MS), deadline: DEADLINE_S };
        const answer = runUntilAnswered(cluster, asked, `order-${seed}-${round}`);
        const at = chance.below(FAULT_WITHIN);
        const away = chance.below(1000);
        await pass(at);
        await cluster.kill(victim);
        await pass(away);
        cluster.restart(victim);
        const parts = await answer;
        const label = `round ${round}: ${victim} killed after ${at} ms, back after ${away} ms`;
        expect(namesOf(parts).sort(), label).to.deep.equal([...cluster.computes]);
        for (const part of parts)
          for (const _ of NodeSet.parse(part.nodes)) codes.set(part.code, (codes.get(part.code) ?? 0) + 1);
        const lines = linesOf(file);
        expect(twice(lines), label).to.deep.equal([]);
        // Who says that it ran did so; only a daemon that was killed itself may not know.
        for (const node of cluster.computes) {
          const part = partOf(parts, node);
          const story = `${label}: ${node} answered ${JSON.stringify(part)}`;
          if (part?.code === 0) expect(lines, story).to.include(node);
          else expect(node, story).to.equal(victim);
          if (part?.code === code.NODES_UNAVAILABLE) expect(lines, story).to.not.include(node);
        }
        // The same order once more is the same answer and no further run, also after everything is healed.
        await cluster.healed();
        if (chance.next() < 0.5) {
          const again = await runUntilAnswered(cluster, asked, `order-${seed}-${round}`);
          expect(namesOf(again).sort(), `${label}, asked again`).to.deep.equal([...cluster.computes]);
          expect(twice(linesOf(file)), `${label}, asked again`).to.deep.equal([]);
        }
      }
      console.log(`      seed ${seed}: parts by code ${JSON.stringify(Object.fromEntries(codes))}`);
    }));

  it('a node whose daemon was killed while it ran says that the outcome is unknown', () =>
    inCluster(async (cluster) => {
      const file = join(cluster.directory, 'order-unknown');
      const asked = { nodes: 'c[1-4]', argv: counter(file, 2500), deadline: LONG_S };
      const answer = run(cluster, asked, 'unknown');
      await cluster.until(() => linesOf(file).length === 4 || linesOf(file), 30_000, 'all nodes have begun');
      await cluster.kill('c2');
      cluster.restart('c2');
      const parts = await answer;
      expect(namesOf(parts).sort()).to.deep.equal([...cluster.computes]);
      expect(partOf(parts, 'c2')).to.deep.include({ nodes: 'c2', code: code.CONTEXT_LOST });
      expect(partOf(parts, 'c2')?.text).to.match(/outcome is unknown/);
      expect(partOf(parts, 'c1')).to.deep.include({ nodes: 'c[1,3-4]', code: 0, body: { exit: 0, output: 'done\n' } });
      expect(twice(linesOf(file))).to.deep.equal([]);
    }));

  it('a call repeated by many clients under one key is one order', () =>
    inCluster(async (cluster) => {
      const file = join(cluster.directory, 'order-shared');
      const asked = { nodes: 'c[1-4]', argv: counter(file, 700), deadline: DEADLINE_S };
      const answers = await Promise.all(Array.from({ length: 6 }, () => run(cluster, asked, 'shared')));
      for (const parts of answers) {
        expect(parts).to.have.length(1);
        expect(parts[0]).to.deep.include({ nodes: 'c[1-4]', code: 0 });
      }
      expect(linesOf(file).sort()).to.deep.equal([...cluster.computes]);
      const other = await run(cluster, { ...asked, nodes: 'c1' }, 'shared').catch((error: unknown) => error);
      expect(other).to.be.instanceOf(CsmError);
      expect((other as CsmError).problem).to.include({ code: code.INVALID_PARAMETER, field: 'Idempotency-Key' });
    }));

  it('the process group ends at the deadline, outputs are bounded, equal outputs are folded', () =>
    inCluster(async (cluster) => {
      const pids = join(cluster.directory, 'pids');
      const script = `sleep 1000 & echo "$!" >> ${pids}; echo "$$" >> ${pids}; sleep 1000`;
      const began = performance.now();
      const late = await run(cluster, { nodes: 'c[1-2]', argv: ['/bin/sh', '-c', script], deadline: 1.5 }, 'late');
      const took = performance.now() - began;
      // Ended a little before the deadline of 1.5 s, so that its output still gets up within it.
      expect(took).to.be.within(1000, 30_000);
      expect(namesOf(late).sort()).to.deep.equal(['c1', 'c2']);
      for (const part of late) expect(part.code).to.equal(code.TIMEOUT);
      const started = readFileSync(pids, 'utf8').trimEnd().split('\n').map(Number);
      expect(started).to.have.length(4);
      await cluster.until(
        () => !started.some(isRunning) || started.filter(isRunning),
        30_000,
        'what it started has ended',
      );

      const same = await run(cluster, { nodes: 'c[1-4]', argv: ['/bin/echo', 'alike'] }, 'same');
      expect(same).to.have.length(1);
      expect(same[0]).to.deep.include({ nodes: 'c[1-4]', code: 0, body: { exit: 0, output: 'alike\n' } });

      const argv = ['/bin/sh', '-c', 'test "$CSM_TEST_NODE" = c3 && exit 7; echo fine'];
      const mixed = await run(cluster, { nodes: 'c[1-4],c9', argv }, 'mixed');
      expect(mixed.map(({ nodes, code: c }) => `${nodes} ${c}`).sort()).to.deep.equal([
        `c3 ${code.SCRIPT_FAILURE}`,
        `c9 ${code.UNKNOWN_NODES}`,
        'c[1-2,4] 0',
      ]);

      const long = await run(cluster, { nodes: 'c[1-4]', argv: ['/usr/bin/seq', '1', '100000'] }, 'long');
      expect(long).to.have.length(1);
      const body = long[0]?.body as { output: string; cut_bytes: number };
      expect(Buffer.byteLength(body.output)).to.be.within(256, 64 * 1024);
      expect(body.output.startsWith('1\n2\n')).to.equal(true);
      expect(body.output.endsWith('99999\n100000\n')).to.equal(true);
      // seq 1 100000 writes 588,895 bytes; a line in the middle says what was left out.
      const note = /\n\[… (\d+) bytes left out …\]\n/.exec(body.output);
      expect(Number(note?.[1])).to.equal(body.cut_bytes);
      expect(Buffer.byteLength(body.output.replace(note?.[0] ?? '', '')) + body.cut_bytes).to.equal(588_895);
    }));

  it('a node that is down fails at once and by name', () =>
    inCluster(async (cluster) => {
      const since = cluster.head();
      await cluster.kill('c4');
      await cluster.until(
        () => cluster.links(since).some(({ body }) => body.event === 'down' && body.nodes === 'c4'),
        30_000,
        'c4 is told down',
      );
      const began = performance.now();
      const parts = await run(cluster, { nodes: 'c[1-4]', argv: ['/bin/true'], deadline: LONG_S }, 'down');
      // At once, and not only at the deadline.
      expect(performance.now() - began).to.be.below((LONG_S * 1000) / 2);
      expect(partOf(parts, 'c4')).to.deep.include({ nodes: 'c4', code: code.NODES_UNAVAILABLE });
      expect(partOf(parts, 'c1')).to.deep.include({ nodes: 'c[1-3]', code: 0 });
    }));
});
