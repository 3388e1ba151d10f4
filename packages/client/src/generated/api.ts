// Generated from the API table; do not edit. The build writes it anew.
import type { ApiEntry } from '../entry.ts';

/** Version of this API. A daemon of another major version is not understood. */
export const API_VERSION = '1.0';

/** Every call of the API: how it travels, and what help says of it. */
export const API = {
  'aggregator.drain': {
    "name": "aggregator.drain",
    "summary": "Moves all nodes away from an aggregator, and keeps them away",
    "description": "Each node that has another aggregator goes there by itself; one that has none stays. That holds when the aggregator or the master is started again, until `aggregator.undrain`. Asked again it changes reason and rate.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/aggregators/:name/drain",
    "placement": {
      "path": [
        "name"
      ],
      "query": [],
      "body": [
        "reason",
        "rate"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 30,
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
      44,
      46
    ],
    "fields": [
      {
        "name": "name",
        "in": "path",
        "required": true,
        "type": "string",
        "allowed": "text of 1 to 64 characters",
        "description": "name of the aggregator"
      },
      {
        "name": "reason",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "a line of text",
        "description": "why, in a line"
      },
      {
        "name": "rate",
        "in": "body",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 10000",
        "description": "nodes a second; default 50"
      }
    ],
    "examples": [
      {
        "title": "Before its repair",
        "input": {
          "name": "agg-A",
          "reason": "new memory"
        }
      }
    ]
  },
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
  'aggregator.undrain': {
    "name": "aggregator.undrain",
    "summary": "Lets nodes come back to a drained aggregator",
    "description": "Those whose first choice it is come back by themselves once it has been stable for a while, or with `tree.rebalance`.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/aggregators/:name/undrain",
    "placement": {
      "path": [
        "name"
      ],
      "query": [],
      "body": [
        "reason"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 30,
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
      46
    ],
    "fields": [
      {
        "name": "name",
        "in": "path",
        "required": true,
        "type": "string",
        "allowed": "text of 1 to 64 characters",
        "description": "name of the aggregator"
      },
      {
        "name": "reason",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "a line of text",
        "description": "why, in a line"
      }
    ],
    "examples": [
      {
        "title": "After its repair",
        "input": {
          "name": "agg-A"
        }
      }
    ]
  },
  'audit.list': {
    "name": "audit.list",
    "summary": "Shows who did what: calls that changed something, needed privilege or were refused",
    "description": "Newest first. To read on, give the last `seq` as `before`. With `nodes`, calls whose input names one of them by `nodes`, `name` or `node`.",
    "access": "privileged",
    "method": "GET",
    "path": "/csm/v1/audit",
    "placement": {
      "path": [],
      "query": [
        "user",
        "call",
        "since",
        "until",
        "nodes",
        "before",
        "limit"
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
      "utility"
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
        "name": "user",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 256 characters",
        "description": "only calls of this user"
      },
      {
        "name": "call",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 64 characters",
        "description": "only this call, such as node.update"
      },
      {
        "name": "since",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "only what began then or later"
      },
      {
        "name": "until",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "only what began before"
      },
      {
        "name": "nodes",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a node set such as n[001-128],login1",
        "description": "only calls that name one of these nodes"
      },
      {
        "name": "before",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 9007199254740991",
        "description": "only rows with a lower seq"
      },
      {
        "name": "limit",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 1000",
        "description": "rows at most; default 100"
      }
    ],
    "examples": [
      {
        "title": "What an admin did",
        "input": {
          "user": "alice"
        }
      },
      {
        "title": "Who ran programs on a node",
        "input": {
          "call": "run",
          "nodes": "n001"
        }
      }
    ]
  },
  'cluster.state': {
    "name": "cluster.state",
    "summary": "Counts nodes by state and type",
    "description": "In the order of the states; `ready` nodes take work.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/state",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "state",
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
        "name": "state",
        "in": "query",
        "required": false,
        "type": "'DISCOVERED' | 'IN_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE' | 'OUT_OF_SERVICE' | 'SOFT_FAILURE' | 'HARD_FAILURE'",
        "allowed": "'DISCOVERED', 'IN_SERVICE', 'ADMIN_RESERVED', 'MAINTENANCE', 'OUT_OF_SERVICE', 'SOFT_FAILURE' or 'HARD_FAILURE'",
        "description": "only nodes in this state"
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
        "title": "The whole machine",
        "input": {}
      }
    ]
  },
  'db.archive': {
    "name": "db.archive",
    "summary": "Writes old changes into files, a day each, and removes them when asked",
    "description": "Makes `<directory>/changes-before-<date>` with a gzipped file of JSON lines for each day and a manifest with counts and checksums. Nothing is removed before all is written and synced, and never what a follower has yet to get.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/db/archive",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "directory",
        "before",
        "remove"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 86400,
    "enters": [
      "master",
      "aggregator",
      "utility"
    ],
    "reach": "master",
    "codes": [
      4,
      5,
      8,
      9,
      12,
      13,
      16,
      24,
      44
    ],
    "fields": [
      {
        "name": "directory",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "an absolute path on the master's machine",
        "description": "where the archive is made"
      },
      {
        "name": "before",
        "in": "body",
        "required": true,
        "type": "number",
        "allowed": "an integer of at least 0",
        "description": "ms UTC, the beginning of a day that has begun"
      },
      {
        "name": "remove",
        "in": "body",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": "remove from the database what was written"
      }
    ],
    "examples": [
      {
        "title": "Changes of before 1 October 2026",
        "input": {
          "directory": "/var/archive/csm",
          "before": 1790812800000
        }
      }
    ]
  },
  'db.backup': {
    "name": "db.backup",
    "summary": "Writes a backup of the database while the master runs",
    "description": "The backup is of one moment, is opened and counted before it gets its name, and has a manifest beside it. PostgreSQL: made by pg_dump, which must be installed where the master runs.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/db/backup",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "file",
        "force"
      ]
    },
    "stream": false,
    "answers": true,
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
      17,
      24,
      25,
      44
    ],
    "fields": [
      {
        "name": "file",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "an absolute path on the master's machine",
        "description": "file to write; `<file>.manifest.json` comes beside it"
      },
      {
        "name": "force",
        "in": "body",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": "replace an older backup of that name"
      }
    ],
    "examples": [
      {
        "title": "A backup",
        "input": {
          "file": "/var/backups/csm/monday.db"
        }
      }
    ]
  },
  'db.retention': {
    "name": "db.retention",
    "summary": "Shows what is kept how long, what it takes, and what goes next",
    "description": "Every table is counted, beside the master and without holding it up; on a large database that takes a while.",
    "access": "privileged",
    "method": "GET",
    "path": "/csm/v1/db/retention",
    "placement": {
      "path": [],
      "query": [],
      "body": []
    },
    "stream": false,
    "answers": true,
    "changes": false,
    "timeoutSeconds": 3600,
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
    "fields": [],
    "examples": []
  },
  'db.status': {
    "name": "db.status",
    "summary": "Shows the database: where it is, what it takes, how busy it is, who follows it",
    "access": "privileged",
    "method": "GET",
    "path": "/csm/v1/db",
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
    "fields": [],
    "examples": [
      {
        "title": "The database",
        "input": {}
      }
    ]
  },
  'env.archive': {
    "name": "env.archive",
    "summary": "Writes old samples into files, a day each",
    "description": "Makes `<directory>/samples-before-<date>` with a gzipped file of JSON lines for each day and a manifest with counts and checksums. Nothing is removed: samples go by their age.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/environment/archive",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "directory",
        "before"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 86400,
    "enters": [
      "master",
      "aggregator",
      "utility"
    ],
    "reach": "master",
    "codes": [
      4,
      5,
      8,
      9,
      12,
      13,
      16,
      24,
      44
    ],
    "fields": [
      {
        "name": "directory",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "an absolute path on the master's machine",
        "description": "where the archive is made"
      },
      {
        "name": "before",
        "in": "body",
        "required": true,
        "type": "number",
        "allowed": "an integer of at least 0",
        "description": "ms UTC, the beginning of a day that has begun"
      }
    ],
    "examples": [
      {
        "title": "Samples of before 1 October 2026",
        "input": {
          "directory": "/var/lib/csm/archive",
          "before": 1790812800000
        }
      }
    ]
  },
  'env.query': {
    "name": "env.query",
    "summary": "Streams what the nodes have measured",
    "description": "Items come ordered by time, then by node in natural order. Without a step they are as sampled. With a step each is the aggregate of all samples from its time up to the next multiple of the step (UTC); since and until are widened to whole steps. Steps of whole hours are answered from the hourly figures, steps of whole days from the daily ones, all else and p95 from samples: each reaches back as far as it is kept. A step of which some has been removed is left out: the answer begins with the first whole one, and where none is left it is code 4 and tells how far back the figures reach. A percentile of more than 2,000,000 values in one step of one node is refused with code 30. A fraction is kept to six significant digits. Where nothing matches the answer is code 4.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/environment/samples",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "item",
        "since",
        "until",
        "step",
        "agg",
        "metrics"
      ],
      "body": []
    },
    "stream": true,
    "answers": false,
    "changes": false,
    "timeoutSeconds": 3600,
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
      16,
      30
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
        "name": "item",
        "in": "query",
        "required": true,
        "type": "'cpu' | 'memory' | 'network' | 'disk' | 'gpu' | 'temperature' | 'power' | 'ssd' | 'infiniband' | 'filesystem'",
        "allowed": "'cpu', 'memory', 'network', 'disk', 'gpu', 'temperature', 'power', 'ssd', 'infiniband' or 'filesystem'",
        "description": "what was read"
      },
      {
        "name": "since",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-07-01T12:00:00Z, or a date (0 h UTC)",
        "description": "the first moment; an hour before until when left out"
      },
      {
        "name": "until",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-07-01T12:00:00Z, or a date (0 h UTC)",
        "description": "the moment before which it ends; now when left out"
      },
      {
        "name": "step",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 0 to 31622400",
        "description": "seconds; 0: as sampled"
      },
      {
        "name": "agg",
        "in": "query",
        "required": false,
        "type": "'min' | 'avg' | 'max' | 'p95'",
        "allowed": "'min', 'avg', 'max' or 'p95'",
        "description": "what becomes of the samples of a step; without a step it says nothing"
      },
      {
        "name": "metrics",
        "in": "query",
        "required": false,
        "type": "readonly string[]",
        "allowed": "at most 100 names such as user_percent or sda.busy_percent",
        "description": "only these values: a whole name, or a metric without its instance, which takes that of every instance; several may stand in one text, with commas between; all when left out"
      }
    ],
    "examples": [
      {
        "title": "Load of eight nodes on a day, by the hour",
        "input": {
          "nodes": "n[1-8]",
          "item": "cpu",
          "since": "2026-07-01T00:00:00Z",
          "until": "2026-07-02T00:00:00Z",
          "step": 3600,
          "agg": "max"
        }
      }
    ]
  },
  'env.top': {
    "name": "env.top",
    "summary": "Lists the nodes with the highest newest values",
    "description": "Only each node's newest sample counts. Where a node has several of the thing, its highest (ascending: lowest) instance counts and is named. Without a metric it is the item's main one, such as the busy share of a disk; of memory the least available comes first. Equal values stand in natural order of the nodes.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/environment/top",
    "placement": {
      "path": [],
      "query": [
        "item",
        "metric",
        "nodes",
        "limit",
        "ascending"
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
        "name": "item",
        "in": "query",
        "required": true,
        "type": "'cpu' | 'memory' | 'network' | 'disk' | 'gpu' | 'temperature' | 'power' | 'ssd' | 'infiniband' | 'filesystem'",
        "allowed": "'cpu', 'memory', 'network', 'disk', 'gpu', 'temperature', 'power', 'ssd', 'infiniband' or 'filesystem'",
        "description": "what was read"
      },
      {
        "name": "metric",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 130 characters",
        "description": "a whole name, or a metric without its instance; the item's main metric when left out"
      },
      {
        "name": "nodes",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a node set such as n[001-128],login1",
        "description": "node set; all nodes when left out"
      },
      {
        "name": "limit",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 1000",
        "description": "nodes at most; 20 when left out"
      },
      {
        "name": "ascending",
        "in": "query",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": "the lowest first"
      }
    ],
    "examples": [
      {
        "title": "The hottest nodes",
        "input": {
          "item": "temperature",
          "limit": 5
        }
      }
    ]
  },
  'env.watch': {
    "name": "env.watch",
    "summary": "Streams samples as they are stored",
    "description": "Begins with what comes next, and ends when the caller goes away. A caller slower than the nodes loses the oldest items that wait; in their place stands one item {lost} with their number.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/environment/watch",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "item"
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
        "name": "item",
        "in": "query",
        "required": false,
        "type": "'cpu' | 'memory' | 'network' | 'disk' | 'gpu' | 'temperature' | 'power' | 'ssd' | 'infiniband' | 'filesystem'",
        "allowed": "'cpu', 'memory', 'network', 'disk', 'gpu', 'temperature', 'power', 'ssd', 'infiniband' or 'filesystem'",
        "description": "only this item; all when left out"
      }
    ],
    "examples": [
      {
        "title": "Temperatures of eight nodes",
        "input": {
          "nodes": "n[1-8]",
          "item": "temperature"
        }
      }
    ]
  },
  'health': {
    "name": "health",
    "summary": "Shows how the tree is: masters, aggregators, utilities, refused peers",
    "description": "A daemon that reaches no master answers itself: `degraded` is true and the master is shown as unreachable, with the reason. A master that stands by asks the one that leads, and says in `local` that it stands by.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/health",
    "placement": {
      "path": [],
      "query": [
        "nodes"
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
        "type": "boolean",
        "allowed": "true or false",
        "description": "with the compute nodes of each aggregator by name"
      }
    ],
    "examples": [
      {
        "title": "The whole tree",
        "input": {}
      },
      {
        "title": "With the nodes of each aggregator",
        "input": {
          "nodes": true
        }
      }
    ]
  },
  'heartbeat.forget': {
    "name": "heartbeat.forget",
    "summary": "Forgets components: no alarm, and no record until they beat again",
    "description": "For what was taken away. The history stays. Those that are known are forgotten; `failed` names the others.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/heartbeat/forget",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "nodes"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 120,
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
      24,
      44
    ],
    "fields": [
      {
        "name": "nodes",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "a set such as x0c[0-7]s[0-7]b0n0,x3000c0",
        "description": "set of components, at most 10000"
      }
    ],
    "examples": [
      {
        "title": "A blade that was taken out",
        "input": {
          "nodes": "x3000c0s1b[0-1]n0"
        }
      }
    ]
  },
  'heartbeat.history': {
    "name": "heartbeat.history",
    "summary": "Lists what became of components: started, late, dead, back",
    "description": "Newest last; of more rows than `limit` the newest. `before`, given the lowest `seq` of an answer, reads on into the past.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/heartbeat/history",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "kinds",
        "since",
        "before",
        "limit"
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
      16,
      30,
      44
    ],
    "fields": [
      {
        "name": "nodes",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a set such as x0c[0-7]s[0-7]b0n0,x3000c0",
        "description": "set of components; all when left out"
      },
      {
        "name": "kinds",
        "in": "query",
        "required": false,
        "type": "readonly ('started' | 'restarted' | 'warning' | 'dead' | 'halted' | 'left')[]",
        "allowed": "a list of 1 to 6 entries, each 'started', 'restarted', 'warning', 'dead', 'halted' or 'left'",
        "description": "only what became of them so"
      },
      {
        "name": "since",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z",
        "description": "only what was noticed then or later"
      },
      {
        "name": "before",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 9007199254740991",
        "description": "only rows with a lower seq"
      },
      {
        "name": "limit",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 10000",
        "description": "rows; default 1000"
      }
    ],
    "examples": [
      {
        "title": "What happened to a node",
        "input": {
          "nodes": "x3000c0s1b0n0"
        }
      },
      {
        "title": "Who died",
        "input": {
          "kinds": [
            "dead",
            "halted"
          ],
          "since": "2026-01-31T08:00:00Z"
        }
      }
    ]
  },
  'heartbeat.incidents': {
    "name": "heartbeat.incidents",
    "summary": "Lists incidents: many components that fell silent of one cause, and times when nobody watched",
    "description": "Newest last; of more than `limit` the newest.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/heartbeat/incidents",
    "placement": {
      "path": [],
      "query": [
        "open",
        "since",
        "limit"
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
      16,
      44
    ],
    "fields": [
      {
        "name": "open",
        "in": "query",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": "only those that last"
      },
      {
        "name": "since",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z",
        "description": "only those that began then or later"
      },
      {
        "name": "limit",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 1000",
        "description": "rows; default 100"
      }
    ],
    "examples": [
      {
        "title": "What lasts",
        "input": {
          "open": true
        }
      }
    ]
  },
  'heartbeat.list': {
    "name": "heartbeat.list",
    "summary": "Lists components that send heartbeats, and how they are",
    "description": "An item a component, in the order of their names. Nodes of this cluster are among them, by what their links say. With `limit` the list goes on behind the last name, given as `after`.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/heartbeat/components",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "states",
        "flags",
        "seen_since",
        "seen_before",
        "after",
        "limit"
      ],
      "body": []
    },
    "stream": true,
    "answers": false,
    "changes": false,
    "timeoutSeconds": 300,
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
      16,
      44
    ],
    "fields": [
      {
        "name": "nodes",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a set such as x0c[0-7]s[0-7]b0n0,x3000c0",
        "description": "set of components; all when left out"
      },
      {
        "name": "states",
        "in": "query",
        "required": false,
        "type": "readonly ('beating' | 'late' | 'dead' | 'halted' | 'left' | 'off')[]",
        "allowed": "a list of 1 to 6 entries, each 'beating', 'late', 'dead', 'halted', 'left' or 'off'",
        "description": "only in these"
      },
      {
        "name": "flags",
        "in": "query",
        "required": false,
        "type": "readonly ('OK' | 'Warning' | 'Alert')[]",
        "allowed": "a list of 1 to 3 entries, each 'OK', 'Warning' or 'Alert'",
        "description": "only with these"
      },
      {
        "name": "seen_since",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z",
        "description": "only those whose last beat came then or later"
      },
      {
        "name": "seen_before",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z",
        "description": "only those whose last beat came before"
      },
      {
        "name": "after",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 64 characters",
        "description": "begin behind this name"
      },
      {
        "name": "limit",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 1000000",
        "description": "items; all when left out"
      }
    ],
    "examples": [
      {
        "title": "Who is late or dead in a cabinet",
        "input": {
          "nodes": "x3c[0-7]s[0-7]b0n0",
          "states": [
            "late",
            "dead"
          ]
        }
      },
      {
        "title": "The first hundred that were not seen since",
        "input": {
          "seen_before": "2026-01-31T08:00:00Z",
          "limit": 100
        }
      }
    ]
  },
  'heartbeat.params': {
    "name": "heartbeat.params",
    "summary": "Shows the twelve parameters of the heartbeat service",
    "description": "All are text, as hbtd has them.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/heartbeat/params",
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
      16,
      44
    ],
    "fields": [],
    "examples": [
      {
        "title": "All of them",
        "input": {}
      }
    ]
  },
  'heartbeat.show': {
    "name": "heartbeat.show",
    "summary": "Shows one component: its beats, thresholds, state manager and what comes next",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/heartbeat/components/:name",
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
      44,
      46
    ],
    "fields": [
      {
        "name": "name",
        "in": "path",
        "required": true,
        "type": "string",
        "allowed": "text of 1 to 64 characters",
        "description": "xname, or name of a node of this cluster"
      }
    ],
    "examples": [
      {
        "title": "A node",
        "input": {
          "name": "x3000c0s1b0n0"
        }
      }
    ]
  },
  'heartbeat.status': {
    "name": "heartbeat.status",
    "summary": "Shows how the heartbeat service is: counts by state, incidents, what waits",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/heartbeat",
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
      16,
      44
    ],
    "fields": [],
    "examples": [
      {
        "title": "At a glance",
        "input": {}
      }
    ]
  },
  'heartbeat.thresholds': {
    "name": "heartbeat.thresholds",
    "summary": "Shows after how long without a beat components are late and dead",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/heartbeat/thresholds",
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
      16,
      44
    ],
    "fields": [],
    "examples": [
      {
        "title": "All of them",
        "input": {}
      }
    ]
  },
  'heartbeat.update-params': {
    "name": "heartbeat.update-params",
    "summary": "Changes parameters of the heartbeat service while it runs",
    "description": "What is left out, or empty, stays. All or nothing: one value that is not allowed changes none. They are kept: a restart and another leader go on with them.",
    "access": "privileged",
    "method": "PATCH",
    "path": "/csm/v1/heartbeat/params",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "Debug",
        "Nosm",
        "Use_telemetry",
        "Telemetry_host",
        "Warntime",
        "Errtime",
        "Kv_url",
        "Interval",
        "Sm_url",
        "Sm_timeout",
        "Sm_retries"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 30,
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
      24,
      44
    ],
    "fields": [
      {
        "name": "Debug",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Nosm",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Use_telemetry",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Telemetry_host",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Warntime",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Errtime",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Kv_url",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Interval",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Sm_url",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Sm_timeout",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      },
      {
        "name": "Sm_retries",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of at most 2048 characters",
        "description": "its new value, as text"
      }
    ],
    "examples": [
      {
        "title": "More patience",
        "input": {
          "Warntime": "35",
          "Errtime": "60"
        }
      }
    ]
  },
  'heartbeat.update-thresholds': {
    "name": "heartbeat.update-thresholds",
    "summary": "Sets or removes thresholds of a type of components, or of a group of them",
    "description": "Names one type or one group. What is left out stays as it is; a new pair needs both times, a new group its components too. The global pair is Warntime and Errtime of `heartbeat.update-params`.",
    "access": "privileged",
    "method": "PATCH",
    "path": "/csm/v1/heartbeat/thresholds",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "type",
        "group",
        "components",
        "warntime",
        "errtime",
        "remove"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 30,
    "enters": [
      "master",
      "aggregator",
      "utility"
    ],
    "reach": "master",
    "codes": [
      4,
      5,
      8,
      9,
      12,
      13,
      16,
      24,
      44
    ],
    "fields": [
      {
        "name": "type",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "a word of letters and digits",
        "description": "type of components, such as NodeBMC"
      },
      {
        "name": "group",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "a word of letters and digits",
        "description": "name of a group; a new one comes behind those there"
      },
      {
        "name": "components",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "a set such as x0c[0-7]s[0-7]b0n0,x3000c0",
        "description": "who is in the group"
      },
      {
        "name": "warntime",
        "in": "body",
        "required": false,
        "type": "number",
        "allowed": "a number of 1 to 604800",
        "description": "seconds without a beat after which they are late"
      },
      {
        "name": "errtime",
        "in": "body",
        "required": false,
        "type": "number",
        "allowed": "a number of 1 to 604800",
        "description": "seconds without a beat after which they are dead; above warntime"
      },
      {
        "name": "remove",
        "in": "body",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": "it goes; what else is said of its components holds"
      }
    ],
    "examples": [
      {
        "title": "Controllers beat rarely",
        "input": {
          "type": "NodeBMC",
          "warntime": 120,
          "errtime": 300
        }
      },
      {
        "title": "A cabinet that is being built",
        "input": {
          "group": "new",
          "components": "x9c[0-7]s[0-7]b0n0",
          "warntime": 600,
          "errtime": 3600
        }
      },
      {
        "title": "Done",
        "input": {
          "group": "new",
          "remove": true
        }
      }
    ]
  },
  'heartbeat.watch': {
    "name": "heartbeat.watch",
    "summary": "Streams what becomes of components, and incidents",
    "description": "Begins behind `since`, or with what comes next. Each item bears the `seq` to go on from; nothing is missed or told twice. Changes behind `since` that are no longer kept are code 37, with the oldest cursor that is left as `oldest`. The same over server-sent events and WebSocket.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/heartbeat/changes",
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
        "allowed": "a set such as x0c[0-7]s[0-7]b0n0,x3000c0",
        "description": "set of components; all when left out"
      },
      {
        "name": "since",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 0 to 9007199254740991",
        "description": "the last seq already known"
      }
    ],
    "examples": [
      {
        "title": "Everything from now on",
        "input": {}
      },
      {
        "title": "A cabinet, behind change 1000",
        "input": {
          "nodes": "x3c[0-7]s[0-7]b0n0",
          "since": 1000
        }
      }
    ]
  },
  'node.availability': {
    "name": "node.availability",
    "summary": "Tells how long nodes were in which state, and how often they failed",
    "description": "Out of the history of states. A failure begins with SOFT_FAILURE or HARD_FAILURE and lasts until the node is IN_SERVICE or DISCOVERED again. One item for all nodes together; with `each` one for each node.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/availability",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "from",
        "to",
        "each"
      ],
      "body": []
    },
    "stream": true,
    "answers": false,
    "changes": false,
    "timeoutSeconds": 300,
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
        "name": "from",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "begin of the period; default 30 days before its end"
      },
      {
        "name": "to",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "end of the period; default now"
      },
      {
        "name": "each",
        "in": "query",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": "an item a node"
      }
    ],
    "examples": [
      {
        "title": "The whole machine, the last 30 days",
        "input": {}
      }
    ]
  },
  'node.cancel-window': {
    "name": "node.cancel-window",
    "summary": "Cancels a maintenance window",
    "description": "Nodes of one that is open go back at once.",
    "access": "privileged",
    "method": "DELETE",
    "path": "/csm/v1/windows/:id",
    "placement": {
      "path": [
        "id"
      ],
      "query": [],
      "body": []
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 120,
    "enters": [
      "master",
      "aggregator",
      "utility"
    ],
    "reach": "master",
    "codes": [
      4,
      5,
      8,
      9,
      12,
      13,
      16,
      44
    ],
    "fields": [
      {
        "name": "id",
        "in": "path",
        "required": true,
        "type": "number",
        "allowed": "an integer of 1 to 9007199254740991",
        "description": "number of the window"
      }
    ],
    "examples": [
      {
        "title": "Work that is done early",
        "input": {
          "id": 3
        }
      }
    ]
  },
  'node.collect': {
    "name": "node.collect",
    "summary": "Takes the inventory of nodes now",
    "description": "Each node answers whether what it found differs from what it last reported; what it found is on its way into the database then. A collection under way is shared, not begun anew.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/collect",
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
    "timeoutSeconds": 630,
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
        "name": "deadline",
        "in": "body",
        "required": false,
        "type": "number",
        "allowed": "a number of 0.1 to 600",
        "description": "seconds for all nodes and all hops; default 60"
      }
    ],
    "examples": [
      {
        "title": "After a repair",
        "input": {
          "nodes": "n7"
        }
      }
    ]
  },
  'node.delete': {
    "name": "node.delete",
    "summary": "Deletes nodes, their inventory and parts",
    "description": "The histories of states and of parts stay; parts with a serial are told as removed. A daemon of such a node makes it known again, as DISCOVERED, when it starts or links anew.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/nodes/delete",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "nodes",
        "reason"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 120,
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
        "name": "reason",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 1024 characters",
        "description": "why, in a line"
      }
    ],
    "examples": [
      {
        "title": "A node that was sold",
        "input": {
          "nodes": "n7"
        }
      }
    ]
  },
  'node.diff': {
    "name": "node.diff",
    "summary": "Tells in what two nodes differ",
    "description": "Left aside is what always differs: serial numbers, addresses, identifiers of a boot, times, wear, and in which of its places a part sits.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/hardware/diff",
    "placement": {
      "path": [],
      "query": [
        "a",
        "b"
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
      16,
      46
    ],
    "fields": [
      {
        "name": "a",
        "in": "query",
        "required": true,
        "type": "string",
        "allowed": "text of 1 to 64 characters",
        "description": "the one node"
      },
      {
        "name": "b",
        "in": "query",
        "required": true,
        "type": "string",
        "allowed": "text of 1 to 64 characters",
        "description": "the other"
      }
    ],
    "examples": [
      {
        "title": "Two nodes",
        "input": {
          "a": "n1",
          "b": "n2"
        }
      }
    ]
  },
  'node.drain': {
    "name": "node.drain",
    "summary": "Takes nodes out of service, now or in a window",
    "description": "Without times it is done at once, until `node.resume`. With `from` or `until` it is a window: it begins by itself, and at its end each node goes back to where it was, unless an admin has moved it meanwhile. Windows outlive restarts and a change of the leader.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/nodes/drain",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "nodes",
        "reason",
        "state",
        "from",
        "until"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 120,
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
        "name": "reason",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "text of 1 to 1024 characters",
        "description": "why, in a line"
      },
      {
        "name": "state",
        "in": "body",
        "required": false,
        "type": "'OUT_OF_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE'",
        "allowed": "'OUT_OF_SERVICE', 'ADMIN_RESERVED' or 'MAINTENANCE'",
        "description": "where they go; default OUT_OF_SERVICE, in a window MAINTENANCE"
      },
      {
        "name": "from",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "the window begins; now when left out"
      },
      {
        "name": "until",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "the window ends; left out: when it is cancelled, or the nodes are resumed"
      }
    ],
    "examples": [
      {
        "title": "A broken node",
        "input": {
          "nodes": "n7",
          "reason": "fan 3 stands still"
        }
      },
      {
        "title": "A rack, for a night",
        "input": {
          "nodes": "n[001-018]",
          "state": "MAINTENANCE",
          "from": "2027-01-31T20:00:00Z",
          "until": "2027-02-01T06:00:00Z",
          "reason": "new firmware"
        }
      }
    ]
  },
  'node.find-job': {
    "name": "node.find-job",
    "summary": "Lists jobs that used nodes in a period",
    "description": "Answered by what manages allocations; where nothing does, code 4 says so.",
    "access": "privileged",
    "method": "GET",
    "path": "/csm/v1/jobs-on",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "from",
        "to",
        "user"
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
      "utility"
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
        "required": true,
        "type": "string",
        "allowed": "a node set such as n[001-128],login1",
        "description": "node set"
      },
      {
        "name": "from",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "begin of the period; default 30 days before its end"
      },
      {
        "name": "to",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "end of the period; default now"
      },
      {
        "name": "user",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 64 characters",
        "description": "only jobs of this user"
      }
    ],
    "examples": [
      {
        "title": "Who was on a node",
        "input": {
          "nodes": "n7",
          "from": "2026-01-31T08:00:00Z"
        }
      }
    ]
  },
  'node.group': {
    "name": "node.group",
    "summary": "Lists groups of nodes by state, aggregator, rack, profile or role",
    "description": "Groups of a source in natural order of their names. Every state, role and aggregator is a group, also one without nodes; a rack is the first word of the location an admin gave, an aggregator has the compute nodes that it serves now or served last.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/groups/:source",
    "placement": {
      "path": [
        "source"
      ],
      "query": [
        "name"
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
      5,
      8,
      9,
      12,
      13,
      16
    ],
    "fields": [
      {
        "name": "source",
        "in": "path",
        "required": true,
        "type": "'state' | 'agg' | 'rack' | 'profile' | 'role'",
        "allowed": "'state', 'agg', 'rack', 'profile' or 'role'",
        "description": "by what nodes are grouped"
      },
      {
        "name": "name",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 255 characters",
        "description": "only this group; letters compare without case"
      }
    ],
    "examples": [
      {
        "title": "The nodes in each state",
        "input": {
          "source": "state"
        }
      },
      {
        "title": "The nodes of a rack",
        "input": {
          "source": "rack",
          "name": "r07"
        }
      }
    ]
  },
  'node.hardware': {
    "name": "node.hardware",
    "summary": "Lists the parts nodes are made of",
    "description": "An item a part, by node in natural order, kind and location. A part that could not be read this time is still listed as it was last known.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/hardware",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "kind",
        "serial"
      ],
      "body": []
    },
    "stream": true,
    "answers": false,
    "changes": false,
    "timeoutSeconds": 300,
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
        "name": "kind",
        "in": "query",
        "required": false,
        "type": "'cpu' | 'dimm' | 'gpu' | 'hca' | 'nic' | 'ssd'",
        "allowed": "'cpu', 'dimm', 'gpu', 'hca', 'nic' or 'ssd'",
        "description": "kind of part"
      },
      {
        "name": "serial",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 256 characters",
        "description": "only the part with this serial number"
      }
    ],
    "examples": [
      {
        "title": "The GPUs of a node",
        "input": {
          "nodes": "n1",
          "kind": "gpu"
        }
      },
      {
        "title": "Where a part is",
        "input": {
          "serial": "S4EV0R1"
        }
      }
    ]
  },
  'node.history': {
    "name": "node.history",
    "summary": "Lists what happened to parts: inserted, changed, removed, moved",
    "description": "Newest last; of more rows than `limit` the newest. The first time a node tells all of a kind is what all later ones are held against: it makes no rows, but for parts that were known in another node; nor does an inventory make any for a kind that could not be read from its usual source. A node makes at most 1000 rows a day (UTC): what more it tells is known of its parts, and counted as `left_out` in `node.watch`.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/hardware/history",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "kind",
        "serial",
        "since",
        "limit"
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
      16,
      30
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
        "name": "kind",
        "in": "query",
        "required": false,
        "type": "'cpu' | 'dimm' | 'gpu' | 'hca' | 'nic' | 'ssd'",
        "allowed": "'cpu', 'dimm', 'gpu', 'hca', 'nic' or 'ssd'",
        "description": "kind of part"
      },
      {
        "name": "serial",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 256 characters",
        "description": "only the part with this serial number"
      },
      {
        "name": "since",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "only what came at this moment or later"
      },
      {
        "name": "limit",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 10000",
        "description": "rows; default 1000"
      }
    ],
    "examples": [
      {
        "title": "What happened to the memory of a rack",
        "input": {
          "nodes": "n[001-018]",
          "kind": "dimm"
        }
      },
      {
        "title": "Since a service day",
        "input": {
          "since": "2026-01-31T08:00:00Z"
        }
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
  'node.profile': {
    "name": "node.profile",
    "summary": "Folds nodes by equal hardware",
    "description": "The largest group first; a group of few beside a group of many is worth a look with `node.diff`.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/profiles",
    "placement": {
      "path": [],
      "query": [
        "nodes"
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
      }
    ],
    "examples": [
      {
        "title": "The whole machine",
        "input": {}
      }
    ]
  },
  'node.reboot-expected': {
    "name": "node.reboot-expected",
    "summary": "Announces that nodes will boot",
    "description": "Until then their absence is no failure, and a changed boot id is told as expected. A reboot that nobody announced is told as such.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/nodes/reboot-expected",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "nodes",
        "within",
        "reason"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 120,
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
        "name": "within",
        "in": "body",
        "required": true,
        "type": "number",
        "allowed": "a number of 1 to 604800",
        "description": "seconds from now"
      },
      {
        "name": "reason",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 1024 characters",
        "description": "why, in a line"
      }
    ],
    "examples": [
      {
        "title": "A new kernel",
        "input": {
          "nodes": "n[001-018]",
          "within": 1800,
          "reason": "new kernel"
        }
      }
    ]
  },
  'node.resume': {
    "name": "node.resume",
    "summary": "Puts nodes into service",
    "description": "Also those that are DISCOVERED or failed. A node that is IN_SERVICE stays as it is.",
    "access": "privileged",
    "method": "POST",
    "path": "/csm/v1/nodes/resume",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "nodes",
        "reason"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 120,
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
        "name": "reason",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 1024 characters",
        "description": "why, in a line"
      }
    ],
    "examples": [
      {
        "title": "After a repair",
        "input": {
          "nodes": "n7",
          "reason": "fan replaced"
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
      "query": [
        "full"
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
      },
      {
        "name": "full",
        "in": "query",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": "with the whole inventory document"
      }
    ],
    "examples": [
      {
        "title": "One node",
        "input": {
          "name": "n1"
        }
      },
      {
        "title": "All that is known of it",
        "input": {
          "name": "n1",
          "full": true
        }
      }
    ]
  },
  'node.states': {
    "name": "node.states",
    "summary": "Lists the history of states of nodes",
    "description": "Newest last; of more rows than `limit` the newest. What became of hardware parts is told by `node.history`.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/states",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "since",
        "limit"
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
      16,
      30
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
        "type": "string",
        "allowed": "a time such as 2026-01-31T08:00:00Z or 2026-01-31",
        "description": "only what came at this moment or later"
      },
      {
        "name": "limit",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of 1 to 10000",
        "description": "rows; default 1000"
      }
    ],
    "examples": [
      {
        "title": "What happened to a node",
        "input": {
          "nodes": "n1"
        }
      }
    ]
  },
  'node.update': {
    "name": "node.update",
    "summary": "Sets comment, features, location or state of nodes",
    "description": "What is left out stays as it is; empty text or null clears. These are the words of an admin, apart from what is discovered. What can be changed is: `failed` names the nodes that are not known, and those whose move to `state` is not allowed; of these nothing is changed.",
    "access": "privileged",
    "method": "PATCH",
    "path": "/csm/v1/nodes",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "nodes",
        "comment",
        "features",
        "location",
        "state",
        "reason"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 120,
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
        "name": "comment",
        "in": "body",
        "required": false,
        "type": "string | null",
        "allowed": "text of at most 1024 characters or null",
        "description": "free text; null clears"
      },
      {
        "name": "features",
        "in": "body",
        "required": false,
        "type": "readonly string[] | null",
        "allowed": "a list of at most 16 entries, each text of at most 64 characters or null",
        "description": "words such as gpu or fat, which replace those there; null or an empty list clears"
      },
      {
        "name": "location",
        "in": "body",
        "required": false,
        "type": "string | null",
        "allowed": "text of at most 1024 characters or null",
        "description": "such as R07 U12; null clears"
      },
      {
        "name": "state",
        "in": "body",
        "required": false,
        "type": "'IN_SERVICE' | 'OUT_OF_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE'",
        "allowed": "'IN_SERVICE', 'OUT_OF_SERVICE', 'ADMIN_RESERVED' or 'MAINTENANCE'",
        "description": "the state they are to be in"
      },
      {
        "name": "reason",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 1024 characters",
        "description": "why, in a line"
      }
    ],
    "examples": [
      {
        "title": "Where a rack stands",
        "input": {
          "nodes": "n[001-018]",
          "location": "R07"
        }
      },
      {
        "title": "No comment any more",
        "input": {
          "nodes": "n1",
          "comment": null
        }
      },
      {
        "title": "Out of service",
        "input": {
          "nodes": "n1",
          "state": "OUT_OF_SERVICE",
          "reason": "fan 3 stands still"
        }
      }
    ]
  },
  'node.watch': {
    "name": "node.watch",
    "summary": "Streams what changes about nodes, links and inventory",
    "description": "Begins behind `since`, or with what comes next. Each item bears the `seq` to go on from; nothing is missed or told twice. Changes behind `since` that are no longer kept are code 37, with the oldest cursor that is left as `oldest`. The same over server-sent events and WebSocket.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/changes",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "kinds",
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
        "name": "kinds",
        "in": "query",
        "required": false,
        "type": "readonly string[]",
        "allowed": "a list of 1 to 16 entries, each a kind such as node",
        "description": "kinds of changes; node, link and inventory when left out"
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
      },
      {
        "title": "States of some nodes, behind change 1000",
        "input": {
          "nodes": "n[1-8]",
          "kinds": [
            "node"
          ],
          "since": 1000
        }
      }
    ]
  },
  'node.windows': {
    "name": "node.windows",
    "summary": "Lists maintenance windows",
    "description": "Those that wait or are open; with `all` those that are over too, as long as the history is kept.",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/windows",
    "placement": {
      "path": [],
      "query": [
        "nodes",
        "all"
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
        "name": "all",
        "in": "query",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": "with those that are over"
      }
    ],
    "examples": [
      {
        "title": "What is planned",
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
  'subscription.create': {
    "name": "subscription.create",
    "summary": "Has changes sent to a URL as they happen",
    "description": "Each change is one POST of the JSON that `node.watch` tells, signed with the secret (`CSM-Signature: t=…,v1=…`), numbered by `CSM-Event-Id`, in order for each subject. A receiver that does not answer 2xx is tried again with growing pauses, and gets nothing later before; what it has not taken within `db.change_keep` is lost, counted, and told to it. Users who are not privileged may only name URLs below `webhook.url_prefixes`. The secret is told once, in this answer.",
    "access": "private",
    "method": "POST",
    "path": "/csm/v1/subscriptions",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "url",
        "kinds",
        "nodes",
        "since",
        "secret"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 30,
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
      37
    ],
    "fields": [
      {
        "name": "url",
        "in": "body",
        "required": true,
        "type": "string",
        "allowed": "text of 1 to 2048 characters",
        "description": "receiver, http or https"
      },
      {
        "name": "kinds",
        "in": "body",
        "required": false,
        "type": "readonly string[]",
        "allowed": "a list of 1 to 16 entries, each a kind such as node",
        "description": "kinds of changes; all when left out"
      },
      {
        "name": "nodes",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "a node set such as n[001-128],login1",
        "description": "only what concerns these nodes"
      },
      {
        "name": "since",
        "in": "body",
        "required": false,
        "type": "number",
        "allowed": "an integer of at least 0",
        "description": "the last change already known; left out: what comes next"
      },
      {
        "name": "secret",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "16 to 128 visible ASCII characters",
        "description": "signs the requests; one is made when left out",
        "secret": true
      }
    ],
    "examples": [
      {
        "title": "States of all nodes",
        "input": {
          "url": "https://hooks.example.org/csm",
          "kinds": [
            "node"
          ]
        }
      },
      {
        "title": "All about a rack",
        "input": {
          "url": "https://hooks.example.org/r7",
          "nodes": "n[001-018]"
        }
      }
    ]
  },
  'subscription.delete': {
    "name": "subscription.delete",
    "summary": "Ends a subscription",
    "description": "A request under way may still arrive. What was not delivered will not be.",
    "access": "private",
    "method": "DELETE",
    "path": "/csm/v1/subscriptions/:id",
    "placement": {
      "path": [
        "id"
      ],
      "query": [],
      "body": []
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 30,
    "enters": [
      "master",
      "aggregator",
      "utility"
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
        "name": "id",
        "in": "path",
        "required": true,
        "type": "string",
        "allowed": "an id from the list",
        "description": ""
      }
    ],
    "examples": [
      {
        "title": "One",
        "input": {
          "id": "0123456789ab"
        }
      }
    ]
  },
  'subscription.list': {
    "name": "subscription.list",
    "summary": "Lists subscriptions and how far their receivers are",
    "description": "One's own; privileged users see all.",
    "access": "private",
    "method": "GET",
    "path": "/csm/v1/subscriptions",
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
      "utility"
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
    "examples": [
      {
        "title": "All there are",
        "input": {}
      }
    ]
  },
  'token.create': {
    "name": "token.create",
    "summary": "Makes a token with which a user calls over HTTPS",
    "description": "The token itself is told once, in this answer, and kept nowhere. It gives no more than its user may and its scopes allow. Privileged users may make one for somebody else; one that stands for root is made by root only. A call that bears a token makes none.",
    "access": "private",
    "method": "POST",
    "path": "/csm/v1/tokens",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "user",
        "scopes",
        "lifetime"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 30,
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
      44
    ],
    "fields": [
      {
        "name": "user",
        "in": "body",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 256 characters",
        "description": "for whom; default: the caller"
      },
      {
        "name": "scopes",
        "in": "body",
        "required": true,
        "type": "readonly string[]",
        "allowed": "a list of 1 to 64 entries, each the name of a call (node.list), of all calls of a noun (node.*), or a class (public, private, privileged)",
        "description": "what it gives of what its user may: calls, nouns with `.*`, classes"
      },
      {
        "name": "lifetime",
        "in": "body",
        "required": false,
        "type": "number",
        "allowed": "an integer of 60 to 315360000",
        "description": "seconds until it expires; default 7776000, 90 days"
      }
    ],
    "examples": [
      {
        "title": "For a script that looks at nodes",
        "input": {
          "scopes": [
            "node.list",
            "node.show"
          ]
        }
      }
    ]
  },
  'token.list': {
    "name": "token.list",
    "summary": "Shows tokens, without their secrets",
    "description": "One's own. Privileged users see those of all, or of `user`.",
    "access": "private",
    "method": "GET",
    "path": "/csm/v1/tokens",
    "placement": {
      "path": [],
      "query": [
        "user"
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
        "name": "user",
        "in": "query",
        "required": false,
        "type": "string",
        "allowed": "text of 1 to 256 characters",
        "description": "only those of this user"
      }
    ],
    "examples": []
  },
  'token.revoke': {
    "name": "token.revoke",
    "summary": "Makes a token invalid, for ever",
    "description": "At once at the master; elsewhere within 10 s. Calls under way with it end.",
    "access": "private",
    "method": "DELETE",
    "path": "/csm/v1/tokens/:id",
    "placement": {
      "path": [
        "id"
      ],
      "query": [],
      "body": []
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 30,
    "enters": [
      "master",
      "aggregator",
      "utility"
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
        "name": "id",
        "in": "path",
        "required": true,
        "type": "string",
        "allowed": "the id of a token: 12 small letters and digits",
        "description": "public id of the token"
      }
    ],
    "examples": [
      {
        "title": "One that leaked",
        "input": {
          "id": "7c1x0q4m9zab"
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

/** Moves all nodes away from an aggregator, and keeps them away: input. */
export type AggregatorDrainInput = {
  /** name of the aggregator */
  readonly name: string;
  /** why, in a line */
  readonly reason: string;
  /** nodes a second; default 50 */
  readonly rate?: number | undefined;
};

export type AggregatorDrainOutput = {
  /** name of the aggregator */
  readonly node: string;
  /** whether it was not so before */
  readonly changed: boolean;
  /** its nodes are kept away; null when they are not */
  readonly drained: {
    /** ISO 8601, UTC */
    readonly since: string;
    /** who drained it */
    readonly by: string;
    /** why */
    readonly reason: string | null;
    /** nodes a second */
    readonly rate: number;
  } | null;
  /** why it could not be told yet; it is told again until it answers */
  readonly problem: string | null;
  /** compute nodes whose primary it still is */
  readonly serves: number;
};

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
  /** its nodes are kept away; null when they are not */
  readonly drained: {
    /** ISO 8601, UTC */
    readonly since: string;
    /** who drained it */
    readonly by: string;
    /** why */
    readonly reason: string | null;
    /** nodes a second */
    readonly rate: number;
  } | null;
}[];

/** Lets nodes come back to a drained aggregator: input. */
export type AggregatorUndrainInput = {
  /** name of the aggregator */
  readonly name: string;
  /** why, in a line */
  readonly reason?: string | undefined;
};

export type AggregatorUndrainOutput = {
  /** name of the aggregator */
  readonly node: string;
  /** whether it was not so before */
  readonly changed: boolean;
  /** its nodes are kept away; null when they are not */
  readonly drained: {
    /** ISO 8601, UTC */
    readonly since: string;
    /** who drained it */
    readonly by: string;
    /** why */
    readonly reason: string | null;
    /** nodes a second */
    readonly rate: number;
  } | null;
  /** why it could not be told yet; it is told again until it answers */
  readonly problem: string | null;
  /** compute nodes whose primary it still is */
  readonly serves: number;
};

/** Shows who did what: calls that changed something, needed privilege or were refused: input. */
export type AuditListInput = {
  /** only calls of this user */
  readonly user?: string | undefined;
  /** only this call, such as node.update */
  readonly call?: string | undefined;
  /** only what began then or later */
  readonly since?: string | undefined;
  /** only what began before */
  readonly until?: string | undefined;
  /** only calls that name one of these nodes */
  readonly nodes?: string | undefined;
  /** only rows with a lower seq */
  readonly before?: number | undefined;
  /** rows at most; default 100 */
  readonly limit?: number | undefined;
};

export type AuditListOutput = readonly {
  /** rises with time */
  readonly seq: number;
  /** begun, or refused, ISO 8601, UTC */
  readonly time: string;
  /** who called; empty where nobody proved it */
  readonly user: string;
  readonly uid: number | null;
  /** the daemon where the call entered, which told who calls */
  readonly vouched_by: string;
  /** how the caller was known */
  readonly via: 'socket' | 'certificate' | 'token' | null;
  /** public id of the token */
  readonly token: string | null;
  readonly call: string;
  /** without secrets, at most 4 KiB; null where it was not kept */
  readonly input: unknown;
  /** `unknown`: the master died while the call was under way */
  readonly outcome: 'ok' | 'failed' | 'refused' | 'under way' | 'unknown';
  /** CSM code; null while the outcome is open */
  readonly code: number | null;
  /** why it failed or was refused */
  readonly detail: string | null;
  /** how long it took */
  readonly ms: number | null;
  /** refusals alike within a minute are one row */
  readonly times: number;
  /** stands in every log line of the call */
  readonly trace: string | null;
}[];

/** Counts nodes by state and type: input. */
export type ClusterStateInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** only nodes in this state */
  readonly state?: 'DISCOVERED' | 'IN_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE' | 'OUT_OF_SERVICE' | 'SOFT_FAILURE' | 'HARD_FAILURE' | undefined;
  /** only nodes of this type */
  readonly type?: 'master' | 'aggregator' | 'utility' | 'compute' | undefined;
};

export type ClusterStateOutput = readonly {
  /** folded node set */
  readonly nodes: string;
  /** the state they are in */
  readonly state: 'DISCOVERED' | 'IN_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE' | 'OUT_OF_SERVICE' | 'SOFT_FAILURE' | 'HARD_FAILURE';
  /** role of their main daemon */
  readonly type: string;
  /** how many they are */
  readonly count: number;
  /** they take work */
  readonly ready: boolean;
  /** when the last of them came into this state, ISO 8601, UTC */
  readonly since: string;
}[];

/** Writes old changes into files, a day each, and removes them when asked: input. */
export type DbArchiveInput = {
  /** where the archive is made */
  readonly directory: string;
  /** ms UTC, the beginning of a day that has begun */
  readonly before: number;
  /** remove from the database what was written */
  readonly remove?: boolean | undefined;
};

export type DbArchiveOutput = {
  /** the master on whose machine it is: the one that led */
  readonly master: string;
  readonly path: string;
  /** written */
  readonly rows: number;
  readonly bytes: number;
  /** days */
  readonly files: number;
  /** rows that are in the archive only */
  readonly removed: number;
  /** archived rows that stay: a follower has yet to get them, or they are the newest */
  readonly held: number;
};

/** Writes a backup of the database while the master runs: input. */
export type DbBackupInput = {
  /** file to write; `<file>.manifest.json` comes beside it */
  readonly file: string;
  /** replace an older backup of that name */
  readonly force?: boolean | undefined;
};

export type DbBackupOutput = {
  /** the master on whose machine it is: the one that led */
  readonly master: string;
  readonly file: string;
  readonly engine: 'sqlite' | 'postgresql';
  readonly engine_version: string;
  /** what was committed before is in it; ISO 8601, UTC */
  readonly taken: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly sha256: string;
  /** newest migration by module */
  readonly schema: { readonly [key: string]: number };
  /** rows by table */
  readonly tables: { readonly [key: string]: number };
};

/** Shows what is kept how long, what it takes, and what goes next: input. */
export type DbRetentionInput = { readonly [key: string]: never };

export type DbRetentionOutput = readonly {
  readonly table: string;
  readonly rows: number;
  /** with its indexes */
  readonly bytes: number;
  /** of the oldest row that bears a time; ISO 8601, UTC */
  readonly oldest: string | null;
  /** in words */
  readonly rule: string;
  /** key of the setting that governs it */
  readonly setting: string | null;
  /** rows the next pruning removes; null where none is pruned by age */
  readonly due: number | null;
}[];

/** Shows the database: where it is, what it takes, how busy it is, who follows it: input. */
export type DbStatusInput = { readonly [key: string]: never };

export type DbStatusOutput = {
  readonly engine: 'sqlite' | 'postgresql';
  /** of SQLite or the PostgreSQL server */
  readonly version: string;
  /** file, or server and database */
  readonly place: string;
  /** rises with each start of a master */
  readonly term: number;
  /** on disk */
  readonly bytes: number;
  /** SQLite's write-ahead log */
  readonly log_bytes: number;
  /** since the master started */
  readonly commits: number;
  readonly calls_per_commit: number;
  readonly last_commit_ms: number;
  /** calls that wait */
  readonly queued: number;
  /** calls turned away since the queue was full */
  readonly refused: number;
  readonly changes: {
    /** oldest change kept; 0: none */
    readonly oldest: number;
    /** newest change; 0: none */
    readonly newest: number;
  };
  /** journals of which reports are stored */
  readonly streams: number;
  readonly rejected_reports: number;
  /** newest migration by module */
  readonly schema: { readonly [key: string]: number };
  readonly followers: readonly {
    readonly name: string;
    /** changes it has yet to get */
    readonly behind: number;
    /** when it last moved, ISO 8601, UTC */
    readonly updated: string;
  }[];
};

/** Writes old samples into files, a day each: input. */
export type EnvArchiveInput = {
  /** where the archive is made */
  readonly directory: string;
  /** ms UTC, the beginning of a day that has begun */
  readonly before: number;
};

export type EnvArchiveOutput = {
  readonly path: string;
  /** samples written */
  readonly rows: number;
  readonly bytes: number;
  /** days */
  readonly files: number;
};

/** Streams what the nodes have measured: input. */
export type EnvQueryInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** what was read */
  readonly item: 'cpu' | 'memory' | 'network' | 'disk' | 'gpu' | 'temperature' | 'power' | 'ssd' | 'infiniband' | 'filesystem';
  /** the first moment; an hour before until when left out */
  readonly since?: string | undefined;
  /** the moment before which it ends; now when left out */
  readonly until?: string | undefined;
  /** seconds; 0: as sampled */
  readonly step?: number | undefined;
  /** what becomes of the samples of a step; without a step it says nothing */
  readonly agg?: 'min' | 'avg' | 'max' | 'p95' | undefined;
  /** only these values: a whole name, or a metric without its instance, which takes that of every instance; several may stand in one text, with commas between; all when left out */
  readonly metrics?: readonly string[] | undefined;
};

export type EnvQueryItem = {
  /** name of the node */
  readonly node: string;
  /** what was read */
  readonly item: 'cpu' | 'memory' | 'network' | 'disk' | 'gpu' | 'temperature' | 'power' | 'ssd' | 'infiniband' | 'filesystem';
  /** when it was read, or the step's beginning; ISO 8601, UTC */
  readonly time: string;
  /** metric or instance.metric → number */
  readonly values: { readonly [key: string]: number };
};

/** Lists the nodes with the highest newest values: input. */
export type EnvTopInput = {
  /** what was read */
  readonly item: 'cpu' | 'memory' | 'network' | 'disk' | 'gpu' | 'temperature' | 'power' | 'ssd' | 'infiniband' | 'filesystem';
  /** a whole name, or a metric without its instance; the item's main metric when left out */
  readonly metric?: string | undefined;
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** nodes at most; 20 when left out */
  readonly limit?: number | undefined;
  /** the lowest first */
  readonly ascending?: boolean | undefined;
};

export type EnvTopOutput = readonly {
  /** name of the node */
  readonly node: string;
  /** what was read */
  readonly item: 'cpu' | 'memory' | 'network' | 'disk' | 'gpu' | 'temperature' | 'power' | 'ssd' | 'infiniband' | 'filesystem';
  /** the value that counts for the node, with its instance where it has one */
  readonly metric: string;
  /** when it was read, ISO 8601, UTC */
  readonly time: string;
  /** the value */
  readonly value: number;
}[];

/** Streams samples as they are stored: input. */
export type EnvWatchInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** only this item; all when left out */
  readonly item?: 'cpu' | 'memory' | 'network' | 'disk' | 'gpu' | 'temperature' | 'power' | 'ssd' | 'infiniband' | 'filesystem' | undefined;
};

export type EnvWatchItem = {
  /** name of the node */
  readonly node: string;
  /** what was read */
  readonly item: 'cpu' | 'memory' | 'network' | 'disk' | 'gpu' | 'temperature' | 'power' | 'ssd' | 'infiniband' | 'filesystem';
  /** when it was read, or the step's beginning; ISO 8601, UTC */
  readonly time: string;
  /** metric or instance.metric → number */
  readonly values: { readonly [key: string]: number };
} | {
  /** items left out here since the caller was too slow */
  readonly lost: number;
};

/** Shows how the tree is: masters, aggregators, utilities, refused peers: input. */
export type HealthInput = {
  /** with the compute nodes of each aggregator by name */
  readonly nodes?: boolean | undefined;
};

export type HealthOutput = {
  /** something is not as it should be; `problems` says what */
  readonly degraded: boolean;
  /** in words */
  readonly problems: readonly string[];
  /** in words: what works yet, and somebody should look at */
  readonly warnings: readonly string[];
  readonly master: {
    /** null when unreachable */
    readonly node: string | null;
    readonly reachable: boolean;
    /** of CSM */
    readonly version: string | null;
    /** leads since, ISO 8601, UTC */
    readonly since: string | null;
    /** number of its lead: higher than that of every master before */
    readonly term: number | null;
    /** of the database: sqlite or postgresql */
    readonly engine: string | null;
    /** has just started and is still learning who is there */
    readonly settling: boolean;
    /** ok, why it is away, or what commit failed in the last minute */
    readonly database: string | null;
    readonly reports: {
      readonly queued: number;
      readonly committed: number;
      readonly stale: number;
      readonly rejected: number;
    };
    /** figures of the database; null while it is away */
    readonly store: {
      /** calls that wait for the database */
      readonly queued: number;
      readonly queue_limit: number;
      readonly queued_bytes: number;
      /** calls turned away since its queue was full */
      readonly refused: number;
      readonly last_commit_ms: number;
      readonly file_bytes: number;
      readonly wal_bytes: number;
    } | null;
    /** what the daemon says of itself; null before it has */
    readonly self: {
      /** of CSM */
      readonly version: string;
      /** ISO 8601, UTC */
      readonly started: string;
      /** ISO 8601, UTC */
      readonly certificate_expires: string;
      /** how far its clock is ahead of that of `clock_of`; null where that is not known */
      readonly clock_ahead_ms: number | null;
      /** the daemon it links to */
      readonly clock_of: string | null;
      /** samples its outbox dropped since its start */
      readonly dropped: number;
      /** reports its outbox refused since its start */
      readonly refused: number;
      /** states of what runs in it, by feature, such as the receiver of an aggregator */
      readonly features: { readonly [key: string]: unknown };
    } | null;
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
    /** bytes of reports it may send at present; null when it is not linked */
    readonly credit: number | null;
    /** what the daemon says of itself; null before it has */
    readonly self: {
      /** of CSM */
      readonly version: string;
      /** ISO 8601, UTC */
      readonly started: string;
      /** ISO 8601, UTC */
      readonly certificate_expires: string;
      /** how far its clock is ahead of that of `clock_of`; null where that is not known */
      readonly clock_ahead_ms: number | null;
      /** the daemon it links to */
      readonly clock_of: string | null;
      /** samples its outbox dropped since its start */
      readonly dropped: number;
      /** reports its outbox refused since its start */
      readonly refused: number;
      /** states of what runs in it, by feature, such as the receiver of an aggregator */
      readonly features: { readonly [key: string]: unknown };
    } | null;
    /** its compute nodes by name, where asked for */
    readonly nodes?: {
      readonly primary: {
        readonly active: readonly {
          /** folded node set */
          readonly nodes: string;
          readonly bounced: number;
          /** protocol version */
          readonly version: string;
        }[];
        /** folded node set; empty when there is none */
        readonly unresponsive: string;
      };
      readonly secondary: {
        readonly active: readonly {
          /** folded node set */
          readonly nodes: string;
          readonly bounced: number;
          /** protocol version */
          readonly version: string;
        }[];
        /** folded node set; empty when there is none */
        readonly unresponsive: string;
      };
    };
  }[];
  /** the other masters of its database, those seen within 7 days; what is not linked does not stand by */
  readonly masters: readonly {
    readonly node: string;
    /** whether the leading master has its link */
    readonly connected: boolean;
    /** ISO 8601, UTC */
    readonly last_seen: string | null;
    readonly address: string | null;
    /** linked since, ISO 8601, UTC */
    readonly since: string | null;
    /** protocol version */
    readonly version: string | null;
    /** times it linked anew */
    readonly bounced: number | null;
    /** what the daemon says of itself; null before it has */
    readonly self: {
      /** of CSM */
      readonly version: string;
      /** ISO 8601, UTC */
      readonly started: string;
      /** ISO 8601, UTC */
      readonly certificate_expires: string;
      /** how far its clock is ahead of that of `clock_of`; null where that is not known */
      readonly clock_ahead_ms: number | null;
      /** the daemon it links to */
      readonly clock_of: string | null;
      /** samples its outbox dropped since its start */
      readonly dropped: number;
      /** reports its outbox refused since its start */
      readonly refused: number;
      /** states of what runs in it, by feature, such as the receiver of an aggregator */
      readonly features: { readonly [key: string]: unknown };
    } | null;
  }[];
  readonly utilities: readonly {
    readonly node: string;
    /** whether the leading master has its link */
    readonly connected: boolean;
    /** ISO 8601, UTC */
    readonly last_seen: string | null;
    readonly address: string | null;
    /** linked since, ISO 8601, UTC */
    readonly since: string | null;
    /** protocol version */
    readonly version: string | null;
    /** times it linked anew */
    readonly bounced: number | null;
    /** what the daemon says of itself; null before it has */
    readonly self: {
      /** of CSM */
      readonly version: string;
      /** ISO 8601, UTC */
      readonly started: string;
      /** ISO 8601, UTC */
      readonly certificate_expires: string;
      /** how far its clock is ahead of that of `clock_of`; null where that is not known */
      readonly clock_ahead_ms: number | null;
      /** the daemon it links to */
      readonly clock_of: string | null;
      /** samples its outbox dropped since its start */
      readonly dropped: number;
      /** reports its outbox refused since its start */
      readonly refused: number;
      /** states of what runs in it, by feature, such as the receiver of an aggregator */
      readonly features: { readonly [key: string]: unknown };
    } | null;
  }[];
  readonly computes: {
    readonly known: number;
    /** with two links */
    readonly redundant: number;
    /** with one */
    readonly single: number;
    /** with none */
    readonly lost: number;
    /** how many run which version of CSM */
    readonly versions: readonly {
      readonly version: string;
      readonly count: number;
    }[];
  };
  /** that end within 30 days, the first to end first */
  readonly certificates: readonly {
    readonly role: string;
    /** folded */
    readonly nodes: string;
    /** ISO 8601, UTC: the first of them */
    readonly expires: string;
  }[];
  /** that are off by more than a second */
  readonly clocks: readonly {
    readonly role: string;
    /** folded */
    readonly nodes: string;
    /** whose clock theirs was compared with */
    readonly of: string | null;
    readonly ahead_ms: number;
  }[];
  /** outboxes that were full since their daemon started */
  readonly drops: readonly {
    readonly role: string;
    /** folded */
    readonly nodes: string;
    /** samples, each of them */
    readonly dropped: number;
    /** reports, each of them */
    readonly refused: number;
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
    /** of a master that stands by; null for all others */
    readonly standby: {
      /** why it does not lead */
      readonly why: string;
      /** node of the leader last known */
      readonly leader: string | null;
      /** the leader's */
      readonly term: number | null;
      /** it leads since, ISO 8601, UTC */
      readonly since: string | null;
    } | null;
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
    /** counters and states of what runs in this daemon, by feature */
    readonly features: { readonly [key: string]: unknown };
  };
};

/** Forgets components: no alarm, and no record until they beat again: input. */
export type HeartbeatForgetInput = {
  /** set of components, at most 10000 */
  readonly nodes: string;
};

export type HeartbeatForgetOutput = {
  /** the set, folded */
  readonly nodes: string;
  /** components that were known, and are no more */
  readonly forgotten: number;
  /** what could not be done, folded by reason */
  readonly failed: readonly {
    /** folded set of those that failed alike */
    readonly nodes: string;
    /** CSM code: 46 not known */
    readonly code: number;
    /** in words */
    readonly text: string;
  }[];
};

/** Lists what became of components: started, late, dead, back: input. */
export type HeartbeatHistoryInput = {
  /** set of components; all when left out */
  readonly nodes?: string | undefined;
  /** only what became of them so */
  readonly kinds?: readonly ('started' | 'restarted' | 'warning' | 'dead' | 'halted' | 'left')[] | undefined;
  /** only what was noticed then or later */
  readonly since?: string | undefined;
  /** only rows with a lower seq */
  readonly before?: number | undefined;
  /** rows; default 1000 */
  readonly limit?: number | undefined;
};

export type HeartbeatHistoryOutput = readonly {
  /** names this row for good; rises */
  readonly seq: number;
  /** when it was noticed, ISO 8601, UTC */
  readonly time: string;
  /** of the component */
  readonly name: string;
  /** what became of it */
  readonly kind: 'started' | 'restarted' | 'warning' | 'dead' | 'halted' | 'left';
  /** who told */
  readonly source: 'beat' | 'csm';
  /** when the last beat before it came, ISO 8601, UTC */
  readonly last_seen: string | null;
  /** Status of that beat */
  readonly status: string;
  /** Timestamp of that beat */
  readonly timestamp: string;
  /** told because nobody had watched for a while */
  readonly gap: boolean;
  /** id of the incident it belongs to */
  readonly incident: string | null;
}[];

/** Lists incidents: many components that fell silent of one cause, and times when nobody watched: input. */
export type HeartbeatIncidentsInput = {
  /** only those that last */
  readonly open?: boolean | undefined;
  /** only those that began then or later */
  readonly since?: string | undefined;
  /** rows; default 100 */
  readonly limit?: number | undefined;
};

export type HeartbeatIncidentsOutput = readonly {
  readonly id: string;
  /** all, or the xname of the cabinet, chassis or group they stand in */
  readonly scope: string;
  /** what became of them; blind: nobody watched for a while */
  readonly kind: 'warning' | 'dead' | 'blind';
  /** ISO 8601, UTC */
  readonly began: string;
  /** ISO 8601, UTC; null while it lasts */
  readonly ended: string | null;
  /** whom it concerns, folded */
  readonly components: string;
  /** how many they are */
  readonly count: number;
  /** in a sentence */
  readonly words: string;
}[];

/** Lists components that send heartbeats, and how they are: input. */
export type HeartbeatListInput = {
  /** set of components; all when left out */
  readonly nodes?: string | undefined;
  /** only in these */
  readonly states?: readonly ('beating' | 'late' | 'dead' | 'halted' | 'left' | 'off')[] | undefined;
  /** only with these */
  readonly flags?: readonly ('OK' | 'Warning' | 'Alert')[] | undefined;
  /** only those whose last beat came then or later */
  readonly seen_since?: string | undefined;
  /** only those whose last beat came before */
  readonly seen_before?: string | undefined;
  /** begin behind this name */
  readonly after?: string | undefined;
  /** items; all when left out */
  readonly limit?: number | undefined;
};

export type HeartbeatListItem = {
  /** normalised xname; of a node of this cluster its name */
  readonly name: string;
  /** who tells of it: its own beats, or the links of this cluster */
  readonly source: 'beat' | 'csm';
  /** left: it said that it goes away; off: the state manager says so */
  readonly state: 'beating' | 'late' | 'dead' | 'halted' | 'left' | 'off';
  /** what the state comes to */
  readonly flag: 'OK' | 'Warning' | 'Alert';
  /** in this state since, ISO 8601, UTC */
  readonly since: string;
  /** when its last beat came, ISO 8601, UTC; null before the first */
  readonly last_seen: string | null;
  /** between its last two beats; null before the second */
  readonly interval_ms: number | null;
  /** Status of its last beat, the sender's own text */
  readonly status: string;
  /** Timestamp of its last beat, the sender's own text */
  readonly timestamp: string;
  /** it was warned because nobody watched for a while */
  readonly gap: boolean;
  /** seconds without a beat after which it is late */
  readonly warntime: number;
  /** seconds without a beat after which it is dead */
  readonly errtime: number;
};

/** Shows the twelve parameters of the heartbeat service: input. */
export type HeartbeatParamsInput = { readonly [key: string]: never };

export type HeartbeatParamsOutput = {
  /** 0, or above: each heartbeat is logged */
  readonly Debug: string;
  /** 1: no state manager is told */
  readonly Nosm: string;
  /** 1: changes are published on the message bus */
  readonly Use_telemetry: string;
  /** host:port:topic of the message bus */
  readonly Telemetry_host: string;
  /** seconds without a beat after which a component is late */
  readonly Warntime: string;
  /** seconds without a beat after which it is dead */
  readonly Errtime: string;
  /** where the service listens; cannot be changed while it runs */
  readonly Port: string;
  /** kept and shown; the database is where the configuration says */
  readonly Kv_url: string;
  /** kept and shown; detection does not wait for it */
  readonly Interval: string;
  /** address of an external state manager; empty: the built-in one */
  readonly Sm_url: string;
  /** seconds its answer may take */
  readonly Sm_timeout: string;
  /** kept and shown; what it does not take is sent until it does */
  readonly Sm_retries: string;
};

/** Shows one component: its beats, thresholds, state manager and what comes next: input. */
export type HeartbeatShowInput = {
  /** xname, or name of a node of this cluster */
  readonly name: string;
};

export type HeartbeatShowOutput = {
  /** normalised xname; of a node of this cluster its name */
  readonly name: string;
  /** who tells of it: its own beats, or the links of this cluster */
  readonly source: 'beat' | 'csm';
  /** left: it said that it goes away; off: the state manager says so */
  readonly state: 'beating' | 'late' | 'dead' | 'halted' | 'left' | 'off';
  /** what the state comes to */
  readonly flag: 'OK' | 'Warning' | 'Alert';
  /** in this state since, ISO 8601, UTC */
  readonly since: string;
  /** when its last beat came, ISO 8601, UTC; null before the first */
  readonly last_seen: string | null;
  /** between its last two beats; null before the second */
  readonly interval_ms: number | null;
  /** Status of its last beat, the sender's own text */
  readonly status: string;
  /** Timestamp of its last beat, the sender's own text */
  readonly timestamp: string;
  /** it was warned because nobody watched for a while */
  readonly gap: boolean;
  /** seconds without a beat after which it is late */
  readonly warntime: number;
  /** seconds without a beat after which it is dead */
  readonly errtime: number;
  /** type of component, from its xname; null for a node of this cluster */
  readonly type: string | null;
  /** whose thresholds are in force: global, type:NodeBMC, group:NAME; none */
  readonly limits: string;
  /** how the state manager has it */
  readonly manager: {
    /** which state manager is told */
    readonly mode: 'builtin' | 'external' | 'none';
    /** State there; null where it is not known here */
    readonly state: string | null;
    /** Flag there */
    readonly flag: string | null;
    /** what it is yet to be told, as State/Flag; null when nothing waits */
    readonly waiting: string | null;
  };
  /** the open incident that it belongs to */
  readonly incident: {
    readonly id: string;
    /** all, or the xname of the cabinet, chassis or group they stand in */
    readonly scope: string;
    /** what became of them; blind: nobody watched for a while */
    readonly kind: 'warning' | 'dead' | 'blind';
    /** ISO 8601, UTC */
    readonly began: string;
    /** ISO 8601, UTC; null while it lasts */
    readonly ended: string | null;
    /** whom it concerns, folded */
    readonly components: string;
    /** how many they are */
    readonly count: number;
    /** in a sentence */
    readonly words: string;
  } | null;
  /** what becomes of it next */
  readonly next: {
    /** in words */
    readonly text: string;
    /** ISO 8601, UTC; null: when something else happens */
    readonly at: string | null;
  };
};

/** Shows how the heartbeat service is: counts by state, incidents, what waits: input. */
export type HeartbeatStatusInput = { readonly [key: string]: never };

export type HeartbeatStatusOutput = {
  /** this instance tracks */
  readonly leads: boolean;
  /** all that are known */
  readonly components: number;
  /** components by state */
  readonly counts: {
    readonly beating: number;
    readonly late: number;
    readonly dead: number;
    readonly halted: number;
    readonly left: number;
    readonly off: number;
  };
  /** where changes are kept */
  readonly database: 'open' | 'away';
  /** the state manager */
  readonly manager: 'builtin' | 'none' | 'not initialized' | 'not ready' | 'ready';
  /** the message bus */
  readonly bus: 'off' | 'connected' | 'away';
  /** when deadlines were looked at last, ISO 8601, UTC */
  readonly last_check: string | null;
  /** when the state manager took something last, ISO 8601, UTC */
  readonly last_delivery: string | null;
  /** changes that are yet to be stored, taken by the state manager, published */
  readonly waiting: {
    readonly store: number;
    readonly manager: number;
    readonly bus: number;
  };
  /** changes whose history was given up while the database was away */
  readonly lost_history: number;
  /** those that last */
  readonly incidents: readonly {
    readonly id: string;
    /** all, or the xname of the cabinet, chassis or group they stand in */
    readonly scope: string;
    /** what became of them; blind: nobody watched for a while */
    readonly kind: 'warning' | 'dead' | 'blind';
    /** ISO 8601, UTC */
    readonly began: string;
    /** ISO 8601, UTC; null while it lasts */
    readonly ended: string | null;
    /** whom it concerns, folded */
    readonly components: string;
    /** how many they are */
    readonly count: number;
    /** in a sentence */
    readonly words: string;
  }[];
  /** what is wrong now, a sentence each */
  readonly problems: readonly string[];
};

/** Shows after how long without a beat components are late and dead: input. */
export type HeartbeatThresholdsInput = { readonly [key: string]: never };

export type HeartbeatThresholdsOutput = {
  /** for whom nothing else is said */
  readonly global: {
    /** seconds without a beat after which a component is late */
    readonly warntime: number;
    /** seconds without a beat after which it is dead */
    readonly errtime: number;
  };
  /** group before type before global; of two groups the one that stands first */
  readonly special: readonly {
    /** for components of this type */
    readonly type: string | null;
    /** for the components of this group */
    readonly group: string | null;
    /** who is in the group, folded */
    readonly components: string | null;
    /** seconds without a beat after which a component is late */
    readonly warntime: number;
    /** seconds without a beat after which it is dead */
    readonly errtime: number;
  }[];
};

/** Changes parameters of the heartbeat service while it runs: input. */
export type HeartbeatUpdateParamsInput = {
  /** its new value, as text */
  readonly Debug?: string | undefined;
  /** its new value, as text */
  readonly Nosm?: string | undefined;
  /** its new value, as text */
  readonly Use_telemetry?: string | undefined;
  /** its new value, as text */
  readonly Telemetry_host?: string | undefined;
  /** its new value, as text */
  readonly Warntime?: string | undefined;
  /** its new value, as text */
  readonly Errtime?: string | undefined;
  /** its new value, as text */
  readonly Kv_url?: string | undefined;
  /** its new value, as text */
  readonly Interval?: string | undefined;
  /** its new value, as text */
  readonly Sm_url?: string | undefined;
  /** its new value, as text */
  readonly Sm_timeout?: string | undefined;
  /** its new value, as text */
  readonly Sm_retries?: string | undefined;
};

export type HeartbeatUpdateParamsOutput = {
  /** 0, or above: each heartbeat is logged */
  readonly Debug: string;
  /** 1: no state manager is told */
  readonly Nosm: string;
  /** 1: changes are published on the message bus */
  readonly Use_telemetry: string;
  /** host:port:topic of the message bus */
  readonly Telemetry_host: string;
  /** seconds without a beat after which a component is late */
  readonly Warntime: string;
  /** seconds without a beat after which it is dead */
  readonly Errtime: string;
  /** where the service listens; cannot be changed while it runs */
  readonly Port: string;
  /** kept and shown; the database is where the configuration says */
  readonly Kv_url: string;
  /** kept and shown; detection does not wait for it */
  readonly Interval: string;
  /** address of an external state manager; empty: the built-in one */
  readonly Sm_url: string;
  /** seconds its answer may take */
  readonly Sm_timeout: string;
  /** kept and shown; what it does not take is sent until it does */
  readonly Sm_retries: string;
};

/** Sets or removes thresholds of a type of components, or of a group of them: input. */
export type HeartbeatUpdateThresholdsInput = {
  /** type of components, such as NodeBMC */
  readonly type?: string | undefined;
  /** name of a group; a new one comes behind those there */
  readonly group?: string | undefined;
  /** who is in the group */
  readonly components?: string | undefined;
  /** seconds without a beat after which they are late */
  readonly warntime?: number | undefined;
  /** seconds without a beat after which they are dead; above warntime */
  readonly errtime?: number | undefined;
  /** it goes; what else is said of its components holds */
  readonly remove?: boolean | undefined;
};

export type HeartbeatUpdateThresholdsOutput = {
  /** for whom nothing else is said */
  readonly global: {
    /** seconds without a beat after which a component is late */
    readonly warntime: number;
    /** seconds without a beat after which it is dead */
    readonly errtime: number;
  };
  /** group before type before global; of two groups the one that stands first */
  readonly special: readonly {
    /** for components of this type */
    readonly type: string | null;
    /** for the components of this group */
    readonly group: string | null;
    /** who is in the group, folded */
    readonly components: string | null;
    /** seconds without a beat after which a component is late */
    readonly warntime: number;
    /** seconds without a beat after which it is dead */
    readonly errtime: number;
  }[];
};

/** Streams what becomes of components, and incidents: input. */
export type HeartbeatWatchInput = {
  /** set of components; all when left out */
  readonly nodes?: string | undefined;
  /** the last seq already known */
  readonly since?: number | undefined;
};

export type HeartbeatWatchItem = {
  /** rises in commit order; the number to go on from */
  readonly seq: number;
  /** ISO 8601, UTC */
  readonly time: string;
  /** heartbeat or heartbeat.incident */
  readonly kind: string;
  /** the component; of an incident its id */
  readonly subject: string;
  /** what changed */
  readonly body: unknown;
};

/** Tells how long nodes were in which state, and how often they failed: input. */
export type NodeAvailabilityInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** begin of the period; default 30 days before its end */
  readonly from?: string | undefined;
  /** end of the period; default now */
  readonly to?: string | undefined;
  /** an item a node */
  readonly each?: boolean | undefined;
};

