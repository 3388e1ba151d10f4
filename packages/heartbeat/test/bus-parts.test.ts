/** What is published, how it is found again, and which streams will do. */
import { wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { followerName, goOnBehind, identityIn, markIn, messageId } from '../src/bus/mark.ts';
import { busMessage } from '../src/bus/message.ts';
import { MESSAGE_MAX, newStream, streamName, unfit } from '../src/bus/stream.ts';
import { inWords } from '../src/bus/words.ts';
import { bodyOf } from './bus-changes.ts';

const row = (more: object) => ({
  seq: 17,
  time: wall(1_800_000_000_017),
  kind: 'heartbeat',
  subject: 'x0c1s2b0n3',
  body: { ...bodyOf(1), name: 'x0c1s2b0n3', timestamp: 'Jan 1, 0000', ...more },
});

describe('a message on the bus', () => {
  it('has the body of hbtd, in its order, and nothing else', () => {
    const dead = { kind: 'dead', state: 'Standby', flag: 'Alert', info: 'Heartbeat stopped, node is dead.' };
    expect(busMessage('00ff', row(dead)).text).to.equal(
      '{"MessageID":"Heartbeat Change Notification","ID":"x0c1s2b0n3","NewState":"Standby","NewFlag":"Alert",' +
        '"LastHBTimeStamp":"Jan 1, 0000","Info":"Heartbeat stopped, node is dead."}',
    );
  });

  it('bears number, source and incident in headers', () => {
    expect(busMessage('00ff', row({ incident: null, source: 'csm' }))).to.deep.include({
      id: 'csm-00ff-17-1800000000017',
      headers: [
        ['Csm-Seq', '17'],
        ['Csm-Source', 'csm'],
      ],
    });
    expect(busMessage('00ff', row({ incident: 'i-9' })).headers.at(-1)).to.deep.equal(['Csm-Incident', 'i-9']);
  });

  it('always finds room in a stream that is taken for fit', () => {
    const worst = row({ timestamp: '\u0001'.repeat(100_000), name: 'n'.repeat(253), incident: 'i'.repeat(100) });
    const { id, text, headers } = busMessage('0123456789ab', worst);
    const fields = [...headers, ['Nats-Msg-Id', id], ['Nats-Expected-Last-Msg-Id', id]];
    const header = `NATS/1.0\r\n${fields.map((field) => field.join(': ')).join('\r\n')}\r\n\r\n`;
    expect(Buffer.byteLength(text) + header.length).to.be.below(MESSAGE_MAX);
    expect(JSON.parse(text)).to.have.property('LastHBTimeStamp').with.length(256);
  });
});

describe('marks of messages', () => {
  it('are read as they were written, by their own publisher alone', () => {
    const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(number, number, fc.stringMatching(/^[0-9a-f]{12}$/), (seq, time, identity) => {
        const id = messageId(identity, { seq, time });
        expect(markIn(id, identity)).to.deep.equal({ seq, time });
        expect(markIn(id, `${identity}0`)).to.equal(undefined);
        expect(markIn(`x${id}`, identity)).to.equal(undefined);
        expect(identityIn(followerName(identity))).to.equal(identity);
      }),
    );
    for (const id of [
      '',
      'csm-00ff',
      'csm-00ff-1',
      'csm-00ff-1-x',
      'csm-00ff--1-2',
      'csm-00ff-1-2-3',
      'other-00ff-1-2',
    ]) {
      expect(markIn(id, '00ff'), id).to.equal(undefined);
    }
  });

  it('say where to go on', () => {
    const mark = { seq: 40, time: 7 };
    expect(goOnBehind(41, undefined, undefined), 'nothing of ours').to.equal(40);
    expect(goOnBehind(31, mark, undefined), 'a number this database never gave').to.equal(30);
    expect(goOnBehind(31, mark, 8), 'another change under this number').to.equal(30);
    expect(goOnBehind(31, mark, 7), 'more arrived than was heard of').to.equal(40);
    expect(goOnBehind(60, mark, 7), 'less is there than was acknowledged').to.equal(40);
  });
});

describe('streams', () => {
  const fit = newStream('a.b');
  const told = { ...fit, retention: 'limits' } as const;

  it('are made for one subject, in files, with bounds', () => {
    expect(fit).to.deep.include({
      name: 'a_b',
      subjects: ['a.b'],
      storage: 'file',
      retention: 'limits',
      discard: 'old',
    });
    expect(fit.max_age).to.equal(7 * 86_400 * 1e9);
    expect(fit.max_bytes).to.equal(536_870_912);
    expect(streamName('cray-hmsheartbeat-notifications')).to.equal('cray-hmsheartbeat-notifications');
    expect(unfit(told)).to.equal(undefined);
  });

  it('of others are taken with their own limits, unless order or number could not be held', () => {
    expect(unfit({ ...told, storage: 'memory', discard: 'new', max_msgs: 5, max_msg_size: 4_096 })).to.equal(undefined);
    expect(unfit({ ...told, retention: 'workqueue' }))
      .to.include('retention is workqueue')
      .and.include('allowed: limits');
    expect(unfit({ ...told, no_ack: true })).to.include('does not acknowledge');
    expect(unfit({ ...told, sealed: true })).to.include('sealed');
    expect(unfit({ ...told, subject_transform: { dest: 'x' } })).to.include('subject_transform');
    expect(unfit({ ...told, max_msg_size: 4_095 }))
      .to.include('4095')
      .and.include('4096');
  });
});

describe('reasons', () => {
  it('are told in words', () => {
    expect(inWords(Object.assign(new Error(''), { code: 'ECONNREFUSED' }))).to.equal('connection refused');
    expect(inWords(undefined)).to.equal('the connection was lost');
    expect(inWords(new Error('as it is'))).to.equal('as it is');
  });
});
