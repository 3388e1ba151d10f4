/** The words that fields of a component may have, and how they are written; case does not matter on the way in. */

/** Gives a word as it is written; undefined for one that is not among them. */
export type Normaliser = (text: string) => string | undefined;

function among(words: readonly string[]): Normaliser {
  const byLowerCase = new Map(words.map((word) => [word.toLowerCase(), word]));
  return (text) => byLowerCase.get(text.toLowerCase());
}

export const ROLES = ['Compute', 'Service', 'System', 'Application', 'Storage', 'Management'] as const;
export const SUB_ROLES = [
  'Master',
  'Worker',
  'Storage',
  'UAN',
  'Gateway',
  'LNETRouter',
  'Visualization',
  'UserDefined',
] as const;
export const NET_TYPES = ['Sling', 'Infiniband', 'Ethernet', 'OEM', 'None'] as const;
export const ARCHS = ['X86', 'ARM', 'UNKNOWN', 'Other'] as const;
export const CLASSES = ['River', 'Mountain', 'Hill'] as const;

export const normaliseRole = among(ROLES);
export const normaliseSubRole = among(SUB_ROLES);
export const normaliseNetType = among(NET_TYPES);
export const normaliseArch = among(ARCHS);
export const normaliseClass = among(CLASSES);
