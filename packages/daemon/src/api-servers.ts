/** Where calls come in at a daemon: its socket, and HTTPS where that is set. */
import {
  type ApiServer,
  type ApiTable,
  createHttpsServer,
  createServer,
  type Dispatch,
  type RefusedCall,
  type TableRow,
} from '@csm/api';
import type { HostPort, Lifecycle, Log } from '@csm/kit';
import { daemonId, type JsonObject, type Role } from '@csm/model';
import type { CallRules } from './call-rules.ts';
import type { Credentials } from './credentials.ts';
import { tokenPort } from './token-port.ts';
import { CSM_VERSION } from './version.ts';

export interface ApiServersOptions {
  readonly self: { readonly role: Role; readonly node: string };
  readonly socket: string;
  readonly permissions: number;
  readonly https: HostPort | undefined;
  /** Bytes. */
  readonly maxBody: number;
  readonly table: ApiTable;
  readonly dispatch: Dispatch;
  readonly rules: () => CallRules;
  readonly credentials: () => Credentials;
  readonly onRefused: (refused: RefusedCall) => void;
  readonly info: () => JsonObject;
  readonly log: Log;
}

export class ApiServers {
  readonly #servers: ApiServer[] = [];

  /** Those that have been made. */
  get all(): readonly ApiServer[] {
    return this.#servers;
  }

  addTo(lifecycle: Lifecycle, options: ApiServersOptions): void {
    const { self, table, dispatch, rules, credentials, https } = options;
    const common = {
      table,
      self,
      version: CSM_VERSION,
      policy: () => rules().policy,
      secondsOf: (row: TableRow) => rules().secondsOf(row),
      dispatch,
      onRefused: options.onRefused,
      info: options.info,
      limits: bodyLimits(options.maxBody),
      log: options.log,
    };
    const local = createServer({ ...common, socketPath: options.socket, socketMode: options.permissions });
    this.#servers.push(local);
    lifecycle.add(
      'api',
      () => local.listen(),
      () => local.close(),
    );
    if (https === undefined) return;
    const tokens = tokenPort(table, dispatch, daemonId(self.role, self.node));
    // Made when its turn comes: it wants the certificate, which is not read yet.
    lifecycle.add(
      'api over HTTPS',
      async () => {
        const server = createHttpsServer({
          ...common,
          ...https,
          tls: () => credentials().tls,
          revoked: () => credentials().revoked,
          ...(tokens === undefined ? {} : { tokens }),
        });
        this.#servers.push(server);
        await server.listen();
      },
      async () => {
        for (const server of this.#servers.splice(1)) await server.close();
      },
    );
  }

  /** Takes new certificates, and ends the calls of callers whose proof holds no more. */
  recheck(): void {
    for (const server of this.#servers) server.recheck();
  }
}

/** Room for eight of the largest bodies. */
const bodyLimits = (bodyBytes: number) => ({ bodyBytes, bodiesBytes: 8 * bodyBytes });
