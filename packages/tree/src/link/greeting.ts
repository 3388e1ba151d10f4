import { daemonId, isNodeName, NODE_NAME_RULE } from '@csm/model';
import { agree, type MessageOf } from '@csm/protocol';
import { type Identity, INTERVAL_MAX, INTERVAL_MIN } from './link.ts';

/** A refusal as it is sent and logged. Codes are stable; the reason is for people. */
export interface Refusal {
  readonly code:
    | 'version'
    | 'certificate'
    | 'identity'
    | 'interval'
    | 'duplicate'
    | 'role'
    | 'name'
    | 'node'
    | 'standby';
  readonly reason: string;
}

const no = (code: Refusal['code'], reason: string): Refusal => ({ code, reason });

/** What a listener holds against a `hello`; undefined when it is in order. Whether the daemon is wanted here is asked later. */
export function judgeHello(hello: MessageOf<'hello'>, identity: Identity, version: string): Refusal | undefined {
  const agreed = agree(version, hello.version);
  if (!agreed.ok) return no('version', agreed.error.detail);
  const { node }: { readonly node: string } = hello;
  if (!isNodeName(node)) return no('name', `node name '${String(node)}' is not allowed: ${NODE_NAME_RULE}`);
  if (identity.fault !== undefined) return no('certificate', identity.fault);
  if (identity.role !== hello.role || identity.node !== hello.node) {
    const proven = daemonId(identity.role, identity.node);
    return no('identity', `the certificate is for ${proven}, but hello says ${daemonId(hello.role, hello.node)}`);
  }
  if (hello.interval < INTERVAL_MIN || hello.interval > INTERVAL_MAX) {
    return no(
      'interval',
      `heartbeat interval ${hello.interval} ms is not allowed: ${INTERVAL_MIN} to ${INTERVAL_MAX} ms`,
    );
  }
  return undefined;
}

/** What a dialer holds against a `welcome`: the certificate must name an expected role, and the node that answers. */
export function judgeWelcome(welcome: MessageOf<'welcome'>, identity: Identity, version: string): Refusal | undefined {
  const agreed = agree(version, welcome.version);
  if (!agreed.ok) return no('version', agreed.error.detail);
  if (identity.node !== welcome.node) {
    return no(
      'identity',
      `the certificate is for ${daemonId(identity.role, identity.node)}, but '${welcome.node}' answers`,
    );
  }
  return undefined;
}
