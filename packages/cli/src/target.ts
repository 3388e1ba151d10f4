/** Which daemon is asked, and how: by its socket, or over HTTPS with a certificate or a token. */
import { existsSync, readFileSync } from 'node:fs';
import type { Target } from '@csm/client';
import { code, fail } from '@csm/model';
import type { Option } from './command.ts';
import { chooseSocket, DEFAULT_SOCKETS } from './socket.ts';

/** Where the CA's certificate stands on every node. */
const DEFAULT_CA = '/etc/csm/ca.pem';

/** What the command line says about it. */
export interface TargetOptions {
  readonly socket: string | undefined;
  readonly url: string | undefined;
  readonly cert: string | undefined;
  readonly certKey: string | undefined;
  readonly ca: string | undefined;
}

export const TARGET_OPTIONS: readonly Option[] = [
  {
    flags: '--socket <path>',
    help: `socket of the daemon to ask; default CSM_SOCKET, else the first that exists of ${DEFAULT_SOCKETS.join(', ')}`,
    values: 'file',
  },
  {
    flags: '--url <url>',
    help: 'https://host:port of a daemon to ask over HTTPS instead; default CSM_URL. Who calls is said by a token in CSM_TOKEN, or by --cert',
  },
  {
    flags: '--cert <file>',
    help: 'with --url: certificate and key of the user (csm cert issue --user); default CSM_CERT',
    values: 'file',
  },
  {
    flags: '--cert-key <file>',
    help: 'the key, where it is in a file of its own; default CSM_CERT_KEY',
    values: 'file',
  },
  {
    flags: '--ca <file>',
    help: `with --url: certificate of the CA of the cluster; default CSM_CA, else ${DEFAULT_CA} where that exists`,
    values: 'file',
  },
];

type Env = { readonly [name: string]: string | undefined };

/** What is given on the line counts before the environment. Throws code 8 or 9 for what does not go together. */
export function chooseTarget(given: TargetOptions, env: Env): Target {
  const from = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  if (given.socket !== undefined && given.url !== undefined) {
    fail(code.INVALID_PARAMETER, 'a socket and an address are given', { field: '--url', allowed: 'one of them' });
  }
  const url = given.url ?? (given.socket === undefined ? from('CSM_URL') : undefined);
  if (url === undefined) {
    const stray = (['cert', 'certKey', 'ca'] as const).find((name) => given[name] !== undefined);
    if (stray !== undefined) {
      const field = stray === 'certKey' ? '--cert-key' : `--${stray}`;
      fail(code.INVALID_PARAMETER, `${field} is given without an address`, { field, allowed: `${field} with --url` });
    }
    return { socket: chooseSocket(given.socket, env, existsSync) };
  }
  const token = given.cert === undefined ? from('CSM_TOKEN') : undefined;
  const cert = given.cert ?? (token === undefined ? from('CSM_CERT') : undefined);
  if (token === undefined && cert === undefined) {
    fail(code.MISSING_PARAMETER, 'nothing says who calls', {
      field: '--cert',
      allowed: 'a token in CSM_TOKEN, or a certificate by --cert or CSM_CERT',
    });
  }
  const key = given.certKey ?? from('CSM_CERT_KEY') ?? cert;
  const ca = given.ca ?? from('CSM_CA') ?? (existsSync(DEFAULT_CA) ? DEFAULT_CA : undefined);
  return {
    https: {
      url,
      ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
      ...(cert === undefined || key === undefined ? {} : { cert: readFileSync(cert), key: readFileSync(key) }),
      ...(token === undefined ? {} : { token }),
    },
  };
}

/** For words: the path or the address. */
export const targetText = (target: Target): string => target.socket ?? target.https?.url ?? '';
