// Generated from the API table; do not edit. The build writes it anew.
import type { ApiEntry } from '../entry.ts';

/** Every call of the API: how it travels, and what help says of it. */
export const API = {
  'aggregator.list': {
    "name": "aggregator.list",
    "summary": "Lists aggregators and how many nodes each serves",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/aggregators",
    "placement": {
      "path": [],
      "query": [],
      "body": []
    },
    "stream": false,
    "answers": true,
    "changes": false,
    "timeoutSeconds": 30,
    "enters": [
      "master",
      "aggregator",
      "utility",
      "compute"
    ],
    "reach": "master",
    "codes": [
      4,
      5,
      8,
      9,
      12,
      13,
      16
    ],
    "fields": [],
    "examples": []
  },
  'health': {
    "name": "health",
    "summary": "Shows how the tree is: master, aggregators, utilities, refused peers",
    "description": "A daemon that reaches no master answers itself: `degraded` is true and the master is shown as unreachable, with the reason.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/health",
    "placement": {
      "path": [],
      "query": [],
      "body": []
    },
    "stream": false,
    "answers": true,
    "changes": false,
    "timeoutSeconds": 30,
    "enters": [
      "master",
      "aggregator",
      "utility",
      "compute"
    ],
    "reach": "master",
    "codes": [
      5,
      8,
      9,
      12,
      13,
      16
    ],
    "fields": [],
    "examples": [
      {
        "title": "The whole tree",
        "input": {}
      }
    ]
  },
  'node.list': {
    "name": "node.list",
    "summary": "Lists nodes with their state, aggregators and inventory",
    "description": "The answer is in natural order of the names. A name that no node bears is no error where others match; where nothing matches the answer is code 4.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/nodes",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "type"
      ],
      "body": []
    },
    "stream": false,
    "answers": true,
    "changes": false,
    "timeoutSeconds": 30,
    "enters": [
      "master",
      "aggregator",
      "utility",
      "compute"
    ],
    "reach": "master",
    "codes": [
      4,
      5,
      8,
      9,
      12,
      13,
      16
    ],
    "fields": [
      {
        "name": "nodes",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a node set such as n[001-128],login1",
        "description": "node set; all nodes when left out"
      },
      {
        "name": "type",
        "in": "query",
        "required": false,
        "type": "'master' | 'aggregator' | 'utility' | 'compute'",
        "allowed": "'master', 'aggregator', 'utility' or 'compute'",
        "description": "only nodes of this type"
      }
    ],
    "examples": [
      {
        "title": "Eight compute nodes",
        "input": {
          "nodes": "n[1-8]",
          "type": "compute"
        }
      }
    ]
  },
  'node.show': {
    "name": "node.show",
    "summary": "Shows one node",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/nodes/:name",
    "placement": {
      "path": [
        "name"
      ],
      "query": [],
      "body": []
    },
    "stream": false,
    "answers": true,
    "changes": false,
    "timeoutSeconds": 30,
    "enters": [
      "master",
      "aggregator",
      "utility",
      "compute"
    ],
    "reach": "master",
    "codes": [
      5,
      8,
      9,
      12,
      13,
      16,
      46
    ],
    "fields": [
      {
        "name": "name",
        "in": "path",
        "required": true,
        "type": "string",
        "allowed": "text of 1 to 64 characters",
        "description": "name of the node"
      }
    ],
    "examples": [
      {
        "title": "One node",
        "input": {
          "name": "n1"
        }
      }
    ]
  },
  'node.watch': {
    "name": "node.watch",
    "summary": "Streams what changes about nodes, links and inventory",
    "description": "Begins behind `since`, or with what comes next. Each item bears the `seq` to go on from; nothing is missed or told twice.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/changes",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "since"
      ],
      "body": []
    },
    "stream": true,
    "answers": false,
    "changes": false,
    "timeoutSeconds": 0,
    "enters": [
      "master",
      "aggregator",
      "utility",
      "compute"
    ],
    "reach": "master",
    "codes": [
      5,
      8,
      9,
      12,
      13,
      16,
      37
    ],
    "fields": [
      {
        "name": "nodes",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a node set such as n[001-128],login1",
        "description": "node set; all nodes when left out"
      },
      {
        "name": "since",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of at least 0",
        "description": "the last seq already known"
      }
    ],
    "examples": [
      {
        "title": "Everything from now on",
        "input": {}
      }
    ]
  },
  'ping': {
    "name": "ping",
    "summary": "Asks nodes for a sign of life through the whole tree",
    "access": "public",
    "method": "POST",
    "path": "/csm/v1/ping",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "nodes",
        "deadline"
      ]
    },
    "stream": true,
    "answers": false,
    "changes": false,
    "timeoutSeconds": 90,
    "enters": [
      "master",
      "aggregator",
      "utility",
      "compute"
    ],
    "reach": "master",
    "codes": [
      5,
      8,
      9,
      12,
      13,
      16
    ],
    "fields": [
      {
        "name": "nodes",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "a node set such as n[001-128],login1",
        "description": "node set"
      },
      {
        "name": "deadline",
        "in": "body",
        "required": false,
        "type": "number",
        "allowed": "a number of 0.1 to 60",
        "description": "seconds for all nodes and all hops; default 5"
      }
    ],
    "examples": [
      {
        "title": "Two nodes",
        "input": {
          "nodes": "n[1-2]"
        }
      }
    ]
  },
  'run': {
    "name": "run",
    "summary": "Runs a program on nodes",
    "description": "The program runs as root, without a shell, in its own process group, which is killed at the end. Equal answers are folded. No node runs it twice, whatever dies in between; where it cannot be known whether it ran, the part says so (37).",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/run",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "nodes",
        "argv",
        "deadline",
        "partial"
      ]
    },
    "stream": true,
    "answers": false,
    "changes": true,
    "timeoutSeconds": 86400,
    "enters": [
      "master",
      "aggregator",
      "utility"
    ],
    "reach": "master",
    "codes": [
      5,
      8,
      9,
      12,
      13,
      16,
      37,
      46,
      48
    ],
    "fields": [
      {
        "name": "nodes",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "a node set such as n[001-128],login1",
        "description": "node set"
      },
      {
        "name": "argv",
        "in": "body",
        "required": true,
        "type": "readonly string[]",
        "allowed": "a list of 1 to 1024 entries, each text of at most 131072 characters",
        "description": "program and arguments"
      },
      {
        "name": "deadline",
        "in": "body",
        "required": false,
        "type": "number",
        "allowed": "a number of 0.1 to 86400",
        "description": "seconds for all nodes and all hops; default 30"
      },
      {
        "name": "partial",
        "in": "body",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": "give parts as they come, instead of all at the end"
      }
    ],
    "examples": [
      {
        "title": "The kernel of two nodes",
        "input": {
          "nodes": "n[1-2]",
          "argv": [
            "uname",
            "-r"
          ],
          "deadline": 10
        }
      }
    ]
  },
  'tree.rebalance': {
    "name": "tree.rebalance",
    "summary": "Moves nodes back to their first choice of aggregator",
    "description": "Each node moves by itself within `spread` seconds. A node that is there already stays.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/tree/rebalance",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "nodes",
        "spread"
      ]
    },
    "stream": true,
    "answers": false,
    "changes": true,
    "timeoutSeconds": 60,
    "enters": [
      "master",
      "aggregator",
      "utility"
    ],
    "reach": "master",
    "codes": [
      5,
      8,
      9,
      12,
      13,
      16
    ],
    "fields": [
      {
        "name": "nodes",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "a node set such as n[001-128],login1",
        "description": "node set"
      },
      {
        "name": "spread",
        "in": "body",
        "required": false,
        "type": "number",
        "allowed": "a number of 0 to 3600",
        "description": "seconds; default 5"
      }
    ],
    "examples": [
      {
        "title": "One rack, spread over half a minute",
        "input": {
          "nodes": "n[001-018]",
          "spread": 30
        }
      }
    ]
  },
} as const satisfies { readonly [name: string]: ApiEntry };