export type NodeAvailabilityItem = {
  /** folded node set */
  readonly nodes: string;
  /** nodes known in the period */
  readonly count: number;
  /** ISO 8601, UTC */
  readonly from: string;
  /** ISO 8601, UTC */
  readonly to: string;
  /** by state; those without time are left out */
  readonly hours: { readonly [key: string]: number };
  /** of all hours, by state */
  readonly percent: { readonly [key: string]: number };
  /** that began in the period */
  readonly failures: number;
  /** mean time between failures; null without one */
  readonly mtbf_hours: number | null;
  /** mean time to repair; null without a failure */
  readonly mttr_hours: number | null;
};

/** Cancels a maintenance window: input. */
export type NodeCancelWindowInput = {
  /** number of the window */
  readonly id: number;
};

export type NodeCancelWindowOutput = {
  /** number of the window */
  readonly window: number;
  /** nodes that went back */
  readonly updated: number;
};

/** Takes the inventory of nodes now: input. */
export type NodeCollectInput = {
  /** node set */
  readonly nodes: string;
  /** seconds for all nodes and all hops; default 60 */
  readonly deadline?: number | undefined;
};

export type NodeCollectItem = {
  /** folded node set of those that answered alike */
  readonly nodes: string;
  /** CSM code: 0 answered, 5 no answer in time, 46 unknown, 48 down */
  readonly code: number;
  /** in words */
  readonly text: string;
  /** {changed}: whether it differs from what was last reported */
  readonly body?: unknown;
};

