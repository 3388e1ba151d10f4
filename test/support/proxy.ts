/** The proxy of a site, for test clusters. */
export { TcpProxy } from '@csm/sim';
