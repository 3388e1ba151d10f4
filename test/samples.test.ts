/** The four samples in etc/: every setting stands in them, with its unit, its default and how it changes. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { HEARTBEAT_SCHEMA, schemaOf } from '@csm/daemon';
import { isNodeName, isObject, ROLES } from '@csm/model';
import { expect } from 'chai';
import { csmd, ROOT, Site } from './support/daemons.ts';

interface Leaf {
  readonly path: string;
  readonly unit: string | undefined;
  readonly default: unknown;
  readonly required: boolean;
  readonly reload: boolean;
}

/** The settings of a schema, in its order. */
function leaves(schema: object, path = ''): Leaf[] {
  return Object.entries(schema).flatMap(([key, node]: [string, object]) => {
    const at = path === '' ? key : `${path}.${key}`;
    if (Reflect.get(node, 'kind') !== 'setting') return leaves(node, at);
    const { unit, default: fallback, required = false, reload = false } = node as Partial<Leaf>;
    return [{ path: at, unit, default: fallback, required, reload }];
  });
}

/** The roles of the tree, and the service that may stand alone. */
const SAMPLES = [...ROLES, 'heartbeat'] as const;
type Sample = (typeof SAMPLES)[number];
const schemaFor = (role: Sample) => (role === 'heartbeat' ? HEARTBEAT_SCHEMA : schemaOf(role));

const fileOf = (role: Sample) => join(ROOT, 'etc', `csm_${role}.cfg`);
const textOf = (role: Sample) => readFileSync(fileOf(role), 'utf8');

/** The object that holds a path of a sample, and the last key. */
function holder(role: Sample, path: string): readonly [Record<string, unknown>, string] {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let at: unknown = JSON.parse(textOf(role));
  for (const key of keys) at = isObject(at) ? at[key] : undefined;
  return [isObject(at) ? at : {}, last];
}

/** Every key that is no comment, with its path. */
function given(value: unknown, path = ''): string[] {
  if (!isObject(value)) return [];
  return Object.entries(value)
    .filter(([key]) => !key.startsWith('#'))
    .flatMap(([key, one]) => {
      const at = path === '' ? key : `${path}.${key}`;
      return [at, ...given(one, at)];
    });
}

describe('the samples in etc/', () => {
  it('are one for each role', () => {
    const found = readdirSync(join(ROOT, 'etc')).filter((name) => /^csm_.*\.cfg$/.test(name) && name !== 'csm_api.cfg');
    expect(found.sort()).to.deep.equal(SAMPLES.map((role) => `csm_${role}.cfg`).sort());
  });

  for (const role of SAMPLES) {
    it(`csm_${role}.cfg explains every setting, with its default`, () => {
      for (const leaf of leaves(schemaFor(role))) {
        const [group, key] = holder(role, leaf.path);
        const comment = group[`#${key}`];
        expect(comment, `comment of ${leaf.path}`).to.be.a('string');
        const text = String(comment);
        const fallback = leaf.default === undefined ? undefined : leaf.default;
        if (leaf.required) expect(text, leaf.path).to.include('Must be given');
        else if (fallback === undefined)
          expect(text, leaf.path).to.match(/Default: (?:none|all|the host name|csm\.db|heartbeat\.db)/);
        else
          expect(text, leaf.path).to.include(
            `Default: ${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}`,
          );
        expect(text.includes('SIGHUP'), `SIGHUP at ${leaf.path}`).to.equal(leaf.reload);
        if (leaf.unit === 's') expect(text, leaf.path).to.match(/^Seconds/);
        if (leaf.unit === 'bytes') expect(text, leaf.path).to.match(/^Bytes/);
        // What is given shows the default; what has none is given where it must be.
        if (fallback !== undefined) expect(group[key], leaf.path).to.deep.equal(fallback);
        else if (leaf.required) expect(group, leaf.path).to.have.property(key);
      }
    });

    it(`csm_${role}.cfg has no key that is not a setting, and no comment without one`, () => {
      const known = leaves(schemaFor(role)).map(({ path }) => path);
      const isKnown = (path: string) =>
        known.some((k) => k === path || k.startsWith(`${path}.`) || path.startsWith(`${k}.`));
      const whole: unknown = JSON.parse(textOf(role));
      expect(given(whole).filter((path) => !isKnown(path))).to.deep.equal([]);
      const comments = [...textOf(role).matchAll(/"#(\w+)":/g)].map((match) => match[1]);
      const names = known.map((path) => path.slice(path.lastIndexOf('.') + 1));
      expect(comments.filter((name) => !names.includes(name ?? ''))).to.deep.equal([]);
    });
  }

  describe('as they stand, but for their certificates,', () => {
    let site: Site;
    before(async () => {
      site = await Site.open();
    });
    after(() => site.close());

    for (const role of SAMPLES) {
      it(`csm_${role}.cfg passes --check`, async () => {
        const node = isNodeName(hostname()) ? hostname() : 'n1';
        // Who stands alone has no certificate of the tree.
        const cred = role === 'heartbeat' ? '' : await site.cred(role, node);
        let text = textOf(role).replace('/etc/csm/ca.pem', site.ca).replace(`/etc/csm/${role}.pem`, cred);
        if (node !== hostname()) text = text.replace('"role":', `"node_name": "${node}", "role":`);
        const file = join(site.root, `${role}.cfg`);
        writeFileSync(file, text);
        const { code, stdout, stderr } = await csmd(['--role', role, '--file', file, '--check']);
        expect(stderr).to.equal('');
        expect(stdout).to.include(`in order for ${role}/${node}`);
        expect(code).to.equal(0);
      });
    }
  });
});
