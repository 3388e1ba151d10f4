/** Options that the commands on hardware share. */
import type { NodeHardwareInput } from '@csm/client';
import { code, fail } from '@csm/model';
import type { Given, Option } from '../command.ts';
import { oneOf, text } from '../given.ts';
import { either, printable } from '../text.ts';

type Kind = NonNullable<NodeHardwareInput['kind']>;
const KIND_TABLE: { readonly [K in Kind]: true } = {
  cpu: true,
  dimm: true,
  gpu: true,
  hca: true,
  nic: true,
  ssd: true,
};
const KINDS = Object.keys(KIND_TABLE) as readonly Kind[];

export const KIND_OPTION: Option = { flags: '--kind <kind>', help: `only parts of this kind: ${either(KINDS)}` };
export const SERIAL_OPTION: Option = { flags: '--serial <serial>', help: 'only the part with this serial number' };

export function kind(given: Given): Kind | undefined {
  const value = text(given, 'kind');
  return value === undefined ? undefined : oneOf(value, KINDS, '--kind');
}

export function serial(given: Given): string | undefined {
  const value = text(given, 'serial');
  if (value === undefined || (value.length > 0 && value.length <= 256)) return value;
  const allowed = 'a serial number of 1 to 256 characters';
  return fail(code.INVALID_PARAMETER, `'${printable(value.slice(0, 40))}' is not ${allowed}`, {
    field: '--serial',
    allowed,
  });
}
