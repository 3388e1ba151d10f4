import { isNodeName, NODE_NAME_MAX, NODE_NAME_RULE } from '@csm/model';
import { digitsEnd } from './compare.ts';
import { type GroupName, groupsOf } from './group-name.ts';
import { excerpt, NODESET_DIGITS_MAX, NODESET_NAMES_MAX, quote, refuse } from './limits.ts';
import { countNames, expandPattern, longestName, type Pattern, type Piece, type Range } from './pattern.ts';

/**
 * Reads the syntax of ClusterShell: operands joined by `,` or blanks (union), `!` (difference), `&` (intersection)
 * and `^` (in one of both, not in both), evaluated from left to right without precedence. An operand is a name with
 * any number of brackets: `r[1-2]n[01-04]-ib`, `n[0-10/2]`, `n[1,5,7-9]`; or groups, `@rack1`, `@genders:mgr=[1-2]`,
 * `@*`, whose nodes are `members`: without it groups are refused.
 *
 * The work is bounded before it is done: all operands together may spell out `NODESET_NAMES_MAX` names. Throws a
 * `CsmError` (code 9, field `nodeset`) that shows the text and the position, counted from 1.
 */
export function evaluate(text: string, maxText: number, members?: Members): Set<string> {
  checkLength(text, maxText);
  const all: { readonly operator: Operator; readonly names: () => readonly string[] }[] = [];
  let spelled = 0;
  for (const operand of operands(text)) {
    const { operator, pattern } = operand;
    let names: () => readonly string[];
    if (operand.isGroup) {
      const found = groupsIn(text, operand).map((group) => members?.(group) ?? noGroups(text, operand));
      spelled += found.reduce((sum, { size }) => sum + size, 0);
      names = () => found.flatMap((one) => [...one]);
    } else {
      spelled += countNames(pattern);
      names = () => expandPattern(pattern);
    }
    if (spelled > NODESET_NAMES_MAX) {
      const detail = `${spelled} names are spelled out up to here`;
      wrong(text, operand.position, detail, `at most ${NODESET_NAMES_MAX} names`);
    }
    all.push({ operator, names });
  }
  let result = new Set<string>();
  for (const { operator, names } of all) result = apply(result, operator, names());
  return result;
}

/** What is in a group; a text is only evaluated with groups once all that it names are known. */
export type Members = (group: GroupName) => ReadonlySet<string>;

/** The groups a text names, in the order of writing, repetitions included. Throws as `evaluate`. */
export function groupNames(text: string, maxText: number): readonly GroupName[] {
  checkLength(text, maxText);
  const found: GroupName[] = [];
  for (const operand of operands(text)) if (operand.isGroup) found.push(...groupsIn(text, operand));
  return found;
}

function checkLength(text: string, maxText: number): void {
  if (text.length > maxText) {
    refuse(`the node set is ${text.length} characters long: ${excerpt(text, 0)}`, `at most ${maxText} characters`);
  }
}

function groupsIn(text: string, { pattern, position }: Operand): readonly GroupName[] {
  return groupsOf(pattern, (what, allowed) => wrong(text, position, what, allowed));
}

function noGroups(text: string, { position }: Operand): never {
  wrong(text, position, 'groups such as @rack1 are not known here', 'names of nodes, such as n[001-128],login1');
}

type Operator = ',' | '!' | '&' | '^';

interface Operand {
  readonly operator: Operator;
  readonly pattern: Pattern;
  /** The pattern stood behind `@`. */
  readonly isGroup: boolean;
  readonly position: number;
}

/** Each operator costs in proportion to its operand, except that `&` also drops the old set. */
function apply(names: Set<string>, operator: Operator, operand: readonly string[]): Set<string> {
  switch (operator) {
    case ',':
      for (const name of operand) names.add(name);
      return names;
    case '!':
      for (const name of operand) names.delete(name);
      return names;
    case '&':
      return new Set(operand.filter((name) => names.has(name)));
    case '^':
      // Through a Set, because an operand such as n[1,1] names a node twice and must toggle it once.
      for (const name of new Set(operand)) if (!names.delete(name)) names.add(name);
      return names;
    default:
      return operator satisfies never;
  }
}

function* operands(text: string): Generator<Operand> {
  let at = skipBlanks(text, 0);
  let operator: Operator = ',';
  while (at < text.length) {
    const isGroup = text[at] === '@';
    const { pattern, end } = readOperand(text, isGroup ? at + 1 : at, isGroup);
    const longest = longestName(pattern);
    if (!isGroup && !isNodeName(longest))
      wrong(text, at, `${quote(longest)} is not a node name`, `node names: ${NODE_NAME_RULE}`);
    yield { operator, pattern, isGroup, position: at };

    at = skipBlanks(text, end);
    if (at >= text.length) return;
    const sign = text[at] as string;
    if (isOperator(sign)) {
      operator = sign;
      const next = skipBlanks(text, at + 1);
      if (next >= text.length) wrong(text, at, `nothing follows '${sign}'`, 'a node name after each operator');
      at = next;
    } else {
      // Only blanks stood between the operands.
      operator = ',';
    }
  }
}

