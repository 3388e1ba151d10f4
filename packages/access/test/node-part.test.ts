import type { NodePorts } from '@csm/feature';
import { code, mono, problem, wall } from '@csm/model';
import type { Report } from '@csm/tree';
import { expect } from 'chai';
import { nodePart } from '../src/node.ts';
import { alice, START } from './world.ts';

const silent = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

describe('what a daemon turned away', () => {
  const rig = () => {
    const offered: Report[] = [];
    const ports: Partial<NodePorts> = {
      self: { role: 'compute', node: 'n1', version: '1' },
      clock: { now: () => ({ mono: mono(performance.now()), wall: wall(START) }) },
      log: silent,
      offer: async (report) => void offered.push(report),
    };
    return { offered, part: nodePart(ports as NodePorts) };
  };
  const refused = { caller: alice, call: 'run', problem: problem(code.PERMISSION, 'no') };
  const calls = (offered: readonly Report[]) =>
    offered.flatMap(({ body }) => (body as { calls: { user: string; times: number; via: string }[] }).calls);

  it('is told after a moment, once, and the rest with its count at the end', async () => {
    const { offered, part } = rig();
    for (let i = 0; i < 1000; i++) part.callRefused?.(refused);
    part.callRefused?.({ ...refused, caller: undefined, call: '(token)' });
    const end = Date.now() + 30_000;
    while (offered.length === 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(offered).to.have.length(1);
    expect(offered[0]).to.include({ kind: 'access.refused', urgency: 'normal' });
    expect(calls(offered)).to.deep.equal([
      {
        user: 'alice',
        uid: 1000,
        via: 'socket',
        token: null,
        vouchedBy: 'compute/n1',
        call: 'run',
        code: 16,
        detail: 'no',
        times: 1,
        at: START,
      },
      {
        user: '',
        uid: null,
        vouchedBy: 'compute/n1',
        via: null,
        token: null,
        call: '(token)',
        code: 16,
        detail: 'no',
        times: 1,
        at: START,
      },
    ]);
    await part.stop?.();
    expect(calls(offered)[2]).to.include({ user: 'alice', times: 999 });
  });

  it('is nothing where nobody was', async () => {
    const { offered, part } = rig();
    await part.stop?.();
    expect(offered).to.deep.equal([]);
  });
});
