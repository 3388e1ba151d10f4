/** The frames of a command without input as bare programs exchange them, as an aggregator and a node do, field by field. */
const ID = '6f1d2c3b-4a59-4e68-9b77-0d8c1e2f3a4b';
const frame = (message: object): string => {
  const text = JSON.stringify(message);
  return `${text.length}#${text}`;
};

export const COMMAND = frame({
  kind: 'command',
  id: ID,
  command: 'ping',
  nodes: 'n0001',
  remaining: 5000,
  room: 1024,
  input: {},
});
export const RESULT = frame({
  kind: 'result',
  id: ID,
  parts: [{ nodes: 'n0001', code: 0, text: 'alive' }],
  done: true,
});
