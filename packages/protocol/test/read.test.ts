import { expect } from 'chai';
import fc from 'fast-check';
import { KINDS, type Kind, MESSAGES, type Way } from '../src/message.ts';
import { readMessage } from '../src/read.ts';
import { sample, wayOf } from './samples.ts';

const WAYS: readonly Way[] = ['leaf>hub', 'hub>leaf', 'hub>core', 'core>hub'];

/** The part of a JSON schema this test walks. */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

const schemaOf = (kind: Kind): Schema => MESSAGES[kind].schema as unknown as Schema;

/** Every object inside a message with its schema: path, as the error text writes it. */
function* objects(schema: Schema, value: unknown, path: string[]): Generator<{ schema: Schema; path: string[] }> {
  if (schema.anyOf !== undefined && typeof value === 'object' && value !== null) {
    const mark = (value as Record<string, unknown>)['event'];
    const shape = schema.anyOf.find((s) => s.properties?.['event']?.const === mark);
    if (shape !== undefined) yield* objects(shape, value, path);
  } else if (schema.type === 'array' && Array.isArray(value) && schema.items !== undefined) {
    for (const [i, element] of value.entries()) yield* objects(schema.items, element, [...path, String(i)]);
  } else if (schema.properties !== undefined) {
    yield { schema, path };
    for (const [name, inner] of Object.entries(schema.properties))
      yield* objects(inner, (value as Record<string, unknown>)[name], [...path, name]);
  }
}

function changed(value: unknown, path: readonly string[], change: (at: Record<string, unknown>) => void): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(value));
  let here = copy as Record<string, unknown>;
  for (const key of path) here = here[key] as Record<string, unknown>;
  change(here);
  return copy;
}

const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  string: [5, null, true, ['x'], { a: 1 }],
  integer: ['5', null, 1.5, true, [], -1.5],
  number: ['5', null, false, {}],
  boolean: ['true', 0, null, []],
  array: [{}, 'x', null, 7],
  object: ['x', null, [], 3],
};

