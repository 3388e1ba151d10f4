/** Who is at the other end of a TLS connection, and what he may do where certificates count. Pure but for `factsOf`. */
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { Wall } from '@csm/model';
import { xnameOf } from '../xname/index.ts';
import type { Route } from './route.ts';

type Asked = Pick<Route, 'method' | 'access'>;

/**
 * `none`: certificates of clients do not count. `optional`: who shows one of a component speaks for that one only.
 * `required`: nobody beats without one, and whoever changes anything else shows one that is no component's.
 */
export type Identity = 'none' | 'optional' | 'required';

export type Peer =
  | { readonly kind: 'component'; readonly name: string }
  /** Somebody whose certificate is good, and who is no component: an operator, another service. */
  | { readonly kind: 'other' }
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly why: string };

/** What a certificate says. */
export interface PeerFacts {
  /** True, or why the chain of signatures does not hold. */
  readonly trusted: true | string;
  /** Such as `URI:csm:component:x0c0s0b0n0`. */
  readonly subjectAltNames: readonly string[];
  readonly commonName: string | undefined;
  /** Wall ms. */
  readonly validFrom: number;
  readonly validTo: number;
}

const COMPONENT = 'URI:csm:component:';
/** Of the daemon on a node: it speaks for that node at most. */
const COMPUTE = 'URI:csm:compute:';

/** Judged anew with each request: a connection, and a session that is resumed, may outlive its certificate. */
export function peerOf(facts: PeerFacts | undefined, now: Wall): Peer {
  if (facts === undefined) return { kind: 'none' };
  if (facts.trusted !== true) return { kind: 'refused', why: `the certificate is not trusted: ${facts.trusted}` };
  if (now < facts.validFrom || now > facts.validTo) return { kind: 'refused', why: 'the certificate is not valid now' };
  const named = facts.subjectAltNames.filter((name) => name.startsWith(COMPONENT));
  if (named.length > 1) return { kind: 'refused', why: 'the certificate names several components' };
  const [only] = named;
  if (only !== undefined) {
    const name = xnameOf(only.slice(COMPONENT.length));
    return name === undefined
      ? { kind: 'refused', why: `the certificate has ${only}: no xname` }
      : { kind: 'component', name };
  }
  const node = facts.subjectAltNames.find((name) => name.startsWith(COMPUTE))?.slice(COMPUTE.length);
  if (node !== undefined) return { kind: 'component', name: xnameOf(node) ?? node };
  const name = xnameOf(facts.commonName ?? '');
  return name === undefined ? { kind: 'other' } : { kind: 'component', name };
}

/** Why a peer may not send a heartbeat of this component (a normalised name); undefined when he may. */
export function mayBeat(identity: Identity, peer: Peer, component: string): string | undefined {
  if (identity === 'none') return undefined;
  switch (peer.kind) {
    case 'component':
      return peer.name === component ? undefined : `the certificate is of ${peer.name}, the heartbeat of ${component}`;
    case 'refused':
      return peer.why;
    case 'other':
    case 'none':
      return identity === 'optional' ? undefined : `a heartbeat of ${component} needs the certificate of ${component}`;
    default:
      return peer satisfies never;
  }
}

/** Why a peer may not do anything else; undefined when he may. */
export function mayCall(identity: Identity, peer: Peer, { method, access }: Asked): string | undefined {
  if (identity === 'none' || access === 'free' || access === 'beats') return undefined;
  const changes = method !== 'GET' && access !== 'reads';
  switch (peer.kind) {
    case 'component':
      return changes ? `the certificate is of the component ${peer.name}, which may only read here` : undefined;
    case 'refused':
      return peer.why;
    case 'none':
      return identity === 'optional' ? undefined : 'a client certificate is needed here';
    case 'other':
      return undefined;
    default:
      return peer satisfies never;
  }
}

/** What the peer's certificate says; undefined when it sent none. */
export function factsOf(socket: TLSSocket): PeerFacts | undefined {
  const peer = socket.getPeerCertificate() as PeerCertificate | Record<string, never>;
  if (peer.subject === undefined) return undefined;
  const { authorizationError: error } = socket as unknown as { readonly authorizationError?: unknown };
  // Names with commas or quotes are quoted by Node; ours never hold any, so such a name stays as one odd entry.
  const names = (peer.subjectaltname ?? '').match(/[A-Za-z ]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? [];
  const commonName: unknown = peer.subject.CN;
  return {
    trusted: socket.authorized || (error instanceof Error ? error.message : String(error)),
    subjectAltNames: names.map((name) => name.trim()),
    commonName: typeof commonName === 'string' ? commonName : undefined,
    validFrom: Date.parse(peer.valid_from),
    validTo: Date.parse(peer.valid_to),
  };
}
