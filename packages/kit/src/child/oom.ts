import { readFileSync } from 'node:fs';

const OWN = '/proc/self/oom_score_adj';

/**
 * A daemon that the kernel is told to spare when memory runs out (OOMScoreAdjust= below 0) does not hand this on to
 * what it runs: the words of shell that a child begins with. Empty where there is nothing to give up.
 */
export function unprotect(file = OWN): string {
  try {
    return Number(readFileSync(file, 'utf8')) < 0 ? `echo 0 >${file}; ` : '';
  } catch {
    return '';
  }
}