/** Deletes nodes, their inventory and parts: input. */
export type NodeDeleteInput = {
  /** node set */
  readonly nodes: string;
  /** why, in a line */
  readonly reason?: string | undefined;
};

export type NodeDeleteOutput = {
  /** the node set, folded */
  readonly nodes: string;
  /** nodes that were known, and are no more */
  readonly deleted: number;
  /** what could not be done, folded by reason */
  readonly failed: readonly {
    /** folded node set of those refused alike */
    readonly nodes: string;
    /** CSM code: 8 a reason is missing, 43 the move is not allowed, 46 not known */
    readonly code: number;
    /** in words */
    readonly text: string;
  }[];
};

/** Tells in what two nodes differ: input. */
export type NodeDiffInput = {
  /** the one node */
  readonly a: string;
  /** the other */
  readonly b: string;
};

export type NodeDiffOutput = {
  /** name of the one node */
  readonly a: string;
  /** name of the other */
  readonly b: string;
  /** nothing differs */
  readonly equal: boolean;
  /** facts that differ */
  readonly fields: readonly {
    readonly field: string;
    /** null: not known */
    readonly a: unknown;
    /** null: not known */
    readonly b: unknown;
  }[];
  /** parts of which they have different numbers */
  readonly parts: readonly {
    /** kind of part */
    readonly kind: 'cpu' | 'dimm' | 'gpu' | 'hca' | 'nic' | 'ssd';
    /** vendor, model and what else tells such parts from others */
    readonly what: string;
    /** how many of them the one node has */
    readonly a: number;
    /** how many the other */
    readonly b: number;
  }[];
};

