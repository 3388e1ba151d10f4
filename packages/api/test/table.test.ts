import { code } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { BodyRoom, parseBody } from '../src/body.ts';
import { faults } from '../src/faults.ts';
import {
  type ApiRow,
  ApiTable,
  describe as describeTable,
  generateClient,
  generateReference,
  openApi,
} from '../src/index.ts';
import { coerce } from '../src/input.ts';
import { asJsonSchema } from '../src/schema.ts';
import { ROWS, TABLE } from './sample.ts';

const problemOf = (name: string, input: unknown) => {
  const result = TABLE.validate(name, input);
  if (result.ok) throw new Error(`${JSON.stringify(input)} was accepted`);
  return result.error;
};

describe('ApiTable.validate', () => {
  it('accepts what fits', () => {
    expect(TABLE.validate('node.list', { limit: 5, fields: ['a'], connected: true }).ok).to.equal(true);
    expect(TABLE.validate('node.update', { name: 'n1', comment: null, slots: [{ id: 1, size: 0.5 }] }).ok).to.equal(
      true,
    );
  });

  it('names field, value and what is allowed', () => {
    expect(problemOf('node.list', { limit: 900 })).to.include({
      code: 9,
      field: 'limit',
      allowed: 'an integer of 1 to 100',
      detail: "'limit' is 900; allowed is an integer of 1 to 100",
    });
    expect(problemOf('node.list', { state: 'UP' }).detail).to.equal(
      "'state' is \"UP\"; allowed is 'IN_SERVICE' or 'DISCOVERED'",
    );
    expect(problemOf('node.show', { name: '../x' }).detail).to.equal('\'name\' is "../x"; allowed is a node name');
  });

  it('answers code 8 for a missing field', () => {
    expect(problemOf('node.show', {})).to.include({ code: 8, name: 'MISSING_PARAMETER', field: 'name' });
    expect(problemOf('node.show', { nam: 'x' }).detail).to.equal(
      "'name' is missing; it is a node name; 'nam' is not known here; did you mean 'name'?",
    );
  });

  it('names every fault, inside lists and objects too, but not a million', () => {
    const p = problemOf('node.update', {
      name: 'n1',
      comment: 5,
      slots: [
        { id: 1, size: 1 },
        { id: 'x', siz: 2 },
      ],
    });
    expect(p).to.include({ code: 9, field: 'comment' });
    expect(p.detail).to.equal(
      "'comment' is 5; allowed is text of at most 20 characters or null; 'slots[1].size' is missing; it is a number; " +
        "'slots[1].id' is \"x\"; allowed is an integer; 'slots[1].siz' is not known here; did you mean 'size'?",
    );
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`f${i}`, i]));
    expect(problemOf('node.list', many).detail.length).to.be.lessThan(2_000);
    expect(problemOf('node.list', { ['x'.repeat(1e6)]: 1, nodes: 'y'.repeat(1e6) }).detail.length).to.be.lessThan(500);
  });

  it('never repeats a value that is secret', () => {
    const secret = Type.String({ pattern: '^[a-z]+$', secret: true });
    const input = Type.Object({ a: Type.Optional(secret), b: Type.Optional(Type.Union([secret, Type.Null()])) });
    for (const field of ['a', 'b']) {
      const [fault] = faults(input, { [field]: 'Hush1' });
      expect(fault?.text)
        .to.match(new RegExp(`^'${field}' is not what it must be; allowed is `))
        .and.not.include('Hush');
    }
  });

  it('refuses an input that is no object, and a call that is not there', () => {
    expect(problemOf('node.list', 'x').detail).to.contain('the input is "x"');
    expect(TABLE.validate('node.lst', {})).to.deep.include({ ok: false });
    expect(TABLE.unknownCall('node.lst')).to.include({
      code: 11,
      detail: "there is no call 'node.lst'; did you mean 'node.list'?",
    });
  });

  it('refuses __proto__ as any unknown field', () => {
    const row = TABLE.row('node.list');
    if (row === undefined) throw new Error('no row');
    const read = TABLE.read(row, { path: {}, query: {}, body: JSON.parse('{"__proto__":{"limit":1}}') });
    expect(read.ok).to.equal(false);
    if (!read.ok) expect(read.error.field).to.equal('__proto__');
  });

  it('finds a fault wherever the compiled check finds one, and none else (property)', () => {
    const value = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.integer()),
    );
    const record = fc.record(
      {
        name: fc.oneof(fc.stringMatching(/^[a-z0-9]{0,4}$/), value),
        comment: fc.oneof(fc.string({ maxLength: 30 }), fc.constant(null), value),
        slots: fc.oneof(
          value,
          fc.array(fc.record({ id: value, size: value, more: value }, { requiredKeys: [] }), { maxLength: 3 }),
        ),
        other: value,
      },
      { requiredKeys: [] },
    );
    const schema = TABLE.row('node.update')?.input;
    if (schema === undefined) throw new Error('no schema');
    const check = Compile(schema);
    fc.assert(
      fc.property(record, (input) => {
        expect(faults(schema, input).length === 0).to.equal(check.Check(input));
      }),
    );
  });
});

