/** Tokens and the audit record in the database. */
import { begin, ended, prune, refusals } from './audit.ts';
import { refused } from './report.ts';
import { createToken, revokeToken, usedTokens } from './tokens.ts';

export { migrations } from './tables.ts';

export const name = 'access';

export const procedures = { createToken, revokeToken, usedTokens, begin, ended, refusals, prune };

export const reports = { 'access.refused': refused };