/** Lists aggregators and how many nodes each serves: input. */
export type AggregatorListInput = { readonly [key: string]: never };

export type AggregatorListOutput = readonly {
  /** name of the aggregator */
  readonly node: string;
  /** whether the master has its link */
  readonly connected: boolean;
  /** ISO 8601, UTC: linked, or lost, since */
  readonly since: string;
  /** why the link was lost */
  readonly reason: string | null;
  /** where it links from */
  readonly address: string;
  /** protocol version */
  readonly version: string;
  /** times it linked anew while this master runs */
  readonly bounced: number;
  readonly primary: {
    /** linked now */
    readonly active: number;
    /** known, not linked */
    readonly unresponsive: number;
  };
  readonly secondary: {
    /** linked now */
    readonly active: number;
    /** known, not linked */
    readonly unresponsive: number;
  };
}[];

/** Shows how the tree is: master, aggregators, utilities, refused peers: input. */
export type HealthInput = { readonly [key: string]: never };

export type HealthOutput = {
  /** something is not as it should be; `problems` says what */
  readonly degraded: boolean;
  /** in words */
  readonly problems: readonly string[];
  readonly master: {
    /** null when unreachable */
    readonly node: string | null;
    readonly reachable: boolean;
    /** of CSM */
    readonly version: string | null;
    /** started at, ISO 8601, UTC */
    readonly since: string | null;
    /** has just started and is still learning who is there */
    readonly settling: boolean;
    /** ok, or what is wrong with it */
    readonly database: string | null;
    readonly reports: {
      readonly queued: number;
      readonly committed: number;
      readonly stale: number;
      readonly rejected: number;
    };
  };
  readonly aggregators: readonly {
    /** name of the aggregator */
    readonly node: string;
    /** whether the master has its link */
    readonly connected: boolean;
    /** ISO 8601, UTC: linked, or lost, since */
    readonly since: string;
    /** why the link was lost */
    readonly reason: string | null;
    /** where it links from */
    readonly address: string;
    /** protocol version */
    readonly version: string;
    /** times it linked anew while this master runs */
    readonly bounced: number;
    readonly primary: {
      /** linked now */
      readonly active: number;
      /** known, not linked */
      readonly unresponsive: number;
    };
    readonly secondary: {
      /** linked now */
      readonly active: number;
      /** known, not linked */
      readonly unresponsive: number;
    };
  }[];
  readonly utilities: readonly {
    readonly node: string;
    readonly connected: boolean;
    /** ISO 8601, UTC */
    readonly last_seen: string | null;
    readonly address: string | null;
  }[];
  /** peers refused at any listener within 24 h, newest last */
  readonly refused: readonly {
    /** the daemon that refused it */
    readonly by: string;
    /** who it said to be */
    readonly daemon: string;
    readonly address: string;
    /** certificate, identity, version, duplicate, role, broken; before that not-tls, expired, unknown-ca, no-certificate … */
    readonly code: string;
    readonly reason: string;
    /** ISO 8601, UTC */
    readonly last: string;
    readonly count: number;
  }[];
  readonly local: {
    /** the daemon that answers on this socket */
    readonly daemon: string;
    /** the hub that serves it */
    readonly primary: string | null;
    readonly secondary: string | null;
    readonly candidates: readonly {
      readonly name: string;
      readonly state: string;
      readonly reason: string | null;
    }[];
    readonly outbox: {
      readonly bytes: number;
      readonly waiting: number;
      readonly unacknowledged: number;
      readonly dropped: number;
      readonly refused: number;
    };
    /** ok, or why it cannot be written */
    readonly journal: string;
    /** peers this daemon itself refused */
    readonly refused: number;
  };
};