describe('input of a request', () => {
  const read = (
    name: string,
    parts: { path?: Record<string, string>; query?: Record<string, string | string[]>; body?: unknown },
  ) => {
    const row = TABLE.row(name);
    if (row === undefined) throw new Error('no row');
    const result = TABLE.read(row, { path: parts.path ?? {}, query: parts.query ?? {}, body: parts.body });
    return result.ok ? result.value : result.error.detail;
  };

  it('coerces text by schema', () => {
    expect(read('node.list', { query: { limit: '7', connected: 'true', fields: 'a', nodes: '12' } })).to.deep.equal({
      limit: 7,
      connected: true,
      fields: ['a'],
      nodes: '12',
    });
    expect(read('node.list', { query: { fields: ['a', 'b'] } })).to.deep.equal({ fields: ['a', 'b'] });
    expect(read('job.cancel', { path: { id: '4' } })).to.deep.equal({ id: 4 });
  });

  it('leaves unreadable text for the check to name', () => {
    expect(read('node.list', { query: { limit: '0x10' } })).to.equal(
      '\'limit\' is "0x10"; allowed is an integer of 1 to 100',
    );
    expect(read('node.list', { query: { limit: '' } })).to.contain('\'limit\' is ""');
    expect(read('node.list', { query: { limit: ['1', '2'] } })).to.contain("'limit' is a list of 2");
    expect(read('node.list', { query: { connected: 'maybe' } })).to.contain('allowed is true or false');
  });

  it('merges path and body, and refuses a field given twice', () => {
    expect(read('node.update', { path: { name: 'n1' }, body: { comment: 'x' } })).to.deep.equal({
      name: 'n1',
      comment: 'x',
    });
    expect(read('node.update', { path: { name: 'n1' }, body: { name: 'n2', comment: 'x' } })).to.contain('given twice');
    expect(read('node.update', { path: { name: 'n1' }, body: [1] })).to.contain('no JSON object');
  });

  it('never turns text into something that is not text, a number or a boolean (property)', () => {
    const schema = asJsonSchema(Type.Union([Type.Integer(), Type.Boolean()]));
    fc.assert(
      fc.property(fc.string(), (text) => {
        const value = coerce(schema, text);
        if (typeof value === 'number') expect(Number.isFinite(value) && Number(text) === value).to.equal(true);
        else if (typeof value !== 'boolean') expect(value).to.equal(text);
      }),
    );
  });

  it('has room for so many large bodies, and for one more of root', () => {
    const room = new BodyRoom(200_000);
    expect([room.take(100_000, false), room.take(100_000, false), room.take(10, false)]).to.deep.equal([1e5, 1e5, 0]);
    expect(room.take(100_000, false)).to.include({ code: code.MEMORY });
    expect(room.take(100_000, true)).to.equal(100_000);
    expect(room.take(100_000, true)).to.include({ code: code.MEMORY });
    room.give(100_000);
    room.give(100_000);
    expect(room.take(100_000, false)).to.equal(100_000);
  });

  it('reads a body without recursion', () => {
    expect(parseBody('', 3)).to.equal(undefined);
    expect(parseBody('{"a":[1]}', 3)).to.deep.equal({ a: [1] });
    expect(() => parseBody('{"a":', 3)).to.throw('not JSON');
    expect(() => parseBody(`${'['.repeat(400_000)}${']'.repeat(400_000)}`, 32)).to.throw('deeper than 32 levels');
    expect(parseBody('[[[1]]]', 3)).to.deep.equal([[[1]]]);
    expect(() => parseBody('[[[[1]]]]', 3)).to.throw('deeper than 3 levels');
  });
});

