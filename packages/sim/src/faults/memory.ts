/** The most memory each kind of process had, sampled while a fault lasts. */
import { readFileSync } from 'node:fs';

const SAMPLE_MS = 500;

export class PeakMemory {
  readonly #look: () => readonly { readonly kind: string; readonly pid: number }[];
  readonly #peaks = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  /** `look` gives the processes there are; of several of a kind the largest counts. */
  constructor(look: () => readonly { readonly kind: string; readonly pid: number }[]) {
    this.#look = look;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** MiB by kind since the last call. */
  take(): Record<string, number> {
    this.#sample();
    const peaks = Object.fromEntries([...this.#peaks].map(([kind, kib]) => [kind, Math.round(kib / 1024)]));
    this.#peaks.clear();
    return peaks;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    for (const { kind, pid } of this.#look()) {
      const kib = residentKib(pid);
      if (kib > (this.#peaks.get(kind) ?? 0)) this.#peaks.set(kind, kib);
    }
  }
}

/** 0 for a process that has ended. */
export function residentKib(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0; // it has ended
  }
}
