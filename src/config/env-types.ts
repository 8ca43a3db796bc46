/**
 * Variables and secrets as users write them: `env`, `pass_env` and `secrets`, in the configuration and in plan files.
 * The files are read by many, agents among them, so a value that looks like a secret is refused and never repeated.
 */

import { SECRET_USERS, type SecretSource, type SecretSpec, type SecretUser } from '../contract/spec.ts';
import { sourceText } from '../engine/secret-source.ts';
import { isSecretName, tokenIn } from '../util/secret-shapes.ts';
import { found, isNothing, type MapNode, type Node } from './node.ts';
import { argv, type JsonSchema, oneOf, oneOrMore, type Report, text, type ValueType } from './types.ts';

const MAX_NAMES = 500;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const NAME_SCHEMA: JsonSchema = { pattern: NAME.source };

/** A map whose keys are names of variables. Nothing written is an empty map. */
function named<T>(
  wanted: string,
  schema: JsonSchema,
  read: (name: string, node: Node, report: Report) => T | undefined,
) {
  const type: ValueType<Record<string, T>> = {
    wanted,
    schema: {
      anyOf: [{ type: 'object', propertyNames: NAME_SCHEMA, additionalProperties: schema }, { type: 'null' }],
    },
    read(node, report) {
      if (isNothing(node)) return {};
      if (node.kind !== 'map') {
        report(node, `found ${found(node)}, wanted ${wanted}`);
        return undefined;
      }
      if (node.entries.size > MAX_NAMES) {
        report(node, `has more than ${MAX_NAMES} variables`);
        return undefined;
      }
      const values: Record<string, T> = {};
      for (const [name, { key, value }] of node.entries) {
        // __proto__ would not become a variable but the prototype of the object.
        if (!NAME.test(name) || name === '__proto__') {
          report(key, 'is not a name for a variable', null, `.${name}`);
          continue;
        }
        const taken = read(name, value, (at, message, suggestion, inner) =>
          report(at, message, suggestion, `.${name}${inner ?? ''}`),
        );
        if (taken !== undefined) values[name] = taken;
      }
      return values;
    },
  };
  return type;
}

const variable = text(64 * 1024, 'text', 0);

export const ENV: ValueType<Record<string, string>> = named(
  'a map of variables',
  { type: ['string', 'number', 'boolean'] },
  (name, node, report) => {
    const value = variable.read(node, report);
    if (value === undefined || value === '') return value;
    const token = tokenIn(`${name}=${value}`);
    if (token === null && !isSecretName(name)) return value;
    const what = token ? `has ${token} in it` : 'looks like a secret by its name';
    report(node, `${what}; secrets are named and not written: secrets: {${name}: "env:${name}"}`);
    return undefined;
  },
);

const NAME_OR_START = 'a name of a variable, or its beginning and a *';
const pattern: ValueType<string> = {
  wanted: NAME_OR_START,
  schema: { type: 'string', pattern: '^([A-Za-z_][A-Za-z0-9_]*\\*?|\\*)$' },
  read(node, report) {
    const word = node.kind === 'scalar' ? node.text : '';
    if (/^(?:[A-Za-z_][A-Za-z0-9_]*\*?|\*)$/.test(word)) return word;
    report(node, `found ${found(node)}, wanted ${NAME_OR_START}`);
    return undefined;
  },
};

export const PASS_ENV: ValueType<string[]> = oneOrMore(
  pattern,
  MAX_NAMES,
  'a list of names of variables; an * at the end stands for any rest',
);

const REFERENCE =
  'env:NAME, file:PATH, cmd:PROGRAM…, cred:NAME, keychain:SERVICE[/ACCOUNT], or a command as a list';
const REFERENCE_SCHEMA: JsonSchema = {
  anyOf: [{ type: 'string', pattern: '^(env|file|cmd|cred|keychain):.' }, argv().schema],
};
const USERS = oneOrMore(
  oneOf(...SECRET_USERS),
  SECRET_USERS.length,
  `one of ${SECRET_USERS.join(', ')}, or a list of them`,
);

