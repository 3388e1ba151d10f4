/**
 * Names of components by where they stand: `x1000c0s3b0n1` is node 1 of board controller 0 in slot 3 of chassis 0 of
 * cabinet 1000. A name is a row of letters, each followed by a number; the letters say what it is. This is every
 * pattern that the Hardware Management Services (hms-xname) know; the few names of another form stand in match.ts.
 */

/** The letters, the type, and the smallest and largest number behind the last letter. */
export type Row = readonly [letters: string, type: string, min: number, max: number];

/** No limit but the length of a name. */
const ANY = Number.POSITIVE_INFINITY;

export const TABLE: readonly Row[] = [
  ['s', 'System', 0, 0],
  ['p', 'Partition', 0, ANY],

  ['d', 'CDU', 0, ANY],
  ['dw', 'CDUMgmtSwitch', 0, ANY],

  ['x', 'Cabinet', 0, 9999],
  ['xb', 'CabinetBMC', 0, 0],
  ['xd', 'CabinetCDU', 0, 1],
  ['xe', 'CEC', 0, 1],
  ['xm', 'CabinetPDUController', 0, 3],
  ['xmi', 'CabinetPDUNic', 0, 3],
  ['xmp', 'CabinetPDU', 0, 7],
  ['xmpj', 'CabinetPDUOutlet', 1, ANY],
  ['xmpv', 'CabinetPDUPowerConnector', 1, ANY],

  ['xc', 'Chassis', 0, 7],
  ['xcb', 'ChassisBMC', 0, 0],
  ['xcbi', 'ChassisBMCNic', 0, 3],
  ['xcf', 'CMMFpga', 0, 0],
  ['xct', 'CMMRectifier', 0, 9],

  ['xch', 'MgmtHLSwitchEnclosure', 1, ANY],
  ['xchs', 'MgmtHLSwitch', 1, 9],
  ['xcw', 'MgmtSwitch', 1, ANY],
  ['xcwj', 'MgmtSwitchConnector', 1, ANY],

  ['xcr', 'RouterModule', 0, ANY],
  ['xcra', 'HSNAsic', 0, 3],
  ['xcral', 'HSNLink', 0, ANY],
  ['xcrb', 'RouterBMC', 0, ANY],
  ['xcrbi', 'RouterBMCNic', 0, 3],
  ['xcre', 'HSNBoard', 0, ANY],
  ['xcrf', 'RouterFpga', 0, 1],
  ['xcrj', 'HSNConnector', 1, ANY],
  ['xcrjp', 'HSNConnectorPort', 0, 2],
  ['xcrt', 'RouterTOR', 0, ANY],
  ['xcrtf', 'RouterTORFpga', 0, 1],
  ['xcrv', 'RouterPowerConnector', 1, 2],

  ['xcs', 'ComputeModule', 0, ANY],
  ['xcsb', 'NodeBMC', 0, ANY],
  ['xcsbf', 'NodeFpga', 0, 0],
  ['xcsbi', 'NodeBMCNic', 0, 3],
  ['xcse', 'NodeEnclosure', 0, ANY],
  ['xcset', 'NodeEnclosurePowerSupply', 0, ANY],
  // One type by two letters: j is the older.
  ['xcsj', 'NodePowerConnector', 1, 2],
  ['xcsv', 'NodePowerConnector', 1, 2],

  ['xcsbn', 'Node', 0, ANY],
  ['xcsbna', 'NodeAccel', 0, ANY],
  ['xcsbnd', 'Memory', 0, ANY],
  ['xcsbng', 'StorageGroup', 0, ANY],
  ['xcsbngk', 'Drive', 0, ANY],
  ['xcsbnh', 'NodeHsnNic', 0, 3],
  ['xcsbni', 'NodeNic', 0, 3],
  ['xcsbnp', 'Processor', 0, 3],
  ['xcsbnr', 'NodeAccelRiser', 0, 7],
  ['xcsbnv', 'VirtualNode', 0, ANY],
];

/** Names that are words, and the types of names with another form than letters and numbers in turn. */
export const WORDS: Readonly<Record<string, string>> = { all: 'All', all_comp: 'AllComp', all_svc: 'AllSvc' };
export const SMS_BOX = 'SMSBox';
export const PARTITION = 'Partition';

/** All types, each once. */
export const XNAME_TYPES: readonly string[] = [
  ...new Set([...TABLE.map(([, type]) => type), SMS_BOX, ...Object.values(WORDS)]),
].sort();
