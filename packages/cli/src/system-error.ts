/** What the operating system refuses, in words. */
import { CsmError, code, problem } from '@csm/model';
import { printable } from './text.ts';

const WORDS: { readonly [name: string]: string } = {
  EACCES: 'permission denied; this may need root',
  EPERM: 'not permitted; this may need root',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of the path is no directory',
  EISDIR: 'it is a directory',
  EEXIST: 'it exists already; it is never overwritten',
};

/** An error of the system with its path and a code; anything else as it is. */
export function fromSystem(error: unknown): unknown {
  if (error instanceof CsmError) return denied(error);
  const { code: name, path, syscall } = error as NodeJS.ErrnoException;
  if (name === undefined || syscall === undefined) return error;
  const number = isDenial(error) ? code.PERMISSION : name === 'ENOSPC' ? code.GENERIC : code.INVALID_PARAMETER;
  const detail = `${printable(path ?? syscall)}: ${WORDS[name] ?? name}`;
  return new CsmError(problem(number, detail, path === undefined ? {} : { field: path }), { cause: error });
}

const isDenial = (error: unknown): boolean => ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');

/** A file that may not be read is told as that, though the CA calls it bad input. A socket keeps its own code. */
function denied(error: CsmError): CsmError {
  if (error.code !== code.INVALID_PARAMETER || !(error.cause instanceof Error) || !isDenial(error.cause)) return error;
  const { field } = error.problem;
  return new CsmError(problem(code.PERMISSION, error.message, field === undefined ? {} : { field }), { cause: error });
}
