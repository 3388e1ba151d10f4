import { expect } from 'chai';
import { KINDS, MESSAGES, type Message } from '../src/message.ts';
import { readMessage } from '../src/read.ts';
import { FIELDS_SINCE, NEXT_FIELD, NEXT_KIND, speakAs } from '../src/speak.ts';
import { VERSION } from '../src/version.ts';
import { sample, wayOf } from './samples.ts';

describe('speakAs', () => {
  it('changes nothing for our own version', () => {
    for (const kind of KINDS) expect(speakAs(VERSION, sample(kind))).to.deep.equal([sample(kind)]);
  });

  for (const version of ['1.0', '1.1', '1.2', '1.3', '1.5']) {
    it(`${version}: all it says is read by today's code`, () => {
      for (const kind of KINDS) {
        for (const value of speakAs(version, sample(kind))) {
          const wire: unknown = JSON.parse(JSON.stringify(value));
          const reading = readMessage(wire, wayOf(kind));
          if ((value as { kind: string }).kind === NEXT_KIND)
            expect(reading).to.deep.equal({ kind: 'unsupported', of: NEXT_KIND });
          else expect(reading, kind).to.deep.equal({ kind: 'message', message: wire });
        }
      }
    });
  }

  it('1.0 has no clocks, and says its version', () => {
    const { clock: _, ...hello } = sample('hello') as unknown as Record<string, unknown>;
    expect(speakAs('1.0', sample('hello'))).to.deep.equal([{ ...hello, version: '1.0' }]);
    const { clock: __, term: ___, ...welcome } = sample('welcome') as unknown as Record<string, unknown>;
    expect(speakAs('1.0', sample('welcome'))).to.deep.equal([{ ...welcome, version: '1.0' }]);
  });

  it('1.1 has clocks, and does not ask for anything again', () => {
    expect(speakAs('1.1', sample('hello'))).to.deep.equal([{ ...sample('hello'), version: '1.1' }]);
    const { again: _, ...claimed } = sample('claimed') as unknown as Record<string, unknown>;
    expect(speakAs('1.1', sample('claimed'))).to.deep.equal([claimed]);
  });

  it('1.2 leads without a term', () => {
    const { term: _, ...welcome } = sample('welcome') as unknown as Record<string, unknown>;
    expect(speakAs('1.2', sample('welcome'))).to.deep.equal([{ ...welcome, version: '1.2' }]);
    expect(speakAs('1.2', sample('claimed'))).to.deep.equal([sample('claimed')]);
  });

  it('1.3 calls without telling how the caller was known', () => {
    const call = sample('call') as Extract<Message, { kind: 'call' }>;
    const { via: _, token: __, ...caller } = call.caller;
    expect(speakAs('1.3', call)).to.deep.equal([{ ...call, caller }]);
    expect(speakAs('1.3', { ...call, caller })).to.deep.equal([{ ...call, caller }]);
    expect(speakAs('1.3', sample('welcome'))).to.deep.equal([{ ...sample('welcome'), version: '1.3' }]);
  });

  it('1.5 adds an unknown field to everything, and an unknown kind after the greeting', () => {
    for (const kind of KINDS) {
      const [first, ...rest] = speakAs('1.5', sample(kind)) as Record<string, unknown>[];
      expect(first, kind).to.have.property(NEXT_FIELD);
      expect(rest.map((v) => v['kind'])).to.deep.equal(kind === 'hello' || kind === 'welcome' ? [NEXT_KIND] : []);
    }
    expect((speakAs('1.5', sample('hello'))[0] as Record<string, unknown>)['version']).to.equal('1.5');
  });

  it('says even a version that is none, so that a refusal can be tested', () => {
    expect(speakAs('nonsense', sample('hello'))).to.deep.equal([{ ...sample('hello'), version: 'nonsense' }]);
    expect((speakAs('2.0', sample('hello'))[0] as Record<string, unknown>)['version']).to.equal('2.0');
  });

  it('never changes the message it was given', () => {
    for (const kind of KINDS) {
      const before = structuredClone(sample(kind));
      speakAs('1.0', sample(kind));
      speakAs('1.5', sample(kind));
      expect(sample(kind)).to.deep.equal(before);
    }
  });

  it('knows only fields that exist and are optional', () => {
    for (const path of Object.keys(FIELDS_SINCE)) {
      const [kind, ...fields] = path.split('.') as [keyof typeof MESSAGES, ...string[]];
      let schema = MESSAGES[kind].schema as unknown as { properties: Record<string, unknown>; required: string[] };
      for (const outer of fields.slice(0, -1)) schema = schema.properties[outer] as typeof schema;
      const field = fields.at(-1) ?? '';
      expect(schema.properties, path).to.have.property(field);
      expect(schema.required, path).not.to.include(field);
    }
  });
});
