export { CODES, type Code, type CodeName, code, codeName, codeText, isCode } from './codes.ts';
export { type FailpointSetting, failpoint, parseFailpoint } from './failpoint.ts';
export { isObject, type Json, type JsonObject } from './json.ts';
export { JsonFlow, JsonPages, type TakeItems } from './json-text.ts';
export { LEASE_DEFAULT, LEASE_MAX, LEASE_MIN } from './lease.ts';
export {
  type DaemonId,
  daemonId,
  isNodeName,
  isRole,
  isUserName,
  NODE_NAME_MAX,
  NODE_NAME_RULE,
  parseDaemonId,
  ROLES,
  type Role,
  roleRank,
  USER_NAME_MAX,
  USER_NAME_RULE,
} from './names.ts';
export { nearest } from './nearest.ts';
export {
  asProblem,
  CsmError,
  err,
  fail,
  type NodesPart,
  ok,
  type Problem,
  type ProblemExtra,
  problem,
  type Result,
  toProblem,
} from './problem.ts';
export { after, earliest, type Mono, mono, type Now, type Wall, wall } from './time.ts';
