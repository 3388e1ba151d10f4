import { expect } from 'chai';
import { CODES, code, codeName, codeText, isCode } from '../src/index.ts';

// The numbers and meanings of IBM CSM (csmi_cmd_err_t), in the order of their numbers; scripts test these numbers.
const MEANINGS: readonly [meaning: string, name: string][] = [
  ['success', 'SUCCESS'],
  ['generic', 'GENERIC'],
  ['help', 'HELP'],
  ['not initialized', 'NOT_INITIALIZED'],
  ['no results', 'NO_RESULTS'],
  ['timeout', 'TIMEOUT'],
  ['message id mismatch', 'MESSAGE_ID_MISMATCH'],
  ['command mismatch', 'COMMAND_MISMATCH'],
  ['missing parameter', 'MISSING_PARAMETER'],
  ['invalid parameter', 'INVALID_PARAMETER'],
  ['RAS handler', 'RAS_HANDLER'],
  ['unknown command', 'UNKNOWN_COMMAND'],
  ['send or receive', 'COMMUNICATION'],
  ['memory', 'MEMORY'],
  ['not defined', 'NOT_DEFINED'],
  ['publish or subscribe', 'SUBSCRIPTION'],
  ['permission', 'PERMISSION'],
  ['script failure', 'SCRIPT_FAILURE'],
  ['init library', 'INIT_LIBRARY'],
  ['terminate library', 'TERM_LIBRARY'],
  ['empty payload', 'EMPTY_PAYLOAD'],
  ['bad event type', 'BAD_EVENT_TYPE'],
  ['bad address type', 'BAD_ADDRESS'],
  ['cgroup delete', 'CGROUP_DELETE'],
  ['daemon has no database', 'DATABASE_UNAVAILABLE'],
  ['database', 'DATABASE'],
  ['delete mismatch', 'DELETE_MISMATCH'],
  ['update mismatch', 'UPDATE_MISMATCH'],
  ['pack', 'PACK'],
  ['unpack', 'UNPACK'],
  ['buffer', 'BUFFER_OVERFLOW'],
  ['buffer', 'BUFFER_UNDERFLOW'],
  ['buffer', 'BUFFER_INVALID'],
  ['multi generic', 'MULTI_GENERIC'],
  ['multi response', 'MULTI_RESPONSE'],
  ['illegal execution', 'ILLEGAL_EXECUTION'],
  ['cgroup failure', 'CGROUP'],
  ['context lost', 'CONTEXT_LOST'],
  ['cgroup EINVAL', 'CGROUP_INVALID'],
  ['cgroup EACCES', 'CGROUP_ACCESS'],
  ['burst buffer command', 'BURST_BUFFER'],
  ['state jumped', 'STATE_JUMPED'],
  ['same state', 'SAME_STATE'],
  ['state change failed', 'STATE_CHANGE'],
  ['bad state', 'BAD_STATE'],
  ['jsrun', 'JSRUN'],
  ['invalid nodes', 'UNKNOWN_NODES'],
  ['occupied', 'NODES_OCCUPIED'],
  ['unavailable', 'NODES_UNAVAILABLE'],
  ['bad flags', 'BAD_FLAGS'],
  ['allocation missing', 'ALLOCATION_MISSING'],
  ['epilog met epilog', 'EPILOG_EPILOG'],
  ['epilog met prolog', 'EPILOG_PROLOG'],
  ['prolog met epilog', 'PROLOG_EPILOG'],
  ['prolog met prolog', 'PROLOG_PROLOG'],
  ['soft failure recovery agent', 'RECOVERY_AGENT'],
];

describe('codes', () => {
  it('are 0 to 55, in order, each with the meaning its number has always had', () => {
    expect(CODES.map((row) => row.code)).deep.equals(Array.from({ length: 56 }, (_, i) => i));
    expect(CODES.map((row) => row.name)).deep.equals(MEANINGS.map(([, name]) => name));
  });

  it('have a name and a text each, no two alike', () => {
    expect(new Set(CODES.map((row) => row.name)).size).equals(56);
    expect(new Set(CODES.map((row) => row.text)).size).equals(56);
    for (const row of CODES) {
      expect(row.name).matches(/^[A-Z]+(_[A-Z]+)*$/);
      expect(row.text).matches(/^\S.*[^\s.]$/);
    }
  });

  it('are found by name and by number', () => {
    for (const row of CODES) {
      expect(code[row.name]).equals(row.code);
      expect(codeName(row.code)).equals(row.name);
      expect(codeText(row.code)).equals(row.text);
    }
    expect(Object.keys(code)).length(56);
    expect(Object.isFrozen(code)).equals(true);
  });

  it('are told from other values', () => {
    for (const row of CODES) expect(isCode(row.code)).equals(true);
    for (const other of [-1, 56, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined, 5n, [5]]) {
      expect(isCode(other)).equals(false);
    }
  });
});
