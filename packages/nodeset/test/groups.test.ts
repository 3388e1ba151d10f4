import { CsmError, code, fail, type Problem } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  type FoundGroup,
  GROUP_DEPTH_MAX,
  GROUPS_MAX,
  type GroupName,
  type GroupResolver,
  groupText,
  isGroupName,
  NodeSet,
  parseWithGroups,
} from '../src/index.ts';

/** Sources as tables: source → group → definition. The first is the default. */
type Tables = { readonly [source: string]: { readonly [group: string]: string } };

class Twin implements GroupResolver {
  readonly asked: string[] = [];
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async find({ source, group }: GroupName): Promise<FoundGroup> {
    const named = source ?? Object.keys(this.#tables)[0] ?? '';
    this.asked.push(groupText({ source, group }));
    const text = this.#tables[named]?.[group];
    if (text === undefined)
      return fail(code.INVALID_PARAMETER, `there is no group ${group}`, { field: 'nodeset', allowed: 'groups' });
    return { source: named, text, where: `${named}.cfg:${Object.keys(this.#tables[named] ?? {}).indexOf(group) + 1}` };
  }
}

const TABLES: Tables = {
  local: {
    gpu: 'n[1-4]',
    fat: 'n[4-6]',
    login: 'login1',
    both: '@gpu&@fat',
    '*': 'n[1-9],login1',
    rack1: 'n[1-2]',
    rack2: 'n[3-4]',
  },
  site: { gpu: 'g[1-2]', mixed: '@gpu,@local:login', '1': 'x1', 'mgr=a/b': 'm1', none: '' },
};

const read = async (text: string, tables: Tables = TABLES): Promise<string> =>
  (await parseWithGroups(text, new Twin(tables))).toString();

const refusal = (text: string, tables: Tables = TABLES): Promise<Problem> =>
  parseWithGroups(text, new Twin(tables)).then(
    (set) => {
      throw new Error(`${text} is ${set.toString()}`);
    },
    (error: unknown) => (error as CsmError).problem,
  );

describe('groups in node sets', () => {
  const good: readonly (readonly [string, string])[] = [
    ['@gpu', 'n[1-4]'],
    ['@local:gpu', 'n[1-4]'],
    ['@site:gpu', 'g[1-2]'],
    ['@gpu,login1', 'login1,n[1-4]'],
    ['@gpu !n2', 'n[1,3-4]'],
    ['n[1-9]!@gpu', 'n[5-9]'],
    ['@gpu&@fat', 'n4'],
    ['@gpu^@fat', 'n[1-3,5-6]'],
    ['@gpu,@fat!@both', 'n[1-3,5-6]'],
    ['@both', 'n4'],
    ['@site:mixed', 'g[1-2],login1'],
    ['@*', 'login1,n[1-9]'],
    ['@local:*!@gpu', 'login1,n[5-9]'],
    ['@rack[1-2]', 'n[1-4]'],
    ['@rack[1,1-2]^n1', 'n[2-4]'],
    ['@site:1', 'x1'],
    ['@site:mgr=a/b', 'm1'],
    ['n1,@site:none', 'n1'],
    ['@site:none', ''],
    [' @gpu\t@login ', 'login1,n[1-4]'],
    ['n1', 'n1'],
    ['', ''],
  ];
  for (const [text, nodes] of good) it(`'${text}' is '${nodes}'`, async () => expect(await read(text)).to.equal(nodes));

  const bad: readonly (readonly [string, RegExp])[] = [
    ['@', /nothing follows '@' \(position 1\)/],
    ['n1,@ gpu', /nothing follows '@' \(position 4\)/],
    ['@,n1', /nothing follows '@'/],
    ['@nope', /there is no group nope/],
    ['@local:', /'@local:' is not a group \(position 1\)/],
    ['@:gpu', /is not a group/],
    ['@-rf', /'@-rf' is not a group/],
    ['@$(reboot)', /is not a group/],
    ["@a';reboot;'", /is not a group/],
    ['@a`b`', /is not a group/],
    ['@lo/cal:gpu', /is not a group/],
    ['@gp*', /is not a group/],
    ['@r[1-2000]', /2000 groups are spelled out/],
    ['@r[1-', /'\[' is not closed/],
    ['n1@gpu', /'n1@gpu' is not a node name/],
    [`@${'g'.repeat(256)}`, /is not a group/],
  ];
  for (const [text, words] of bad) {
    it(`refuses '${text.slice(0, 30)}'`, async () => {
      const problem = await refusal(text);
      expect(problem).to.include({ code: 9, field: 'nodeset' });
      expect(problem.detail).to.match(words);
      expect(problem.allowed).to.match(/\w/);
    });
  }

  it('names the way round of groups that contain themselves, and where they stand', async () => {
    const loop = { a: { x: 'n1,@y', y: '@b:z', self: '@a:self' }, b: { z: 'n2 @a:x' } };
    const { detail } = await refusal('n9,@x', loop);
    expect(detail).to.equal('the group @a:x contains itself: @a:x → @a:y → @b:z → @a:x (a.cfg:1)');
    expect((await refusal('@self', loop)).detail).to.equal(
      'the group @a:self contains itself: @a:self → @a:self (a.cfg:3)',
    );
  });

  it('says in which definition a fault stands, the innermost', async () => {
    const tables = { a: { x: '@y', y: 'n[1-', z: '@w' } };
    expect((await refusal('@x', tables)).detail).to.match(/^in the group @a:y \(a\.cfg:2\): node set 'n\[1-': /);
    expect((await refusal('@z', tables)).detail).to.equal('in the group @a:z (a.cfg:3): there is no group w');
    expect((await refusal('@w', tables)).detail).to.equal('there is no group w');
  });

  it('bounds depth, number and size', async () => {
    const deep = (n: number): Tables => ({
      a: Object.fromEntries(Array.from({ length: n }, (_, i) => [`g${i}`, i === n - 1 ? 'n1' : `@g${i + 1}`])),
    });
    expect(await read('@g0', deep(GROUP_DEPTH_MAX))).to.equal('n1');
    expect((await refusal('@g0', deep(GROUP_DEPTH_MAX + 1))).detail).to.match(
      /more than 16 groups stand within each other/,
    );
    const wide: Tables = {
      a: Object.fromEntries(
        Array.from({ length: GROUPS_MAX + 1 }, (_, i) => [`g${i}`, 'n1']).concat([
          ['all', Array.from({ length: 5 }, (_, i) => `@g[${i * 900}-${i * 900 + 899}]`).join(',')],
        ]),
      ),
    };
    expect((await refusal('@all', wide)).detail).to.match(/more than 4096 groups are looked up/);
    const large: Tables = { a: { x: 'n[1-600000]', y: 'm[1-600000]' } };
    expect((await refusal('@x,@y', large)).detail).to.match(/1200000 names are spelled out up to here/);
  });

  it('asks for a group once, however often and however it is named', async () => {
    const twin = new Twin({ a: { x: '@y,@y,@a:y', y: 'n1' } });
    expect((await parseWithGroups('@x,@x!@a:y,@y', twin)).toString()).to.equal('n1');
    expect(twin.asked.toSorted()).to.deep.equal(
      ['@a:x', '@a:y', '@x', '@y'].filter((name) => twin.asked.includes(name)),
    );
    expect(new Set(twin.asked).size).to.equal(twin.asked.length);
  });

  it('passes on what a source refuses for other reasons', async () => {
    const broken: GroupResolver = { find: async () => fail(code.TIMEOUT, 'the command took too long') };
    const error = await parseWithGroups('@x', broken).catch((e: unknown) => e);
    expect((error as CsmError).problem).to.include({ code: 5, detail: 'the command took too long' });
  });

  it('is the same as the expression with every group written out', async () => {
    const piece = fc.constantFrom('n1', 'n[2-5]', 'm[1-3]', 'n[4-9/2]', 'x1');
    const groupNames = ['a', 'b', 'c', 'd'];
    const sign = fc.constantFrom(',', '!', '&', '^', ' ');
    // Group i is made of pieces and of groups after it, so that there is no loop.
    const definition = (i: number) =>
      fc.array(fc.tuple(sign, fc.oneof(piece, fc.constantFrom('n7', ...groupNames.slice(i + 1).map((g) => `@${g}`)))), {
        minLength: 1,
        maxLength: 5,
      });
    const joined = (steps: readonly (readonly [string, string])[]) =>
      steps.map(([op, one], i) => (i === 0 ? one : `${op}${one}`)).join('');
    await fc.assert(
      fc.asyncProperty(fc.tuple(...groupNames.map((_, i) => definition(i))), definition(-1), async (groups, top) => {
        const tables: Tables = {
          s: Object.fromEntries(groups.map((steps, i) => [groupNames[i] ?? '', joined(steps)])),
        };
        const sets = new Map<string, NodeSet>();
        const evaluate = (steps: readonly (readonly [string, string])[]): NodeSet => {
          let set = NodeSet.empty;
          for (const [i, [op, one]] of steps.entries()) {
            const other = one.startsWith('@') ? (sets.get(one.slice(1)) ?? NodeSet.empty) : NodeSet.parse(one);
            if (i === 0 || op === ',' || op === ' ') set = set.union(other);
            else set = op === '!' ? set.difference(other) : op === '&' ? set.intersection(other) : set.xor(other);
          }
          return set;
        };
        for (let i = groups.length - 1; i >= 0; i--) sets.set(groupNames[i] ?? '', evaluate(groups[i] ?? []));
        expect(await read(joined(top), tables)).to.equal(evaluate(top).toString());
      }),
      { numRuns: 300 },
    );
  });

  it('gives legal names or a problem for text from anywhere', async () => {
    const near = fc.string({ unit: fc.constantFrom(...'n12@:*gpu[]-,!&^ /=$`'.split('')), maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(near, async (text) => {
        try {
          await parseWithGroups(text, new Twin(TABLES));
        } catch (e) {
          if (!(e instanceof CsmError)) throw e;
          expect(e.problem).to.include({ code: 9, field: 'nodeset' });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('has names that mean nothing to a shell', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        if (isGroupName(text))
          expect(text)
            .to.match(/^\w[\w.=+/%:-]*$/)
            .and.not.match(/[\s'"`$\\;|&<>(){}[\]*?!#]/);
      }),
      { numRuns: 2000 },
    );
  });
});
