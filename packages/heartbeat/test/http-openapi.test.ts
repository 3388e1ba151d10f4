/// <reference types="mocha" />
/** The document against the wire: what each example of each route is answered with, and that nothing else is routed. */
import { expect } from 'chai';
import { Compile } from 'typebox/schema';
import type { Route, RouteExample } from '../src/http/route.ts';
import { beatOf, HttpWorld, type Reply } from './http-world.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: Content & { readonly required: boolean };
  readonly responses: Readonly<Record<string, Partial<Content> & { readonly description: string }>>;
}
interface Content {
  readonly content: Readonly<Record<string, { readonly schema: object; readonly examples?: object }>>;
}

describe('the OpenAPI document', function () {
  this.timeout(120_000);
  let world: HttpWorld;
  let document: Document;

  before(async () => {
    world = await HttpWorld.start();
    document = (await world.ask('GET', '/openapi.json')).json as unknown as Document;
    for (const name of ['x0c0s0b0n0', 'x0c0s2b0n0']) await world.beat(name);
    await world.story('x0c0s2b0n0');
  });
  after(() => world.close());

  const operationOf = ({ method, path }: Pick<Route, 'method' | 'path'>): Operation => {
    const operation = document.paths[path]?.[method.toLowerCase()];
    if (operation === undefined) throw new Error(`${method} ${path} is not in the document`);
    return operation;
  };

  /** Where a schema only refers to one, that one. */
  const resolved = (schema: object): object => {
    const { $ref } = schema as { readonly $ref?: string };
    if ($ref === undefined) return schema;
    const found = document.components.schemas[$ref.replace('#/components/schemas/', '')];
    if (found === undefined) throw new Error(`${$ref} is not in the document`);
    return found;
  };

  const faults = (schema: object, value: unknown): string[] => {
    const check = Compile(resolved(schema) as Parameters<typeof Compile>[0]);
    if (check.Check(value)) return [];
    return check.Errors(value)[1].map(({ instancePath, message }) => `${instancePath}: ${message}`);
  };

  const targetOf = ({ path }: Route, { params = {}, query = {} }: RouteExample): string => {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? `no ${name}`));
    const search = new URLSearchParams(query).toString();
    return search === '' ? filled : `${filled}?${search}`;
  };

  /** An answer is as the document says that this one is. */
  function expectDocumented(route: Route, reply: Reply, what: string): void {
    const { responses } = operationOf(route);
    const response = responses[String(reply.status)];
    if (response === undefined) throw new Error(`${what}: status ${reply.status} is not in the document`);
    const type = reply.headers['content-type'];
    if (response.content === undefined) {
      expect([type, reply.text], what).deep.equals([undefined, '']);
      return;
    }
    const [documented = ''] = Object.keys(response.content);
    expect(type, what).equals(documented);
    const { schema } = response.content[documented] ?? {};
    if (documented.endsWith('json')) expect(faults(schema ?? {}, reply.json), `${what}: ${reply.text}`).deep.equals([]);
  }

  it('has each route once, by the names it has there, and no other', () => {
    expect(document.openapi).equals('3.1.0');
    const listed = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const { routes } = world.server;
    expect(listed.sort()).deep.equals(routes.map(({ method, path }) => `${method} ${path}`).sort());
    const ids = routes.map(({ id }) => id);
    expect(new Set(ids).size).equals(ids.length);
    expect(listed).includes.members(['POST /hmi/v1/heartbeat', 'PATCH /hsm/v2/State/Components/BulkStateData']);
  });

  /** Sends one and holds the answer, and the body it took, against the document. */
  async function trial(route: Route, example: RouteExample): Promise<void> {
    const what = `${route.method} ${route.path}, ${example.title}`;
    const reply = await world.ask(route.method, targetOf(route, example), example.body);
    expect(reply.status, `${what}: ${reply.text}`).equals(example.status);
    expectDocumented(route, reply, what);
    const { requestBody } = operationOf(route);
    const schema = requestBody?.content['application/json']?.schema;
    if (reply.status < 300 && schema !== undefined)
      expect(faults(schema, example.body), `${what}: the body`).deep.equals([]);
  }

  it('holds for every example, and every route', async () => {
    const tried = new Set<string>();
    for (const route of world.server.routes) {
      // What an example before it took away is there again.
      await world.beat('x0c0s2b0n0');
      for (const example of route.examples ?? []) {
        await trial(route, example);
        tried.add(route.id);
      }
    }
    // What no example can be told for that stands alone: these need what others have made.
    const { SubscriptionList } = (await world.ask('GET', '/hsm/v2/Subscriptions/SCN')).json as {
      SubscriptionList: { ID: number }[];
    };
    const id = String(SubscriptionList[0]?.ID);
    const xname = 'x0c0s0b0n0';
    const title = 'what others have made';
    const subscription = { Subscriber: 'hmnfd', Url: 'http://127.0.0.1:28600/scn', States: ['Ready'] };
    const rows: readonly (readonly [string, Omit<RouteExample, 'title'>])[] = [
      ['hsm.components.show', { params: { xname }, status: 200 }],
      ['hsm.components.show', { params: { xname: 'x9' }, status: 404 }],
      ['hsm.components.bulkFlagOnly', { body: { ComponentIDs: [xname], Flag: 'Alert' }, status: 204 }],
      ['hsm.components.flagOnly', { params: { xname }, body: { Flag: 'OK' }, status: 204 }],
      ['hsm.components.delete', { params: { xname }, status: 200 }],
      ['hsm.components.delete', { params: { xname }, status: 404 }],
      ['hsm.subscriptions.show', { params: { id }, status: 200 }],
      ['hsm.subscriptions.replace', { params: { id }, body: subscription, status: 204 }],
      ['hsm.subscriptions.patch', { params: { id }, body: { Op: 'add', States: ['Off'] }, status: 204 }],
      ['hsm.subscriptions.delete', { params: { id }, status: 200 }],
      ['hsm.subscriptions.show', { params: { id }, status: 404 }],
      ['hsm.subscriptions.deleteAll', { status: 200 }],
    ];
    for (const [routeId, example] of rows) {
      const route = world.server.routes.find((one) => one.id === routeId);
      if (route === undefined) throw new Error(`there is no route ${routeId}`);
      await trial(route, { title, ...example });
      tried.add(routeId);
    }
    expect(world.server.routes.map((route) => route.id).filter((one) => !tried.has(one))).deep.equals([]);
  });

  it('has the bounds of each page as they are', async () => {
    let checked = 0;
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const { parameters = [] } of Object.values(operations)) {
        const schema = parameters.find(({ name }) => name === 'limit')?.schema;
        if (schema === undefined) continue;
        const { minimum, maximum } = schema as { readonly minimum: number; readonly maximum: number };
        for (const [value, status] of [
          [minimum, 200],
          [maximum, 200],
          [minimum - 1, 400],
          [maximum + 1, 400],
        ] as const) {
          const target = path.replace('{xname}', 'x0c0s0b0n0');
          const reply = await world.ask('GET', `${target}?limit=${value}`);
          expect(reply.status, `${path} limit=${value}`).equals(status);
        }
        checked++;
      }
    }
    expect(checked).equals(3);
  });

  it('holds for wrong methods and bodies on every route', async () => {
    for (const route of world.server.routes) {
      const target = targetOf(route, { title: '', status: 0, params: { xname: 'x0c0s0b0n0', id: '1' } });
      const wrong = await world.ask('TRACE', target);
      const what = `TRACE ${route.path}`;
      expect([wrong.status, wrong.headers['content-type']], what).deep.equals([405, 'application/problem+json']);
      const allow = (wrong.headers.allow ?? '').split(', ');
      const methods = Object.keys(document.paths[route.path] ?? {}).map((method) => method.toUpperCase());
      expect(allow.filter((method) => method !== 'HEAD').sort(), what).deep.equals(methods.sort());
      if (route.body === undefined) continue;
      for (const text of ['{', '[1]', '"x"', '12', '{"a":'.repeat(5_000)]) {
        const reply = await world.ask(route.method, target, undefined, { text });
        expect(reply.status, `${route.method} ${route.path} ${text.slice(0, 5)}`).within(200, 500);
        expectDocumented(route, reply, `${route.method} ${route.path} ${text.slice(0, 5)}`);
      }
    }
  });

  it('would not let a difference pass', async () => {
    const route = world.server.routes.find(({ id }) => id === 'hbstate.get');
    if (route === undefined) throw new Error('there is no such route');
    const reply = await world.ask('GET', '/hmi/v1/hbstate/x0c0s0b0n0');
    expectDocumented(route, reply, 'as it is');
    const twisted = { ...reply, text: '{}', json: { XName: 'x0c0s0b0n0', Heartbeating: 'yes' } };
    expect(() => expectDocumented(route, twisted, 'twisted')).throws();
    expect(() => expectDocumented(route, { ...reply, status: 204 }, 'twisted')).throws('is not in the document');
    const typed = { ...reply, headers: { 'content-type': 'text/plain' } };
    expect(() => expectDocumented(route, typed, 'twisted')).throws();
  });

  it('has bodies that a schema takes where the service does', () => {
    const schema = operationOf({ method: 'POST', path: '/hmi/v1/heartbeat' }).requestBody?.content['application/json']
      ?.schema;
    expect(faults(schema ?? {}, beatOf('x0c0s0b0n0', { Other: 1 }))).deep.equals([]);
    expect(faults(schema ?? {}, { Component: 'x0' })).not.deep.equals([]);
  });
});
