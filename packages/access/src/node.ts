/** What the access feature does at a daemon: tells the master whom it turned away. */
import type { NodePart, NodePorts, RefusedCall } from '@csm/feature';
import { toProblem } from '@csm/model';
import { type Folded, RefusalFold } from './fold.ts';

/** How long refusals are gathered into one report, ms. */
const GATHER_MS = 1000;

export function nodePart(ports: NodePorts): NodePart {
  const { clock, log, self } = ports;
  const daemon = `${self.role}/${self.node}`;
  const fold = new RefusalFold();
  let gathered: Folded[] = [];
  let timer: NodeJS.Timeout | undefined;

  /** What is gathered goes after a moment, what is counted when its minute is over. */
  function wake(): void {
    if (timer !== undefined) return;
    const due = gathered.length > 0 ? GATHER_MS : fold.due === undefined ? undefined : fold.due - clock.now().mono;
    if (due !== undefined) timer = setTimeout(report, Math.max(GATHER_MS, due)).unref();
  }
  function report(): void {
    timer = undefined;
    offer(fold.take(clock.now()));
    wake();
  }
  function offer(counted: readonly Folded[]): void {
    const calls = [...gathered, ...counted].map(({ time: at, ...rest }) => ({ ...rest, at }));
    gathered = [];
    if (calls.length === 0) return;
    ports
      .offer({ kind: 'access.refused', urgency: 'normal', time: clock.now().wall, body: { calls } })
      .catch((error: unknown) => log.warn('refused calls could not be reported', { error: toProblem(error).detail }));
  }
  return {
    callRefused({ caller, call, problem }: RefusedCall) {
      const refusal = {
        user: caller?.user ?? '',
        uid: caller?.uid ?? null,
        vouchedBy: daemon,
        via: caller === undefined ? null : (caller.via ?? 'socket'),
        token: caller?.token ?? null,
        call: call.slice(0, 128),
        code: problem.code,
        detail: problem.detail.slice(0, 1024),
      };
      const told = fold.note(refusal, clock.now());
      // The first of a kind goes soon, though a minute is being waited for.
      if (told !== undefined && gathered.push(told) === 1) {
        clearTimeout(timer);
        timer = undefined;
      }
      wake();
    },
    async stop() {
      clearTimeout(timer);
      offer(fold.rest());
    },
  };
}
