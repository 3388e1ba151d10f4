/**
 * Names of the server CPUs that /proc/cpuinfo of aarch64 tells as numbers: implementer (MIDR_EL1 bits 31:24) and part
 * (bits 15:4). Numbers as in arch/arm64/include/asm/cputype.h of the kernel.
 */
const IMPLEMENTERS: { readonly [implementer: string]: { readonly name: string; readonly parts: Parts } } = {
  '0x41': {
    name: 'ARM',
    parts: {
      '0xd03': 'Cortex-A53',
      '0xd07': 'Cortex-A57',
      '0xd08': 'Cortex-A72',
      '0xd0b': 'Cortex-A76',
      '0xd0c': 'Neoverse-N1',
      '0xd40': 'Neoverse-V1',
      '0xd49': 'Neoverse-N2',
      '0xd4f': 'Neoverse-V2',
      '0xd84': 'Neoverse-V3',
      '0xd8e': 'Neoverse-N3',
    },
  },
  '0x42': { name: 'Broadcom', parts: { '0x516': 'ThunderX2' } },
  '0x43': { name: 'Cavium', parts: { '0x0a1': 'ThunderX', '0x0af': 'ThunderX2' } },
  '0x46': { name: 'Fujitsu', parts: { '0x001': 'A64FX' } },
  '0x48': { name: 'HiSilicon', parts: { '0xd01': 'TSV110' } },
  '0x4e': { name: 'NVIDIA', parts: { '0x003': 'Denver 2', '0x004': 'Carmel' } },
  '0x50': { name: 'APM', parts: { '0x000': 'X-Gene' } },
  '0x51': { name: 'Qualcomm', parts: { '0xc00': 'Falkor' } },
  '0xc0': { name: 'Ampere', parts: { '0xac3': 'Ampere-1', '0xac4': 'Ampere-1a' } },
};

type Parts = { readonly [part: string]: string };

/** Both numbers as /proc/cpuinfo writes them, such as `0x41` and `0xd0c`; what has no name here keeps its number. */
export function armName(implementer: string, part: string): { readonly vendor: string; readonly model: string } {
  const known = Object.hasOwn(IMPLEMENTERS, implementer) ? IMPLEMENTERS[implementer] : undefined;
  const vendor = known?.name ?? `implementer ${implementer.slice(0, 16)}`;
  const model = known !== undefined && Object.hasOwn(known.parts, part) ? known.parts[part] : undefined;
  return { vendor, model: `${vendor} ${model ?? `part ${part.slice(0, 16)}`}` };
}
