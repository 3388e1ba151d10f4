import { ApiTable, type TableRow } from '@csm/api';
import type { Problem } from '@csm/model';
import { expect } from 'chai';
import { api } from '../src/api.ts';

const table = new ApiTable(api);
const read = (name: string, query: Record<string, string | string[]>) =>
  table.read(table.row(name) as TableRow, { path: {}, query, body: undefined });
const refused = (name: string, query: Record<string, string | string[]>): Problem => {
  const result = read(name, query);
  if (result.ok) throw new Error('it was not refused');
  return result.error;
};

describe('environment calls', () => {
  it('read their input from a query', () => {
    const query = { item: 'disk', metrics: 'busy_percent,sda.reads_per_second', step: '600', agg: 'p95' };
    expect(read('env.query', query)).to.deep.equal({
      ok: true,
      value: { ...query, metrics: ['busy_percent,sda.reads_per_second'], step: 600 },
    });
    expect(read('env.top', { item: 'cpu', limit: '5', ascending: 'true' })).to.deep.equal({
      ok: true,
      value: { item: 'cpu', limit: 5, ascending: true },
    });
  });

  it('name the field and what is allowed', () => {
    expect(refused('env.query', {})).to.include({ code: 8, field: 'item' });
    expect(refused('env.query', { item: 'toaster' })).to.include({ code: 9, field: 'item' });
    expect(refused('env.query', { item: 'toaster' }).allowed).to.contain("'cpu', 'memory'");
    expect(refused('env.query', { item: 'cpu', step: '-1' })).to.include({ code: 9, field: 'step' });
    expect(refused('env.query', { item: 'cpu', step: '1.5' })).to.include({ code: 9, field: 'step' });
    expect(refused('env.query', { item: 'cpu', agg: 'median' }).allowed).to.equal("'min', 'avg', 'max' or 'p95'");
    const many = Array.from({ length: 101 }, (_, i) => `m${i}`);
    expect(refused('env.query', { item: 'cpu', metrics: many })).to.include({ code: 9, field: 'metrics' });
    expect(refused('env.top', { item: 'cpu', limit: '1001' })).to.include({ code: 9, field: 'limit' });
    expect(refused('env.watch', { item: '' })).to.include({ code: 9, field: 'item' });
  });

  it('stream samples, and how many were lost', () => {
    const sample = { node: 'n1', item: 'cpu', time: '2026-03-10T12:00:00.000Z', values: { load1: 1 } };
    expect(table.outputFault('env.watch', 'item', sample)).to.equal(undefined);
    expect(table.outputFault('env.watch', 'item', { lost: 3 })).to.equal(undefined);
    expect(table.outputFault('env.watch', 'item', { lost: 0 })).to.include({ code: 9 });
    expect(table.outputFault('env.query', 'item', { ...sample, values: { load1: null } })).to.include({ code: 9 });
  });
});
