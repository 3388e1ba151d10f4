export { type Classed, classesOf, DEFAULT_POLICY, decide, isPrivileged, notOwner, type Policy } from './access.ts';
export { groupName } from './account-names.ts';
export { checkSocketPath, freeSocketPath, SOCKET_PATH_MAX } from './address.ts';
export { API_VERSION } from './api-version.ts';
export { Buckets } from './buckets.ts';
export type { CallAnswer, Dispatch } from './call.ts';
export { type Acl, type FileFault, readAcl, readTimeouts } from './call-files.ts';
export type { ServerStats } from './connections.ts';
export { callsNamed, type NamedCalls } from './csm-names.ts';
export { describe, type FieldDescription, type RowDescription } from './describe.ts';
export { generateAcl, generateTimeouts } from './generate-call-files.ts';
export { generateClient } from './generate-client.ts';
export { generateErrors, generateReference } from './generate-reference.ts';
export { createHttpsServer, type HttpsOptions } from './https-server.ts';
export type { InputParts } from './input.ts';
export { DEFAULT_LIMITS, type Limits } from './limits.ts';
export type { Log, LogFields } from './log.ts';
export { COMMON_CODES, openApi } from './openapi.ts';
export { type PeerCredentials, peerCredentials } from './peer.ts';
export type { Placement } from './placement.ts';
export {
  type Access,
  type ApiRow,
  type CallContext,
  type Caller,
  DEFAULT_TIMEOUT_SECONDS,
  type Example,
  type Grant,
  type Handler,
  type InputOf,
  type Method,
  MINIMUM_TIMEOUT_SECONDS,
} from './row.ts';
export { isEmptyScope, SCOPE_PATTERN, SCOPES_MAX, scopeFault, scopeGives } from './scope.ts';
export { type ApiServer, createServer, type RefusedCall, type ServeOptions, type ServerOptions } from './server.ts';
export { HttpRefusal, PROBLEM_TYPE, problemBody, statusOf } from './status.ts';
export { ApiTable, type TableRow } from './table.ts';
export { isBearer, TOKEN_KEEP_MS, type TokenHolder, type TokenPort } from './tokens.ts';
