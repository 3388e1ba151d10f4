/** What the collectors share in reading files of /proc and /sys. */
import { type Finding, found, missing, type RootTree } from '@csm/host';
import { Absent } from './reading.ts';

/** /proc/stat counts every interrupt of every CPU in one line, /proc/self/mounts names every container's mounts. */
export const LARGE_FILE = 4 * 1024 * 1024;
/** A file of /sys with one value. */
const SMALL_FILE = 512;

/** What a finding of the host says when a file, directory or program is not there at all. */
export const isNotThere = (reason: string): boolean =>
  reason.endsWith('it does not exist') || reason.endsWith(': not found');

/** The value, or the reason thrown: as `Absent` when the thing is not there. */
export function need<T>(finding: Finding<T>): T {
  if ('value' in finding) return finding.value;
  throw isNotThere(finding.reason) ? new Absent(finding.reason) : new Error(finding.reason);
}

/** One line of a small file, without blanks at its ends. */
export async function smallLine(tree: RootTree, path: string): Promise<Finding<string>> {
  const text = await tree.text(path, SMALL_FILE);
  if ('reason' in text) return text;
  const line = text.value.trim();
  return line === '' || line.includes('\n') ? missing(`${path} is not one line`) : found(line);
}

/** A small file with one number, such as `-12` or a counter of 64 bits. */
export async function smallNumber(tree: RootTree, path: string): Promise<Finding<number>> {
  const line = await smallLine(tree, path);
  if ('reason' in line) return line;
  if (!/^-?\d{1,20}$/.test(line.value))
    return missing(`${path} holds '${line.value.slice(0, 40)}', not a whole number`);
  return found(Number(line.value));
}

/** The rest of the line that begins with `key`; undefined when there is none, or it is cut before its end. */
export function lineAfter(text: string, key: string): string | undefined {
  let at = text.startsWith(key) ? 0 : text.indexOf(`\n${key}`) + 1;
  if (at === 0 && !text.startsWith(key)) return undefined;
  at += key.length;
  const end = text.indexOf('\n', at);
  return end === -1 ? undefined : text.slice(at, end);
}

/** Whole numbers between blanks; throws what stands in `what` when one is none, or there are fewer than `least`. */
export function wholeNumbers(line: string, least: number, what: string): readonly number[] {
  const words = line.trim().split(/[ \t]+/);
  if (words.length < least || !words.every((word) => /^\d{1,20}$/.test(word)))
    throw new Error(`${what} is '${line.trim().slice(0, 80)}', at least ${least} whole numbers are expected`);
  return words.map(Number);
}

/** The lines of a text that must end with a line feed: one that does not was cut. */
export function wholeLines(text: string, path: string): readonly string[] {
  if (!text.endsWith('\n')) throw new Error(`${path} is cut in the middle of a line`);
  const lines = text.split('\n');
  lines.pop();
  return lines;
}
