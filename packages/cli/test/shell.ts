/** A real interactive shell in a terminal of its own, into which keys are typed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { until } from './harness.ts';

/** Keys that the shells are given by `setup`. */
const ALL = '\x0f';
const DUMP = '\x14';
const KILL = '\x15';

const SETUP = {
  bash: (load: string) => [
    "PS1='' PROMPT_COMMAND=''",
    "bind 'set bell-style none'",
    "bind 'set enable-bracketed-paste off'",
    `bind '"\\C-o": insert-completions'`,
    `bind -x '"\\C-t": printf "\\n<%s>\\n" "$READLINE_LINE"'`,
    `source ${load}`,
  ],
  zsh: (load: string) => [
    "PS1='' PS2='' RPS1=''; unsetopt zle_bracketed_paste prompt_sp beep; unset zle_bracketed_paste",
    'autoload -Uz compinit && compinit -u -D',
    'zle -C all-matches complete-word _generic',
    "zstyle ':completion:all-matches:*' insert yes",
    "zstyle ':completion:all-matches::::' completer _all_matches _complete",
    "bindkey '^O' all-matches; bindkey '^U' kill-whole-line",
    `dump() { print -r; print -r -- "<$BUFFER>"; }; zle -N dump; bindkey '^T' dump`,
    `source ${load}`,
  ],
} as const;

export class Shell {
  readonly #child: ChildProcess;
  #seen = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#seen += chunk.toString();
    });
  }

  /** `load` is a file with the completion; `path` is where `csm` is found first. */
  static async open(kind: keyof typeof SETUP, load: string, path: string, env: NodeJS.ProcessEnv): Promise<Shell> {
    const command = kind === 'bash' ? 'bash --norc --noprofile -i' : 'zsh -f -i';
    const child = spawn('script', ['-qfec', command, '/dev/null'], {
      env: { ...process.env, ...env, TERM: 'dumb', LC_ALL: 'C', PATH: `${path}:${process.env['PATH']}` },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const shell = new Shell(child);
    for (const line of SETUP[kind](load)) shell.#type(`${line}\r`);
    // Made of two halves, so that what is echoed is not what is waited for.
    shell.#type("echo 'rea''dy'\r");
    await until(`${kind} is ready: ${shell.#seen}`, () => /(?<!')ready/.test(shell.#seen));
    return shell;
  }

  #type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** The line after `keys` were typed. */
  async line(keys: string): Promise<string> {
    const before = this.#seen.length;
    this.#type(KILL + keys + DUMP);
    const found = (): RegExpExecArray | null => /\n<(.*)>\r?\n/.exec(this.#seen.slice(before));
    await until(`the line after ${JSON.stringify(keys)}`, () => found() !== null).catch(() => {
      throw new Error(`nothing came of ${JSON.stringify(keys)}; seen: ${JSON.stringify(this.#seen.slice(before))}`);
    });
    this.#type(KILL);
    return found()?.[1] ?? '';
  }

  /** The line with the word completed as far as it is certain. */
  tab(typed: string): Promise<string> {
    return this.line(`${typed}\t`);
  }

  /** All that the word may become. */
  async all(typed: string): Promise<readonly string[]> {
    const line = await this.line(typed + ALL);
    const start = typed.lastIndexOf(' ') + 1;
    return line
      .slice(start)
      .split(' ')
      .filter((word) => word !== '');
  }

  async close(): Promise<void> {
    const gone = once(this.#child, 'close');
    this.#type(`${KILL}exit\r`);
    this.#child.stdin?.end();
    await gone;
  }
}
