export { type CallOptions, Client, type ClientOptions } from './client.ts';
export type { ApiEntry, ApiField, ApiShape } from './entry.ts';
// The input, output and item types of every call; their names follow the table.
export type * from './generated/api.ts';
export { API, type ApiTypes } from './generated/api.ts';
export { checkSocketPath, SOCKET_PATH_MAX } from './transport.ts';