/** Takes nodes out of service, now or in a window: input. */
export type NodeDrainInput = {
  /** node set */
  readonly nodes: string;
  /** why, in a line */
  readonly reason: string;
  /** where they go; default OUT_OF_SERVICE, in a window MAINTENANCE */
  readonly state?: 'OUT_OF_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE' | undefined;
  /** the window begins; now when left out */
  readonly from?: string | undefined;
  /** the window ends; left out: when it is cancelled, or the nodes are resumed */
  readonly until?: string | undefined;
};

export type NodeDrainOutput = {
  /** the node set, folded */
  readonly nodes: string;
  /** nodes that are another than before */
  readonly updated: number;
  /** what could not be done, folded by reason */
  readonly failed: readonly {
    /** folded node set of those refused alike */
    readonly nodes: string;
    /** CSM code: 8 a reason is missing, 43 the move is not allowed, 46 not known */
    readonly code: number;
    /** in words */
    readonly text: string;
  }[];
  /** number of the window; null without one */
  readonly window: number | null;
};

/** Lists jobs that used nodes in a period: input. */
export type NodeFindJobInput = {
  /** node set */
  readonly nodes: string;
  /** begin of the period; default 30 days before its end */
  readonly from?: string | undefined;
  /** end of the period; default now */
  readonly to?: string | undefined;
  /** only jobs of this user */
  readonly user?: string | undefined;
};

