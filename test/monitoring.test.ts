/** Alerts and dashboard: they ask for figures that exist, with labels those have, and alerts fire on what they are for. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { figuresOf } from '@csm/daemon';
import { ROLES } from '@csm/model';
import { expect } from 'chai';
import { needs, ROOT } from './support/daemons.ts';

const ALERTS = join(ROOT, 'etc/prometheus/alerts.yml');
const DASHBOARD = join(ROOT, 'etc/grafana/csm.json');
/** What Prometheus adds to every series. */
const ADDED = ['instance', 'job', 'role', 'node', 'le'];

const figures = new Map(ROLES.flatMap((role) => figuresOf(role)).map((row) => [row.name, row]));
const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
const promtool = (...args: readonly string[]) => spawnSync('promtool', args, { encoding: 'utf8', cwd: ROOT });

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
}

const alertsText = readFileSync(ALERTS, 'utf8');
const dashboard = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard;
const alertExpressions = [...alertsText.matchAll(/^ +expr: (.+)$/gm)].map((match) => match[1] ?? '');
const panelExpressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** Names of figures in an expression, with the labels asked of each. */
function asked(expression: string): { readonly name: string; readonly labels: readonly string[] }[] {
  return [...expression.matchAll(/\b(csm_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', selector = '']) => ({
    name,
    labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1] ?? ''),
  }));
}

function figureOf(name: string) {
  const whole = figures.get(name);
  if (whole !== undefined) return whole.type === 'histogram' ? undefined : whole;
  const histogram = figures.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  return histogram?.type === 'histogram' ? histogram : undefined;
}

function faults(expressions: readonly string[]): string[] {
  return expressions.flatMap((expression) => {
    const names = asked(expression);
    const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap((m) => (m[1] ?? '').split(/,\s*/));
    const known = names.flatMap(({ name }) => figureOf(name)?.labels ?? []);
    return [
      ...names.filter(({ name }) => figureOf(name) === undefined).map(({ name }) => `${name} is no figure`),
      ...names.flatMap(({ name, labels }) =>
        labels
          .filter((label) => ![...ADDED, ...(figureOf(name)?.labels ?? [])].includes(label))
          .map((label) => `${name} has no label ${label}`),
      ),
      ...grouped.filter((label) => ![...ADDED, ...known].includes(label)).map((label) => `no label ${label} to sum by`),
    ];
  });
}

describe('figures, alerts and dashboard', () => {
  it('are named as Prometheus wants it: base units, counters end in _total', () => {
    expect(figures.size).to.be.greaterThan(60);
    for (const { name, type, help } of figures.values()) {
      expect(name).to.match(/^csm_[a-z][a-z0-9_]*$/);
      expect(name.endsWith('_total'), name).to.equal(type === 'counter');
      expect(name, name).not.to.match(/_(?:ms|milliseconds|kb|mb|percent|minutes)(?:_|$)/);
      if (type === 'histogram') expect(name).to.match(/_seconds$/);
      expect(help, name).to.match(/^\S.*[^.]$/);
    }
  });

  it('of the alerts are there, with their labels', () => {
    expect(alertExpressions.length).to.be.greaterThan(15);
    expect(alertExpressions.filter((expression) => asked(expression).length > 0).length).to.be.greaterThan(15);
    expect(faults(alertExpressions)).to.deep.equal([]);
  });

  it('of the dashboard are there, with their labels', () => {
    expect(panelExpressions.length).to.be.greaterThan(20);
    for (const expression of panelExpressions) expect(asked(expression), expression).not.to.deep.equal([]);
    expect(faults(panelExpressions)).to.deep.equal([]);
  });

  it('would be missed if they were not', () => {
    expect(faults(['rate(csm_nothing_total[5m])'])).to.deep.equal(['csm_nothing_total is no figure']);
    expect(faults(['csm_acknowledgement_seconds'])).to.deep.equal(['csm_acknowledgement_seconds is no figure']);
    expect(faults(['csm_outbox_bytes_sum'])).to.deep.equal(['csm_outbox_bytes_sum is no figure']);
    expect(faults(['csm_links{state="up",color=~"x"}'])).to.deep.equal(['csm_links has no label color']);
    expect(faults(['sum by (node, color) (csm_links)'])).to.deep.equal(['no label color to sum by']);
  });

  it('the dashboard is one: panels have ids and places of their own, and legends of labels that are there', () => {
    expect(dashboard).to.include({ uid: 'csm-overview', title: 'CSM' });
    expect(dashboard.schemaVersion).to.be.a('number');
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).to.equal(dashboard.panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos, targets } of dashboard.panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x} ${y}`), `${title} lies over another panel`).to.equal(false);
          taken.add(`${x} ${y}`);
        }
      }
      expect(gridPos.x + gridPos.w, title).to.be.at.most(24);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).to.equal(targets.length);
      for (const { expr, legendFormat } of targets) {
        const labels = [...ADDED, ...asked(expr).flatMap(({ name }) => figureOf(name)?.labels ?? [])];
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(labels, title).to.include(label);
      }
    }
  });

  it('promtool takes the alerts and the sample of a configuration', function () {
    needs(this, 'promtool', hasPromtool, 'prometheus');
    const rules = promtool('check', 'rules', ALERTS);
    expect(rules.status, rules.stdout + rules.stderr).to.equal(0);
    const config = promtool('check', 'config', join(ROOT, 'etc/prometheus/prometheus.yml'));
    expect(config.status, config.stdout + config.stderr).to.equal(0);
  });

  it('every alert fires on what it is for, and none on a cluster that is well', function () {
    needs(this, 'promtool', hasPromtool, 'prometheus');
    this.timeout(60_000);
    const tests = join(ROOT, 'test/fixtures/alerts.test.yml');
    const text = readFileSync(tests, 'utf8');
    const names = [...alertsText.matchAll(/^ +- alert: (\w+)$/gm)].map((match) => match[1] ?? '');
    for (const name of names) {
      const expected = new RegExp(`alertname: ${name}\\n +exp_alerts:\\n +- `);
      expect(expected.test(text), `${name} is tested firing`).to.equal(true);
    }
    const ran = promtool('test', 'rules', tests);
    expect(ran.status, ran.stdout + ran.stderr).to.equal(0);
  });
});