/** Lists nodes with their state, aggregators and inventory: input. */
export type NodeListInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** only nodes of this type */
  readonly type?: 'master' | 'aggregator' | 'utility' | 'compute' | undefined;
};

export type NodeListOutput = readonly {
  /** name of the node */
  readonly name: string;
  /** role of its main daemon */
  readonly type: 'master' | 'aggregator' | 'utility' | 'compute';
  /** DISCOVERED at first contact */
  readonly state: 'DISCOVERED' | 'IN_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE' | 'OUT_OF_SERVICE' | 'SOFT_FAILURE' | 'HARD_FAILURE';
  /** the hub that serves it now, or served it last */
  readonly primary_aggregator: string | null;
  /** the hub that would take over at once; null without one */
  readonly secondary_aggregator: string | null;
  /** whether it has a link now */
  readonly connected: boolean;
  /** links it has now: 0, 1 or 2 */
  readonly links: number;
  /** ISO 8601, UTC */
  readonly first_seen: string;
  /** ISO 8601, UTC; at most one heartbeat interval plus a moment old while it is linked */
  readonly last_seen: string | null;
  /** address of its primary link */
  readonly address: string | null;
  /** protocol version of its daemon */
  readonly version: string | null;
  /** from the firmware; null where the firmware says nothing */
  readonly machine_model: string | null;
  /** from the firmware */
  readonly serial_number: string | null;
  /** such as x86_64 */
  readonly architecture: string | null;
  /** as uname -r */
  readonly kernel_release: string | null;
  /** as uname -v */
  readonly kernel_version: string | null;
  /** PRETTY_NAME of its os-release */
  readonly os_image_name: string | null;
  /** changes with each boot */
  readonly boot_id: string | null;
  /** MemTotal, kB */
  readonly installed_memory: number | null;
  /** kB */
  readonly installed_swap: number | null;
  /** processor packages with an online CPU */
  readonly discovered_sockets: number | null;
  /** physical cores online; SMT threads of one core count once */
  readonly discovered_cores: number | null;
  /** logical CPUs online */
  readonly discovered_threads: number | null;
  /** when the inventory was taken on the node, ISO 8601, UTC */
  readonly collection_time: string | null;
}[];

/** Shows one node: input. */
export type NodeShowInput = {
  /** name of the node */
  readonly name: string;
};

