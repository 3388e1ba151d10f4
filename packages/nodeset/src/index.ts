export { compareNames } from './compare.ts';
export { NODESET_DIGITS_MAX, NODESET_NAMES_MAX, NODESET_TEXT_MAX } from './limits.ts';
export { expand, fold, NodeSet, type ParseOptions } from './node-set.ts';
