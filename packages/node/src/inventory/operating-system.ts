import { type Finding, missing, soundLine } from '@csm/host';
import type { Reader } from './reader.ts';

/** The second is read when the first cannot be; never are both mixed (os-release(5)). */
const PATHS = ['/etc/os-release', '/usr/lib/os-release'] as const;

/** PRETTY_NAME of os-release. */
export const operatingSystem: Reader<'os_image_name'> = {
  name: 'operating system',
  facts: ['os_image_name'],
  async read({ tree }) {
    const reasons: string[] = [];
    for (const path of PATHS) {
      const text = await tree.text(path);
      if ('value' in text) return { os_image_name: prettyName(text.value, path) };
      reasons.push(text.reason);
    }
    return { os_image_name: missing(reasons.join('; ')) };
  },
};

function prettyName(text: string, path: string): Finding<string> {
  // As in the shell, the last assignment counts.
  const line = text.split('\n').findLast((l) => l.startsWith('PRETTY_NAME='));
  if (line === undefined) return missing(`${path} has no PRETTY_NAME`);
  const name = unquote(line.slice('PRETTY_NAME='.length).trim());
  return name === undefined
    ? missing(`${path} has a PRETTY_NAME with an open quote`)
    : soundLine(name, `${path} PRETTY_NAME`);
}

/** A value quoted as for the shell: '…' as it is, "…" with \ before " $ ` \, or bare. Undefined when it does not end. */
function unquote(value: string): string | undefined {
  const quote = value[0];
  if (quote !== '"' && quote !== "'") return value;
  const inner = /^(?:"((?:[^"\\]|\\.)*)"|'([^']*)')$/.exec(value);
  if (inner === null) return undefined;
  return inner[1]?.replace(/\\(["$`\\])/g, '$1') ?? inner[2];
}
