export {
  itemCost,
  MAX_FRAME,
  MAX_ITEM_BYTES,
  MAX_ITEMS,
  MAX_NODES_TEXT,
  MAX_REPORT_BYTES,
  PIECE_CHARS,
  REPORT_FRAME,
  wireLength,
} from './limits.ts';
export { KINDS, type Kind, MESSAGES, type Message, type MessageOf, type Way } from './message.ts';
export { type Reading, readMessage } from './read.ts';
export { kindText, reportText, type WrittenItem, type WrittenReport } from './report-text.ts';
export { ResultPart, RosterEntry } from './shapes.ts';
export { FIELDS_SINCE, NEXT_FIELD, NEXT_KIND, speakAs } from './speak.ts';
export { agree, knows, parseVersion, VERSION, type Version } from './version.ts';
