/** `--dry-run`: what would be asked is told instead of asked. */
import type { ApiEntry, CallOptions, Client } from '@csm/client';
import { code as codes, fail, type Json } from '@csm/model';
import { answerText } from './print/answer.ts';
import type { Session } from './session.ts';
import { nodesWords, printable } from './text.ts';

/** What commands use of a client. */
export type Asks = Pick<Client, 'call' | 'pass' | 'stream'>;

/** A call was told instead of made. */
export class Rehearsed extends Error {
  readonly entry: ApiEntry;
  readonly input: { readonly [field: string]: unknown };
  readonly socket: string;

  constructor(entry: ApiEntry, input: object, socket: string) {
    super(`${entry.name} was not called`);
    this.entry = entry;
    this.input = input as { readonly [field: string]: unknown };
    this.socket = socket;
  }
}

/** Passes on what only reads; the first call that does more ends the command by a `Rehearsed`. */
export class Rehearsal implements Asks {
  readonly #client: Client;
  readonly #api: { readonly [name: string]: ApiEntry };
  readonly #socket: string;

  constructor(client: Client, api: { readonly [name: string]: ApiEntry }, socket: string) {
    this.#client = client;
    this.#api = api;
    this.#socket = socket;
  }

  call: Client['call'] = async (name, input, options?: CallOptions) => {
    this.#tell(name, input as object);
    return this.#client.call(name, input, options);
  };

  pass: Client['pass'] = async (name, input, take, options?: CallOptions) => {
    this.#tell(name, input as object);
    return this.#client.pass(name, input, take, options);
  };

  stream: Client['stream'] = (name, input, options?: CallOptions) => {
    this.#tell(name, input as object);
    return this.#client.stream(name, input, options);
  };

  #tell(name: string, input: object): void {
    const entry = this.#api[name];
    if (entry === undefined) fail(codes.UNKNOWN_COMMAND, `there is no call '${name}'`);
    if (entry.method !== 'GET') throw new Rehearsed(entry, input, this.#socket);
  }
}

/** What would have been asked, in the format of the answer it would have had. */
export function rehearsedText(session: Session, { entry, input, socket }: Rehearsed): string {
  const secrets = new Set(entry.fields.filter(({ secret }) => secret === true).map(({ name }) => name));
  const given = Object.fromEntries(
    Object.entries(input)
      .filter(([, value]) => value !== undefined)
      .map(([field, value]) => [field, secrets.has(field) ? '(secret)' : value]),
  );
  const answer = { dry_run: true, call: entry.name, method: entry.method, path: entry.path, socket, input: given };
  const value = (field: string, one: unknown): string => {
    if (typeof one !== 'string') return printable(JSON.stringify(one));
    return field === 'nodes' ? nodesWords(one) : printable(one);
  };
  const text = (): string => {
    const fields = Object.entries(given).map(([field, one]) => `  ${printable(field)}: ${value(field, one)}\n`);
    return `dry run: ${entry.name} would be asked of the daemon at ${printable(socket)}, with\n${fields.join('')}nothing was changed\n`;
  };
  return answerText(session, answer as unknown as Json, text, 'document');
}
