import { missing, type Programs } from '@csm/host';
import { expect } from 'chai';
import { faultsOf, ProgramFaults } from '../../src/inventory/index.ts';

describe('what went wrong in a collection', () => {
  it('is what programs and readers did wrong, each once', () => {
    const programs = [
      'nvidia-smi did not end within 30000 ms',
      'nvme wrote more than the 1048576 bytes allowed',
      'smartctl ended with 139',
      'nvme wrote more than the 1048576 bytes allowed',
    ];
    const late = 'the reader of gpus failed: no answer within 90000 ms';
    expect(faultsOf(programs, { gpu: late, discovered_gpus: late, dimm: 'dmidecode: not found' })).deep.equals([
      'nvidia-smi did not end within 30000 ms',
      'nvme wrote more than the 1048576 bytes allowed',
      'smartctl ended with 139',
      late,
    ]);
  });

  it('is not what is absent or not allowed', () => {
    const lacks = [
      'nvidia-smi: not found',
      'dmidecode ended with 1: /dev/mem: Permission denied',
      'nvme ended with 1: /dev/nvme0: Operation not permitted',
      'ipmitool ended with 1: Could not open device at /dev/ipmi0: No such file or directory',
      'smartctl ended with 2: Smartctl open device: /dev/sda failed: Permission denied',
      'dmidecode ended with 1: # No SMBIOS nor DMI entry point found, sorry.',
    ];
    expect(faultsOf(lacks, { numa: '/sys/devices/system/node cannot be read: it does not exist' })).deep.equals([]);
  });

  it('is bounded, whatever programs write and reasons are', () => {
    const many = Array.from({ length: 100 }, (_, i) => `p${i} ended with 1: ${'\u001b[2J\ud800'.repeat(200)}`);
    const faults = faultsOf(many, undefined);
    expect(faults).length(8);
    expect(faults.at(-1)).equals('and 93 faults more');
    for (const fault of faults) expect(fault).matches(/^[^\p{Cc}\p{Cs}]{1,200}$/u);
    for (const reasons of [null, 'x', [], { a: 1 }]) expect(faultsOf([], reasons)).deep.equals([]);
  });

  it('is noted while programs run', async () => {
    const real: Programs = {
      run: async ([name]) => (name === 'ok' ? { value: 'x' } : missing(`${name} ended with 1`)),
    };
    const programs = new ProgramFaults(real);
    expect(await programs.run(['ok'])).deep.equals({ value: 'x' });
    for (let i = 0; i < 1000; i++) await programs.run([`p${i % 300}`]);
    expect(programs.reasons.length).within(1, 64);
    expect(programs.reasons[0]).equals('p0 ended with 1');
  });
});
