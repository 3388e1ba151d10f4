import type { Finding } from '@csm/host';
import type { Json } from '@csm/model';
import type { Part, PartKind } from '../hardware.ts';

type Field = 'serial' | 'vendor' | 'model' | 'part_number' | 'firmware';

/** A part while it is put together, with the reasons of what it lacks. */
export class PartDraft {
  readonly kind: PartKind;
  readonly location: string;
  readonly #fields: { [F in Field]: string | null } = {
    serial: null,
    vendor: null,
    model: null,
    part_number: null,
    firmware: null,
  };
  readonly #details: { [name: string]: Json } = {};
  readonly #passing: { [name: string]: Json } = {};
  readonly #lacks = new Map<string, string>();

  constructor(kind: PartKind, location: string) {
    this.kind = kind;
    this.location = location;
  }

  set(field: Field, finding: Finding<string>): this {
    this.#fields[field] = this.#taken(field, finding);
    return this;
  }

  /** A detail this kind of part has: null, with the reason, when it could not be had. */
  detail(name: string, finding: Finding<Json>): this {
    this.#details[name] = this.#taken(name, finding);
    return this;
  }

  passing(name: string, finding: Finding<Json>): this {
    this.#passing[name] = this.#taken(name, finding);
    return this;
  }

  /** Details that only some parts of the kind have; what is undefined is left out. */
  extra(details: { readonly [name: string]: Json | undefined }): this {
    return this.#add(this.#details, details);
  }

  extraPassing(passing: { readonly [name: string]: Json | undefined }): this {
    return this.#add(this.#passing, passing);
  }

  #add(to: { [name: string]: Json }, values: { readonly [name: string]: Json | undefined }): this {
    for (const [name, value] of Object.entries(values)) if (value !== undefined) to[name] = value;
    return this;
  }

  #taken<T extends Json>(name: string, finding: Finding<T>): T | null {
    if ('value' in finding) {
      this.#lacks.delete(name);
      return finding.value;
    }
    this.#lacks.set(name, finding.reason);
    return null;
  }

  /** Field or detail → why it is null. */
  get lacks(): ReadonlyMap<string, string> {
    return this.#lacks;
  }

  part(location: string = this.location): Part {
    return { kind: this.kind, location, ...this.#fields, details: this.#details, passing: this.#passing };
  }
}
