export { compareNames } from './compare.ts';
export { ALL, GROUP_RULE, type GroupName, groupText, isGroupName, isSourceName } from './group-name.ts';
export {
  type FoundGroup,
  GROUP_DEPTH_MAX,
  GROUP_TEXT_MAX,
  GROUPS_MAX,
  type GroupResolver,
  hasGroups,
  parseWithGroups,
} from './groups.ts';
export { NODESET_DIGITS_MAX, NODESET_NAMES_MAX, NODESET_TEXT_MAX } from './limits.ts';
export { expand, fold, NodeSet, type ParseOptions } from './node-set.ts';
