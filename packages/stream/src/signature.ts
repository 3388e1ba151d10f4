/** How a receiver knows that a request is ours, whole and not an old one. Pure. */
import { createHmac } from 'node:crypto';

/**
 * `t=<unix seconds>,v1=<hex>`: HMAC-SHA-256 over `<t>.<body>` under the secret's characters. The time is that of the
 * request, not of the change: a receiver refuses what is older than a few minutes.
 */
export function signature(secret: string, seconds: number, body: string): string {
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`, 'utf8').digest('hex');
  return `t=${seconds},v1=${mac}`;
}
