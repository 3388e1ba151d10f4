import type { JsonObject } from '@csm/model';

/** One call as the generated table has it: how it travels, and what help says of it. */
export interface ApiEntry {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: string;
  readonly method: string;
  /** `/csm/v1/nodes/:name` */
  readonly path: string;
  /** Where each field of the input travels. */
  readonly placement: {
    readonly path: readonly string[];
    readonly query: readonly string[];
    readonly body: readonly string[];
  };
  /** The answer is a stream of items. */
  readonly stream: boolean;
  /** There is an answer beside success. */
  readonly answers: boolean;
  readonly changes: boolean;
  /** Seconds the call may take; 0 is without limit. */
  readonly timeoutSeconds: number;
  readonly enters: readonly string[];
  readonly reach: string;
  readonly codes: readonly number[];
  readonly fields: readonly ApiField[];
  readonly examples: readonly { readonly title: string; readonly input: JsonObject }[];
  /** Hints of the row for the command line. */
  readonly cli?: JsonObject;
}

/** One field of an input, for help. */
export interface ApiField {
  readonly name: string;
  readonly in: 'path' | 'query' | 'body';
  readonly required: boolean;
  /** TypeScript text of its type. */
  readonly type: string;
  /** In words what is accepted. */
  readonly allowed: string;
  readonly description: string;
  /** To be shown to nobody. */
  readonly secret?: true;
}

/** What the types of one call are. */
export interface ApiShape {
  readonly input: unknown;
  readonly output: unknown;
  readonly item: unknown;
}