export type NodeShowOutput = {
  /** name of the node */
  readonly name: string;
  /** role of its main daemon */
  readonly type: 'master' | 'aggregator' | 'utility' | 'compute';
  /** DISCOVERED at first contact */
  readonly state: 'DISCOVERED' | 'IN_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE' | 'OUT_OF_SERVICE' | 'SOFT_FAILURE' | 'HARD_FAILURE';
  /** the hub that serves it now, or served it last */
  readonly primary_aggregator: string | null;
  /** the hub that would take over at once; null without one */
  readonly secondary_aggregator: string | null;
  /** whether it has a link now */
  readonly connected: boolean;
  /** links it has now: 0, 1 or 2 */
  readonly links: number;
  /** ISO 8601, UTC */
  readonly first_seen: string;
  /** ISO 8601, UTC; at most one heartbeat interval plus a moment old while it is linked */
  readonly last_seen: string | null;
  /** address of its primary link */
  readonly address: string | null;
  /** protocol version of its daemon */
  readonly version: string | null;
  /** from the firmware; null where the firmware says nothing */
  readonly machine_model: string | null;
  /** from the firmware */
  readonly serial_number: string | null;
  /** such as x86_64 */
  readonly architecture: string | null;
  /** as uname -r */
  readonly kernel_release: string | null;
  /** as uname -v */
  readonly kernel_version: string | null;
  /** PRETTY_NAME of its os-release */
  readonly os_image_name: string | null;
  /** changes with each boot */
  readonly boot_id: string | null;
  /** MemTotal, kB */
  readonly installed_memory: number | null;
  /** kB */
  readonly installed_swap: number | null;
  /** processor packages with an online CPU */
  readonly discovered_sockets: number | null;
  /** physical cores online; SMT threads of one core count once */
  readonly discovered_cores: number | null;
  /** logical CPUs online */
  readonly discovered_threads: number | null;
  /** when the inventory was taken on the node, ISO 8601, UTC */
  readonly collection_time: string | null;
};

/** Streams what changes about nodes, links and inventory: input. */
export type NodeWatchInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** the last seq already known */
  readonly since?: number | undefined;
};

export type NodeWatchItem = {
  /** rises in commit order */
  readonly seq: number;
  /** ISO 8601, UTC */
  readonly time: string;
  /** node, link or inventory */
  readonly kind: string;
  /** the node or aggregator; * when there are several nodes */
  readonly subject: string;
  /** what changed; `nodes` is a folded node set */
  readonly body: unknown;
};

/** Asks nodes for a sign of life through the whole tree: input. */
export type PingInput = {
  /** node set */
  readonly nodes: string;
  /** seconds for all nodes and all hops; default 5 */
  readonly deadline?: number | undefined;
};

export type PingItem = {
  /** folded node set of those that answered alike */
  readonly nodes: string;
  /** CSM code: 0 answered, 5 no answer in time, 37 outcome unknown, 46 unknown, 48 down */
  readonly code: number;
  /** in words */
  readonly text: string;
  /** what the command gave */
  readonly body?: unknown;
};

/** Runs a program on nodes: input. */
export type RunInput = {
  /** node set */
  readonly nodes: string;
  /** program and arguments */
  readonly argv: readonly string[];
  /** seconds for all nodes and all hops; default 30 */
  readonly deadline?: number | undefined;
  /** give parts as they come, instead of all at the end */
  readonly partial?: boolean | undefined;
};

export type RunItem = {
  /** folded node set of those that answered alike */
  readonly nodes: string;
  /** CSM code: 0 answered, 5 no answer in time, 37 outcome unknown, 46 unknown, 48 down */
  readonly code: number;
  /** in words */
  readonly text: string;
  /** what the command gave */
  readonly body?: unknown;
};

/** Moves nodes back to their first choice of aggregator: input. */
export type TreeRebalanceInput = {
  /** node set */
  readonly nodes: string;
  /** seconds; default 5 */
  readonly spread?: number | undefined;
};

export type TreeRebalanceItem = {
  /** folded node set of those that answered alike */
  readonly nodes: string;
  /** CSM code: 0 answered, 5 no answer in time, 37 outcome unknown, 46 unknown, 48 down */
  readonly code: number;
  /** in words */
  readonly text: string;
  /** what the command gave */
  readonly body?: unknown;
};

/** Types of every call, by its name. */
export interface ApiTypes {
  'aggregator.list': { readonly input: AggregatorListInput; readonly output: AggregatorListOutput; readonly item: never };
  'health': { readonly input: HealthInput; readonly output: HealthOutput; readonly item: never };
  'node.list': { readonly input: NodeListInput; readonly output: NodeListOutput; readonly item: never };
  'node.show': { readonly input: NodeShowInput; readonly output: NodeShowOutput; readonly item: never };
  'node.watch': { readonly input: NodeWatchInput; readonly output: undefined; readonly item: NodeWatchItem };
  'ping': { readonly input: PingInput; readonly output: undefined; readonly item: PingItem };
  'run': { readonly input: RunInput; readonly output: undefined; readonly item: RunItem };
  'tree.rebalance': { readonly input: TreeRebalanceInput; readonly output: undefined; readonly item: TreeRebalanceItem };
}
