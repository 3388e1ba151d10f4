// Generated from the API table; do not edit. The build writes it anew.
import type { ApiEntry } from '../../src/entry.ts';

/** Version of this API. A daemon of another major version is not understood. */
export const API_VERSION = '1.0';

/** Every call of the API: how it travels, and what help says of it. */
export const API = {
  'count.change': {
    "name": "count.change",
    "summary": "Adds to the count",
    "access": "public",
    "method": "POST",
    "path": "/csm/v1/count",
    "placement": {
      "path": [],
      "query": [],
      "body": [
        "add",
        "note"
      ]
    },
    "stream": false,
    "answers": true,
    "changes": true,
    "timeoutSeconds": 30,
    "enters": [
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
        "name": "add",
        "in": "body",
        "required": true,
        "type": "number",
        "allowed": "an integer",
        "description": ""
      },
      {
        "name": "note",
        "in": "body",
        "required": false,
        "type": "string | null",
        "allowed": "text or null",
        "description": ""
      }
    ],
    "examples": []
  },
  'count.reset': {
    "name": "count.reset",
    "summary": "Sets the count to 0",
    "access": "public",
    "method": "DELETE",
    "path": "/csm/v1/count",
    "placement": {
      "path": [],
      "query": [],
      "body": []
    },
    "stream": false,
    "answers": false,
    "changes": true,
    "timeoutSeconds": 5,
    "enters": [
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
  'echo.show': {
    "name": "echo.show",
    "summary": "Answers what it was given",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/echo/:name",
    "placement": {
      "path": [
        "name"
      ],
      "query": [
        "count",
        "tags",
        "loud"
      ],
      "body": []
    },
    "stream": false,
    "answers": true,
    "changes": false,
    "timeoutSeconds": 30,
    "enters": [
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
        "name": "name",
        "in": "path",
        "required": true,
        "type": "string",
        "allowed": "text",
        "description": "any name"
      },
      {
        "name": "count",
        "in": "query",
        "required": false,
        "type": "number",
        "allowed": "an integer of at least 0",
        "description": ""
      },
      {
        "name": "tags",
        "in": "query",
        "required": false,
        "type": "readonly string[]",
        "allowed": "a list, each text",
        "description": ""
      },
      {
        "name": "loud",
        "in": "query",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": ""
      }
    ],
    "examples": []
  },
  'number.stream': {
    "name": "number.stream",
    "summary": "Streams numbers",
    "access": "public",
    "method": "GET",
    "path": "/csm/v1/numbers",
    "placement": {
      "path": [],
      "query": [
        "count",
        "fault"
      ],
      "body": []
    },
    "stream": true,
    "answers": false,
    "changes": false,
    "timeoutSeconds": 0,
    "enters": [
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
        "name": "count",
        "in": "query",
        "required": true,
        "type": "number",
        "allowed": "an integer",
        "description": ""
      },
      {
        "name": "fault",
        "in": "query",
        "required": false,
        "type": "boolean",
        "allowed": "true or false",
        "description": ""
      }
    ],
    "examples": []
  },
} as const satisfies { readonly [name: string]: ApiEntry };

/** Adds to the count: input. */
export type CountChangeInput = {
  readonly add: number;
  readonly note?: string | null | undefined;
};

export type CountChangeOutput = {
  readonly count: number;
  readonly key: string;
};

/** Sets the count to 0: input. */
export type CountResetInput = { readonly [key: string]: never };

/** Answers what it was given: input. */
export type EchoShowInput = {
  /** any name */
  readonly name: string;
  readonly count?: number | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly loud?: boolean | undefined;
};

export type EchoShowOutput = {
  readonly input: unknown;
  readonly trace: string;
};

/** Streams numbers: input. */
export type NumberStreamInput = {
  readonly count: number;
  readonly fault?: boolean | undefined;
};

export type NumberStreamItem = {
  readonly seq: number;
  readonly text: string;
};

/** Types of every call, by its name. */
export interface ApiTypes {
  'count.change': { readonly input: CountChangeInput; readonly output: CountChangeOutput; readonly item: never };
  'count.reset': { readonly input: CountResetInput; readonly output: undefined; readonly item: never };
  'echo.show': { readonly input: EchoShowInput; readonly output: EchoShowOutput; readonly item: never };
  'number.stream': { readonly input: NumberStreamInput; readonly output: undefined; readonly item: NumberStreamItem };
}
