/** The command line of `csmd --role heartbeat`: what is csmd's own, and what is left for hbtd's options. Pure. */

export interface HeartbeatArgs {
  readonly file: string | undefined;
  readonly check: boolean;
  readonly printEffective: boolean;
  readonly version: boolean;
  /** hbtd's. */
  readonly rest: readonly string[];
  /** What is wrong with csmd's own, a sentence each. */
  readonly faults: readonly string[];
}

const ROLE = ['--role', '-r'];
const FILE = ['--file', '-f'];

/** Whether a command line asks for this role, which has options of its own. */
export function isHeartbeatRole(argv: readonly string[]): boolean {
  return argv.some((word, i) => {
    const [name = '', inline] = split(word);
    return ROLE.includes(name) && (inline ?? argv[i + 1])?.toLowerCase() === 'heartbeat';
  });
}

export function readHeartbeatArgs(argv: readonly string[]): HeartbeatArgs {
  const rest: string[] = [];
  const faults: string[] = [];
  const own = new Set<string>();
  let file: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    const [name = '', inline] = split(word);
    if (ROLE.includes(name) || FILE.includes(name)) {
      const value = inline ?? argv[++i];
      if (value === undefined || value === '') faults.push(`${name} has no value`);
      else if (FILE.includes(name)) file = value;
      else if (value.toLowerCase() !== 'heartbeat') faults.push(`--role is '${value}' and 'heartbeat'; allowed is one`);
    } else if (FLAGS.includes(word)) own.add(word);
    else rest.push(word);
  }
  return {
    file,
    check: own.has('--check'),
    printEffective: own.has('--print-effective'),
    version: own.has('--version') || own.has('-V'),
    rest,
    faults,
  };
}

const FLAGS = ['--check', '--print-effective', '--version', '-V'];

function split(word: string): readonly string[] {
  const at = word.indexOf('=');
  return at < 0 || !word.startsWith('-') ? [word] : [word.slice(0, at), word.slice(at + 1)];
}
