/** What the cluster feature does on a node: answers a ping, runs a program, moves home, as an aggregator sends its nodes away. */
import type { NodePart, NodePorts } from '@csm/feature';
import { runChild } from '@csm/kit';
import { code, fail, isObject } from '@csm/model';
import type { Answer, CommandContext } from '@csm/tree';
import { OwnReport } from './own-facts.ts';
import { Refusals } from './refusals.ts';

/**
 * A program is ended this much before the command's deadline, so that its output still gets up: the merge at the hub
 * takes 100 ms, a loaded machine more. Never more than half of what remains: a short command has its chance, too.
 */
const answerMargin = (remaining: number): number => Math.min(remaining / 2, 2000, Math.max(250, remaining / 20));

/** The answer's frame around the output, bytes. */
const FRAME = 512;

export function nodePart(ports: NodePorts): NodePart {
  const refusals = new Refusals(ports);
  const own = new OwnReport(ports);
  return {
    refused: (peer) => refusals.note(peer),
    confirmed: () => own.confirmed(),
    stop: async () => {
      refusals.stop();
      own.stop();
    },
    repeatable: ['ping', 'rebalance', 'drain'],
    commands: {
      ping: async () => ({ code: 0, text: 'alive' }),
      rebalance: async (input) => {
        const spread = isObject(input) && typeof input['spread'] === 'number' ? input['spread'] : 5;
        ports.rebalance(spread * 1000);
        return { code: 0, text: 'moves to its first choice unless it is there' };
      },
      drain: async (input) => {
        if (ports.drain === undefined) fail(code.BAD_STATE, `${ports.self.role}/${ports.self.node} is no aggregator`);
        const perSecond = isObject(input) && typeof input['per_second'] === 'number' ? input['per_second'] : undefined;
        if (perSecond !== undefined && !(perSecond > 0)) fail(code.INVALID_PARAMETER, `per_second is ${perSecond}`);
        const serves = await ports.drain(perSecond);
        return { code: 0, text: perSecond === undefined ? 'drained no longer' : 'drained', body: { serves } };
      },
      run: (input, context) => run(ports, input, context),
    },
  };
}

async function run(ports: NodePorts, input: unknown, context: CommandContext): Promise<Answer> {
  const argv = isObject(input) ? input['argv'] : undefined;
  if (!Array.isArray(argv) || argv.length === 0 || !argv.every((a) => typeof a === 'string')) {
    fail(code.INVALID_PARAMETER, `argv is ${JSON.stringify(argv)}`, {
      field: 'argv',
      allowed: 'a list of texts, the program first',
    });
  }
  ports.log.info('runs a program for an admin', { id: context.id, argv });
  const remaining = context.remaining();
  const timeoutMs = Math.max(1, remaining - answerMargin(remaining));
  const maxOutput = Math.max(256, Math.floor((context.room - FRAME) / 3));
  const result = await runChild({
    argv,
    timeoutMs,
    maxOutput,
    signal: context.signal,
  });
  ports.log.info('the program has ended', { id: context.id, exit: result.code, timedOut: result.timedOut });
  // Control characters take six bytes each as JSON, and the words of a program not started repeat its long name.
  const output = fitting(result.output, Math.max(256, context.room - FRAME));
  const cutBytes = result.cutBytes + Buffer.byteLength(result.output) - Buffer.byteLength(output);
  const body = {
    exit: result.code,
    output,
    ...(cutBytes > 0 ? { cut_bytes: cutBytes } : {}),
    ...(result.signal === undefined ? {} : { signal: result.signal }),
  };
  if (result.timedOut || result.aborted)
    return { code: code.TIMEOUT, text: result.notStarted ?? 'killed at the deadline', body };
  if (result.notStarted !== undefined) return { code: code.SCRIPT_FAILURE, text: result.notStarted, body };
  if (result.code !== 0) return { code: code.SCRIPT_FAILURE, text: `exit ${result.code}`, body };
  return { code: 0, text: '', body };
}

/** Head and tail of a text, as much of it as has at most `max` bytes as JSON. */
function fitting(text: string, max: number): string {
  let kept = text;
  for (let half = text.length / 2; Buffer.byteLength(JSON.stringify(kept)) > max; ) {
    half = Math.floor(half * 0.8);
    kept = text.slice(0, half) + text.slice(text.length - half);
  }
  return kept;
}
