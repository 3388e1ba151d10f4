import { NodeSet } from '@csm/nodeset';
import type { MessageOf, ResultPart } from '@csm/protocol';
import { expect } from 'chai';
import { type HubCommandEffect, HubCommands, MERGE_MS, OPEN_MAX } from '../src/fanout/hub-commands.ts';
import { at } from './support.ts';

const command = (change: Partial<MessageOf<'command'>> = {}): MessageOf<'command'> => ({
  kind: 'command',
  id: 'c1',
  command: 'run',
  nodes: 'n[1-3]',
  remaining: 10_000,
  room: 1000,
  input: { argv: ['date'] },
  ...change,
});
const answer = (text = '', id = 'c1', code = 0): MessageOf<'result'> => ({
  kind: 'result',
  id,
  parts: [{ nodes: 'whoever', code, text }],
  done: true,
});
/** Nodes n1…n9 are primary here, on links 1…9. */
const here = (node: string): number | undefined => {
  const n = Number(node.slice(1));
  return n >= 1 && n <= 9 ? n : undefined;
};
const brief = (effects: readonly HubCommandEffect[]): string[] =>
  effects.map((e) => {
    if (e.kind === 'toNode') return `→ ${e.link} ${e.message.nodes} ${e.message.remaining}`;
    const parts = e.message.parts.map(
      (p: ResultPart) => `${p.nodes} ${p.code}${p.text === '' ? '' : ` ${p.text}`}${p.away ? ' away' : ''}`,
    );
    return `↑ ${e.message.id} ${parts.join('; ')}${e.message.done ? ' done' : ''}`;
  });

