/** The OpenRPC document of the control protocol, from METHODS, ERRORS and the schemas. */
import { ERRORS, type ErrorKind } from '../../src/contract/errors.ts';
import { METHODS } from '../../src/contract/methods/index.ts';
import { CODES } from '../../src/rpc/message.ts';
import { protocolSchemas, type Schema } from './schemas.ts';

/** Errors that every method may answer with. */
export const GENERAL_ERRORS: readonly ErrorKind[] = ['overloaded', 'shutting_down', 'cancelled', 'internal'];

export function openRpc(version: string) {
  const { definitions, methods } = protocolSchemas();
  return {
    openrpc: '1.3.2',
    info: {
      title: 'The control protocol of rasend',
      version,
      description: 'JSON-RPC 2.0, one message a line, on a Unix socket. See rasen-protocol(7).',
      license: { name: 'MIT' },
    },
    methods: METHODS.map(({ name, summary, errors, stream }) => {
      const { params, result, stream: notification } = methods[name]!;
      return {
        name,
        summary,
        paramStructure: 'by-name',
        params: descriptors(params),
        result: { name: 'result', schema: result },
        errors: [
          { $ref: '#/components/errors/invalid_params' },
          ...[...errors, ...GENERAL_ERRORS].map(errorRef),
        ],
        ...(stream ? { 'x-stream': { notification: stream.notification, params: notification } } : {}),
      };
    }),
    components: {
      schemas: definitions,
      errors: {
        invalid_params: {
          code: CODES.invalid_params,
          message: 'The params are not what the method takes.',
          data: { kind: 'usage' },
        },
        ...Object.fromEntries(
          Object.entries(ERRORS).map(([kind, { code, about }]) => [
            kind,
            { code, message: about, data: { kind } },
          ]),
        ),
      },
    },
  };
}

const errorRef = (kind: ErrorKind) => ({ $ref: `#/components/errors/${kind}` });

function descriptors({ properties = {}, required = [] }: Schema) {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    ...(schema.description === undefined ? {} : { description: schema.description }),
    required: required.includes(name),
    schema,
  }));
}
