/** How far a daemon's clock is ahead of those it dialled. */
import { mono, type Now, wall } from '@csm/model';
import { expect } from 'chai';
import { Links } from '../src/net/links.ts';
import type { WireHandlers } from '../src/net/wire.ts';

class Rig {
  ms = 0;
  /** By how much its wall clock is wrong, ms. */
  wrong = 0;
  readonly links: Links;

  constructor() {
    const quiet = () => undefined;
    const now = (): Now => ({ mono: mono(this.ms), wall: wall(1_750_000_000_000 + this.ms + this.wrong) });
    this.links = new Links({
      self: { role: 'compute', node: 'n1', session: 's', version: '1.4', interval: 60_000, greetingTimeout: 60_000 },
      above: {
        admit: () => ({ ok: false, refusal: { code: 'role', reason: 'none' } }),
        leads: () => undefined,
        incarnation: () => 'i',
      },
      handlers: { up: quiet, message: quiet, down: quiet, settled: quiet },
      clock: { now },
      log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
      revoked: () => new Set(),
    });
  }

  /** Dials a hub whose welcome says its clock as it is right, plus `theirs`; it takes `way` ms. Gives what ends it. */
  dial(node: string, { theirs = 0, way = 0, silent = false } = {}): () => void {
    let handlers: WireHandlers | undefined;
    const wire = {
      address: `${node}:1`,
      send: () => true,
      sendText: () => true,
      sendFrame: () => true,
      answer: () => true,
      close: async () => undefined,
      destroy: () => undefined,
      start: (given: WireHandlers) => {
        handlers = given;
      },
    };
    this.links.adopt(wire, 'dialer', 0, 'hub>leaf', { role: 'aggregator', node });
    const clock = 1_750_000_000_000 + this.ms + theirs;
    this.ms += way;
    const welcome = { kind: 'welcome', version: '1.4', node, session: 's2', interval: 60_000, leader: true, credit: 0 };
    handlers?.onMessage(silent ? welcome : { ...welcome, clock }, 100);
    handlers?.onBatchEnd();
    return () => handlers?.onClose({ code: 'CLOSED', text: 'gone' } as never);
  }
}

describe('how far a clock is ahead', () => {
  const rigs: Rig[] = [];
  const made = (): Rig => {
    const rig = new Rig();
    rigs.push(rig);
    return rig;
  };
  afterEach(async () => {
    for (const { links } of rigs.splice(0)) await links.close('done');
  });

  it('is not known without a link, or of a hub that does not tell', () => {
    const rig = made();
    expect(rig.links.clockAhead()).to.equal(undefined);
    rig.dial('a', { silent: true });
    expect(rig.links.clockAhead()).to.equal(undefined);
  });

  it('is measured when the link comes up; the way of the welcome makes ours look ahead', () => {
    const rig = made();
    rig.wrong = 3000;
    rig.dial('a', { way: 20 });
    expect(rig.links.clockAhead()).to.deep.equal({ ms: 3020, of: 'aggregator/a' });
    rig.ms += 86_400_000;
    expect(rig.links.clockAhead(), 'and stays so').to.deep.equal({ ms: 3020, of: 'aggregator/a' });
  });

  it('counts by how much ours was set since', () => {
    const rig = made();
    rig.wrong = -5000;
    rig.dial('a');
    expect(rig.links.clockAhead()?.ms).to.equal(-5000);
    rig.ms += 1000;
    rig.wrong = 0;
    expect(rig.links.clockAhead()?.ms).to.equal(0);
    rig.wrong = 700;
    expect(rig.links.clockAhead()?.ms).to.equal(700);
  });

  it('is the least where several stand, and another one when that is gone', () => {
    const rig = made();
    const end = rig.dial('a', { theirs: 10 });
    rig.dial('b', { theirs: 9000 });
    expect(rig.links.clockAhead()).to.deep.equal({ ms: -10, of: 'aggregator/a' });
    end();
    expect(rig.links.clockAhead()).to.deep.equal({ ms: -9000, of: 'aggregator/b' });
  });
});
