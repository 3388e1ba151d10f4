/** Names of components: pure, and used by every room that meets one. */
export { isXname, typeNamed, typeOf, XNAME_MAX, XNAME_RULE } from './match.ts';
export { normalise, xnameOf } from './normalise.ts';
export { placesOf } from './places.ts';
export { componentSet, foldComponents, type NameSet, xnameSet } from './sets.ts';
export { XNAME_TYPES } from './table.ts';
