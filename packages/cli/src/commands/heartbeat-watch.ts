import type { HeartbeatStatusOutput, HeartbeatWatchItem } from '@csm/client';
import { CsmError, code } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { flag, optionalNodeset, since } from '../given.ts';
import { Live } from '../heartbeat/live.ts';
import { changeLine, componentsArgument } from '../heartbeat/words.ts';
import { Items } from '../print/items.ts';
import { again } from '../resume.ts';
import type { Session } from '../session.ts';

const REDRAW_MS = 1000;
/** Of a terminal that does not say, and the fewest that are worth anything. */
const COLUMNS = 80;
const COLUMNS_LEAST = 40;
const [CLEAR, HOME, REST_OF_LINE, REST_OF_SCREEN] = ['\x1b[H\x1b[2J', '\x1b[H', '\x1b[K', '\x1b[J'];

type Take = (item: HeartbeatWatchItem) => Promise<void>;

/** Gives every change to `take`, until an interrupt or `over`; a lost connection is made anew. */
async function follow(
  session: Session,
  nodes: string | undefined,
  since: number | undefined,
  take: Take,
  over?: AbortSignal,
): Promise<void> {
  const signals = [session.io.interrupt, over].filter((signal) => signal !== undefined);
  const options = { signal: AbortSignal.any(signals) };
  await again(session, since, async (last, seen) => {
    for await (const item of session.client.stream('heartbeat.watch', { nodes, since: last }, options)) {
      await take(item);
      seen(item.seq);
    }
  });
}

/** Draws the screen once a second, until `over`. */
async function draw(session: Session, view: Live, over: AbortSignal): Promise<void> {
  let status: HeartbeatStatusOutput | undefined;
  const said = session.io.columns ?? 0;
  const columns = said === 0 ? COLUMNS : Math.max(COLUMNS_LEAST, said);
  for (let drawn = 0; !over.aborted; drawn++) {
    let note: string | undefined;
    try {
      status = await session.client.call('heartbeat.status', {}, { signal: over });
    } catch (error) {
      if (over.aborted) return;
      if (!(error instanceof CsmError)) throw error;
      note = error.message;
    }
    const now = session.now();
    const screen = view.screen({ status, note, now }, session.colors, columns);
    const lines = screen.replaceAll('\n', `${REST_OF_LINE}\n`);
    await session.print(`${drawn === 0 ? CLEAR : HOME}${lines}${REST_OF_SCREEN}`);
    await pause(REDRAW_MS, over);
  }
}

async function live(session: Session, nodes: string | undefined, since: number | undefined): Promise<void> {
  const view = new Live();
  const over = new AbortController();
  const drawing = draw(session, view, over.signal);
  const take: Take = (item) => {
    view.add(item);
    return Promise.resolve();
  };
  const following = follow(session, nodes, since, take, over.signal);
  try {
    // Whichever ends first ends the other: the stream by an interrupt or a problem, the screen when it cannot be written.
    await Promise.race([following, drawing]);
  } finally {
    over.abort();
    await Promise.allSettled([following, drawing]);
  }
}

function pause(ms: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (over.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      over.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    over.addEventListener('abort', done);
  });
}

export const heartbeatWatch: CommandSpec = {
  path: ['heartbeat', 'watch'],
  arguments: [componentsArgument(false)],
  options: [
    { flags: '--since <seq>', help: 'begin behind this change instead of with what comes next' },
    { flags: '--lines', help: 'a line a change on a terminal too, instead of the live view' },
  ],
  call: 'heartbeat.watch',
  also: ['heartbeat.status'],
  purpose: `On a terminal it is a live view until Ctrl-C (exit 0): components by state, what is wrong, open incidents and the newest
changes, those alike as one line. Elsewhere, and with \`--lines\`, it is a line for each change as it happens; the first column is the
number to give to \`--since\` in order to go on without a gap. JSON is one object a line. When the connection to the daemon or the
master is lost, it is made anew, and the watch goes on behind the last change it has shown.`,
  examples: [
    {
      title: 'What happened since change 100, for at most five seconds',
      line: 'csm heartbeat watch --since 100 --timeout 5',
      exits: [code.TIMEOUT, code.CONTEXT_LOST],
    },
    {
      title: 'A cabinet, for a program',
      line: "csm heartbeat watch 'x3000c[0-7]s[0-7]b0n0' --since 100 --timeout 5 -o json",
      exits: [code.TIMEOUT, code.CONTEXT_LOST],
    },
  ],
  exits: [
    [5, 'the time of `--timeout` is over'],
    [37, 'changes since the one named are no longer kept'],
  ],
  run: async (session, given) => {
    const nodes = optionalNodeset(given);
    const from = since(given);
    if (session.io.isTTY && session.format === 'table' && !flag(given, 'lines')) {
      await live(session, nodes, from);
      return 0;
    }
    const items = new Items<HeartbeatWatchItem>(session, {
      text: changeLine,
      csv: ['seq', 'time', 'kind', 'subject', 'body'],
      lines: true,
    });
    await follow(session, nodes, from, (item) => items.add(item));
    return 0;
  },
};
