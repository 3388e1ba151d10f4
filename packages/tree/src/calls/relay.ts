/**
 * Calls on their way through a hub. It remembers from which link a call came and passes its messages on; nothing is
 * kept, nothing is answered here. When the trunk is lost every caller is told `lost`; when a caller's link is lost the
 * leader is told `cancel`.
 */
import type { MessageOf } from '@csm/protocol';
import type { LinkId } from '../link/link.ts';

/** Calls of one link that may be open at once, and of all. */
export const LINK_CALLS_MAX = 1024;
export const RELAY_MAX = 16_384;

type Down = MessageOf<'data'> | MessageOf<'piece'> | MessageOf<'end'> | MessageOf<'lost'>;

export class CallRelay {
  readonly #from = new Map<string, LinkId>();
  readonly #of = new Map<LinkId, Set<string>>();

  get open(): number {
    return this.#from.size;
  }

  /** Whether the call may pass. An id that is under way for another link is a forgery or a mistake. */
  enter(id: string, link: LinkId): boolean {
    const known = this.#from.get(id);
    if (known !== undefined) return known === link;
    const mine = this.#of.get(link) ?? new Set<string>();
    if (mine.size >= LINK_CALLS_MAX || this.#from.size >= RELAY_MAX) return false;
    mine.add(id);
    this.#of.set(link, mine);
    this.#from.set(id, link);
    return true;
  }

  /** Whether `link` may speak of this call. */
  owns(id: string, link: LinkId): boolean {
    return this.#from.get(id) === link;
  }

  /** Where a message from above goes; `end` and `lost` are the last of their call. */
  down(message: Down): LinkId | undefined {
    const link = this.#from.get(message.id);
    if (link !== undefined && (message.kind === 'end' || message.kind === 'lost')) this.leave(message.id);
    return link;
  }

  leave(id: string): void {
    const link = this.#from.get(id);
    this.#from.delete(id);
    if (link !== undefined) this.#of.get(link)?.delete(id);
  }

  linkLost(link: LinkId): string[] {
    const ids = [...(this.#of.get(link) ?? [])];
    this.#of.delete(link);
    for (const id of ids) this.#from.delete(id);
    return ids;
  }

  trunkLost(): { readonly id: string; readonly link: LinkId }[] {
    const all = [...this.#from].map(([id, link]) => ({ id, link }));
    this.#from.clear();
    this.#of.clear();
    return all;
  }
}
