/**
 * The HTTP door with all that stands behind it. It is made before there is a database to lead on: an instance that
 * stands by listens too, and sends requests on. What its routes need of the store is looked up when a request is there.
 */
import { readFileSync } from 'node:fs';
import { code, fail } from '@csm/model';
import type { Assembled } from './assemble.ts';
import type { HsmPorts } from './hsm/ports.ts';
import { hsmRoutes } from './hsm/routes.ts';
import { refusal } from './http/problem.ts';
import type { RecordsPort } from './http/records.ts';
import type { Route } from './http/route.ts';
import { createHeartbeatServer, type DoorTls } from './http/server.ts';
import type { Log } from './ports.ts';
import type { Setup } from './setup.ts';
import { readHistory, readIncidents } from './store/queries.ts';
import type { TimePort } from './types.ts';

/** A list may have so many times the bytes of one heartbeat's body. */
const LARGE_BODY = 256;

export interface DoorOptions {
  readonly setup: Pick<Setup, 'listen' | 'tls' | 'limits'>;
  readonly time: TimePort;
  readonly log: Log;
}

export interface OpenDoor {
  /** Throws code 9 where it cannot, such as on a port in use. */
  listen(): Promise<void>;
  /** From now on requests are for this service. */
  lead(assembled: Assembled): void;
  /** Requests go on to the leader: a URL; undefined while nobody is known to lead. */
  standBy(leader: () => string | undefined): void;
  /** Such as `http://127.0.0.1:28500`; only while it listens. */
  readonly url: string;
  /** Reads the certificates again; they count for connections that come then. */
  renewTls(): void;
  close(): Promise<void>;
}

export function openDoor({ setup, time, log }: DoorOptions): OpenDoor {
  const { listen, tls, limits } = setup;
  let current: Assembled | undefined;
  let leader: () => string | undefined = () => undefined;
  let stateManager: ReadonlyMap<string, Route> = new Map();
  const leading = (): Assembled => current ?? fail(code.NOT_INITIALIZED, 'this process does not lead');

  const records: RecordsPort = {
    history: (filter) => readHistory(leading().store, filter),
    incidents: (filter) => readIncidents(leading().store, filter),
    get changes() {
      return leading().store.changes;
    },
  };
  // The table is the same for every store; who answers is found when somebody asks.
  const routes = hsmRoutes(NO_PORTS).map(
    (route): Route => ({
      ...route,
      handle: (request) => {
        if (leading().service.manager !== 'builtin')
          return refusal(request.path, 404, 'The built-in state manager is off: another one is told, or none');
        const own = stateManager.get(route.id) ?? fail(code.NOT_INITIALIZED, 'this process does not lead');
        return own.handle(request);
      },
    }),
  );
  const certificates = readTls(tls);
  const server = createHeartbeatServer({
    listen: { port: listen.port, ...(listen.host === undefined ? {} : { host: listen.host }) },
    ...(certificates === undefined ? {} : { tls: certificates }),
    limits: {
      bodyBytes: limits.body,
      largeBodyBytes: limits.body * LARGE_BODY,
      bodiesBytes: 4 * limits.body * LARGE_BODY,
      connections: limits.connections,
    },
    log,
    records,
    routes,
    leader: () => leader(),
    wallNow: () => time.now().wall,
  });
  return {
    async listen() {
      try {
        await server.listen();
      } catch (error) {
        await server.close();
        throw error;
      }
      log.info('heartbeats are taken', { url: server.url });
    },
    lead(assembled) {
      const { store, service, notifications } = assembled;
      const ports: HsmPorts = { store, service, subscriptionsChanged: () => notifications.refresh() };
      stateManager = new Map(hsmRoutes(ports).map((route) => [route.id, route]));
      current = assembled;
      server.serve(service);
    },
    standBy(where) {
      leader = where;
    },
    get url() {
      return server.url;
    },
    renewTls() {
      const renewed = readTls(tls);
      if (renewed !== undefined) server.renewTls(renewed);
    },
    close: () => server.close(),
  };
}

/** Only names and documents are asked of routes that are made with these. */
const NO_PORTS = {} as unknown as HsmPorts;

function readTls({ cert_file: cert, key_file: key, ca_file: ca, identity }: Setup['tls']): DoorTls | undefined {
  if (cert === undefined || key === undefined) return undefined;
  return {
    cert: readFileSync(cert),
    key: readFileSync(key),
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    identity,
  };
}