describe('readMessage', () => {
  it('has a sample of every kind that fills every field of its schema', () => {
    for (const kind of KINDS) {
      for (const { schema, path } of objects(schemaOf(kind), sample(kind), [])) {
        const missing = Object.keys(schema.properties ?? {}).filter((name) => {
          let here: unknown = sample(kind);
          for (const key of path) here = (here as Record<string, unknown>)[key];
          return !(name in (here as object));
        });
        // A list shows a field once; its other elements may go without it.
        const first = path.at(-1) === undefined || Number.isNaN(Number(path.at(-1))) || path.at(-1) === '0';
        const isPart = kind === 'result' || kind === 'verdicts' || kind === 'acks';
        if (first && !isPart) expect(missing, `${kind} ${path.join('.')}`).to.deep.equal([]);
      }
    }
  });

  for (const kind of KINDS) {
    describe(kind, () => {
      it('reads a valid one, as it is', () => {
        for (const way of MESSAGES[kind].ways) {
          expect(readMessage(sample(kind), way)).to.deep.equal({ kind: 'message', message: sample(kind) });
        }
      });

      it('ignores fields it does not know, at every depth', () => {
        for (const { path } of objects(schemaOf(kind), sample(kind), [])) {
          const value = changed(sample(kind), path, (at) => {
            at['x_later'] = { anything: [1, 'two'] };
          });
          expect(readMessage(value, wayOf(kind)).kind, path.join('.')).to.equal('message');
        }
      });

      it('breaks on each missing field, which is named', () => {
        for (const { schema, path } of objects(schemaOf(kind), sample(kind), [])) {
          for (const name of schema.required ?? []) {
            if (path.length === 0 && name === 'kind') continue;
            const value = changed(sample(kind), path, (at) => {
              delete at[name];
            });
            const reading = readMessage(value, wayOf(kind));
            expect(reading.kind, `${path.join('.')}.${name}`).to.equal('broken');
            if (reading.kind !== 'broken') continue;
            expect(reading.reason).to.include(`'${kind}': `);
            if (name !== 'event') expect(reading.reason).to.include(`${[...path, name].join('.')} is required`);
          }
        }
      });

      it('goes without each optional field', () => {
        for (const { schema, path } of objects(schemaOf(kind), sample(kind), [])) {
          for (const name of Object.keys(schema.properties ?? {})) {
            if (schema.required?.includes(name)) continue;
            const value = changed(sample(kind), path, (at) => {
              delete at[name];
            });
            expect(readMessage(value, wayOf(kind)).kind, `${path.join('.')}.${name}`).to.equal('message');
          }
        }
      });

      it('breaks on each field of a wrong type, and says field, value and what is allowed', () => {
        for (const { schema, path } of objects(schemaOf(kind), sample(kind), [])) {
          for (const [name, inner] of Object.entries(schema.properties ?? {})) {
            if (path.length === 0 && name === 'kind') continue;
            const type = inner.anyOf?.every((s) => s.type === 'string') ? 'string' : inner.type;
            for (const wrong of WRONG[type ?? ''] ?? []) {
              const value = changed(sample(kind), path, (at) => {
                at[name] = wrong;
              });
              const reading = readMessage(value, wayOf(kind));
              expect(reading.kind, `${path.join('.')}.${name} = ${JSON.stringify(wrong)}`).to.equal('broken');
              if (reading.kind !== 'broken' || name === 'event') continue;
              expect(reading.reason).to.include([...path, name].join('.'));
              expect(reading.reason).to.include(`given ${JSON.stringify(wrong)}`);
              expect(reading.reason).to.match(/ must (be|match) /);
            }
          }
        }
      });

      it('breaks on a way it does not go, and says which are allowed', () => {
        const ways = MESSAGES[kind].ways as readonly Way[];
        for (const way of WAYS.filter((w) => !ways.includes(w))) {
          const reading = readMessage(sample(kind), way);
          expect(reading).to.deep.equal({
            kind: 'broken',
            reason: `'${kind}' is not a message for the way ${way}, only for ${ways.join(', ')}`,
          });
        }
      });
    });
  }

  it('names the words that are allowed', () => {
    const hello = { ...sample('hello'), role: 'king' };
    expect(readMessage(hello, 'leaf>hub')).to.deep.equal({
      kind: 'broken',
      reason: `'hello': role must be one of "master", "aggregator", "utility", "compute", given "king"`,
    });
    const links = { kind: 'links', sequence: 1, events: [{ event: 'found', ref: 1 }] };
    expect(readMessage(links, 'hub>core')).to.deep.equal({
      kind: 'broken',
      reason: `'links': events.0.event must be one of "linked", "lost", "claim", given "found"`,
    });
  });

  it('names bounds', () => {
    const cases: readonly [unknown, Way, string][] = [
      [{ ...sample('report'), first: 0 }, 'leaf>hub', `'report': first must be >= 1, given 0`],
      [
        { ...sample('hello'), interval: 315_360_000_001 },
        'leaf>hub',
        `'hello': interval must be <= 315360000000, given 315360000001`,
      ],
      [{ ...sample('ack'), cursor: -1 }, 'hub>leaf', `'ack': cursor must be >= 0, given -1`],
      [{ ...sample('report'), items: [] }, 'leaf>hub', `'report': items must not have fewer than 1 items, given []`],
    ];
    for (const [value, way, reason] of cases) expect(readMessage(value, way)).to.deep.equal({ kind: 'broken', reason });
  });

  it('cuts long values in its words', () => {
    const reading = readMessage({ ...sample('hello'), node: 'n'.repeat(100_000) }, 'leaf>hub');
    expect(reading.kind).to.equal('broken');
    if (reading.kind === 'broken') expect(reading.reason.length).to.be.lessThan(300);
  });

  it('calls an unknown kind unsupported, and cuts its name to what an answer may carry', () => {
    expect(readMessage({ kind: 'x-next' }, 'leaf>hub')).to.deep.equal({ kind: 'unsupported', of: 'x-next' });
    expect(readMessage({ kind: 'toString' }, 'leaf>hub')).to.deep.equal({ kind: 'unsupported', of: 'toString' });
    expect(readMessage({ kind: '__proto__' }, 'leaf>hub')).to.deep.equal({ kind: 'unsupported', of: '__proto__' });
    const reading = readMessage({ kind: 'k'.repeat(1000) }, 'core>hub');
    expect(reading).to.deep.equal({ kind: 'unsupported', of: 'k'.repeat(128) });
    expect(readMessage({ kind: 'unsupported', of: 'k'.repeat(128) }, 'hub>core').kind).to.equal('message');
  });

  it('breaks on what is no message at all', () => {
    for (const value of [
      null,
      undefined,
      5,
      'hello',
      [],
      [{ kind: 'beat' }],
      {},
      { kind: 5 },
      { kind: null },
      { kind: '' },
    ])
      expect(readMessage(value, 'leaf>hub').kind, JSON.stringify(value)).to.equal('broken');
  });

  it('never throws, whatever comes', () => {
    const kinds = fc.constantFrom(...KINDS);
    const way = fc.constantFrom(...WAYS);
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withDate: true }), way, (value, w) => {
        expect(['message', 'unsupported', 'broken']).to.include(readMessage(value, w).kind);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(kinds, way, fc.string(), fc.anything(), (kind, w, field, value) => {
        const names = Object.keys(sample(kind));
        const name = names[field.length % names.length] ?? 'kind';
        readMessage({ ...sample(kind), [name]: value }, w);
        readMessage({ kind, [field]: value }, w);
      }),
      { numRuns: 500 },
    );
  });

  it('gives back only what its own schema allows: a message read once is read again', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), fc.jsonValue(), (kind, junk) => {
        const value: unknown = JSON.parse(JSON.stringify({ ...sample(kind), later: junk }));
        const reading = readMessage(value, wayOf(kind));
        expect(reading.kind).to.equal('message');
        if (reading.kind === 'message') expect(readMessage(reading.message, wayOf(kind))).to.deep.equal(reading);
      }),
    );
  });
});
