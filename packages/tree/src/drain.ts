/**
 * A hub whose nodes are to be served elsewhere, though it stays up: who is told when. A node that is told goodbye moves
 * by itself; its link stays, as the last it would fall back on, and bears the goodbye until it ends.
 *
 * | the hub is… | enters                | leaves                                                                 |
 * |-------------|-----------------------|------------------------------------------------------------------------|
 * | open        | start; all are asked back | `drain` → draining                                                 |
 * | draining    | `drain`               | `undrain` → opening                                                     |
 * | opening     | `undrain`             | the links that were told goodbye are closed, so that their nodes link   |
 * |             |                       | anew, without one → open; `drain` → draining                            |
 *
 * Goodbyes and closes go out at a bounded rate. While draining every new link is told goodbye too.
 */
import { after, type Mono } from '@csm/model';
import type { LinkId } from './link/link.ts';

/** What is due is told in bundles of this many ms. */
const BUNDLE_MS = 100;

export interface DrainStep {
  readonly what: 'bye' | 'close';
  readonly link: LinkId;
}

export class HubDrain {
  #mode: 'open' | 'draining' | 'opening' = 'open';
  #perSecond = 1;
  /** Links that are yet to be told, or closed. */
  readonly #waiting = new Set<LinkId>();
  readonly #told = new Set<LinkId>();
  /** The next bundle is not before. */
  #at = 0 as Mono;

  get draining(): boolean {
    return this.#mode === 'draining';
  }

  /** Links that are yet to be told, or closed. */
  get waiting(): number {
    return this.#waiting.size;
  }

  wakeAt(): Mono | undefined {
    return this.#waiting.size > 0 ? this.#at : undefined;
  }

  /** `links`: all that stand. A second order changes the rate. */
  drain(perSecond: number, links: Iterable<LinkId>): void {
    this.#perSecond = perSecond;
    if (this.#mode === 'draining') return;
    this.#mode = 'draining';
    this.#waiting.clear();
    for (const link of links) if (!this.#told.has(link)) this.#waiting.add(link);
  }

  undrain(): void {
    if (this.#mode !== 'draining') return;
    this.#mode = 'opening';
    this.#waiting.clear();
    for (const link of this.#told) this.#waiting.add(link);
    this.#settle();
  }

  linked(link: LinkId): void {
    if (this.#mode === 'draining') this.#waiting.add(link);
  }

  lost(link: LinkId): void {
    this.#waiting.delete(link);
    this.#told.delete(link);
    this.#settle();
  }

  /** What is due now. */
  take(now: Mono): DrainStep[] {
    if (this.#waiting.size === 0 || now < this.#at) return [];
    const bundle = Math.max(1, Math.floor((this.#perSecond * BUNDLE_MS) / 1000));
    this.#at = after(now, Math.max(BUNDLE_MS, (bundle * 1000) / this.#perSecond));
    const steps: DrainStep[] = [];
    for (const link of this.#waiting) {
      if (steps.length === bundle) break;
      this.#waiting.delete(link);
      if (this.#mode === 'draining') this.#told.add(link);
      else this.#told.delete(link);
      steps.push({ what: this.#mode === 'draining' ? 'bye' : 'close', link });
    }
    this.#settle();
    return steps;
  }

  #settle(): void {
    if (this.#mode === 'opening' && this.#waiting.size === 0) this.#mode = 'open';
  }
}
