/** Orders to a bare program and its answers: a line of JSON each, answered in order. */
import { createInterface } from 'node:readline';

export type BareAnswer = Readonly<Record<string, number>>;

/** Answers each order with what `handle` gives; the program ends with its input, and with 1 when an order fails. */
export function serveOrders(handle: (order: Readonly<Record<string, unknown>>) => Promise<BareAnswer>): void {
  let turn = Promise.resolve();
  const fail = (error: unknown): void => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    turn = turn
      .then(async () => {
        process.stdout.write(`${JSON.stringify(await handle(JSON.parse(line) as Record<string, unknown>))}\n`);
      })
      .catch(fail);
  });
  // Whoever ordered us about is gone.
  lines.once('close', () => process.exit(0));
  process.once('SIGTERM', () => process.exit(0));
}