export type NodeFindJobOutput = readonly {
  /** number of the allocation */
  readonly id: number;
  readonly user: string;
  /** those asked for that it used, folded */
  readonly nodes: string;
  /** ISO 8601, UTC */
  readonly begin: string;
  /** ISO 8601, UTC; null while it runs */
  readonly end: string | null;
}[];

/** Lists groups of nodes by state, aggregator, rack, profile or role: input. */
export type NodeGroupInput = {
  /** by what nodes are grouped */
  readonly source: 'state' | 'agg' | 'rack' | 'profile' | 'role';
  /** only this group; letters compare without case */
  readonly name?: string | undefined;
};

export type NodeGroupOutput = readonly {
  /** of the group */
  readonly name: string;
  /** folded node set; empty when the group has no node now */
  readonly nodes: string;
  /** how many they are */
  readonly count: number;
}[];

/** Lists the parts nodes are made of: input. */
export type NodeHardwareInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** kind of part */
  readonly kind?: 'cpu' | 'dimm' | 'gpu' | 'hca' | 'nic' | 'ssd' | undefined;
  /** only the part with this serial number */
  readonly serial?: string | undefined;
};

export type NodeHardwareItem = {
  /** name of the node */
  readonly node: string;
  /** kind of part */
  readonly kind: 'cpu' | 'dimm' | 'gpu' | 'hca' | 'nic' | 'ssd';
  /** where it sits in the node: slot, PCI address, socket */
  readonly location: string;
  /** null where none is told */
  readonly serial: string | null;
  /** in words where they are known */
  readonly vendor: string | null;
  /** in words where they are known */
  readonly model: string | null;
  /** of its maker */
  readonly part_number: string | null;
  /** version */
  readonly firmware: string | null;
  /** known in this node since, ISO 8601, UTC */
  readonly since: string;
  /** what else is known of this kind, such as size */
  readonly details: { readonly [key: string]: unknown };
  /** what changes while the part is the same, such as wear */
  readonly passing: { readonly [key: string]: unknown };
};

