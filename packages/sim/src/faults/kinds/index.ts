/** All faults, in the order in which they are played. */
import type { Fault } from '../fault.ts';
import { certificateExpires, certificateRenewed, certificateRevoked } from './certificates.ts';
import { clocks } from './clocks.ts';
import { diskFullDatabase, diskFullJournal, diskFullSpool } from './disk-full.ts';
import { failpoints, failpointsLeader } from './failpoints.ts';
import { killStop } from './kill-stop.ts';
import { halfOpen, oneWayLoss, packetLoss, partition } from './network.ts';
import { reconnect } from './reconnect.ts';
import { floodingNode, poisonedReport } from './reports.ts';
import { deafNode, slowClients } from './slow-reader.ts';
import { cutOff, slowLinks, tornLinks } from './ways.ts';

export const FAULTS: readonly Fault[] = [
  failpoints,
  failpointsLeader,
  killStop,
  cutOff,
  slowLinks,
  tornLinks,
  reconnect,
  clocks,
  certificateExpires,
  certificateRenewed,
  certificateRevoked,
  slowClients,
  deafNode,
  floodingNode,
  poisonedReport,
  diskFullJournal,
  diskFullSpool,
  diskFullDatabase,
  partition,
  oneWayLoss,
  packetLoss,
  halfOpen,
];
