import { expect } from 'chai';
import { type Compared, difference, profileOf } from '../src/parts/compare.ts';
import { part } from './parts.ts';

const gpu = (i: number, more = {}) =>
  part('gpu', `0000:0${i}:00.0`, `G${i}`, {
    model: 'H100',
    details: { uuid: `GPU-${i}`, gpu_id: i, numa_node: i % 2, hbm_memory: 80, vbios: '1' },
    ...more,
  });

const node: Compared = {
  document: {
    machine_model: 'M',
    serial_number: 'S1',
    bmc_address: '10.0.0.1',
    boot_id: 'one',
    uptime: 1,
    collection_time: 1,
    installed_memory: 263_000_000,
    kernel_release: '6.1',
    cpu_model: 'C',
    discovered_sockets: 2,
    discovered_cores: 64,
    numa: [{ node: 0, cpus: '0-31', memory: 131_000_000 }],
    reasons: { serial_number: 'x' },
    hardware: 'not looked at',
  },
  parts: [gpu(1), gpu(2), part('dimm', 'A1', 'D1')],
};

const twin: Compared = {
  document: {
    ...node.document,
    serial_number: 'S2',
    bmc_address: '10.0.0.2',
    boot_id: 'two',
    uptime: 2,
    collection_time: 2,
    installed_memory: 263_000_100,
    numa: [{ node: 0, cpus: '0-31', memory: 131_000_050 }],
    reasons: {},
  },
  parts: [gpu(3), gpu(4, { passing: { wear: 9 } }), part('dimm', 'B7', 'D2')],
};

describe('comparing nodes', () => {
  it('finds nodes equal that differ in what always differs', () => {
    expect(difference(node, twin)).to.deep.equal({ fields: [], parts: [] });
    expect(profileOf(node)).to.deep.equal(profileOf(twin));
  });

  it('names the facts and counts the parts that differ', () => {
    const changed: Compared = {
      document: { ...twin.document, kernel_release: '6.2', installed_memory: 131_000_000, cpu_model: undefined },
      parts: [gpu(3), gpu(4, { firmware: '1.1' }), part('nic', 'p0', null)],
    };
    const { fields, parts } = difference(node, changed);
    expect(fields).to.deep.equal([
      { field: 'cpu_model', a: 'C', b: null },
      { field: 'installed_memory', a: 263_000_000, b: 131_000_000 },
      { field: 'kernel_release', a: '6.1', b: '6.2' },
    ]);
    expect(parts).to.deep.equal([
      { kind: 'dimm', what: 'Maker dimm-model, firmware 1.0', a: 1, b: 0 },
      { kind: 'gpu', what: 'Maker H100, firmware 1.0, hbm_memory 80, vbios 1', a: 2, b: 1 },
      { kind: 'gpu', what: 'Maker H100, firmware 1.1, hbm_memory 80, vbios 1', a: 0, b: 1 },
      { kind: 'nic', what: 'Maker nic-model, firmware 1.0', a: 0, b: 1 },
    ]);
  });

  it('shows of long lists what only one has', () => {
    const flags = Array.from({ length: 200 }, (_, i) => `flag${i}`);
    const { fields } = difference(
      { document: { cpu_flags: flags.join(' ') }, parts: [] },
      { document: { cpu_flags: [...flags.slice(1), 'avx512'].join(' ') }, parts: [] },
    );
    expect(fields).to.deep.equal([{ field: 'cpu_flags', a: 'flag0', b: 'avx512' }]);
  });

  it('cuts what is too long to be shown, and tells long descriptions apart all the same', () => {
    const long = (tail: string) => part('ssd', 'n0', null, { details: { list: `${'x'.repeat(900)}${tail}` } });
    const { fields, parts } = difference(
      { document: { odd: { a: 'y'.repeat(900) } }, parts: [long('1')] },
      { document: { odd: 7 }, parts: [long('2')] },
    );
    expect(JSON.stringify(fields).length).to.be.below(600);
    expect(parts).to.have.length(2);
    expect(JSON.stringify(parts).length).to.be.below(1200);
  });

  it('takes a profile of hardware alone: firmware, drivers and kernels are none', () => {
    const { profile, summary } = profileOf(node);
    const soft: Compared = {
      document: { ...node.document, kernel_release: '7', bios_version: '9' },
      parts: [gpu(1, { firmware: '2' }), gpu(2, { details: { hbm_memory: 80, vbios: '3' } }), part('dimm', 'A1', 'D1')],
    };
    expect(profileOf(soft).profile).to.equal(profile);
    expect(profileOf({ ...node, parts: node.parts.slice(1) }).profile).not.to.equal(profile);
    expect(profileOf({ ...node, document: { ...node.document, cpu_model: 'D' } }).profile).not.to.equal(profile);
    expect(profile).to.match(/^[0-9a-f]{12}$/);
    expect(summary).to.equal('2 sockets, 64 cores, 251 GiB; 1 dimm dimm-model; 2 gpu H100');
  });

  it('compares fields that are called like those every object has', () => {
    const odd = JSON.parse('{"constructor":"x","toString":"y","__proto__":3}') as Compared['document'];
    expect(difference({ document: {}, parts: [] }, { document: odd, parts: [] }).fields).to.deep.equal([
      { field: '__proto__', a: null, b: 3 },
      { field: 'constructor', a: null, b: 'x' },
      { field: 'toString', a: null, b: 'y' },
    ]);
    expect(difference({ document: odd, parts: [] }, { document: odd, parts: [] }).fields).to.deep.equal([]);
  });

  it('reads nonsense as nonsense, without failing', () => {
    const odd: Compared = { document: { numa: [null, 7], installed_memory: 'much', cpu_model: 5 }, parts: [] };
    expect(profileOf(odd)).to.deep.include({ machine_model: null, cpu_model: null, summary: '' });
    expect(difference(odd, node).fields.map(({ field }) => field)).to.include('numa');
  });
});