/** Lists what happened to parts: inserted, changed, removed, moved: input. */
export type NodeHistoryInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** kind of part */
  readonly kind?: 'cpu' | 'dimm' | 'gpu' | 'hca' | 'nic' | 'ssd' | undefined;
  /** only the part with this serial number */
  readonly serial?: string | undefined;
  /** only what came at this moment or later */
  readonly since?: string | undefined;
  /** rows; default 1000 */
  readonly limit?: number | undefined;
};

export type NodeHistoryOutput = readonly {
  /** names this row for good */
  readonly seq: number;
  /** when the master learned of it, ISO 8601, UTC */
  readonly time: string;
  /** moved: from another node. A part that is removed here and found there within 30 days becomes one moved */
  readonly event: 'inserted' | 'changed' | 'removed' | 'moved';
  /** kind of part */
  readonly kind: 'cpu' | 'dimm' | 'gpu' | 'hca' | 'nic' | 'ssd';
  /** null where none is told */
  readonly serial: string | null;
  /** where it is now, or was removed */
  readonly node: string;
  /** where it sits in there, or sat */
  readonly location: string;
  /** where it moved from */
  readonly from_node: string | null;
  /** where it sat there */
  readonly from_location: string | null;
  /** by field, for changed and moved; a value of more than 400 characters is cut */
  readonly changes: { readonly [key: string]: {
    /** before */
    readonly from: unknown;
    /** after */
    readonly to: unknown;
  } };
}[];

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
  /** as are the next four: how many were found; null when that kind cannot be read there */
  readonly discovered_gpus: number | null;
  /** host channel adapters: InfiniBand and its like */
  readonly discovered_hcas: number | null;
  /** memory modules */
  readonly discovered_dimms: number | null;
  /** solid-state drives, NVMe among them */
  readonly discovered_ssds: number | null;
  /** network adapters that are no HCA */
  readonly discovered_nics: number | null;
  /** of its first processor */
  readonly cpu_model: string | null;
  /** of its firmware */
  readonly bios_version: string | null;
  /** of its baseboard management controller */
  readonly bmc_address: string | null;
  /** short hash of its hardware: nodes that have the same are alike */
  readonly profile: string | null;
  /** when the inventory was taken on the node, ISO 8601, UTC */
  readonly collection_time: string | null;
  /** free text of an admin; null when there is none */
  readonly comment: string | null;
  /** words of an admin on what it is good for */
  readonly features: readonly string[];
  /** where an admin says it stands */
  readonly location: string | null;
  /** it takes work: it is IN_SERVICE */
  readonly ready: boolean;
  /** in this state since, ISO 8601, UTC */
  readonly state_since: string;
  /** what moved it there: user, contact, recovery, event, inventory or window */
  readonly state_cause: string | null;
  /** why */
  readonly state_reason: string | null;
  /** who moved it there, where somebody did */
  readonly state_by: string | null;
}[];

