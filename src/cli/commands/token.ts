/** `rasen token …`: who may ask over HTTP. A gateway that runs sees each change with the next request. */
import { type AnyCommand, defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { oneLine } from '../output.ts';

const NAME = { name: 'name', about: 'of the token' };

async function open({ paths, loadGatewayBundle }: Context) {
  const bundle = await loadGatewayBundle();
  const own = bundle.gatewayPaths(paths.home);
  return { bundle, tokens: new bundle.Tokens(own.tokens), sessions: new bundle.Sessions(own) };
}

/** What runs inside an attempt must not make itself a key. */
function refuseInside({ env }: Context): void {
  if (env.RASEN_ATTEMPT !== undefined) throw usage('Tokens are made by a person, not from inside a task.');
}

export const tokenCreate = defineCommand<{ scope?: string }>({
  name: 'token create',
  summary: 'Make a token for the HTTP API; it is shown once',
  details: [
    'Scopes: read (look at everything), submit (hand over tasks), control (stop, resume, cancel, retry, note), decide (answer, merge, roll back, push, open pull requests). Only a hash of the token is kept.',
  ],
  arguments: [NAME],
  options: [
    { flags: '--scope <scopes>', about: 'read, submit, control, decide, with commas; or all. Default: read' },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen token create phone --scope read,decide', about: '' },
    { command: 'rasen token create ci --scope submit', about: '' },
  ],
  async run({ args: [name = ''], options }, context) {
    refuseInside(context);
    const { bundle, tokens } = await open(context);
    const scopes = bundle.parseScopes(options.scope ?? 'read');
    const token = tokens.create(name, scopes);
    context.out.reply({ name, scopes, token }, () => token);
    if (!context.out.json) context.out.note(`token ${name} (${scopes.join(', ')}); it is not shown again`);
  },
});

export const tokenList = defineCommand({
  name: 'token list',
  summary: 'List tokens and the logins of browsers',
  options: [...FORMAT],
  examples: [{ command: 'rasen token list', about: '' }],
  async run(_call, context) {
    const { tokens, sessions } = await open(context);
    const found = { tokens: tokens.list(), sessions: sessions.list() };
    context.out.reply(found, () => {
      const rows = [
        ...found.tokens.map(token => ({ ...token, kind: 'token', rest: '' })),
        ...found.sessions.map(session => ({
          ...session,
          kind: 'browser',
          rest: `  ${oneLine(session.agent, 60)}`,
        })),
      ];
      if (rows.length === 0)
        return 'There are none. Make one: rasen token create NAME, or log a browser in: rasen web';
      return rows
        .map(({ name, kind, scopes, created_at, rest }) =>
          [name.padEnd(20), kind.padEnd(7), scopes.join(',').padEnd(27), created_at + rest].join('  '),
        )
        .join('\n');
    });
  },
});

export const tokenRotate = defineCommand({
  name: 'token rotate',
  summary: 'Replace a token by another of the same name; the old one is void at once',
  arguments: [NAME],
  options: [...FORMAT],
  examples: [{ command: 'rasen token rotate phone', about: '' }],
  async run({ args: [name = ''] }, context) {
    refuseInside(context);
    const { tokens } = await open(context);
    const token = tokens.rotate(name);
    context.out.reply({ name, token }, () => token);
  },
});

export const tokenRevoke = defineCommand({
  name: 'token revoke',
  summary: 'Make a token, or the login of a browser, void at once',
  arguments: [{ name: 'name', about: 'of the token or the login, as `rasen token list` shows it' }],
  options: [...FORMAT],
  examples: [{ command: 'rasen token revoke phone', about: '' }],
  async run({ args: [name = ''] }, context) {
    const { tokens, sessions } = await open(context);
    if (!sessions.revoke(name)) tokens.revoke(name);
    context.out.reply({ name, revoked: true }, () => `Revoked: ${name}`);
  },
});

export const TOKEN_COMMANDS: readonly AnyCommand[] = [tokenCreate, tokenList, tokenRotate, tokenRevoke];
