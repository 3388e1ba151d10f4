import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type PeerCertificate } from 'node:tls';
import { CsmError, type Problem } from '@csm/model';

/** Runs `body` with a fresh directory that is gone afterwards. */
export async function withDir(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'csm-pki-'));
  try {
    await body(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The problem that `promise` is refused with. */
export async function refused(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof CsmError) return error.problem;
    throw error;
  }
  throw new Error('it was not refused');
}

/** The openssl program, or undefined after saying so; with CSM_TEST_REQUIRE=all its absence fails. */
export function openssl(): ((...args: string[]) => { status: number | null; output: string }) | undefined {
  if (spawnSync('openssl', ['version']).status !== 0) {
    if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error('needs openssl (apt-get install openssl)');
    console.log('skipped: needs openssl (apt-get install openssl)');
    return undefined;
  }
  return (...args) => {
    const run = spawnSync('openssl', args, { encoding: 'utf8' });
    return { status: run.status, output: run.stdout + run.stderr };
  };
}

export interface Meeting {
  /** What each side saw, or the code of its refusal. */
  readonly server: PeerCertificate | string;
  readonly client: PeerCertificate | string;
}

/** One mutual TLS 1.3 handshake between two combined PEM files, judged by one CA file. */
export async function meet(caFile: string, serverPem: string, clientPem: string, host: string): Promise<Meeting> {
  const [ca, serverText, clientText] = await Promise.all([caFile, serverPem, clientPem].map((f) => readFile(f)));
  if (ca === undefined || serverText === undefined || clientText === undefined) throw new Error('unreachable');
  let server: PeerCertificate | string = 'nothing';
  const both = { ca, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', rejectUnauthorized: true } as const;
  const listener = createServer({ ...both, cert: serverText, key: serverText, requestCert: true }, (socket) => {
    server = socket.getPeerCertificate();
    socket.on('error', () => undefined);
    socket.end('done');
  });
  listener.on('tlsClientError', (error, socket) => {
    const verdict: unknown = socket.authorizationError;
    server = typeof verdict === 'string' ? verdict : ((error as NodeJS.ErrnoException).code ?? error.message);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = await new Promise<PeerCertificate | string>((resolve) => {
    let seen: PeerCertificate | string = 'nothing';
    const options = { ...both, cert: clientText, key: clientText, host: '127.0.0.1', port, servername: host };
    const socket = connect(options, () => {
      seen = socket.getPeerCertificate();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (typeof seen === 'string') seen = error.code ?? error.message;
    });
    socket.on('close', () => resolve(seen));
    socket.resume();
  });
  await new Promise<void>((resolve) => listener.close(() => resolve()));
  return { server, client };
}
