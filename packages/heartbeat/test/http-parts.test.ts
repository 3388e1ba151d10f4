/// <reference types="mocha" />
/** The pure parts of the HTTP door. */
import { CsmError, wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { fullBeat, shortBeat } from '../src/http/beat.ts';
import { beatPath } from '../src/http/fast.ts';
import { mayBeat, mayCall, type Peer, type PeerFacts, peerOf } from '../src/http/identity.ts';
import { problemAnswer, refusal } from '../src/http/problem.ts';
import { momentOf, onlyKnown, wholeOf, wordsOf } from '../src/http/query.ts';
import type { Method, Route } from '../src/http/route.ts';
import { longPath, Router } from '../src/http/router.ts';
import { targetOf } from '../src/http/target.ts';
import { readThresholds } from '../src/http/thresholds.ts';

const refusedBy = (work: () => unknown): { readonly detail: string; readonly field?: string } => {
  try {
    work();
  } catch (error) {
    if (error instanceof CsmError) return error.problem;
    throw error;
  }
  throw new Error('it was not refused');
};

describe('the body of a heartbeat', () => {
  const good = { Component: 'x0', Hostname: 'h', NID: '1', Status: 'OK', Timestamp: 'now' };

  it('is given back as it is when it has what it should', () => {
    expect(fullBeat(good)).equals(good);
    expect(shortBeat({ Status: 'OK', Timestamp: 'now' })).deep.equals({ Status: 'OK', Timestamp: 'now' });
  });

  it('is read alike whichever way it is read', () => {
    // A field more sends it the long way round.
    const value = fc.oneof(fc.constantFrom('x', '', null, 1), fc.string());
    const body = fc.record(
      { Component: value, Hostname: value, NID: value, Status: value, Timestamp: value },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(body, (fields) => {
        expect(fullBeat({ ...fields, Other: 1 })).deep.equals(fullBeat(fields));
      }),
      { numRuns: 1_000 },
    );
  });

  it('has the last of several keys that are one', () => {
    expect(fullBeat({ ...good, component: 'x1' })).deep.equals({ ...good, Component: 'x1' });
    expect(fullBeat({ ...good, component: null })).deep.equals(good);
    expect(fullBeat({ ...good, component: 1 })).equals('Invalid JSON data type');
    expect(fullBeat(JSON.parse('{"__proto__":{"Component":"x0"},"Hostname":"h"}'))).equals('Missing Component field');
  });

  it('does not look at what a short one does not have', () => {
    expect(shortBeat({ Component: 1, Status: 'OK', Timestamp: 't', Hostname: {} })).deep.equals({
      Status: 'OK',
      Timestamp: 't',
    });
    expect(shortBeat({ Component: 'x', Status: 1 })).equals('Invalid data type in Status field');
    expect(shortBeat(null)).equals('Missing Status field');
  });
});

describe('the way of a request', () => {
  it('is short for heartbeats with a plain name', () => {
    for (const [url, name] of [
      ['/hmi/v1/heartbeat', ''],
      ['/v1/heartbeat', ''],
      ['/hmi/v1/heartbeat/x0c0s0b0n0', 'x0c0s0b0n0'],
      ['/v1/heartbeat/X0', 'X0'],
      ['/hmi/v1/heartbeat/', undefined],
      ['/hmi/v1/heartbeats', undefined],
      ['/hmi/v1/heartbeat?a=1', undefined],
      ['/hmi/v1/heartbeat/x0/', undefined],
      ['/hmi/v1/heartbeat/x0?a', undefined],
      ['/hmi/v1/heartbeat/%20x0', undefined],
      ['/hmi/v1/params', undefined],
      ['', undefined],
    ] as const)
      expect(beatPath(url), url).equals(name);
  });

  it('has a long form', () => {
    expect(longPath('/v1/params')).equals('/hmi/v1/params');
    expect(longPath('/v1')).equals('/hmi/v1');
    expect(longPath('/v10/params')).equals('/v10/params');
    expect(longPath('/hmi/v1/params/')).equals('/hmi/v1/params');
    expect(longPath('/')).equals('/');
    expect(targetOf('/v1/a?b=/c/')).deep.equals({ path: '/hmi/v1/a', query: 'b=/c/' });
    expect(targetOf('http://host:1/v1/a?b')).deep.equals({ path: '/hmi/v1/a', query: 'b' });
    expect(targetOf('*')).deep.equals({ path: '', query: '' });
  });

  const route = (method: Method, path: string): Route => ({
    method,
    path,
    id: `${method} ${path}`,
    summary: '',
    answers: {},
    handle: () => ({ status: 200 }),
  });

  it('is found in the table', () => {
    const router = new Router([
      route('GET', '/a'),
      route('PUT', '/a'),
      route('GET', '/a/{x}'),
      route('PATCH', '/a/all'),
      route('GET', '/a/{x}/b/{y}'),
    ]);
    const found = (method: string, path: string): string => {
      const way = router.find(method, path);
      if (way.kind === 'method') return way.allow.join(' ');
      return way.kind === 'route' ? `${way.route.id} ${JSON.stringify(way.params)}` : way.kind;
    };
    expect(found('GET', '/a')).equals('GET /a {}');
    expect(found('HEAD', '/a')).equals('GET /a {}');
    expect(found('POST', '/a')).equals('GET HEAD PUT');
    expect(found('GET', '/a/1')).equals('GET /a/{x} {"x":"1"}');
    expect(found('GET', '/a/%41%2F')).equals('GET /a/{x} {"x":"A/"}');
    // A word of the table is itself, not a parameter.
    expect(found('GET', '/a/all')).equals('PATCH');
    expect(found('GET', '/a/1/b/2')).equals('GET /a/{x}/b/{y} {"x":"1","y":"2"}');
    expect(found('GET', '/a/1/b')).equals('none');
    expect(found('GET', '/a//b/2')).equals('none');
    expect(found('GET', '/a/%E0%A4')).equals('malformed');
    expect(found('GET', '')).equals('none');
    expect(found('GET', '/constructor')).equals('none');
  });

  it('stands there once', () => {
    expect(() => new Router([route('GET', '/a'), route('GET', '/a')])).throws('stands twice');
    expect(() => new Router([route('GET', '/{a}'), route('PUT', '/{b}')])).throws('{b} is {a} elsewhere');
  });
});

describe('problem details', () => {
  it('leave out what is empty', () => {
    const answer = problemAnswer({ status: 400, title: 'T', detail: '', instance: '' });
    expect(answer.body).equals('{"type":"about:blank","title":"T","status":400}\n');
  });

  it('are worded as the path has it', () => {
    expect(refusal('/hmi/v1/x', 404, 'D').body).equals(
      '{"type":"about:blank","title":"Invalid Request","detail":"D","instance":"/hmi/v1/x","status":404}\n',
    );
    expect(refusal('/hmi/v1/x', 503, 'D').body).contains('"title":"Internal Server Error"');
    expect(refusal('/hsm/v2/x', 404, 'D').body).equals(
      '{"type":"about:blank","title":"Not Found","detail":"D","status":404}\n',
    );
  });
});

describe('query parameters', () => {
  it('are refused in words', () => {
    const q = (text: string) => new URLSearchParams(text);
    expect(refusedBy(() => onlyKnown(q('a=1'), ['b'])).detail).equals("'a' is no parameter of this path");
    expect(refusedBy(() => wholeOf(q('n=1&n=2'), 'n', 0, 9)).detail).equals('n is given 2 times');
    for (const text of ['n=', 'n=x', 'n=-1', 'n=1.5', 'n=10', 'n=1e1'])
      expect(refusedBy(() => wholeOf(q(text), 'n', 0, 9)).field, text).equals('n');
    expect(wholeOf(q('n=9'), 'n', 0, 9)).equals(9);
    expect(wholeOf(q(''), 'n', 0, 9)).equals(undefined);
    expect(wordsOf(q('w=ok,ALERT&w=ok'), 'w', ['OK', 'Alert'])).deep.equals(['OK', 'Alert', 'OK']);
    expect(refusedBy(() => wordsOf(q('w=ok,'), 'w', ['OK'])).detail).equals("w is ''");
    expect(momentOf(q('t=2026-01-31T08:00:00Z'), 't')).equals(wall(Date.UTC(2026, 0, 31, 8)));
    expect(momentOf(q('t=1800000000000'), 't')).equals(wall(1_800_000_000_000));
    expect(refusedBy(() => momentOf(q('t=soon'), 't')).field).equals('t');
  });
});

describe('the thresholds of a PUT', () => {
  const global = { warnMs: 10_000, errMs: 30_000 };
  const read = (body: unknown) => readThresholds(JSON.stringify(body), global);

  it('are read, names and types in their normal form', () => {
    expect(
      read({
        Warntime: 10,
        Errtime: 30,
        Special: [
          { Type: 'nodebmc', Warntime: 60, Errtime: 180.5 },
          { Group: 'rack.1', Components: 'X3c0s[0-1]b0n0', Warntime: 1, Errtime: 604_800 },
        ],
      }),
    ).deep.equals([
      { type: 'NodeBMC', warnMs: 60_000, errMs: 180_500 },
      { group: 'rack.1', components: 'x3c0s[0-1]b0n0', warnMs: 1_000, errMs: 604_800_000 },
    ]);
    expect(read({ Special: [] })).deep.equals([]);
  });

  it('are refused with the place of the fault', () => {
    const pair = { Warntime: 2, Errtime: 3 };
    const group = { Group: 'g', Components: 'x3', ...pair };
    const rows: readonly (readonly [unknown, string])[] = [
      [[], ''],
      [{}, 'Special'],
      [{ Special: {} }, 'Special'],
      [{ Special: [], Other: 1 }, 'Other'],
      [{ Special: [], Warntime: 11 }, 'Warntime'],
      [{ Special: [1] }, 'Special[0]'],
      [{ Special: [{ ...pair }] }, 'Special[0]'],
      [{ Special: [{ ...group, Type: 'Node' }] }, 'Special[0]'],
      [{ Special: [{ ...pair, Type: 'Teapot' }] }, 'Special[0].Type'],
      [{ Special: [{ ...pair, Type: 1 }] }, 'Special[0].Type'],
      [{ Special: [{ ...pair, Type: 'Node', Components: 'x3' }] }, 'Special[0].Components'],
      [{ Special: [{ ...pair, Group: 'a b', Components: 'x3' }] }, 'Special[0].Group'],
      [{ Special: [{ ...pair, Group: 'g' }] }, 'Special[0].Components'],
      [{ Special: [{ ...group, Components: '' }] }, 'Special[0].Components'],
      [{ Special: [{ ...group, Components: 'foo' }] }, 'Special[0].Components'],
      [{ Special: [group, { ...group, Errtime: 2 }] }, 'Special[1].Errtime'],
      [{ Special: [{ ...group, Warntime: 0.5 }] }, 'Special[0].Warntime'],
      [{ Special: [{ ...group, Errtime: 604_801 }] }, 'Special[0].Errtime'],
      [{ Special: [{ ...group, Warntime: '2' }] }, 'Special[0].Warntime'],
      [{ Special: [{ ...group, More: 1 }] }, 'Special[0].More'],
      [{ Special: [group, group] }, 'Special'],
      [{ Special: Array.from({ length: 101 }, (_, i) => ({ ...group, Group: `g${i}` })) }, 'Special'],
    ];
    for (const [body, field] of rows) expect(refusedBy(() => read(body)).field, JSON.stringify(body)).equals(field);
    expect(refusedBy(() => readThresholds('{', global)).detail).equals('the body is not JSON');
  });
});

describe('who is at the other end', () => {
  const now = wall(1_000);
  const facts = (more: Partial<PeerFacts>): PeerFacts => ({
    trusted: true,
    subjectAltNames: [],
    commonName: undefined,
    validFrom: 0,
    validTo: 2_000,
    ...more,
  });

  it('is told by the certificate', () => {
    const san = (...names: string[]) => ({ subjectAltNames: names.map((name) => `URI:csm:component:${name}`) });
    expect(peerOf(undefined, now)).deep.equals({ kind: 'none' });
    expect(peerOf(facts(san('X00c0s0b0n0')), now)).deep.equals({ kind: 'component', name: 'x0c0s0b0n0' });
    expect(peerOf(facts({ commonName: 'x1' }), now)).deep.equals({ kind: 'component', name: 'x1' });
    // The name that is made for it counts more.
    expect(peerOf(facts({ ...san('x0'), commonName: 'x1' }), now)).deep.equals({ kind: 'component', name: 'x0' });
    expect(peerOf(facts({ commonName: 'operator' }), now)).deep.equals({ kind: 'other' });
    expect(peerOf(facts({ subjectAltNames: ['URI:csm:master:m1'] }), now)).deep.equals({ kind: 'other' });
    // The daemon of a node is no operator.
    const compute = (node: string) =>
      facts({ subjectAltNames: [`URI:csm:compute:${node}`], commonName: `compute/${node}` });
    expect(peerOf(compute('x0c0s0b0n0'), now)).deep.equals({ kind: 'component', name: 'x0c0s0b0n0' });
    expect(peerOf(compute('n1'), now)).deep.equals({ kind: 'component', name: 'n1' });
    for (const refused of [
      facts({ ...san('x0'), trusted: 'SELF_SIGNED' }),
      facts({ ...san('x0'), validTo: 999 }),
      facts({ ...san('x0'), validFrom: 1_001 }),
      facts(san('x0', 'x1')),
      facts(san('foo')),
    ])
      expect(peerOf(refused, now).kind).equals('refused');
  });

  it('may do what his certificate is for', () => {
    const none: Peer = { kind: 'none' };
    const other: Peer = { kind: 'other' };
    const x0: Peer = { kind: 'component', name: 'x0' };
    const bad: Peer = { kind: 'refused', why: 'it is old' };
    const beats = (identity: 'none' | 'optional' | 'required') =>
      [none, other, x0, bad].map((peer) => mayBeat(identity, peer, 'x0') === undefined);
    expect(beats('none')).deep.equals([true, true, true, true]);
    expect(beats('optional')).deep.equals([true, true, true, false]);
    expect(beats('required')).deep.equals([false, false, true, false]);
    expect(mayBeat('optional', x0, 'x1')).equals('the certificate is of x0, the heartbeat of x1');
    expect(mayBeat('required', bad, 'x0')).equals('it is old');
    const calls = (identity: 'none' | 'optional' | 'required', method: Method, access?: 'free' | 'reads' | 'beats') =>
      [none, other, x0, bad].map(
        (peer) => mayCall(identity, peer, { method, ...(access === undefined ? {} : { access }) }) === undefined,
      );
    expect(calls('none', 'PATCH')).deep.equals([true, true, true, true]);
    expect(calls('required', 'GET', 'free')).deep.equals([true, true, true, true]);
    expect(calls('required', 'POST', 'beats')).deep.equals([true, true, true, true]);
    expect(calls('required', 'GET')).deep.equals([false, true, true, false]);
    expect(calls('required', 'POST', 'reads')).deep.equals([false, true, true, false]);
    expect(calls('required', 'PATCH')).deep.equals([false, true, false, false]);
    expect(calls('optional', 'PATCH')).deep.equals([true, true, false, false]);
  });
});
