import { expect } from 'chai';
import { createMetrics, type Metrics } from '../src/index.ts';
import { SERIES_MAX } from '../src/metrics.ts';

describe('metrics', () => {
  let metrics: Metrics;
  beforeEach(() => {
    metrics = createMetrics({ role: 'master' });
  });
  afterEach(() => metrics.close());

  it('are told in the text form with prefix and common labels', async () => {
    const counter = metrics.counter('reports_total', 'Reports stored', ['kind']);
    counter.inc(2, { kind: 'ras' });
    counter.inc(1, { kind: 'ras' });
    metrics.gauge('links', 'Links').set(7);
    metrics.histogram('commit_seconds', 'Commits', [0.1, 1]).observe(0.5);
    const text = await metrics.text();
    expect(text).to.include('csm_reports_total{kind="ras",role="master"} 3');
    expect(text).to.include('csm_links{role="master"} 7');
    expect(text).to.include('csm_commit_seconds_bucket{le="1",role="master"} 1');
    expect(text).to.include('csm_commit_seconds_bucket{le="0.1",role="master"} 0');
    expect(metrics.contentType).to.match(/^text\/plain/);
  });

  it('read gauges when asked, and leave out one whose reader fails', async () => {
    let depth = 1;
    metrics.gaugeOf('queue', 'Depth', () => [[{ name: 'out' }, depth]], ['name']);
    metrics.gaugeOf('broken', 'Broken', () => {
      throw new Error('no');
    });
    expect(await metrics.text()).to.include('csm_queue{name="out",role="master"} 1');
    depth = 5;
    const text = await metrics.text();
    expect(text).to.include('csm_queue{name="out",role="master"} 5');
    expect(text).to.not.match(/^csm_broken/m);
  });

  it('read counters that others keep, and leave out one whose keeper fails', async () => {
    let count = 3;
    metrics.counterOf('kept_total', 'Kept', () => [[{ side: 'up' }, count]], ['side']);
    metrics.counterOf('bare_total', 'Bare', () => count);
    metrics.counterOf('broken_total', 'Broken', () => {
      throw new Error('no');
    });
    metrics.counterOf('odd_total', 'Odd', () => Number.NaN);
    expect(await metrics.text()).to.include('csm_kept_total{side="up",role="master"} 3');
    count = 4;
    const text = await metrics.text();
    expect(text).to.include('# TYPE csm_kept_total counter\ncsm_kept_total{side="up",role="master"} 4\n');
    expect(text).to.include('csm_bare_total{role="master"} 4\n');
    expect(text).to.not.match(/^csm_(?:broken|odd)_total/m);
  });

  it('bound what a reader gives, and count the rest', async () => {
    const many = Array.from({ length: SERIES_MAX + 7 }, (_, i) => [{ n: `n${i}` }, i] as const);
    metrics.gaugeOf('many', 'Many', () => many, ['n']);
    await metrics.text();
    const text = await metrics.text();
    expect(text.match(/^csm_many\{/gm)).to.have.length(SERIES_MAX);
    expect(text).to.match(/csm_metrics_left_out_total\{metric="many",role="master"\} (?:7|14)\n/);
  });

  it('are listed with their types and labels', () => {
    metrics.counter('x_total', 'X', ['kind']);
    metrics.histogram('y_seconds', 'Y', [1]);
    expect(metrics.rows().slice(-2)).to.deep.equal([
      { name: 'csm_x_total', type: 'counter', help: 'X', labels: ['kind'] },
      { name: 'csm_y_seconds', type: 'histogram', help: 'Y', labels: [] },
    ]);
    expect(metrics.rows().map(({ name }) => name)).to.include('csm_event_loop_lag_seconds');
  });

  it('do not meet in one process', async () => {
    const other = createMetrics({ role: 'aggregator' });
    metrics.counter('x_total', 'X').inc();
    other.counter('x_total', 'X').inc(5);
    expect(await metrics.text()).to.include('csm_x_total{role="master"} 1');
    expect(await other.text()).to.include('csm_x_total{role="aggregator"} 5');
    other.close();
  });

  it('keep a bounded number of label combinations and count the rest', async () => {
    const gauge = metrics.gauge('per_node', 'Per node', ['node']);
    for (let i = 0; i < SERIES_MAX + 5; i++) gauge.set(i, { node: `n${i}` });
    const text = await metrics.text();
    expect(text.match(/^csm_per_node\{/gm)).to.have.length(SERIES_MAX);
    expect(text).to.include('csm_metrics_left_out_total{metric="per_node",role="master"} 5');
    gauge.remove({ node: 'n0' });
    gauge.set(1, { node: 'late' });
    expect(await metrics.text()).to.include('csm_per_node{node="late",role="master"} 1');
  });

  it('tell how late the event loop runs', async () => {
    const deadline = performance.now() + 30_000;
    let lag = 0;
    let text = '';
    const turnOfTheHistogram = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 25));
    while (!(lag >= 0.08) && performance.now() < deadline) {
      // It measures from its first tick after a reading to the next.
      await turnOfTheHistogram();
      const end = performance.now() + 120;
      while (performance.now() < end);
      await turnOfTheHistogram();
      text = await metrics.text();
      lag = Number(/csm_event_loop_lag_seconds\{percentile="100",role="master"\} (\S+)/.exec(text)?.[1]);
    }
    expect(lag).to.be.within(0.08, 60);
    expect(text).to.match(/csm_process_resident_memory_bytes\{role="master"\} \d{7,}/);
  });
});
