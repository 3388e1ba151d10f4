import { createHash } from 'node:crypto';
import type { Json } from '@csm/model';

export const KERNEL = '6.1.0-simulated';
const GIB_KB = 1024 * 1024;
const DIMMS = 16;

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * What a node of this name is made of: plausible, the same at every start, and alike in all nodes but every sixteenth,
 * which has half the memory.
 */
export function inventoryOf(node: string): { readonly [field: string]: Json } {
  const digest = sha256(node);
  const uuid = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
  const number = Number(/(\d+)$/.exec(node)?.[1] ?? 0);
  const dimm = (number % 16 === 0 && number > 0 ? 8 : 16) * GIB_KB;
  const hardware = [
    ...[0, 1].map((socket) =>
      part('cpu', `CPU${socket}`, { model: 'Simulated 32-core', details: { discovered_cores: 32 } }, null),
    ),
    ...Array.from({ length: DIMMS }, (_, slot) => {
      const location = `DIMM_${String.fromCharCode(65 + slot)}1`;
      const details = { size: dimm, speed_mt_s: 4800 };
      return part('dimm', location, { vendor: 'CSM', model: 'DDR5', details }, serialOf(digest, `dimm${slot}`));
    }),
    part('hca', '0000:3b:00.0', { vendor: 'CSM', model: 'Simulated HCA', firmware: '20.1' }, serialOf(digest, 'hca')),
    part('nic', '0000:18:00.0', { vendor: 'CSM', model: 'Simulated NIC', details: { device_name: 'eth0' } }, null),
    part('ssd', '0000:5e:00.0', { model: 'Simulated NVMe', firmware: '1.0' }, serialOf(digest, 'ssd')),
  ];
  return {
    machine_model: 'CSM simulated node',
    serial_number: `SIM-${digest.slice(0, 8).toUpperCase()}`,
    architecture: 'x86_64',
    boot_id: uuid,
    kernel_release: KERNEL,
    kernel_version: '#1 SMP simulated',
    os_image_name: 'Simulated Linux 1',
    cpu_model: 'Simulated 32-core',
    installed_memory: DIMMS * dimm,
    installed_swap: 0,
    discovered_sockets: 2,
    discovered_cores: 64,
    discovered_threads: 128,
    discovered_dimms: DIMMS,
    discovered_gpus: 0,
    discovered_hcas: 1,
    discovered_nics: 1,
    discovered_ssds: 1,
    hardware,
    reasons: {},
  };
}

const serialOf = (digest: string, part: string): string =>
  `SIM${sha256(`${digest} ${part}`).slice(0, 10).toUpperCase()}`;

function part(kind: string, location: string, known: { readonly [field: string]: Json }, serial: string | null): Json {
  const nothing = { vendor: null, model: null, part_number: null, firmware: null, details: {}, passing: {} };
  return { kind, location, serial, ...nothing, ...known };
}
