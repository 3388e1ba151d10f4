/** Items written as they come, in any format: a list in the end, and of use before the end. */
import type { Json } from '@csm/model';
import type { Session } from '../session.ts';
import { csvForTerminal, csvLine, csvRow } from './csv.ts';
import { jsonText } from './json.ts';
import { yamlItem } from './yaml.ts';

export interface ItemView<T> {
  /** What a person reads of an item; lines that end. */
  readonly text: (item: T) => string;
  /** Heads of the table, if it has any. */
  readonly head?: string;
  readonly csv: readonly string[];
  /** JSON as one object a line, instead of one array. */
  readonly lines: boolean;
}

export class Items<T> {
  readonly #session: Session;
  readonly #view: ItemView<T>;
  #count = 0;

  constructor(session: Session, view: ItemView<T>) {
    this.#session = session;
    this.#view = view;
  }

  async add(item: T): Promise<void> {
    const first = this.#count++ === 0;
    await this.#session.print(this.#format(item as unknown as Json, item, first));
  }

  /** An array is closed; an empty one is written whole. */
  async end(): Promise<void> {
    const { format } = this.#session;
    if (format === 'json' && !this.#view.lines) await this.#session.print(this.#count === 0 ? '[]\n' : '\n]\n');
    if (format === 'yaml' && this.#count === 0 && !this.#view.lines) await this.#session.print('[]\n');
  }

  #format(json: Json, item: T, first: boolean): string {
    const { format, header, io } = this.#session;
    const { csv, lines, text, head } = this.#view;
    switch (format) {
      case 'json':
        if (lines) return `${jsonText(json, 0)}\n`;
        return `${first ? '[' : ','}\n${io.isTTY ? jsonText(json, 2).replace(/^/gm, '  ') : jsonText(json, 0)}`;
      case 'yaml':
        return yamlItem(json);
      case 'csv': {
        const lines = (first && header ? csvLine(csv) : '') + csvRow(json, csv);
        return io.isTTY ? csvForTerminal(lines) : lines;
      }
      case 'table':
        return (first && header && head !== undefined ? head : '') + text(item);
      default:
        return format satisfies never;
    }
  }
}
