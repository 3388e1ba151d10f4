import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DaemonId, mono, type Wall, wall } from '@csm/model';
import { initCa, issue, readPem } from '@csm/pki';
import { expect } from 'chai';
import { dial, FrameError, type JsonStream, type Listener, listen } from 'tls-json-stream';
import { INTERVAL_MIN } from '../src/link/link.ts';
import { HubShell } from '../src/net/hub-shell.ts';
import { Links } from '../src/net/links.ts';
import { stepAt } from '../src/net/timer.ts';
import type { WireHandlers } from '../src/net/wire.ts';

const INTERVAL = 1000;

/** Links whose clock the test moves, so that no timer fires meanwhile: as after SIGCONT, when sockets are read first. */
class Rig {
  readonly told: string[] = [];
  readonly links: Links;
  #ms = 0;
  #wires: WireHandlers[] = [];
  /** What the next frame fails with. */
  broken: FrameError | undefined;
  /** How often the owner was told that it may flush. */
  settled = 0;
  /** Those by its own clock. */
  beats = 0;

  constructor(interval = INTERVAL) {
    const quiet = () => undefined;
    this.links = new Links({
      self: { role: 'master', node: 'm', session: 's', version: '1.1', interval, greetingTimeout: 5000 },
      above: {
        admit: () => ({ ok: true, way: 'leaf>hub', leader: true, credit: 0 }),
        leads: () => true,
        incarnation: () => 'i',
      },
      handlers: {
        up: (_link, _tag, { daemon }) => this.told.push(`up ${daemon satisfies DaemonId}`),
        message: (_link, _tag, { kind }) => this.told.push(kind),
        down: (_link, _tag, { reason }) => this.told.push(`down: ${reason}`),
        heard: () => this.told.push('heard'),
        settled: () => this.settled++,
        stalled: () => this.told.push('slept'),
      },
      clock: { now: () => ({ mono: mono(this.#ms), wall: wall(this.#ms) as Wall }) },
      log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
      revoked: () => new Set(),
    });
  }

  connect(node: string): this {
    const wire = {
      address: `${node}:1`,
      send: () => {
        const error = this.broken;
        this.broken = undefined;
        if (error !== undefined) throw error;
        return true;
      },
      sendText: () => true,
      sendFrame: () => ++this.beats > 0,
      answer: (frame: Buffer) => this.told.push(`at once ${frame.toString()}`) > 0,
      close: async () => undefined,
      destroy: () => undefined,
      start: (handlers: WireHandlers) => void this.#wires.push(handlers),
    };
    this.links.adopt(wire, 'listener', 0, 'leaf>hub', { role: 'utility', node });
    const hello = { kind: 'hello', version: '1.1', role: 'utility', node, incarnation: 'i1', session: 's1' };
    return this.receive(this.#wires.length - 1, { ...hello, interval: INTERVAL, clock: 0 });
  }

  receive(wire: number, message: unknown): this {
    this.#wires[wire]?.onMessage(message, 10);
    return this;
  }

  /** A beat's bytes; whether they were taken for one unread. */
  beat(wire: number): boolean | undefined {
    return this.#wires[wire]?.known?.came();
  }

  close(wire: number): this {
    this.#wires[wire]?.onClose({ text: 'the peer closed the connection' });
    return this;
  }

  later(ms: number): this {
    this.#ms += ms;
    return this;
  }
}

describe('links: the steps in which they are looked at', () => {
  it('are each ten milliseconds, and begin where the daemon has its own', () => {
    expect([0, 1, 10, 11, 20.5].map((at) => stepAt(mono(at), 0))).to.deep.equal([0, 10, 10, 20, 30]);
    expect([0, 1, 10, 11, 20.5].map((at) => stepAt(mono(at), 0.25))).to.deep.equal([2.5, 2.5, 12.5, 12.5, 22.5]);
  });
});

describe('links: sockets that are read before the timer', () => {
  it('the end of a link that waited while we slept is told behind the sleep', async () => {
    const rig = new Rig().connect('u1').connect('u2');
    rig
      .later(10 * INTERVAL)
      .close(0)
      .close(1);
    await rig.links.close('test');
    const gone = 'down: the peer closed the connection';
    expect(rig.told).to.deep.equal(['up utility/u1', 'heard', 'up utility/u2', 'heard', 'slept', gone, gone]);
  });

  it('so is a message; and nobody is judged by it', async () => {
    const rig = new Rig().connect('u1').connect('u2');
    rig.later(10 * INTERVAL).receive(0, { kind: 'claim', term: 1, incarnation: 'i1' });
    expect(rig.told.slice(4)).to.deep.equal(['slept', 'claim', 'heard']);
    await rig.links.close('test');
  });

  it('a link that ends while we are awake is only that', async () => {
    const rig = new Rig().connect('u1');
    rig.later(INTERVAL).close(0);
    await rig.links.close('test');
    expect(rig.told).to.deep.equal(['up utility/u1', 'heard', 'down: the peer closed the connection']);
  });
});

describe('links: a look by the clock', () => {
  /** Its timer is a real one, the shortest there is; the clock it asks is the test's. */
  const looked = async (rig: Rig): Promise<void> => {
    const before = rig.links.table.wakeAt();
    while (rig.links.table.wakeAt() === before) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('that finds a dialer in time changes nothing, and nobody need flush', async () => {
    const rig = new Rig(INTERVAL_MIN).connect('u1');
    expect(rig.later(INTERVAL_MIN).beat(0)).to.equal(true);
    rig.later(INTERVAL_MIN / 4);
    const { settled } = rig;
    await looked(rig);
    expect(rig.beats).to.equal(0);
    expect(rig.settled).to.equal(settled);
    await rig.links.close('test');
  });

  it('that finds one late beats, and says so', async () => {
    const rig = new Rig(INTERVAL_MIN).connect('u1').later(1.25 * INTERVAL_MIN);
    const { settled } = rig;
    await looked(rig);
    expect(rig.beats).to.equal(1);
    expect(rig.settled).to.equal(settled + 1);
    await rig.links.close('test');
  });
});

describe('links: a beat told unread', () => {
  const ANSWER = 'at once 29#{"kind":"beat","leader":true}';

  it('is answered in the read that brought it, and is a sign of life', async () => {
    const rig = new Rig().connect('u1').connect('u2');
    rig.told.length = 0;
    expect(rig.later(INTERVAL).beat(0)).to.equal(true);
    expect(rig.told).to.deep.equal([ANSWER, 'heard']);
    expect(rig.later(INTERVAL / 4).beat(0), 'too soon for another').to.equal(true);
    expect(rig.told).to.deep.equal([ANSWER, 'heard', 'heard']);
    const [link] = [...rig.links.table.links()];
    expect(link).to.include({ sentAt: INTERVAL, heardAt: 1.25 * INTERVAL });
    await rig.links.close('test');
  });

  it('is behind the sleep in which it waited, and is read where a newcomer waits for it', async () => {
    const rig = new Rig().connect('u1');
    rig.told.length = 0;
    expect(rig.later(10 * INTERVAL).beat(0)).to.equal(true);
    expect(rig.told, 'answered when it woke').to.deep.equal(['slept', 'heard']);
    rig.connect('u1');
    rig.told.length = 0;
    expect(rig.beat(0), 'replaced').to.equal(false);
    expect(rig.beat(1)).to.equal(true);
    await rig.links.close('test');
    expect(rig.beat(1), 'closed').to.equal(false);
  });
});

describe('links: a message that cannot be sent', () => {
  it('costs the link, with the reason, on a later turn', async () => {
    const rig = new Rig().connect('u1');
    rig.broken = new FrameError('FRAME_TOO_LARGE', 'too large');
    const [link] = [...rig.links.table.links()];
    rig.links.send(link?.id ?? 0, { kind: 'credit', bytes: 1 });
    expect(rig.told, 'not within the call').to.deep.equal(['up utility/u1', 'heard']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(rig.told.slice(2)).to.deep.equal(["down: a 'credit' could not be sent: too large"]);
    await rig.links.close('test');
  });
});

describe('hub shell: one trunk to a master', () => {
  let dir: string;
  let shell: HubShell;
  let master: Listener;
  let files: { ca: string; cert: string; key: string };
  /** Streams at the master, in the order they came. */
  let streams: JsonStream[] = [];
  let hellos = 0;

  const until = async (condition: () => boolean, what: string): Promise<void> => {
    const end = performance.now() + 45_000;
    while (!condition()) {
      if (performance.now() > end) throw new Error(`not in time: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const quiet = () => undefined;
  const isHello = (value: unknown) => (value as { readonly kind?: unknown }).kind === 'hello';
  const welcome = (stream: JsonStream | undefined) =>
    stream?.send({
      kind: 'welcome',
      version: '1.1',
      node: 'm1',
      session: 's-m1',
      interval: 1e3,
      leader: true,
      credit: 1e3,
      clock: Date.now(),
    });

  beforeEach(async () => {
    streams = [];
    hellos = 0;
    dir = await mkdtemp(join(tmpdir(), 'csm-hub-'));
    await initCa(dir, { name: 'test' });
    const ca = await readFile(join(dir, 'ca.pem'), 'utf8');
    const { file } = await issue(dir, { role: 'master', node: 'm1', names: ['127.0.0.1'] });
    files = { ca, ...(await readPem(file)) };
    master = await listen({
      host: '127.0.0.1',
      port: 0,
      tls: files,
      onRefused: quiet,
      onStream: (stream) => {
        streams.push(stream);
        stream.start({
          onMessage: (value) => {
            if (isHello(value)) hellos++;
          },
          onBatchEnd: quiet,
          onClose: quiet,
        });
      },
    });
    const { port } = master.address;
    shell = new HubShell({
      node: 'a1',
      listen: {
        host: '127.0.0.1',
        port: 0,
      },
      masters: [
        {
          host: '127.0.0.1',
          port,
        },
      ],
      tls: () => files,
      revoked: () => new Set<string>(),
      intervalMs: 1e3,
      drainMs: 0,
      clock: {
        now: () => ({
          mono: mono(performance.now()),
          wall: wall(Date.now()),
        }),
      },
      log: {
        error: quiet,
        warn: quiet,
        info: quiet,
        debug: quiet,
      },
    });
    await shell.start();
    await until(() => hellos === 1, 'a hello');
  });
  afterEach(async () => {
    await shell.stop('done');
    for (const stream of streams) stream.destroy('done');
    await master.close();
    await rm(dir, { recursive: true });
  });

  it('a reload while the master has yet to greet dials no second one', async () => {
    shell.reload();
    // Dialled later than anything the reload dialled: when this one is there, that one would be.
    for (let i = 0; i < 2; i++) {
      const own = await dial({ host: '127.0.0.1', port: master.address.port, tls: files });
      await until(() => streams.length === 2 + i, 'our own stream');
      own.destroy('done');
    }
    welcome(streams[0]);
    await until(() => shell.trunkUp, 'the trunk');
    expect(hellos).to.equal(1);
  });

  it('the end of a link beside the one that stands changes nothing', async () => {
    welcome(streams[0]);
    await until(() => shell.trunkUp, 'the trunk');
    let handlers: WireHandlers | undefined;
    const wire = {
      address: 'other:1',
      send: () => true,
      sendText: () => true,
      sendFrame: () => true,
      answer: () => true,
      close: async () => undefined,
      destroy: quiet,
      start: (h: WireHandlers) => {
        handlers = h;
      },
    };
    shell.up.adopt(wire, 'dialer', 0, 'core>hub', { role: 'master', node: 'm1' });
    handlers?.onClose({ text: 'reset' });
    expect(shell.masters()).to.have.nested.property('[0].state', 'linked');
    expect(shell.trunkUp).to.equal(true);
    streams[0]?.destroy('gone');
    await until(() => hellos === 2, 'dialled again once the standing one is lost');
  });
});
