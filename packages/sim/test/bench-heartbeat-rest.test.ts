import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Posts } from '../src/bench/heartbeat-rest-posts.ts';
import { beatOf, runWrk, writeScript, wrkFault, xnameOf } from '../src/bench/heartbeat-rest-wrk.ts';

describe('heartbeats of the benchmark', function () {
  this.timeout(120_000);
  const bodies: string[] = [];
  let dir: string;
  let port: number;
  let status = 200;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      if (bodies.length < 100_000) bodies.push(body);
      response.statusCode = status;
      response.end('{}');
    });
  });
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'csm-wrk-'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(async () => {
    rmSync(dir, { recursive: true, force: true });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  beforeEach(() => {
    bodies.length = 0;
    status = 200;
  });

  it('are of as many components as are asked for, 256 to a cabinet', () => {
    expect([0, 1, 2, 4, 32, 255, 256].map(xnameOf)).to.deep.equal([
      'x0c0s0b0n0',
      'x0c0s0b0n1',
      'x0c0s0b1n0',
      'x0c0s1b0n0',
      'x0c1s0b0n0',
      'x0c7s7b1n1',
      'x1c0s0b0n0',
    ]);
    expect(new Set(Array.from({ length: 100_000 }, (_, n) => xnameOf(n))).size).to.equal(100_000);
  });

  for (const batch of [1, 7]) {
    it(`are posted by wrk as they are here, ${batch} a request`, async function () {
      if (wrkFault() !== undefined) {
        if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error('needs wrk');
        this.skip();
      }
      const script = join(dir, 'script.lua');
      writeScript(script);
      const order = { url: `http://127.0.0.1:${port}/x`, components: 20, batch, seconds: 1 };
      const { requests, seconds } = await runWrk(script, order, new AbortController().signal);
      expect(requests).to.be.at.least(1);
      expect(seconds).to.be.at.least(0.5);
      const wanted = Array.from({ length: 20 }, (_, n) => JSON.stringify(beatOf(n)));
      const seen = new Set<string>();
      for (const body of bodies) {
        const read = JSON.parse(body) as object;
        const beats = batch === 1 ? [read] : (read as { Heartbeats: object[] }).Heartbeats;
        expect(beats.length).to.be.at.most(batch);
        for (const beat of beats) seen.add(JSON.stringify(beat));
      }
      // wrk ends when its time is over, which on a loaded machine may be before all have had their turn.
      for (const beat of seen) expect(wanted).to.include(beat);
      if (bodies.length > 400) expect([...seen].sort()).to.deep.equal(wanted.sort());
    });
  }

  it('that are refused give no figure', async function () {
    if (wrkFault() !== undefined) this.skip();
    const script = join(dir, 'script.lua');
    writeScript(script);
    status = 400;
    const order = { url: `http://127.0.0.1:${port}/x`, components: 20, batch: 1, seconds: 1 };
    const why = await runWrk(script, order, new AbortController().signal).then(
      () => 'figures',
      (error: Error) => error.message,
    );
    expect(why).to.match(/^of \d+ requests \d+ failed$/);
  });

  it('come at their rate, and their latency counts from when they were due', async () => {
    const posts = new Posts(port);
    const end = new AbortController();
    const posting = posts.paced(10, 200, end.signal);
    while (bodies.length < 40) await new Promise((resolve) => setTimeout(resolve, 5));
    end.abort();
    const took = await posting;
    expect(took.length).to.equal(bodies.length);
    expect(Math.min(...took)).to.be.at.least(0);
    const wanted = Array.from({ length: 10 }, (_, n) => JSON.stringify(beatOf(n)));
    expect([...new Set(bodies)].sort()).to.deep.equal(wanted.sort());
    bodies.length = 0;
    await posts.known(5, 1500);
    expect(bodies.map((body) => (JSON.parse(body) as { Heartbeats: unknown[] }).Heartbeats.length)).to.deep.equal([
      1000, 500,
    ]);
    status = 503;
    const why = await posts.known(0, 1).catch((error: Error) => error.message);
    expect(why).to.equal('POST /hmi/v1/heartbeats was answered 503: {}');
    posts.close();
  });
});
