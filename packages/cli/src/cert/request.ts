/** Certificates for keys that never leave their node: a request there, signed where the CA is. */
import { open, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { code, fail } from '@csm/model';
import { DEFAULT_DAYS, issueFromCsr, makeCsr } from '@csm/pki';
import type { CommandSpec } from '../command.ts';
import { nodeName, text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { printable } from '../text.ts';
import {
  caDirOf,
  DIR_OPTION,
  daysOf,
  daysOption,
  NODE_ARGUMENT,
  ROLE_ARGUMENT,
  roleOf,
  showWritten,
} from './directory.ts';
import { NAMES_OPTIONS, namesOf } from './names.ts';

/** Bytes of a request; ours have some 600. */
const CSR_MAX = 64 * 1024;

export const certCsr: CommandSpec = {
  path: ['cert', 'csr'],
  arguments: [ROLE_ARGUMENT, NODE_ARGUMENT],
  options: [
    { flags: '--out <directory>', help: 'where the key and the request are written; needed' },
    ...NAMES_OPTIONS,
  ],
  summary: 'Makes a key and a request for a certificate',
  purpose: `For keys that shall not leave their node: run it there, take \`<role>-<node>.csr\` to the CA, have it signed with \`csm cert sign\`,
bring \`<role>-<node>.crt\` back, and join it with the key: \`cat compute-n009.crt compute-n009.key > compute-n009.pem\`. The
key gets mode 0600; neither file is overwritten.`,
  examples: [{ title: 'A request of n009', line: 'csm cert csr compute n009 --out /tmp' }],
  codes: [code.MISSING_PARAMETER, code.INVALID_PARAMETER, code.PERMISSION],
  run: async (session, given) => {
    const role = roleOf(given);
    const node = nodeName(given, 'node');
    const missing = () =>
      fail(code.MISSING_PARAMETER, "the option '--out' is missing", { field: '--out', allowed: 'a directory' });
    const out = text(given, 'out') ?? missing();
    const made = await makeCsr({ role, node, names: namesOf(given, node) });
    const files = { key: join(out, `${role}-${node}.key`), csr: join(out, `${role}-${node}.csr`) };
    await writeFile(files.key, made.key, { flag: 'wx', mode: 0o600 });
    await writeFile(files.csr, made.csr, { flag: 'wx', mode: 0o644 }).catch(async (error: unknown) => {
      // A key without its request is of no use, and would be in the way of the next try.
      await unlink(files.key);
      throw error;
    });
    const answer = { role, node, ...files };
    const words = () => `made ${printable(files.csr)}, and its key ${printable(files.key)}\n`;
    await session.print(answerText(session, answer, words, 'record'));
    return 0;
  },
};

export const certSign: CommandSpec = {
  path: ['cert', 'sign'],
  arguments: [
    { name: 'file', required: true, help: 'the request; - reads it from stdin' },
    ROLE_ARGUMENT,
    NODE_ARGUMENT,
  ],
  options: [DIR_OPTION, ...NAMES_OPTIONS, daysOption(DEFAULT_DAYS)],
  summary: 'Signs a request for a certificate',
  purpose: `Writes \`<role>-<node>.crt\` into the CA's directory. Only the key is taken from the request: role, node and names are those given
here, and a request that names another daemon is refused.`,
  examples: [{ title: 'The request of n009', line: 'csm cert sign /tmp/compute-n009.csr compute n009' }],
  codes: [code.INVALID_PARAMETER, code.PERMISSION],
  run: async (session, given) => {
    const role = roleOf(given);
    const node = nodeName(given, 'node');
    const days = daysOf(given);
    const file = given.arguments['file'] ?? '';
    const csr = file === '-' ? await readAll(session.io.stdin) : await readSmall(file);
    const result = await issueFromCsr(await caDirOf(given), csr, { role, node, names: namesOf(given, node), ...days });
    return showWritten(session, { done: [result], failed: [] });
  },
};

async function readSmall(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    if (size > CSR_MAX) tooLarge(`${printable(file)} has ${size} bytes`);
    return await readFile(handle, 'utf8');
  } finally {
    await handle.close();
  }
}

async function readAll(stdin: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > CSR_MAX) tooLarge('stdin is too long');
  }
  return text;
}

const tooLarge = (what: string): never =>
  fail(code.INVALID_PARAMETER, `${what}: that is no certificate request`, {
    field: 'file',
    allowed: `a PKCS #10 request in PEM, at most ${CSR_MAX} bytes`,
  });
