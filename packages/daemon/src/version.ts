/** The release of CSM; the protocol between daemons has a version of its own. */
export const CSM_VERSION = '0.1.0';