describe('ApiTable', () => {
  it('matches paths and tells the nearest', () => {
    expect(TABLE.match('GET', '/csm/v1/nodes/n1').row?.name).to.equal('node.show');
    expect(TABLE.match('PUT', '/csm/v1/nodes/n1')).to.deep.equal({ methods: ['GET', 'PATCH'] });
    expect(TABLE.match('GET', '/csm/v1/nodes/').methods).to.deep.equal([]);
    expect(TABLE.unknownPath('/csm/v1/node').detail).to.contain('did you mean /csm/v1/nodes?');
    expect(TABLE.unknownPath('/csm/v1/node/n1').detail).to.contain('did you mean /csm/v1/nodes/:name?');
    expect(TABLE.unknownPath(`/${'x'.repeat(15_000)}`).detail.length).to.be.lessThan(300);
  });

  it('fills in the time-out and places fields', () => {
    expect(TABLE.row('node.list')).to.deep.include({
      timeoutSeconds: 30,
      placement: { path: [], query: ['nodes', 'state', 'limit', 'fields', 'connected'], body: [] },
    });
    expect(TABLE.row('node.update')?.placement).to.deep.equal({
      path: ['name'],
      query: [],
      body: ['comment', 'slots'],
    });
  });

  it('holds an answer against its schema', () => {
    const fault = (value: unknown) => TABLE.outputFault('node.update', 'output', value)?.detail;
    expect(fault({ changed: 1 })).to.equal(undefined);
    expect(fault({ changed: 'x' })).to.contain("'changed'");
    expect(TABLE.outputFault('job.cancel', 'output', undefined)).to.equal(undefined);
    expect(TABLE.outputFault('job.cancel', 'output', 1)?.detail).to.contain('has no output');
  });

  it('refuses rows with mistakes, all at once', () => {
    const row = ROWS[0] as ApiRow;
    const bad: ApiRow[] = [
      row,
      { ...row, changes: true, timeoutSeconds: 2, enters: [] },
      { ...row, name: 'Bad Name', path: '/csm/v1/x/:y', input: Type.Object({}) },
      {
        ...row,
        name: 'a.b',
        path: '/csm/v1/y',
        input: Type.Object({ o: Type.Object({}) }, { additionalProperties: false }),
      },
      {
        ...row,
        name: 'a.c',
        path: '/csm/v1/z',
        item: Type.Object({ end: Type.Boolean() }),
      },
      { ...row, name: 'a.d', path: '/csm/v1/u', access: 'private' },
      { ...row, name: 'a.e', path: '/csm/v1/v', internal: true },
    ];
    let text = '';
    try {
      new ApiTable(bad);
    } catch (error) {
      text = (error as Error).message;
    }
    for (const part of [
      'the name stands twice',
      'is the route of node.list too',
      'a GET may change nothing',
      'time-out of 2 s',
      'enters by no role',
      'Bad Name: the name does not match',
      ':y is no required field',
      'lacks additionalProperties',
      "'o' cannot stand in a query",
      "the field 'end'",
      'both an output and items',
      'a.d: it is private, and its handler checks no owner',
      'a.e: it is internal, and enters by compute daemons',
    ]) {
      expect(text).to.contain(part);
    }
  });

  it('offers nobody the calls between daemons', () => {
    const input = Type.Object({ bearer: Type.String() }, { additionalProperties: false });
    const inner: ApiRow = {
      name: 'token.resolve',
      summary: 'Tells whose a token is',
      access: 'public',
      method: 'POST',
      path: '/csm/v1/inner',
      input,
      changes: false,
      enters: ['utility'],
      reach: 'master',
      internal: true,
    };
    const table = new ApiTable([...ROWS, inner]);
    expect(table.row('token.resolve')?.name).to.equal('token.resolve');
    expect(table.validate('token.resolve', { bearer: 'x' }).ok).to.equal(true);
    expect(table.offered.map((row) => row.name)).to.deep.equal(ROWS.map((row) => row.name));
    expect(table.match('POST', '/csm/v1/inner').methods).to.deep.equal([]);
    expect(table.unknownPath('/csm/v1/innr').detail).to.not.contain('/csm/v1/inner');
    expect(table.unknownCall('token.resolv').detail).to.not.contain('token.resolve');
    for (const text of [JSON.stringify(openApi(table, '1')), generateClient(table), generateReference(table)]) {
      expect(text).to.not.contain('token.resolve').and.to.not.contain('/csm/v1/inner');
    }
    expect(describeTable(table).map((row) => row.name)).to.not.include('token.resolve');
  });
});
