import Type from 'typebox';
import { Body, Count, Id, Name, NodesText, ResultPart, Span } from '../shapes.ts';

/** Leader to hub, and hub to node: run `command` on `nodes` within `remaining` ms from now (clocks differ, spans do not). */
export const command = Type.Object({
  kind: Type.Literal('command'),
  id: Id,
  command: Name,
  nodes: NodesText,
  remaining: Span,
  /** Bytes that one node's answer may have; it cuts longer ones and says so. */
  room: Count,
  input: Body,
});

/** Upwards: what `nodes` answered so far, equal answers folded. `done` when nobody of the asked is missing. */
export const result = Type.Object({
  kind: Type.Literal('result'),
  id: Id,
  parts: Type.Array(ResultPart, { maxItems: 4096 }),
  done: Type.Boolean(),
});
