import type { Finding } from '@csm/host';
import type { PartKind } from '../hardware.ts';
import type { PartDraft } from './part-draft.ts';
import type { Sources } from './sources.ts';

/** One NUMA node; `cpus` in the kernel's list format, empty for memory without CPUs; `memory` in kB. */
export type NumaNode = { readonly node: number; readonly cpus: string; readonly memory: number };

/** What the readers find out about a node; names and units of `csm_node` where it has the column. */
export type Facts = {
  /** Product name from the firmware. */
  machine_model: string;
  machine_vendor: string;
  serial_number: string;
  bios_vendor: string;
  bios_version: string;
  /** As the firmware writes it, mostly month/day/year. */
  bios_date: string;
  /** IPv4 address of the BMC's first LAN channel. */
  bmc_address: string;
  /** Firmware of the BMC. */
  bmc_version: string;
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
  discovered_dimms: number;
  discovered_gpus: number;
  /** InfiniBand and RoCE adapters; the functions of one card count once. */
  discovered_hcas: number;
  /** Network ports with hardware behind them. */
  discovered_nics: number;
  discovered_ssds: number;
  /** Of the first CPU. */
  cpu_model: string;
  /** Of the first CPU, as /proc/cpuinfo lists them. */
  cpu_flags: string;
  numa: readonly NumaNode[];
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

export type Findings<F extends Fact> = { readonly [K in F]: Finding<Facts[K]> };

/** One source of facts, one file here. A reader never throws because something is absent: it gives the reason. */
export interface Reader<F extends Fact = Fact> {
  /** What `csmd --check --probe` calls it. */
  readonly name: string;
  /** The facts `read` answers, each of them always. */
  readonly facts: readonly F[];
  read(sources: Sources): Promise<Findings<F>>;
}

/** The parts of one kind, and how many the kernel knows. */
export interface PartReader<F extends Fact = Fact> {
  readonly name: string;
  readonly kind: PartKind;
  readonly facts: readonly F[];
  readParts(sources: Sources): Promise<PartsRead<F>>;
}

export interface PartsRead<F extends Fact = Fact> {
  readonly findings: Findings<F>;
  readonly parts: readonly PartDraft[];
  /**
   * Why less is known than the machine could tell: whoever compares with an earlier document must not take parts that
   * are not in this one for removed.
   */
  readonly incomplete?: string;
  /** What sources say against each other. The count is the kernel's then. */
  readonly contradiction?: string;
}

/** Any of them, whichever facts it has. */
export type AnyReader = AnyFactReader | AnyPartReader;

interface AnyFactReader {
  readonly name: string;
  readonly facts: readonly Fact[];
  read(sources: Sources): Promise<Partial<Findings<Fact>>>;
}

interface AnyPartReader {
  readonly name: string;
  readonly kind: PartKind;
  readonly facts: readonly Fact[];
  readParts(sources: Sources): Promise<Omit<PartsRead, 'findings'> & { readonly findings: Partial<Findings<Fact>> }>;
}