export const SECRETS: ValueType<Record<string, SecretSpec>> = named(
  'a map from name to reference, such as {TOKEN: "env:TOKEN"}',
  {
    anyOf: [
      ...(REFERENCE_SCHEMA.anyOf as JsonSchema[]),
      {
        type: 'object',
        required: ['from'],
        additionalProperties: false,
        properties: { from: REFERENCE_SCHEMA, for: USERS.schema },
      },
    ],
  },
  (name, node, report) => {
    if (name.startsWith('RASEN_')) {
      report(node, 'names that begin with RASEN_ are rasen’s own');
      return undefined;
    }
    if (node.kind !== 'map') {
      const from = readReference(node, report);
      return from && { from, for: null };
    }
    return readFull(node, report);
  },
);

function readFull(map: MapNode, report: Report): SecretSpec | undefined {
  for (const [name, { key }] of map.entries)
    if (name !== 'from' && name !== 'for') report(key, 'unknown key; wanted from and for', null, `.${name}`);
  const fromNode = map.entries.get('from')?.value;
  if (!fromNode) report(map, 'has no "from": where the value is');
  const from = fromNode && readReference(fromNode, (at, message, more) => report(at, message, more, '.from'));
  const forNode = map.entries.get('for')?.value;
  const users = forNode
    ? USERS.read(forNode, (at, message, more) => report(at, message, more, '.for'))
    : null;
  if (users?.length === 0) report(forNode!, 'nobody would get it', null, '.for');
  if (users === null) return from && { from, for: null };
  return from && users && users.length > 0 ? { from, for: [...new Set(users)] } : undefined;
}

/** A reference, or a problem that has nothing of what was written: it may be the secret itself. */
function readReference(node: Node, report: Report): SecretSource | undefined {
  if (node.kind === 'list') {
    const cmd = argv().read(node, report);
    return cmd && { cmd };
  }
  const [, kind = '', rest = ''] = (node.kind === 'scalar' ? /^([a-z]+):(.+)$/.exec(node.text) : null) ?? [];
  const problem = (message: string) => {
    report(node, message);
    return undefined;
  };
  switch (kind) {
    case 'env':
      return NAME.test(rest) ? { env: rest } : problem('behind env: wanted a name of a variable');
    case 'file':
      return /^~?\/./.test(rest) && rest.length <= 4096
        ? { file: rest }
        : problem('behind file: wanted an absolute path, or one that begins with ~/');
    case 'cmd':
      return /^[\w@%+=:,./ -]+$/.test(rest) && rest.trim() !== ''
        ? { cmd: rest.trim().split(/ +/) }
        : problem('there is no shell: write a command with other than plain words as a list');
    case 'cred':
      return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(rest)
        ? { cred: rest }
        : problem('behind cred: wanted a name of a credential');
    case 'keychain':
      return readKeychain(rest) ?? problem('behind keychain: wanted SERVICE or SERVICE/ACCOUNT');
    default:
      return problem(`is no reference; wanted ${REFERENCE}`);
  }
}

/** The last slash parts them: services are often named as addresses. */
function readKeychain(text: string): SecretSource | null {
  const at = text.lastIndexOf('/');
  const [keychain, account]: [string, string | null] =
    at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  const fits = (word: string | null) => word === null || (word !== '' && word.length <= 200);
  return fits(keychain) && fits(account) ? { keychain, account } : null;
}

/** A secret in words that `SECRETS` reads, for plans that are written to a file. */
export function writtenSecret({ from, for: users }: SecretSpec): {
  from: string | string[];
  for?: SecretUser[];
} {
  return { from: 'cmd' in from ? from.cmd : sourceText(from), ...(users === null ? {} : { for: users }) };
}
