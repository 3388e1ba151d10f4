/** A leading master as a process of its own, which a test can stop: `node master-child.js <dir> <node> <term> <interval>`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issue, readPem } from '@csm/pki';
import { CoreShell } from '../src/index.ts';
import { answerAs, clock, quiet, Twin } from './masters.ts';

const [dir = '', node = '', term = '', interval = ''] = process.argv.slice(2);
const { file } = await issue(dir, { role: 'master', node, names: ['127.0.0.1'] });
const tls = { ca: await readFile(join(dir, 'ca.pem'), 'utf8'), ...(await readPem(file)) };
const listen = { host: '127.0.0.1', port: 0 };
const core = await CoreShell.start({
  node,
  term: Number(term),
  aggregatorListen: listen,
  utilityListen: listen,
  tls: () => tls,
  revoked: () => new Set(),
  intervalMs: Number(interval),
  clock,
  log: quiet,
  database: new Twin(),
  serve: answerAs(node),
});
// Whoever started it is gone: it must not stay.
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${JSON.stringify(core.ports)}\n`);
