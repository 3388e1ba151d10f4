/** Keeps the first and the last bytes of an output of any length, cut between characters. */
export interface HeadTail {
  push(chunk: Uint8Array): void;
  /** What is kept as text; invalid UTF-8 reads U+FFFD. With something cut, a line in between says how much. */
  text(): string;
  /** Bytes left out. */
  cut(): number;
  /** Bytes seen. */
  readonly total: number;
}

/** `max` bytes are kept, half of them from the beginning. */
export function headTail(max: number): HeadTail {
  const headMax = Math.ceil(max / 2);
  const tailMax = max - headMax;
  const head: Uint8Array[] = [];
  let headLength = 0;
  let tail: Uint8Array[] = [];
  let tailLength = 0;
  let total = 0;

  function pushTail(chunk: Uint8Array): void {
    // Copied, because a slice would keep the whole read buffer alive.
    tail.push(Uint8Array.from(chunk.length > tailMax ? chunk.subarray(chunk.length - tailMax) : chunk));
    tailLength += Math.min(chunk.length, tailMax);
    // Joined only when half of it is dead, so that a byte is copied a constant number of times.
    if (tailLength > 2 * tailMax + 4096 || tail.length > 4096) {
      const joined = Buffer.concat(tail);
      tail = [Uint8Array.from(joined.subarray(Math.max(0, joined.length - tailMax)))];
      tailLength = tail[0]?.length ?? 0;
    }
  }

  function parts(): { readonly head: Uint8Array; readonly tail: Uint8Array } {
    const first = Buffer.concat(head);
    const last = Buffer.concat(tail);
    const kept = last.subarray(Math.max(0, last.length - tailMax));
    if (total <= max) return { head: Buffer.concat([first, kept]), tail: new Uint8Array(0) };
    return { head: first.subarray(0, wholeEnd(first)), tail: kept.subarray(wholeStart(kept)) };
  }

  return {
    push(chunk) {
      total += chunk.length;
      const room = headMax - headLength;
      if (room > 0) {
        const part = Uint8Array.from(chunk.subarray(0, room));
        head.push(part);
        headLength += part.length;
      }
      if (chunk.length > room && tailMax > 0) pushTail(chunk.subarray(Math.max(0, room)));
    },
    text() {
      const kept = parts();
      const left = total - kept.head.length - kept.tail.length;
      const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
      if (left === 0) return decode(kept.head);
      return `${decode(kept.head)}\n[… ${left} bytes left out …]\n${decode(kept.tail)}`;
    },
    cut() {
      const kept = parts();
      return total - kept.head.length - kept.tail.length;
    },
    get total() {
      return total;
    },
  };
}

/** Keeps the first `max` bytes of an output of any length, cut between characters. */
export interface Head {
  push(chunk: Uint8Array): void;
  text(): string;
  /** Bytes seen. */
  readonly total: number;
}

export function head(max: number): Head {
  const kept: Uint8Array[] = [];
  let total = 0;
  return {
    push(chunk) {
      // Copied, because a slice would keep the whole read buffer alive.
      if (total < max) kept.push(Uint8Array.from(chunk.subarray(0, max - total)));
      total += chunk.length;
    },
    text() {
      const bytes = Buffer.concat(kept);
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
        total > max ? bytes.subarray(0, wholeEnd(bytes)) : bytes,
      );
    },
    get total() {
      return total;
    },
  };
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

/** Where the last whole character ends. */
function wholeEnd(bytes: Uint8Array): number {
  let start = bytes.length - 1;
  while (start > 0 && bytes.length - start < 4 && isContinuation(bytes[start] ?? 0)) start--;
  const lead = bytes[start] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return lead >= 0xc0 && start + length > bytes.length ? start : bytes.length;
}

/** Where the first whole character begins. */
function wholeStart(bytes: Uint8Array): number {
  let start = 0;
  while (start < 3 && start < bytes.length && isContinuation(bytes[start] ?? 0)) start++;
  return start;
}