/** Folds nodes by equal hardware: input. */
export type NodeProfileInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
};

export type NodeProfileOutput = readonly {
  /** short hash of the hardware */
  readonly profile: string;
  /** folded node set of those that have it */
  readonly nodes: string;
  /** how many they are */
  readonly count: number;
  /** from the firmware */
  readonly machine_model: string | null;
  /** of the first processor */
  readonly cpu_model: string | null;
  /** processors, memory and parts in a line */
  readonly summary: string;
}[];

/** Announces that nodes will boot: input. */
export type NodeRebootExpectedInput = {
  /** node set */
  readonly nodes: string;
  /** seconds from now */
  readonly within: number;
  /** why, in a line */
  readonly reason?: string | undefined;
};

export type NodeRebootExpectedOutput = {
  /** the node set, folded */
  readonly nodes: string;
  /** nodes that are expected to boot */
  readonly updated: number;
  /** ISO 8601, UTC */
  readonly until: string;
  /** what could not be done, folded by reason */
  readonly failed: readonly {
    /** folded node set of those refused alike */
    readonly nodes: string;
    /** CSM code: 8 a reason is missing, 43 the move is not allowed, 46 not known */
    readonly code: number;
    /** in words */
    readonly text: string;
  }[];
};

/** Puts nodes into service: input. */
export type NodeResumeInput = {
  /** node set */
  readonly nodes: string;
  /** why, in a line */
  readonly reason?: string | undefined;
};

export type NodeResumeOutput = {
  /** the node set, folded */
  readonly nodes: string;
  /** nodes that are another than before */
  readonly updated: number;
  /** what could not be done, folded by reason */
  readonly failed: readonly {
    /** folded node set of those refused alike */
    readonly nodes: string;
    /** CSM code: 8 a reason is missing, 43 the move is not allowed, 46 not known */
    readonly code: number;
    /** in words */
    readonly text: string;
  }[];
};

/** Shows one node: input. */
export type NodeShowInput = {
  /** name of the node */
  readonly name: string;
  /** with the whole inventory document */
  readonly full?: boolean | undefined;
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
  /** as are the next four: how many were found; null when that kind cannot be read there */
  readonly discovered_gpus: number | null;
  /** host channel adapters: InfiniBand and its like */
  readonly discovered_hcas: number | null;
  /** memory modules */
  readonly discovered_dimms: number | null;
  /** solid-state drives, NVMe among them */
  readonly discovered_ssds: number | null;
  /** network adapters that are no HCA */
  readonly discovered_nics: number | null;
  /** of its first processor */
  readonly cpu_model: string | null;
  /** of its firmware */
  readonly bios_version: string | null;
  /** of its baseboard management controller */
  readonly bmc_address: string | null;
  /** short hash of its hardware: nodes that have the same are alike */
  readonly profile: string | null;
  /** when the inventory was taken on the node, ISO 8601, UTC */
  readonly collection_time: string | null;
  /** free text of an admin; null when there is none */
  readonly comment: string | null;
  /** words of an admin on what it is good for */
  readonly features: readonly string[];
  /** where an admin says it stands */
  readonly location: string | null;
  /** it takes work: it is IN_SERVICE */
  readonly ready: boolean;
  /** in this state since, ISO 8601, UTC */
  readonly state_since: string;
  /** what moved it there: user, contact, recovery, event, inventory or window */
  readonly state_cause: string | null;
  /** why */
  readonly state_reason: string | null;
  /** who moved it there, where somebody did */
  readonly state_by: string | null;
  /** what the system will do with it next */
  readonly next: {
    /** in words */
    readonly text: string;
    /** ISO 8601, UTC; null: when something else happens */
    readonly at: string | null;
  };
  /** the document as the node sent it: facts, hardware, numa, and reasons for what is missing; null before the first */
  readonly inventory?: unknown;
};

/** Lists the history of states of nodes: input. */
export type NodeStatesInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** only what came at this moment or later */
  readonly since?: string | undefined;
  /** rows; default 1000 */
  readonly limit?: number | undefined;
};

export type NodeStatesOutput = readonly {
  /** names this row for good */
  readonly seq: number;
  /** ISO 8601, UTC */
  readonly time: string;
  /** name of the node */
  readonly node: string;
  /** state before; null: it was not known */
  readonly from: string | null;
  /** state from then on; null: it was deleted */
  readonly to: string | null;
  /** what moved it */
  readonly cause: 'user' | 'contact' | 'recovery' | 'event' | 'inventory' | 'window';
  /** the cause in CSM's words, such as CSM API */
  readonly alteration: string;
  /** why */
  readonly reason: string | null;
  /** who, where somebody did */
  readonly by: string | null;
  /** when it is to go back, ISO 8601, UTC */
  readonly until: string | null;
}[];

