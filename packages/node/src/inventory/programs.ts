/**
 * The programs inventory asks, each with the exact arguments it gets. Recorded outputs of a machine are named after
 * them; whatever else a program can do is left alone.
 */
type Argv = readonly [string, ...string[]];

/** Every SMBIOS structure in words; needs root. dmidecode(8) */
export const DMIDECODE: Argv = ['dmidecode'];
/** Every GPU and its state as XML, in one call. */
export const NVIDIA_SMI: Argv = ['nvidia-smi', '-q', '-x'];
/** Address of the BMC on its first LAN channel; needs root. ipmitool(1) */
export const IPMI_LAN: Argv = ['ipmitool', 'lan', 'print'];
/** Firmware and maker of the BMC. */
export const IPMI_MC: Argv = ['ipmitool', 'mc', 'info'];
/** SMART log of an NVMe controller such as `nvme0`; needs root. nvme-smart-log(1) */
export const nvmeSmartLog = (controller: string): Argv => ['nvme', 'smart-log', '-o', 'json', `/dev/${controller}`];
/** Identity and health of a drive such as `sda` or `nvme0`; needs root. smartctl(8) */
export const smartctl = (device: string): Argv => ['smartctl', '-j', '-a', `/dev/${device}`];
