/**
 * The error codes 0–55 of IBM CSM. The number is what scripts test and what `csm` exits with, so a number never
 * changes its meaning. `name` is ours, stable, and what programs should match on.
 */

interface CodeRow {
  readonly code: number;
  readonly name: string;
  readonly text: string;
}

const row = <C extends number, N extends string>(code: C, name: N, text: string) => ({ code, name, text }) as const;

export const CODES = [
  row(0, 'SUCCESS', 'success'),
  row(1, 'GENERIC', 'the call failed'),
  row(2, 'HELP', 'help was shown'),
  row(3, 'NOT_INITIALIZED', 'the client or daemon is not ready yet'),
  row(4, 'NO_RESULTS', 'nothing matches'),
  row(5, 'TIMEOUT', 'the time allowed ran out'),
  row(6, 'MESSAGE_ID_MISMATCH', 'an answer to another call arrived'),
  row(7, 'COMMAND_MISMATCH', 'an answer to another command arrived'),
  row(8, 'MISSING_PARAMETER', 'a required parameter is missing'),
  row(9, 'INVALID_PARAMETER', 'a parameter is not allowed'),
  row(10, 'RAS_HANDLER', 'an event could not be handled'),
  row(11, 'UNKNOWN_COMMAND', 'this daemon does not know the call'),
  row(12, 'COMMUNICATION', 'a message could not be sent or received'),
  row(13, 'MEMORY', 'no memory or queue space is left'),
  row(14, 'NOT_DEFINED', 'the error is not defined'),
  row(15, 'SUBSCRIPTION', 'a subscription failed'),
  row(16, 'PERMISSION', 'permission denied'),
  row(17, 'SCRIPT_FAILURE', 'a script or program failed'),
  row(18, 'INIT_LIBRARY', 'a library could not be started'),
  row(19, 'TERM_LIBRARY', 'a library could not be stopped'),
  row(20, 'EMPTY_PAYLOAD', 'a message has no content'),
  row(21, 'BAD_EVENT_TYPE', 'unknown kind of event'),
  row(22, 'BAD_ADDRESS', 'no daemon answers at this address'),
  row(23, 'CGROUP_DELETE', 'a control group could not be removed'),
  row(24, 'DATABASE_UNAVAILABLE', 'the master has no database at present'),
  row(25, 'DATABASE', 'the database refused the change'),
  row(26, 'DELETE_MISMATCH', 'not all records could be deleted'),
  row(27, 'UPDATE_MISMATCH', 'not all records could be updated'),
  row(28, 'PACK', 'a message could not be encoded'),
  row(29, 'UNPACK', 'a message could not be read'),
  row(30, 'BUFFER_OVERFLOW', 'a message is too large'),
  row(31, 'BUFFER_UNDERFLOW', 'a message is incomplete'),
  row(32, 'BUFFER_INVALID', 'a message is not well formed'),
  row(33, 'MULTI_GENERIC', 'some nodes failed'),
  row(34, 'MULTI_RESPONSE', 'some nodes gave unusable answers'),
  row(35, 'ILLEGAL_EXECUTION', 'the program may not be run'),
  row(36, 'CGROUP', 'a control group could not be made'),
  row(37, 'CONTEXT_LOST', 'what was asked is no longer known; its outcome is unknown'),
  row(38, 'CGROUP_INVALID', 'a control group setting is not allowed'),
  row(39, 'CGROUP_ACCESS', 'a control group may not be changed'),
  row(40, 'BURST_BUFFER', 'a burst buffer command failed'),
  row(41, 'STATE_JUMPED', 'the state was reached without work on the nodes'),
  row(42, 'SAME_STATE', 'it is in that state already'),
  row(43, 'STATE_CHANGE', 'the state could not be changed'),
  row(44, 'BAD_STATE', 'not possible in the present state'),
  row(45, 'JSRUN', 'a job launch failed'),
  row(46, 'UNKNOWN_NODES', 'nodes are not known'),
  row(47, 'NODES_OCCUPIED', 'nodes are in use'),
  row(48, 'NODES_UNAVAILABLE', 'nodes are not available'),
  row(49, 'BAD_FLAGS', 'allocation flags are not allowed'),
  row(50, 'ALLOCATION_MISSING', 'no such allocation'),
  row(51, 'EPILOG_EPILOG', 'an epilog met a running epilog'),
  row(52, 'EPILOG_PROLOG', 'an epilog met a running prolog'),
  row(53, 'PROLOG_EPILOG', 'a prolog met a running epilog'),
  row(54, 'PROLOG_PROLOG', 'a prolog met a running prolog'),
  row(55, 'RECOVERY_AGENT', 'the recovery of a node failed'),
] as const satisfies readonly CodeRow[];

export type CodeName = (typeof CODES)[number]['name'];
export type Code = (typeof CODES)[number]['code'];

/** `code.TIMEOUT` is 5. */
export const code: { readonly [N in CodeName]: Extract<(typeof CODES)[number], { name: N }>['code'] } = Object.freeze(
  Object.fromEntries(CODES.map((r) => [r.name, r.code])),
) as never;

export function isCode(value: unknown): value is Code {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < CODES.length;
}

export const codeName = (c: Code): CodeName => (CODES[c] as CodeRow).name as CodeName;
export const codeText = (c: Code): string => (CODES[c] as CodeRow).text;
