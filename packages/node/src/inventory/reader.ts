import type { Finding, RootTree } from './root-tree.ts';

/** What the readers find out about a node; names and units of `csm_node` where it has the column. */
export type Facts = {
  /** Product name from the firmware. */
  machine_model: string;
  serial_number: string;
  /** kB: MemTotal, which is what the kernel has, a little less than what is plugged in. */
  installed_memory: number;
  /** kB: SwapTotal. */
  installed_swap: number;
  /** Processor packages with an online CPU. */
  discovered_sockets: number;
  /** Physical cores with an online CPU. */
  discovered_cores: number;
  /** Online logical CPUs, which is hardware threads. */
  discovered_threads: number;
  /** PRETTY_NAME of os-release. */
  os_image_name: string;
  /** As `uname -r`. */
  kernel_release: string;
  /** As `uname -v`. */
  kernel_version: string;
  /** A new one at each boot. */
  boot_id: string;
  /** As `uname -m`. */
  architecture: string;
  /** Seconds since boot. */
  uptime: number;
};

export type Fact = keyof Facts;

/** One source of facts, one file here. A reader never throws because something is absent: it gives the reason. */
export interface Reader<F extends Fact = Fact> {
  /** The facts `read` answers, each of them always. */
  readonly facts: readonly F[];
  read(tree: RootTree): Promise<{ readonly [K in F]: Finding<Facts[K]> }>;
}
