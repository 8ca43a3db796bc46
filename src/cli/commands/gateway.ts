/** `rasen gateway`: the HTTP API and the page, in the foreground. What it does is in src/gateway/. */
import { join } from 'node:path';
import { takeHandover } from '../../service/runtime/handover.ts';
import { defineCommand, FORMAT, many, type OptionSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';

export interface GatewayFlags {
  listen?: string;
  unix?: string | true;
  host?: string[];
  tlsCert?: string;
  tlsKey?: string;
  behindProxy?: boolean;
  tailscaleLogin?: string[];
  forgeApi?: string;
}

export const FORGE_API: OptionSpec = {
  flags: '--forge-api <url>',
  about: 'base of the REST API for pull requests: of GitHub Enterprise, Gitea; default: that of the remote',
};

export const gateway = defineCommand<GatewayFlags>({
  name: 'gateway',
  summary: 'Serve the HTTP API and the page',
  details: [
    'It stays in the foreground and listens on 127.0.0.1:15001 unless told otherwise. Each request needs a token (`rasen token create`) or the login of a browser (`rasen web`); on a Unix socket, which is yours alone, it needs neither. The gateway is a client of the supervisor, as this command is: when it ends, no task notices.',
    'As a service it is there after a reboot, and started by the first request: `rasen service install --gateway`.',
    'An address that other machines reach is refused without --tls-cert and --tls-key, or --behind-proxy. Requests under a name that is not that of the gateway are refused; more names are allowed with --host.',
    'The addresses are in rasen-gateway(8) and, for programs, at /v1/openapi.json.',
  ],
  options: [
    { flags: '--listen <address:port>', about: 'default: 127.0.0.1:15001; port 0: any that is free' },
    {
      flags: '--unix [path]',
      about:
        'listen on a Unix socket instead, or beside --listen; default path: http.sock beside that of rasend',
    },
    { flags: '--host <name>', about: 'another name under which it is asked; may be repeated', parse: many },
    { flags: '--tls-cert <file>', about: 'certificate, with those above it' },
    { flags: '--tls-key <file>', about: 'its key' },
    { flags: '--behind-proxy', about: 'a proxy of yours ends TLS and sets X-Forwarded-Proto' },
    {
      flags: '--tailscale-login <login>',
      about: 'let in this login of the tailnet, behind `tailscale serve`; may be repeated',
      parse: many,
    },
    FORGE_API,
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen gateway', about: 'for this machine' },
    { command: 'rasen gateway --unix', about: 'then: curl --unix-socket … http://rasen/v1/tasks' },
    {
      command: 'rasen gateway --listen 0.0.0.0:443 --host box.example --tls-cert c.pem --tls-key k.pem',
      about: '',
    },
  ],
  async run({ options }, context) {
    const { out } = context;
    const running = await startGateway(context, options);
    const { url, unix } = running;
    out.reply({ url, unix, pid: process.pid }, () => [url, unix].filter(at => at !== null).join('\n'));
    await new Promise<void>(resolve => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
      // Whoever closes the terminal has not asked for an end, but nobody would find it again.
      process.once('SIGHUP', () => resolve());
    });
    await running.close();
  },
});

/** Where to listen: what is said, else what the service manager holds for us, else the default. */
function placesOf({ listen, unix }: GatewayFlags, { env, paths }: Context, preset: string) {
  const own = listen !== undefined || unix !== undefined;
  // Taken out of the environment in any case: no child may have it.
  const { http } = takeHandover(env);
  return {
    listen: listen ?? (own || http.length > 0 ? null : preset),
    unix: unix === true ? paths.http : (unix ?? null),
    inherited: own ? [] : http,
  };
}

async function startGateway(context: Context, options: GatewayFlags) {
  const { env, paths, link, out } = context;
  const { tlsCert, tlsKey } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw usage('--tls-cert and --tls-key belong together.');
  const bundle = await context.loadGatewayBundle();
  const places = placesOf(options, context, bundle.DEFAULT_LISTEN);
  return await bundle.serveGateway({
    ...{ paths, env },
    config: await context.loadConfigBundle(),
    page_folder: join(__dirname, 'page'),
    ...places,
    hosts: options.host ?? [],
    tls: tlsCert !== undefined && tlsKey !== undefined ? { cert: tlsCert, key: tlsKey } : null,
    behind_proxy: options.behindProxy === true,
    tailscale: options.tailscaleLogin ?? [],
    forge_api: options.forgeApi,
    // Of a service, the manager holds the socket of the supervisor as well, and starts it for who connects.
    ...(places.inherited.length > 0
      ? {}
      : {
          start: async () => {
            await link.persist(client => client.call('daemon.status', {}), { starts: true });
          },
        }),
    log: text => out.note(text),
  });
}
