export { type CallOptions, Client, type ClientOptions, type ClientSettings } from './client.ts';
export type { ApiEntry, ApiField, ApiShape } from './entry.ts';
// The input, output and item types of every call; their names follow the table.
export type * from './generated/api.ts';
export { API, API_VERSION, type ApiTypes } from './generated/api.ts';
export { checkSocketPath, HTTPS_PORT, type HttpsTarget, SOCKET_PATH_MAX, type Target } from './target.ts';