/** Sets comment, features, location or state of nodes: input. */
export type NodeUpdateInput = {
  /** node set */
  readonly nodes: string;
  /** free text; null clears */
  readonly comment?: string | null | undefined;
  /** words such as gpu or fat, which replace those there; null or an empty list clears */
  readonly features?: readonly string[] | null | undefined;
  /** such as R07 U12; null clears */
  readonly location?: string | null | undefined;
  /** the state they are to be in */
  readonly state?: 'IN_SERVICE' | 'OUT_OF_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE' | undefined;
  /** why, in a line */
  readonly reason?: string | undefined;
};

export type NodeUpdateOutput = {
  /** folded node set */
  readonly nodes: string;
  /** nodes of which something was not so before */
  readonly updated: number;
  /** what could not be done, folded by reason */
  readonly failed: readonly {
    /** folded node set of those refused alike */
    readonly nodes: string;
    /** CSM code: 8 a reason is missing, 43 the move is not allowed, 46 not known */
    readonly code: number;
    /** in words */
    readonly text: string;
  }[];
};

/** Streams what changes about nodes, links and inventory: input. */
export type NodeWatchInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** kinds of changes; node, link and inventory when left out */
  readonly kinds?: readonly string[] | undefined;
  /** the last seq already known */
  readonly since?: number | undefined;
};

export type NodeWatchItem = {
  /** rises in commit order */
  readonly seq: number;
  /** ISO 8601, UTC */
  readonly time: string;
  /** node, link, inventory, or what `kinds` names */
  readonly kind: string;
  /** the node or aggregator; * when there are several nodes */
  readonly subject: string;
  /** what changed; `nodes` is a folded node set */
  readonly body: unknown;
};

/** Lists maintenance windows: input. */
export type NodeWindowsInput = {
  /** node set; all nodes when left out */
  readonly nodes?: string | undefined;
  /** with those that are over */
  readonly all?: boolean | undefined;
};

export type NodeWindowsOutput = readonly {
  /** number of the window */
  readonly id: number;
  /** how far it is */
  readonly phase: 'waiting' | 'open' | 'ended' | 'cancelled';
  /** where its nodes go */
  readonly state: 'OUT_OF_SERVICE' | 'ADMIN_RESERVED' | 'MAINTENANCE';
  /** ISO 8601, UTC */
  readonly from: string;
  /** ISO 8601, UTC; null: without end */
  readonly until: string | null;
  /** folded node set */
  readonly nodes: string;
  /** how many they are */
  readonly count: number;
  readonly reason: string;
  /** who made it */
  readonly by: string;
  /** ISO 8601, UTC */
  readonly made: string;
}[];

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

/** Has changes sent to a URL as they happen: input. */
export type SubscriptionCreateInput = {
  /** receiver, http or https */
  readonly url: string;
  /** kinds of changes; all when left out */
  readonly kinds?: readonly string[] | undefined;
  /** only what concerns these nodes */
  readonly nodes?: string | undefined;
  /** the last change already known; left out: what comes next */
  readonly since?: number | undefined;
  /** signs the requests; one is made when left out */
  readonly secret?: string | undefined;
};

export type SubscriptionCreateOutput = {
  readonly id: string;
  /** the user who made it */
  readonly owner: string;
  readonly url: string;
  /** kinds of changes; null: all */
  readonly kinds: readonly string[] | null;
  /** folded node set; null: all nodes */
  readonly nodes: string | null;
  /** ISO 8601, UTC */
  readonly created: string;
  /** to be kept, it is not told again */
  readonly secret: string;
};

/** Ends a subscription: input. */
export type SubscriptionDeleteInput = {
  readonly id: string;
};

export type SubscriptionDeleteOutput = {
  readonly id: string;
};

/** Lists subscriptions and how far their receivers are: input. */
export type SubscriptionListInput = { readonly [key: string]: never };

export type SubscriptionListOutput = readonly {
  readonly id: string;
  /** the user who made it */
  readonly owner: string;
  readonly url: string;
  /** kinds of changes; null: all */
  readonly kinds: readonly string[] | null;
  /** folded node set; null: all nodes */
  readonly nodes: string | null;
  /** ISO 8601, UTC */
  readonly created: string;
  /** all changes up to here are delivered, or not wanted */
  readonly cursor: number;
  /** changes that are yet to be looked at */
  readonly behind: number;
  /** requests the receiver has taken since the master was started */
  readonly sent: number;
  /** failed attempts since the last that succeeded */
  readonly failures: number;
  /** changes that were removed before the receiver had them */
  readonly lost: number;
  /** why the last attempt failed; null when it did not */
  readonly problem: string | null;
}[];

/** Makes a token with which a user calls over HTTPS: input. */
export type TokenCreateInput = {
  /** for whom; default: the caller */
  readonly user?: string | undefined;
  /** what it gives of what its user may: calls, nouns with `.*`, classes */
  readonly scopes: readonly string[];
  /** seconds until it expires; default 7776000, 90 days */
  readonly lifetime?: number | undefined;
};

export type TokenCreateOutput = {
  /** public id; it stands in the audit record */
  readonly id: string;
  /** whose calls are made with it */
  readonly user: string;
  readonly scopes: readonly string[];
  /** made, ISO 8601, UTC */
  readonly created: string;
  /** who made it */
  readonly created_by: string;
  /** valid until, ISO 8601, UTC */
  readonly expires: string;
  /** last used, ISO 8601, UTC; written about once a minute */
  readonly last_used: string | null;
  /** to be kept secret */
  readonly token: string;
};

/** Shows tokens, without their secrets: input. */
export type TokenListInput = {
  /** only those of this user */
  readonly user?: string | undefined;
};

export type TokenListOutput = readonly {
  /** public id; it stands in the audit record */
  readonly id: string;
  /** whose calls are made with it */
  readonly user: string;
  readonly scopes: readonly string[];
  /** made, ISO 8601, UTC */
  readonly created: string;
  /** who made it */
  readonly created_by: string;
  /** valid until, ISO 8601, UTC */
  readonly expires: string;
  /** last used, ISO 8601, UTC; written about once a minute */
  readonly last_used: string | null;
}[];

/** Makes a token invalid, for ever: input. */
export type TokenRevokeInput = {
  /** public id of the token */
  readonly id: string;
};

export type TokenRevokeOutput = {
  /** public id; it stands in the audit record */
  readonly id: string;
  /** whose calls are made with it */
  readonly user: string;
  readonly scopes: readonly string[];
  /** made, ISO 8601, UTC */
  readonly created: string;
  /** who made it */
  readonly created_by: string;
  /** valid until, ISO 8601, UTC */
  readonly expires: string;
  /** last used, ISO 8601, UTC; written about once a minute */
  readonly last_used: string | null;
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
  'aggregator.drain': { readonly input: AggregatorDrainInput; readonly output: AggregatorDrainOutput; readonly item: never };
  'aggregator.list': { readonly input: AggregatorListInput; readonly output: AggregatorListOutput; readonly item: never };
  'aggregator.undrain': { readonly input: AggregatorUndrainInput; readonly output: AggregatorUndrainOutput; readonly item: never };
  'audit.list': { readonly input: AuditListInput; readonly output: AuditListOutput; readonly item: never };
  'cluster.state': { readonly input: ClusterStateInput; readonly output: ClusterStateOutput; readonly item: never };
  'db.archive': { readonly input: DbArchiveInput; readonly output: DbArchiveOutput; readonly item: never };
  'db.backup': { readonly input: DbBackupInput; readonly output: DbBackupOutput; readonly item: never };
  'db.retention': { readonly input: DbRetentionInput; readonly output: DbRetentionOutput; readonly item: never };
  'db.status': { readonly input: DbStatusInput; readonly output: DbStatusOutput; readonly item: never };
  'env.archive': { readonly input: EnvArchiveInput; readonly output: EnvArchiveOutput; readonly item: never };
  'env.query': { readonly input: EnvQueryInput; readonly output: undefined; readonly item: EnvQueryItem };
  'env.top': { readonly input: EnvTopInput; readonly output: EnvTopOutput; readonly item: never };
  'env.watch': { readonly input: EnvWatchInput; readonly output: undefined; readonly item: EnvWatchItem };
  'health': { readonly input: HealthInput; readonly output: HealthOutput; readonly item: never };
  'heartbeat.forget': { readonly input: HeartbeatForgetInput; readonly output: HeartbeatForgetOutput; readonly item: never };
  'heartbeat.history': { readonly input: HeartbeatHistoryInput; readonly output: HeartbeatHistoryOutput; readonly item: never };
  'heartbeat.incidents': { readonly input: HeartbeatIncidentsInput; readonly output: HeartbeatIncidentsOutput; readonly item: never };
  'heartbeat.list': { readonly input: HeartbeatListInput; readonly output: undefined; readonly item: HeartbeatListItem };
  'heartbeat.params': { readonly input: HeartbeatParamsInput; readonly output: HeartbeatParamsOutput; readonly item: never };
  'heartbeat.show': { readonly input: HeartbeatShowInput; readonly output: HeartbeatShowOutput; readonly item: never };
  'heartbeat.status': { readonly input: HeartbeatStatusInput; readonly output: HeartbeatStatusOutput; readonly item: never };
  'heartbeat.thresholds': { readonly input: HeartbeatThresholdsInput; readonly output: HeartbeatThresholdsOutput; readonly item: never };
  'heartbeat.update-params': { readonly input: HeartbeatUpdateParamsInput; readonly output: HeartbeatUpdateParamsOutput; readonly item: never };
  'heartbeat.update-thresholds': { readonly input: HeartbeatUpdateThresholdsInput; readonly output: HeartbeatUpdateThresholdsOutput; readonly item: never };
  'heartbeat.watch': { readonly input: HeartbeatWatchInput; readonly output: undefined; readonly item: HeartbeatWatchItem };
  'node.availability': { readonly input: NodeAvailabilityInput; readonly output: undefined; readonly item: NodeAvailabilityItem };
  'node.cancel-window': { readonly input: NodeCancelWindowInput; readonly output: NodeCancelWindowOutput; readonly item: never };
  'node.collect': { readonly input: NodeCollectInput; readonly output: undefined; readonly item: NodeCollectItem };
  'node.delete': { readonly input: NodeDeleteInput; readonly output: NodeDeleteOutput; readonly item: never };
  'node.diff': { readonly input: NodeDiffInput; readonly output: NodeDiffOutput; readonly item: never };
  'node.drain': { readonly input: NodeDrainInput; readonly output: NodeDrainOutput; readonly item: never };
  'node.find-job': { readonly input: NodeFindJobInput; readonly output: NodeFindJobOutput; readonly item: never };
  'node.group': { readonly input: NodeGroupInput; readonly output: NodeGroupOutput; readonly item: never };
  'node.hardware': { readonly input: NodeHardwareInput; readonly output: undefined; readonly item: NodeHardwareItem };
  'node.history': { readonly input: NodeHistoryInput; readonly output: NodeHistoryOutput; readonly item: never };
  'node.list': { readonly input: NodeListInput; readonly output: NodeListOutput; readonly item: never };
  'node.profile': { readonly input: NodeProfileInput; readonly output: NodeProfileOutput; readonly item: never };
  'node.reboot-expected': { readonly input: NodeRebootExpectedInput; readonly output: NodeRebootExpectedOutput; readonly item: never };
  'node.resume': { readonly input: NodeResumeInput; readonly output: NodeResumeOutput; readonly item: never };
  'node.show': { readonly input: NodeShowInput; readonly output: NodeShowOutput; readonly item: never };
  'node.states': { readonly input: NodeStatesInput; readonly output: NodeStatesOutput; readonly item: never };
  'node.update': { readonly input: NodeUpdateInput; readonly output: NodeUpdateOutput; readonly item: never };
  'node.watch': { readonly input: NodeWatchInput; readonly output: undefined; readonly item: NodeWatchItem };
  'node.windows': { readonly input: NodeWindowsInput; readonly output: NodeWindowsOutput; readonly item: never };
  'ping': { readonly input: PingInput; readonly output: undefined; readonly item: PingItem };
  'run': { readonly input: RunInput; readonly output: undefined; readonly item: RunItem };
  'subscription.create': { readonly input: SubscriptionCreateInput; readonly output: SubscriptionCreateOutput; readonly item: never };
  'subscription.delete': { readonly input: SubscriptionDeleteInput; readonly output: SubscriptionDeleteOutput; readonly item: never };
  'subscription.list': { readonly input: SubscriptionListInput; readonly output: SubscriptionListOutput; readonly item: never };
  'token.create': { readonly input: TokenCreateInput; readonly output: TokenCreateOutput; readonly item: never };
  'token.list': { readonly input: TokenListInput; readonly output: TokenListOutput; readonly item: never };
  'token.revoke': { readonly input: TokenRevokeInput; readonly output: TokenRevokeOutput; readonly item: never };
  'tree.rebalance': { readonly input: TreeRebalanceInput; readonly output: undefined; readonly item: TreeRebalanceItem };
}