describe('hub commands', () => {
  it('hands a command to each node that is primary here, and asks each by its own name', () => {
    const h = new HubCommands();
    h.command(command(), here, at(0));
    const effects = h.takeEffects();
    expect(brief(effects)).to.deep.equal(['→ 1 n1 10000', '→ 2 n2 10000', '→ 3 n3 10000']);
    expect(effects[0]).to.deep.include({ message: command({ nodes: 'n1' }) });
    expect(h.open).to.equal(1);
  });

  it('merges for MERGE_MS, and sends the rest at the end', () => {
    const h = new HubCommands();
    h.command(command(), here, at(0));
    h.takeEffects();
    h.result('n2', answer('x'), at(10));
    h.result('n1', answer('x'), at(20));
    expect(h.takeEffects()).to.deep.equal([]);
    expect(h.wakeAt()).to.equal(10 + MERGE_MS);
    h.tick(at(10 + MERGE_MS));
    expect(brief(h.takeEffects())).to.deep.equal(['↑ c1 n[1-2] 0 x']);
    expect(h.wakeAt(), 'nothing to send before its end').to.equal(10_000);
    h.result('n3', answer('x'), at(500));
    expect(brief(h.takeEffects()), 'at once').to.deep.equal(['↑ c1 n3 0 x done']);
    expect(h.open).to.equal(0);
    expect(h.wakeAt()).to.equal(undefined);
  });

  it('who is not primary here is `away` at once', () => {
    const h = new HubCommands();
    h.command(command({ nodes: 'n[1,20-21]' }), here, at(0));
    expect(brief(h.takeEffects())).to.deep.equal(['→ 1 n1 10000']);
    h.tick(at(MERGE_MS));
    expect(brief(h.takeEffects())).to.deep.equal(['↑ c1 n[20-21] 22 not linked here away']);
    h.command(command({ id: 'c2', nodes: 'n[20-21]' }), here, at(200));
    expect(brief(h.takeEffects()), 'nobody is here').to.deep.equal(['↑ c2 n[20-21] 22 not linked here away done']);
    expect(h.open).to.equal(1);
  });

  it('ignores answers of nodes that were not asked, have answered, or to no command', () => {
    const h = new HubCommands();
    h.command(command({ nodes: 'n[1-2]' }), here, at(0));
    h.takeEffects();
    h.result('n7', answer('x'), at(1));
    h.result('n1', answer('x', 'never'), at(1));
    h.result('n1', { ...answer(), parts: [] }, at(1));
    h.result('n1', answer('first'), at(1));
    h.result('n1', answer('second'), at(1));
    h.result('n2', answer('first'), at(1));
    expect(brief(h.takeEffects())).to.deep.equal(['↑ c1 n[1-2] 0 first done']);
  });

  it('a node speaks only for itself', () => {
    const h = new HubCommands();
    h.command(command({ nodes: 'n[1-2]' }), here, at(0));
    h.takeEffects();
    h.result(
      'n1',
      {
        kind: 'result',
        id: 'c1',
        done: true,
        parts: [
          { nodes: 'n[1-2]', code: 0, text: '', away: true },
          { nodes: 'n2', code: 0, text: '' },
        ],
      },
      at(1),
    );
    h.tick(at(1 + MERGE_MS));
    expect(brief(h.takeEffects())).to.deep.equal(['↑ c1 n1 0']);
  });

  it('a node that leaves is told at once, the last one ends the command', () => {
    const h = new HubCommands();
    h.command(command({ nodes: 'n[1-2]' }), here, at(0));
    h.takeEffects();
    h.left('n1', at(5));
    h.left('n1', at(5));
    h.left('n9', at(5));
    expect(brief(h.takeEffects())).to.deep.equal(['↑ c1 n1 22 left away']);
    h.result('n1', answer('late'), at(6));
    h.left('n2', at(7));
    expect(brief(h.takeEffects())).to.deep.equal(['↑ c1 n2 22 left away done']);
    expect(h.open).to.equal(0);
  });

  it('the same id again adds its nodes, the time stays', () => {
    const h = new HubCommands();
    h.command(command({ nodes: 'n1' }), here, at(0));
    h.command(command({ nodes: 'n[2-3]', remaining: 9000 }), here, at(1000));
    expect(brief(h.takeEffects())).to.deep.equal(['→ 1 n1 10000', '→ 2 n2 9000', '→ 3 n3 9000']);
    for (const n of ['n1', 'n2']) h.result(n, answer(), at(1001));
    expect(h.open).to.equal(1);
    h.result('n3', answer(), at(1002));
    expect(brief(h.takeEffects())).to.deep.equal(['↑ c1 n[1-3] 0 done']);
  });

  it('a repetition to a node that is asked already goes to it, and it is counted once', () => {
    const h = new HubCommands();
    h.command(command({ nodes: 'n1' }), here, at(0));
    h.command(command({ nodes: 'n1', remaining: 9000 }), here, at(1000));
    expect(h.takeEffects()).to.have.length(2);
    h.result('n1', answer(), at(1001));
    expect(brief(h.takeEffects())).to.deep.equal(['↑ c1 n1 0 done']);
  });

  it('its time is over: what has come is sent, the leader names the rest', () => {
    const h = new HubCommands();
    h.command(command({ nodes: 'n[1-2]' }), here, at(0));
    h.takeEffects();
    h.result('n1', answer('x'), at(9950));
    expect(h.wakeAt(), 'the deadline comes before the merge').to.equal(10_000);
    h.tick(at(10_000));
    expect(brief(h.takeEffects())).to.deep.equal(['↑ c1 n1 0 x']);
    expect(h.open).to.equal(0);
    h.result('n2', answer('late'), at(10_001));
    expect(h.takeEffects()).to.deep.equal([]);
  });

  it('the leader is lost: everything ends in silence', () => {
    const h = new HubCommands();
    h.command(command(), here, at(0));
    h.takeEffects();
    h.trunkDown();
    expect(h.open).to.equal(0);
    expect(h.wakeAt()).to.equal(undefined);
    h.result('n1', answer(), at(1));
    expect(h.takeEffects()).to.deep.equal([]);
  });

  it('too many open: 13, for its nodes; but more nodes for an open one are taken', () => {
    const h = new HubCommands();
    for (let i = 0; i < OPEN_MAX; i++) h.command(command({ id: `c${i}`, nodes: 'n1' }), here, at(0));
    h.takeEffects();
    h.command(command({ id: 'more' }), here, at(0));
    expect(brief(h.takeEffects())).to.deep.equal([
      `↑ more n[1-3] 13 more than ${OPEN_MAX} commands are under way at this aggregator done`,
    ]);
    h.command(command({ id: 'c5', nodes: 'n2' }), here, at(0));
    expect(brief(h.takeEffects())).to.deep.equal(['→ 2 n2 10000']);
  });

  it('a node set that is none: 9, with the reason', () => {
    const h = new HubCommands();
    h.command(command({ nodes: 'n[1-' }), here, at(0));
    const [text] = brief(h.takeEffects());
    expect(text).to.match(/^↑ c1 n\[1- 9 .+ done$/);
    expect(h.open).to.equal(0);
  });

  it('long results go in several frames, only the last says done', () => {
    const h = new HubCommands();
    h.command(command({ nodes: 'n[1-9]' }), here, at(0));
    h.takeEffects();
    for (const node of NodeSet.parse('n[1-9]'))
      h.result(
        node,
        {
          kind: 'result',
          id: 'c1',
          done: true,
          parts: [{ nodes: node, code: 0, text: '', body: node.repeat(25_000) }],
        },
        at(1),
      );
    const effects = h.takeEffects();
    expect(effects.length).to.be.above(1);
    expect(effects.map((e) => (e.kind === 'toLeader' ? e.message.done : undefined))).to.deep.equal(
      effects.map((_, i) => i === effects.length - 1),
    );
  });
});
