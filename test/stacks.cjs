/**
 * Stacks of compiled tests, told in lines of their sources. Node's own `--enable-source-maps` reads the map of every
 * module that any thread loads, which costs a tenth of all that the tests use; here only those that something failed in.
 */
const { existsSync, readFileSync } = require('node:fs');
const { SourceMap } = require('node:module');
const { dirname, join, relative } = require('node:path');

/** A place in a compiled file, as an address or a path. */
const PLACE = /(?:file:\/\/)?(\/[^\s():]+\.js):(\d+):(\d+)/g;

/** The text with each place that a map beside its file knows told as that of the source. */
exports.inSources = (text) =>
  text.replace(PLACE, (place, file, line, column) => {
    const map = mapOf(file);
    const { originalSource, originalLine, originalColumn } = map?.findEntry(line - 1, column - 1) ?? {};
    if (originalSource === undefined) return place;
    const source = relative(process.cwd(), join(dirname(file), originalSource));
    return `${source}:${originalLine + 1}:${originalColumn + 1}`;
  });

function mapOf(file) {
  const map = `${file}.map`;
  return existsSync(map) ? new SourceMap(JSON.parse(readFileSync(map, 'utf8'))) : undefined;
}
