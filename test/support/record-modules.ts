/**
 * Loaded before a daemon (`node --import`): writes every module that its process loads, threads included, to the file
 * CSM_TEST_MODULES, one a line. ES modules are seen by a hook of the loader, those of CommonJS by their compiler.
 */
import { appendFileSync } from 'node:fs';
import Module, { register } from 'node:module';

const file = process.env['CSM_TEST_MODULES'];
if (file !== undefined) {
  register('./record-hooks.js', import.meta.url, { data: file });
  const extensions = Reflect.get(Module, '_extensions') as Record<
    string,
    (this: unknown, ...args: unknown[]) => unknown
  >;
  for (const [extension, load] of Object.entries(extensions)) {
    extensions[extension] = function (this: unknown, ...args) {
      appendFileSync(file, `${String(args[1])}\n`);
      return load.apply(this, args);
    };
  }
}
