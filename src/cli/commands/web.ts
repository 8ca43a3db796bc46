/** `rasen web`: opens the page, already logged in; starts a gateway where none runs. */
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { monotonicMs, sleep } from '../time.ts';

interface Options {
  qr?: boolean;
  /** False: --no-open. */
  open?: boolean;
  scope?: string;
  tailscale?: boolean;
}

const START_MS = 20_000;
const ASK_MS = 2000;

export const web = defineCommand<Options>({
  name: 'web',
  summary: 'Open the page in a browser, logged in',
  details: [
    'The gateway that is a service is used where there is one (`rasen service install --gateway`); else one is started in the background where none runs. The address holds a code that is good once and for a minute; the browser exchanges it for a cookie. `rasen token list` shows logged-in browsers, `rasen token revoke` logs them out.',
    'With --qr the address is shown for a phone: it must reach the gateway, so --tailscale asks `tailscale serve` to make it known in your tailnet over HTTPS.',
  ],
  options: [
    { flags: '--qr', about: 'show the address as a QR code, and open nothing here' },
    { flags: '--no-open', about: 'only print the address' },
    {
      flags: '--scope <scopes>',
      about: 'what the browser may do: read, submit, control, decide; default: all',
    },
    { flags: '--tailscale', about: 'serve it in your tailnet, and use that address' },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen web', about: '' },
    { command: 'rasen web --qr --tailscale', about: 'for the phone' },
  ],
  async run({ options }, context) {
    const { out, env, paths } = context;
    if (env.RASEN_ATTEMPT !== undefined)
      throw usage('A browser is logged in by a person, not from inside a task.');
    const bundle = await context.loadGatewayBundle();
    const scopes = bundle.parseScopes(options.scope ?? 'all');
    const own = bundle.gatewayPaths(paths.home);
    const local =
      (await runningGateway(own.running)) ??
      (await serviceGateway(context, own.running)) ??
      (await startInBackground(context, own.running, own.log));
    const url = options.tailscale ? await throughTailscale(local) : local;
    const address = `${url}/#code=${new bundle.Sessions(own).newCode(scopes)}`;
    if (options.qr) out.reply({ url: address }, () => `${bundle.qrText(address)}\n${address}`);
    else out.reply({ url: address }, () => address);
    if (!options.qr && options.open !== false && !out.json && out.stdout.isTTY) openBrowser(address, env);
  },
});

/** The URL of a gateway that answers; null: none does. */
async function runningGateway(file: string): Promise<string | null> {
  try {
    const { url } = JSON.parse(readFileSync(file, 'utf8')) as { url?: unknown };
    if (typeof url !== 'string') return null;
    const answer = await fetch(`${url}/livez`, { signal: AbortSignal.timeout(ASK_MS) });
    return answer.ok ? url : null;
  } catch {
    return null;
  }
}

/** That of the service, which the first request starts. Null: it is none, or something else answers in its place. */
async function serviceGateway(context: Context, running: string): Promise<string | null> {
  const { env, paths } = context;
  const { installedGateway } = await context.loadServiceBundle();
  const url = await installedGateway({ env, paths });
  if (url === null) return null;
  await fetch(`${url}/livez`, { signal: AbortSignal.timeout(START_MS) }).catch(() => null);
  // It says so itself, where no other user can write: a code is for nobody else.
  const said = await runningGateway(running);
  return said === url ? said : null;
}

/** Every command has this file in it, and few start anything. */
const childProcess = () => process.getBuiltinModule('node:child_process');

async function startInBackground({ env, paths }: Context, running: string, log: string): Promise<string> {
  mkdirSync(join(paths.home, 'gateway'), { recursive: true, mode: 0o700 });
  const fd = openSync(log, 'a', 0o600);
  const child = childProcess().spawn(process.execPath, [join(__dirname, 'rasen.cjs'), 'gateway'], {
    ...{ env, cwd: '/', detached: true },
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  child.unref();
  for (const end = monotonicMs() + START_MS; monotonicMs() < end && !ended; await sleep(50)) {
    const url = await runningGateway(running);
    if (url !== null) return url;
  }
  const said = lastLine(log);
  throw new RasenError('unreachable', `The gateway does not start${said ? `: ${said}` : '.'}`, {
    hint: `Its log: ${log}`,
  });
}

function lastLine(log: string): string | null {
  try {
    return readFileSync(log, 'utf8').trim().split('\n').at(-1) || null;
  } catch {
    return null;
  }
}

/** `tailscale serve` ends TLS and hands on to loopback. The name it serves under has to be one of the gateway's. */
async function throughTailscale(local: string): Promise<string> {
  const { port } = new URL(local);
  await tailscale(['serve', '--bg', `http://127.0.0.1:${port}`]);
  const { Self } = JSON.parse(await tailscale(['status', '--json'])) as { Self?: { DNSName?: string } };
  const name = Self?.DNSName?.replace(/\.$/, '');
  if (!name) throw new RasenError('service', 'tailscale does not say the name of this machine.');
  const answer = await fetch(`${local}/livez`, { headers: { Host: name } }).catch(() => null);
  if (answer?.status === 421)
    throw usage(
      `The gateway does not answer under the name ${name}.`,
      `Start it with: rasen gateway --behind-proxy --host ${name}`,
    );
  return `https://${name}`;
}

function tailscale(args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = childProcess().spawn('tailscale', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [said, wrong] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', text => {
      said += text;
    });
    child.stderr.setEncoding('utf8').on('data', text => {
      wrong += text;
    });
    child.once('error', cause =>
      reject(
        new RasenError('program_missing', 'tailscale cannot be run.', {
          hint: 'Install it, and log in: tailscale up',
          cause,
        }),
      ),
    );
    child.once('close', status =>
      status === 0
        ? resolve(said)
        : reject(
            new RasenError('service', `tailscale ${args[0]} failed: ${wrong.trim() || `status ${status}`}`),
          ),
    );
  });
}

function openBrowser(url: string, env: NodeJS.ProcessEnv): void {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = childProcess().spawn(program, [url], { env, stdio: 'ignore', detached: true });
  // There may be none on a server: the address is on the screen.
  child.once('error', () => {});
  child.unref();
}
