/** Server-sent events as a browser reads them (HTML Living Standard §9.2.6), from text that comes in any pieces. */

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
  readonly id: string;
}

export class EventParser {
  readonly events: ServerEvent[] = [];
  readonly comments: string[] = [];
  retry: number | undefined;
  #text = '';
  #data: string[] = [];
  #type = '';
  #id = '';

  push(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      this.#line(this.#text.slice(0, end).replace(/\r$/, ''));
      this.#text = this.#text.slice(end + 1);
    }
  }

  #line(line: string): void {
    if (line === '') {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.comments.push(line.slice(1));
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
  }

  #dispatch(): void {
    if (this.#data.length > 0) {
      this.events.push({ type: this.#type === '' ? 'message' : this.#type, data: this.#data.join('\n'), id: this.#id });
    }
    this.#data = [];
    this.#type = '';
  }
}
