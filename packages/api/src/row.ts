import type { Code, Json, JsonObject, JsonPages, Role } from '@csm/model';
import type { Static, TSchema } from 'typebox';

/** Who may call: any local user, the owner of what is named (or a privileged user), privileged users only. */
export type Access = 'public' | 'private' | 'privileged';
export const ACCESS: readonly Access[] = ['public', 'private', 'privileged'];

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Seconds a call may take when its row does not say. */
export const DEFAULT_TIMEOUT_SECONDS = 30;
/** No row allows less: each hop needs a part of it. */
export const MINIMUM_TIMEOUT_SECONDS = 5;

/** An input worth showing in help and reference pages. */
export interface Example {
  readonly title: string;
  readonly input: JsonObject;
}

/**
 * One call of the API. The HTTP route, the access check, the OpenAPI document, the typed client, the help of the
 * command line and the reference page are all made from this row, so that nothing about a call is written twice.
 */
export interface ApiRow {
  /** `noun.verb`, such as `node.list`. Programs and logs use this name; it never changes. */
  readonly name: string;
  /** One line, beginning with a verb, without a full stop. */
  readonly summary: string;
  /** Further sentences in Markdown. */
  readonly description?: string;
  readonly access: Access;
  readonly method: Method;
  /** `/csm/v1/nodes/:name`; every `:parameter` is a required property of `input`. */
  readonly path: string;
  /**
   * One object with `additionalProperties: false`. Path parameters, query parameters and body fields are merged into
   * it. A property may carry `description`, and `allowed`: in words what is accepted, used instead of its pattern.
   */
  readonly input: TSchema;
  /** What the answer is; absent: nothing, or items. */
  readonly output?: TSchema;
  /** Present when the answer is a stream: the schema of one item. An item has no property `end` or `problem`. */
  readonly item?: TSchema;
  /** A call that changes something takes an Idempotency-Key. */
  readonly changes: boolean;
  /** Seconds, default 30, at least 5. 0 is without limit and only for streams. */
  readonly timeoutSeconds?: number;
  /** Roles of the daemons by which the call may enter the tree. */
  readonly enters: readonly Role[];
  /** Answered by the daemon where it enters, or by the master. */
  readonly reach: 'local' | 'master';
  readonly examples?: readonly Example[];
  /** Problem codes a caller should be ready for, besides 5, 8, 9, 12, 13 and 16, which every call may give. */
  readonly codes?: readonly Code[];
  /** Hints for the command line; the API does not read them. */
  readonly cli?: JsonObject;
  /**
   * The handler looks at `ctx.grant` and checks who owns what the call names. Only such a call can be private, by its
   * row or by a permission file.
   */
  readonly owned?: true;
  /** A call between daemons: it has no HTTP route, and is in no document. Its path and method are not used. */
  readonly internal?: true;
}

/** uid and gid of whoever is no user of the daemon's machine. */
export const NOBODY_ID = 65_534;

/** Who calls, as the entry daemon knows it: from its kernel when the connection was opened, unless `via` says how else. */
export interface Caller {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  /** Names of the primary and the supplementary groups; a group without a name stands as its number. */
  readonly groups: readonly string[];
  readonly pid: number;
  /** The daemon id of the entry daemon, such as `utility/login1`. */
  readonly vouchedBy: string;
  /** How the entry daemon knew the caller; absent: by the kernel's credentials. */
  readonly via?: 'certificate' | 'token';
  /** With `via` token: its public id, which the master judges again. */
  readonly token?: string;
}

/** `granted`: go on. `owner-check`: the handler grants it only when the caller owns what the call names. */
export type Grant = 'granted' | 'owner-check';

/** What a handler knows about the call beside its input. */
export interface CallContext {
  readonly caller: Caller;
  /** A private call of a user who is not privileged comes as `owner-check`. */
  readonly grant: Grant;
  /** 16 hex digits made at the entry daemon; stands in every log line of the call. */
  readonly trace: string;
  /** Fires when the caller goes away, the time runs out or the daemon stops. The handler must settle soon after. */
  readonly signal: AbortSignal;
  /** Milliseconds left, never below 0; Infinity for a stream without limit. */
  remaining(): number;
  readonly idempotencyKey?: string;
  /**
   * Sends one item of a stream; resolves when there is room for the next, rejects when the call is over. `bytes`: what
   * it takes on the wire, from one who has worked that out for many.
   */
  emit(item: Json, bytes?: number): Promise<void>;
}

/**
 * Answers one call, a long list by pages of its items as JSON. Throws a `CsmError` to refuse; what else it
 * throws is told as code 1 without its text.
 */
export type Handler<I = JsonObject> = (input: I, ctx: CallContext) => Promise<Json | JsonPages | undefined>;

/** The input type of a row written with `as const satisfies ApiRow`. */
export type InputOf<R extends { readonly input: TSchema }> = Static<R['input']>;
