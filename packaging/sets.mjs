// What is made: a set for each kind of machine.

/**
 * A set has what the machines of some roles run: `programs`, with all their packages but those of `without`, which these
 * roles never load. A machine of mixed roles takes `master`: all roles can run from it.
 */
export const SETS = {
  compute: {
    summary: 'daemon of a compute node, and the command line',
    roles: ['compute'],
    programs: { csm: '@csm/cli', csmd: '@csm/daemon' },
    without: ['@csm/store'],
  },
  service: {
    summary: 'daemons of service and login nodes, and the command line',
    roles: ['aggregator', 'utility'],
    programs: { csm: '@csm/cli', csmd: '@csm/daemon' },
    without: ['@csm/store'],
  },
  master: {
    summary: 'master with its database, daemons of all other roles, the heartbeat service alone, and the command line',
    roles: ['master', 'aggregator', 'utility', 'compute', 'heartbeat'],
    programs: { csm: '@csm/cli', csmd: '@csm/daemon' },
    without: [],
  },
  client: {
    summary: 'command line',
    roles: [],
    programs: { csm: '@csm/cli' },
    without: [],
  },
};

/** Packages that others name among their dependencies, but only npm needs, to fetch or compile, or only a compiler. */
export const NOT_AT_RUN_TIME = /^(prebuild-install|@types\/.*)$/;

/** Of packages with compiled code, what runs; the rest is sources and leavings of the compiler. */
export const ONLY = {
  'better-sqlite3': /^(package\.json|LICENSE|lib\/.*\.js|build\/Release\/better_sqlite3\.node)$/,
  koffi: /^(package\.json|LICENSE\.txt|index\.c?js|src\/koffi\/(src\/)?\w+\.c?js)$/,
};

/** Of all others: no types, maps, documents, tests, tools and dot files, nor what is for another C library. Licences stay. */
export const SUPERFLUOUS =
  /(^|\/)\.|\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|html|sh|tsbuildinfo|flow)$|^(test|tests|__tests__|integration|scripts|bin|docs|example|examples|benchmark|benchmarks|bench|coverage|musl_\w+)\/|(^|\/)(tsconfig[^/]*\.json|Makefile)$/i;
export const LICENCE = /(^|\/)(licen[cs]e|copying|notice)[^/]*$/i;
