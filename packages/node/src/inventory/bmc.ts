import { type Finding, found, missing } from '@csm/host';
import { telling } from './placeholder.ts';
import { IPMI_LAN, IPMI_MC } from './programs.ts';
import type { Reader } from './reader.ts';

/** Address and firmware of the baseboard management controller, asked through the kernel's IPMI device. */
export const bmc: Reader<'bmc_address' | 'bmc_version'> = {
  name: 'bmc',
  facts: ['bmc_address', 'bmc_version'],
  async read({ programs }) {
    // One after the other: the device answers one question at a time, and slowly.
    const lan = await programs.run(IPMI_LAN);
    const mc = await programs.run(IPMI_MC);
    const version = line(mc, IPMI_MC.join(' '), 'Firmware Revision');
    return { bmc_address: address(line(lan, IPMI_LAN.join(' '), 'IP Address')), bmc_version: version };
  },
};

/** What stands behind `key` and a colon, in the first line that begins with it. */
function line(output: Finding<string>, source: string, key: string): Finding<string> {
  if ('reason' in output) return output;
  const told = new RegExp(`^${key} *: *(.*)$`, 'm').exec(output.value)?.[1];
  return told === undefined ? missing(`${source} tells no '${key}'`) : telling(found(told), `${source} '${key}'`);
}

function address(told: Finding<string>): Finding<string> {
  if ('reason' in told) return told;
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(told.value)?.slice(1);
  if (parts === undefined || parts.some((part) => Number(part) > 255))
    return missing(`ipmitool lan print tells '${told.value}', not an IPv4 address`);
  return told.value === '0.0.0.0' ? missing('the BMC has no address') : told;
}
