/**
 * Network namespaces, one for each daemon, joined by a bridge in our own: a network whose cables can be pulled and
 * whose packets can be lost. Needs root; losing packets needs nftables.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

export class Netspaces {
  readonly #id = randomInt(0x1000, 0xffff).toString(16);
  readonly #subnet = `10.${randomInt(64, 128)}.${randomInt(1, 255)}`;
  readonly #members = new Map<string, { readonly space: string; readonly outer: string; readonly address: string }>();

  static make(names: readonly string[]): Netspaces {
    const spaces = new Netspaces();
    try {
      spaces.#make(names);
    } catch (error) {
      spaces.remove();
      throw error;
    }
    return spaces;
  }

  get #bridge(): string {
    return `csmb${this.#id}`;
  }

  address(name: string): string {
    return this.#of(name).address;
  }

  /** What runs a program in the namespace of a member, and becomes it. */
  command(name: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#of(name).space];
  }

  /** Pulls a member's cable: its peers hear nothing more of it, and get no answer either. Or plugs it in again. */
  cable(name: string, up: boolean): void {
    run('ip', ['link', 'set', this.#of(name).outer, up ? 'up' : 'down']);
  }

  /** Lets a member lose what comes to it `from` others, or from anybody; all, or so many per cent of the packets. */
  lose(name: string, from: readonly string[] | 'all', percent = 100): void {
    const part = percent >= 100 ? '' : `numgen random mod 100 < ${percent} `;
    const rules =
      from === 'all'
        ? [`iifname "eth0" ${part}drop`]
        : from.map((other) => `ip saddr ${this.address(other)} ${part}drop`);
    const chain = ['type filter hook input priority 0', ...rules].join('\n');
    const table = `table inet csm {\nchain in {\n${chain}\n}\n}\n`;
    run(...this.#in(name, ['nft', '-f', '-']), table);
  }

  /** As a good network again. */
  heal(): void {
    for (const name of this.#members.keys()) {
      spawnSync(...this.#in(name, ['nft', 'delete', 'table', 'inet', 'csm']));
      this.cable(name, true);
    }
  }

  remove(): void {
    for (const { space, outer } of this.#members.values()) {
      // Its other half goes with it; by itself it would stay for as long as the kernel keeps the namespace.
      spawnSync('ip', ['link', 'del', outer]);
      spawnSync('ip', ['netns', 'del', space]);
    }
    spawnSync('ip', ['link', 'del', this.#bridge]);
    this.#members.clear();
  }

  #make(names: readonly string[]): void {
    run('ip', ['link', 'add', this.#bridge, 'type', 'bridge']);
    run('ip', ['addr', 'add', `${this.#subnet}.254/24`, 'dev', this.#bridge]);
    run('ip', ['link', 'set', this.#bridge, 'up']);
    for (const [i, name] of names.entries()) {
      const [space, outer] = [`csm-${this.#id}-${name}`, `csmv${this.#id}${i}`];
      const address = `${this.#subnet}.${i + 1}`;
      this.#members.set(name, { space, outer, address });
      run('ip', ['netns', 'add', space]);
      run('ip', ['link', 'add', outer, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space]);
      run('ip', ['link', 'set', outer, 'master', this.#bridge, 'up']);
      run(...this.#in(name, ['ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0']));
      run(...this.#in(name, ['ip', 'link', 'set', 'eth0', 'up']));
      run(...this.#in(name, ['ip', 'link', 'set', 'lo', 'up']));
    }
  }

  #of(name: string) {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`${name} has no namespace`);
    return member;
  }

  #in(name: string, command: readonly string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', this.#of(name).space, ...command]];
  }
}

function run(program: string, args: readonly string[], input = ''): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8', input });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
