import { type Kind, MESSAGES, type Message, type MessageOf, type Way } from '../src/message.ts';

const entry = {
  ref: 7,
  role: 'compute' as const,
  node: 'n007',
  session: 's-n007-1',
  version: '1.4',
  address: '10.1.0.7:40112',
  since: 1_760_000_000_000,
  bounced: 2,
  claim: { term: 4, incarnation: 'i-n007-1' },
};
const item = { kind: 'environment.sample', time: 1_760_000_001_250, body: { bucket: 'cpu', load: [0.25, 0.5] } };
const problem = {
  code: 48,
  name: 'NODES_UNAVAILABLE',
  detail: 'two nodes are down',
  field: 'nodes',
  allowed: 'nodes that are up',
  nodes: [{ nodeset: 'n[003-004]', code: 48, text: 'the node is down' }],
  trace: 't-1',
};

/** One message of every kind as today's daemons send it, with every optional field there is. */
export const SAMPLES: { readonly [K in Kind]: MessageOf<K> } = {
  hello: {
    kind: 'hello',
    version: '1.4',
    role: 'compute',
    node: 'n007',
    incarnation: 'i-n007-1',
    session: 's-n007-1',
    interval: 15e3,
    clock: 176e10,
  },
  welcome: {
    kind: 'welcome',
    version: '1.4',
    node: 'agg-A',
    session: 's-agg-A-1',
    interval: 15e3,
    leader: true,
    credit: 0,
    clock: 1760000000004,
    term: 12,
  },
  refused: { kind: 'refused', code: 'certificate', reason: 'the certificate has expired – “n007”, 2026‑01‑01' },
  unsupported: { kind: 'unsupported', of: 'x-next' },
  beat: { kind: 'beat', leader: true },
  probe: { kind: 'probe' },
  bye: { kind: 'bye', reason: 'the daemon stops' },
  claim: { kind: 'claim', term: 4, incarnation: 'i-n007-1' },
  claimed: { kind: 'claimed', term: 4, incarnation: 'i-n007-1', cursor: 1200, inventory: 'sha256:5f2a', again: true },
  behind: { kind: 'behind', term: 5 },
  demoted: { kind: 'demoted', term: 6 },
  verdicts: {
    kind: 'verdicts',
    list: [
      {
        daemon: 'compute/n007',
        term: 4,
        incarnation: 'i-n007-1',
        verdict: 'held',
        cursor: 1200,
        inventory: 'sha256:5f2a',
      },
      { daemon: 'compute/n008', term: 9, incarnation: 'i-n008-1', verdict: 'behind' },
      { daemon: 'compute/n009', term: 3, incarnation: 'i-n009-1', verdict: 'demoted' },
    ],
  },
  report: { kind: 'report', term: 4, incarnation: 'i-n007-1', first: 1201, bytes: 700, items: [item, item] },
  ack: { kind: 'ack', incarnation: 'i-n007-1', cursor: 1202 },
  resend: { kind: 'resend', incarnation: 'i-n007-1', cursor: 1200 },
  credit: { kind: 'credit', bytes: 4096 },
  want: { kind: 'want', bytes: 70_000 },
  reports: {
    kind: 'reports',
    batches: [
      { daemon: 'compute/n007', term: 4, incarnation: 'i-n007-1', first: 1201, bytes: 700, items: [item, item] },
      { daemon: 'compute/n008', term: 10, incarnation: 'i-n008-1', first: 1, bytes: 500, items: [item] },
    ],
  },
  acks: {
    kind: 'acks',
    list: [
      { daemon: 'compute/n007', incarnation: 'i-n007-1', cursor: 1202 },
      { daemon: 'compute/n008', incarnation: 'i-n008-1', cursor: 0, resend: true },
    ],
  },
  roster: { kind: 'roster', session: 's-agg-A-1', sequence: 1, entries: [entry], more: false },
  links: {
    kind: 'links',
    sequence: 2,
    events: [
      { event: 'linked', entry },
      { event: 'claim', ref: 7, claim: { term: 5, incarnation: 'i-n007-1' } },
      { event: 'lost', ref: 7, reason: 'silent for 45000 ms', planned: false },
    ],
  },
  noted: { kind: 'noted', sequence: 2 },
  seen: { kind: 'seen', refs: [1, 7, 12] },
  command: {
    kind: 'command',
    id: 'c-1',
    command: 'run',
    nodes: 'n[001-128]',
    remaining: 29950,
    room: 65536,
    input: { argv: ['uname', '-r'] },
  },
  result: {
    kind: 'result',
    id: 'c-1',
    parts: [
      { nodes: 'n[001-127]', code: 0, text: '', body: { exit: 0, out: '6.1.0 – größer\n' } },
      { nodes: 'n128', code: 22, text: 'not linked here', away: true },
    ],
    done: true,
  },
  call: {
    kind: 'call',
    id: 'q-1',
    call: 'node.list',
    input: { nodes: 'n[001-016]' },
    trace: 't-1',
    caller: {
      user: 'op',
      uid: 1e3,
      gid: 1e3,
      groups: ['op', 'adm'],
      pid: 4711,
      vouchedBy: 'utility/login1',
      via: 'token',
      token: '5QhXk2Zr',
    },
    remaining: 3e4,
    window: 262144,
    key: 'k-1',
  },
  data: { kind: 'data', id: 'q-1', items: [{ name: 'n001' }, { name: 'n002' }], bytes: 64 },
  more: { kind: 'more', id: 'q-1', bytes: 64 },
  piece: { kind: 'piece', id: 'q-1', text: '[{"name":"n001"},' },
  end: { kind: 'end', id: 'q-1', answer: [{ name: 'n001' }], problem },
  lost: { kind: 'lost', id: 'q-1' },
  cancel: { kind: 'cancel', id: 'q-1' },
};

export const sample = (kind: Kind): Message => SAMPLES[kind];

/** A way the kind may travel. */
export const wayOf = (kind: Kind): Way => MESSAGES[kind].ways[0] as Way;

/** A frame as it stands on the wire: decimal byte length, '#', JSON in which every character from U+0080 up is escaped. */
export function frameText(value: unknown): string {
  const json = JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${json.length}#${json}`;
}

/** Reads a frame text back; throws when header and length do not agree. */
export function parseFrame(text: string): unknown {
  const match = /^(\d{1,10})#/.exec(text);
  if (match === null) throw new Error(`no frame header in '${text.slice(0, 20)}'`);
  const json = text.slice(match[0].length);
  if (Buffer.byteLength(json) !== Number(match[1]))
    throw new Error(`the header says ${match[1]} bytes, ${Buffer.byteLength(json)} follow`);
  return JSON.parse(json) as unknown;
}
