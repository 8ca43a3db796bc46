/** The OpenAPI 3.1 document of `/v1`, from the same zod schemas that check the requests. */
import { VERSION } from '../version.ts';
import { jsonSchemaOf, type PropertySchema, ROUTES, type Route } from './routes.ts';

const PROBLEM = { $ref: '#/components/responses/Problem' };

let made: Record<string, unknown> | undefined;

export function openApi(): Record<string, unknown> {
  made ??= document();
  return made;
}

function document(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of ROUTES) {
    paths[route.path] ??= {};
    paths[route.path]![route.verb.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'rasen',
      version: VERSION,
      description:
        'Tasks of this machine. Names and schemas are those of the control socket, rasen-protocol(7). Failures are problem details, RFC 9457.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'rasen token create NAME' },
        session: { type: 'apiKey', in: 'cookie', name: 'rasen_session' },
      },
      responses: {
        Problem: {
          description: 'What went wrong.',
          content: {
            'application/problem+json': {
              schema: {
                type: 'object',
                required: ['type', 'title', 'status', 'detail', 'kind'],
                properties: {
                  type: { type: 'string' },
                  title: { type: 'string' },
                  status: { type: 'integer' },
                  detail: { type: 'string' },
                  kind: { type: 'string', description: 'The stable name, as in rasen-protocol(7), ERRORS.' },
                  hint: { type: 'string' },
                  data: {},
                },
              },
            },
          },
        },
      },
    },
  };
}

function operation(route: Route): Record<string, unknown> {
  const { method, verb, ref, scope, schema, has_op } = route;
  const properties = Object.entries(schema.properties ?? {}).filter(
    ([name]) => name !== ref && name !== 'op',
  );
  const required = (schema.required ?? []).filter(name => name !== ref);
  const parameters = [
    ...(ref === null ? [] : [parameter('path', ref, schema.properties?.[ref] ?? { type: 'string' }, true)]),
    ...(verb === 'GET'
      ? properties.map(([name, property]) => parameter('query', name, property, required.includes(name)))
      : []),
    ...(method.name === 'task.list'
      ? [
          parameter(
            'query',
            'cursor',
            { type: 'string', description: 'From the Link header of a list.' },
            false,
          ),
        ]
      : []),
    ...(has_op || method.name === 'task.run'
      ? [parameter('header', 'Idempotency-Key', { type: 'string' }, false)]
      : []),
    ...(method.stream ? [parameter('header', 'Last-Event-ID', { type: 'string' }, false)] : []),
  ];
  return {
    operationId: method.name.replace('.', '_'),
    summary: method.summary,
    tags: [method.name.split('.')[0]],
    'x-rasen-scope': scope,
    parameters,
    ...(verb === 'POST'
      ? {
          requestBody: {
            required: required.length > 0,
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: Object.fromEntries(properties),
                  required,
                  additionalProperties: false,
                },
              },
            },
          },
        }
      : {}),
    responses: {
      [method.name === 'task.run' ? '202' : '200']: {
        description: method.summary,
        content: {
          'application/json': { schema: jsonSchemaOf(method.result, 'output') },
          ...(method.stream
            ? { 'text/event-stream': { schema: jsonSchemaOf(method.stream.params, 'output') } }
            : {}),
        },
      },
      default: PROBLEM,
    },
  };
}

function parameter(where: string, name: string, schema: PropertySchema, required: boolean) {
  const { description, ...rest } = schema;
  return { name, in: where, required, ...(description === undefined ? {} : { description }), schema: rest };
}