/** Reads one operand from `start` up to the next operator, blank or the end. */
function readOperand(
  text: string,
  start: number,
  isGroup: boolean,
): { readonly pattern: Pattern; readonly end: number } {
  const first = text[start] ?? ' ';
  if (isGroup && (isOperator(first) || isBlank(first)))
    wrong(text, start - 1, "nothing follows '@'", 'a group such as @rack1 or @genders:compute');
  if (isOperator(first)) wrong(text, start, `a node name is missing before '${first}'`, 'a node name on both sides');
  const pattern: Piece[] = [];
  let literal = start;
  let at = start;
  for (; at < text.length; at++) {
    const c = text[at] as string;
    if (isOperator(c) || isBlank(c)) break;
    if (c === ']') wrong(text, at, "']' closes no bracket", "a '[' before each ']'");
    if (c !== '[') continue;
    if (at > literal) pattern.push(text.slice(literal, at));
    const bracket = readBracket(text, at);
    pattern.push(bracket.ranges);
    // Every bracket puts at least one digit into the name, so a longer list can only make an illegal name.
    if (pattern.length > 2 * NODE_NAME_MAX) wrong(text, at, 'too many brackets', `node names: ${NODE_NAME_RULE}`);
    literal = bracket.end;
    at = bracket.end - 1;
  }
  if (at > literal) pattern.push(text.slice(literal, at));
  return { pattern, end: at };
}

/** Reads `[1-4,7,10-20/2]` from its `[`; `end` is behind the `]`. */
function readBracket(text: string, open: number): { readonly ranges: readonly Range[]; readonly end: number } {
  const ranges: Range[] = [];
  let at = open + 1;
  for (;;) {
    const item = readRange(text, at, open);
    ranges.push(item.range);
    at = item.end;
    const c = text[at];
    if (c === ']') return { ranges, end: at + 1 };
    if (c === undefined) wrong(text, open, "'[' is not closed", "a ']' for each '['");
    if (c !== ',') wrong(text, at, `${quote(c)} does not belong in brackets`, RANGES);
    at++;
  }
}

const RANGES = 'ranges such as [1-4,7,001-128,0-10/2]';

function readRange(text: string, start: number, open: number): { readonly range: Range; readonly end: number } {
  const from = readNumber(text, start, open);
  if (text[from.end] !== '-') {
    return { range: { from: from.value, to: from.value, step: 1, width: from.width }, end: from.end };
  }
  const to = readNumber(text, from.end + 1, open);
  if (to.value < from.value) {
    wrong(text, start, `the range ${from.text}-${to.text} runs backwards`, 'ranges that rise, such as [1-4]');
  }
  if ((from.width > 0 || to.width > 0) && from.text.length !== to.text.length) {
    // n1 and n01 are different nodes, so a guess at what [1-010] means would pick nodes nobody named.
    const detail = `the range ${from.text}-${to.text} is padded at one end only`;
    wrong(text, start, detail, 'the same number of digits at both ends, such as [001-128]');
  }
  const width = from.width > 0 || to.width > 0 ? from.text.length : 0;
  if (text[to.end] !== '/') return { range: { from: from.value, to: to.value, step: 1, width }, end: to.end };
  const step = readNumber(text, to.end + 1, open);
  if (step.value === 0) wrong(text, to.end + 1, 'a step of 0 never arrives', 'steps from 1, such as [0-10/2]');
  return { range: { from: from.value, to: to.value, step: step.value, width }, end: step.end };
}

interface Digits {
  readonly text: string;
  readonly value: number;
  /** The number of digits when the number is padded, else 0. */
  readonly width: number;
  readonly end: number;
}

function readNumber(text: string, start: number, open: number): Digits {
  const end = digitsEnd(text, start);
  if (end === start) {
    const c = text[start];
    if (c === undefined) wrong(text, open, "'[' is not closed", "a ']' for each '['");
    wrong(text, start, `a number is missing before ${quote(c)}`, RANGES);
  }
  if (end - start > NODESET_DIGITS_MAX) {
    const allowed = `at most ${NODESET_DIGITS_MAX} digits in brackets`;
    wrong(text, start, `the number has ${end - start} digits`, allowed);
  }
  const digits = text.slice(start, end);
  const width = digits.length > 1 && digits.startsWith('0') ? digits.length : 0;
  return { text: digits, value: Number(digits), width, end };
}

function isOperator(c: string): c is Operator {
  return c === ',' || c === '!' || c === '&' || c === '^';
}

function isBlank(c: string): boolean {
  return c === ' ' || c === '\t' || c === '\n' || c === '\r';
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (at < text.length && isBlank(text[at] as string)) at++;
  return at;
}

function wrong(text: string, at: number, what: string, allowed: string): never {
  refuse(`node set ${excerpt(text, at)}: ${what} (position ${at + 1})`, allowed);
}
