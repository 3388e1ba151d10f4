/** The part of convict 6.2.5 that `load.ts` uses; the package brings no types of its own. */
declare module 'convict' {
  export interface Node {
    readonly default: unknown;
    readonly format?: string;
    readonly env?: string;
    readonly sensitive?: boolean;
    readonly [extra: string]: unknown;
  }
  export type Schema = { readonly [key: string]: Node | Schema };

  export interface Config {
    load(values: object): Config;
    validate(options: { readonly allowed: 'strict' }): Config;
    get(path: string): unknown;
  }

  interface Convict {
    (schema: Schema, options: { readonly env: NodeJS.ProcessEnv; readonly args: readonly string[] }): Config;
    addFormat(
      name: string,
      validate: (value: unknown, node: Node) => void,
      coerce: (text: string, config: Config) => unknown,
    ): void;
  }
  const convict: Convict;
  export default convict;
}
