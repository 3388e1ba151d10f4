/** Serial numbers of certificates: random, positive, and compared in one form. */
import { randomBytes } from 'node:crypto';
import { code, fail } from '@csm/model';

/** 128 bits, the first two bits 01: positive in DER, and always 32 hex digits without leading zeros. */
export function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return normalSerial(bytes.toString('hex'));
}

/**
 * The one form in which serials are compared: upper-case hex, no separators, no leading zeros. Takes what Node's
 * `getPeerCertificate().serialNumber`, openssl (`serial=…`, `0A:1B`) and people write.
 * @throws CsmError INVALID_PARAMETER
 */
export function normalSerial(text: string): string {
  const digits = text
    .trim()
    .replace(/^(?:serial=|0x)/i, '')
    .replace(/[:\s]/g, '');
  if (!/^[0-9A-Fa-f]{1,64}$/.test(digits)) {
    fail(code.INVALID_PARAMETER, `'${text}' is not a serial number`, {
      field: 'serial',
      allowed: 'hexadecimal digits',
    });
  }
  return digits.toUpperCase().replace(/^0+(?=.)/, '');
}
