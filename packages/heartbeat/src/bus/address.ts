/**
 * Where the message bus is, as it is configured. Pure.
 *
 *   nats://[user:password@]host[:port][/subject]     tls:// as well; a user without a password is a token
 *   host:port:subject                                as hbtd has it
 */
import { code, fail } from '@csm/model';

export interface BusAddress {
  /** The connection is encrypted or there is none; otherwise as the server wants it. */
  readonly tls: boolean;
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly subject: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

/** Where hbtd's installations publish. */
export const DEFAULT_SUBJECT = 'cray-hmsheartbeat-notifications';
export const SUBJECT_MAX = 200;
const DEFAULT_PORT = 4222;
const PORT_MAX = 65_535;

const HOST = /^(\w([\w.-]*\w)?|\[[0-9A-Fa-f:.]+\])$/;
/** Neither wildcards nor the server's own subjects, which begin with `$`. */
const SUBJECT = /^[\w-]+(\.[\w-]+)*$/;

/** Throws code 9, with this field, for what is none. A password never stands in the words. */
export function readBusAddress(text: string, field = 'telemetry_host'): BusAddress {
  const refuse = (why: string, allowed: string): never =>
    fail(code.INVALID_PARAMETER, `the message bus cannot be at '${withoutSecrets(text)}': ${why}`, { field, allowed });
  return text.includes('://') ? readUrl(text, refuse) : readTriple(text, refuse);
}

/** For people: without user, password and token. */
export const showBusAddress = ({ tls, host, port, subject }: BusAddress): string =>
  `${tls ? 'tls' : 'nats'}://${inUrl(host)}:${port}/${subject}`;

/** `host:port`, an IPv6 address in brackets. */
export const hostAndPort = ({ host, port }: Pick<BusAddress, 'host' | 'port'>): string => `${inUrl(host)}:${port}`;

type Refuse = (why: string, allowed: string) => never;

const SHAPE = 'nats://[user:password@]host[:port][/subject], the same with tls://, or host:port:subject';

function readUrl(text: string, refuse: Refuse): BusAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return refuse('it is no URL', SHAPE);
  }
  const { protocol, hostname, port, pathname } = url;
  if (protocol !== 'nats:' && protocol !== 'tls:') refuse(`its scheme is ${protocol.slice(0, -1)}`, 'nats or tls');
  if (url.hash !== '' || url.search !== '') refuse('it has a part behind # or ?', 'in a password %23 and %3F');
  const path = pathname.slice(1);
  return {
    tls: protocol === 'tls:',
    host: hostOf(hostname, refuse),
    port: port === '' ? DEFAULT_PORT : portOf(port, refuse),
    subject: path === '' ? DEFAULT_SUBJECT : subjectOf(path, refuse),
    ...credentials(url, refuse),
  };
}

function credentials(url: URL, refuse: Refuse): Pick<BusAddress, 'user' | 'password' | 'token'> {
  const [user, password] = [url.username, url.password].map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return refuse('its user or password has a % that begins no code', '%25 for a %');
    }
  });
  if (user === undefined || user === '') {
    return password === '' ? {} : refuse('it has a password and no user', 'user:password@');
  }
  return password === undefined || password === '' ? { token: user } : { user, password };
}

/** From behind: an IPv6 address has colons of its own. */
function readTriple(text: string, refuse: Refuse): BusAddress {
  const [, host = '', port = '', subject = ''] =
    /^(.*):([^:]*):([^:]*)$/.exec(text) ?? refuse('it has fewer than three parts', SHAPE);
  return { tls: false, host: hostOf(host, refuse), port: portOf(port, refuse), subject: subjectOf(subject, refuse) };
}

function hostOf(text: string, refuse: Refuse): string {
  if (!HOST.test(text)) refuse(`its host is '${text}'`, 'a name, an IPv4 address, or an IPv6 address in brackets');
  return text.replace(/^\[|\]$/g, '');
}

function portOf(text: string, refuse: Refuse): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= PORT_MAX ? port : refuse(`its port is '${text}'`, `1 to ${PORT_MAX}`);
}

function subjectOf(text: string, refuse: Refuse): string {
  if (SUBJECT.test(text) && text.length <= SUBJECT_MAX) return text;
  const allowed = `letters, digits, - and _, in parts with a dot between them, at most ${SUBJECT_MAX} characters`;
  return refuse(`its subject is '${text.slice(0, SUBJECT_MAX)}'`, allowed);
}

const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host);

const withoutSecrets = (text: string): string => text.replace(/\/\/.*@/s, '//***@');
