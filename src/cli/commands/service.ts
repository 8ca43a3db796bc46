/** `rasen service …`: rasend as a service of the operating system. What it means there is in src/service/. */
import { EXIT } from '../../contract/errors.ts';
import type { ServiceVerb } from '../../service/request.ts';
import type { GatewayStatus, ServiceManager, ServiceRequest, ServiceStatus } from '../../service/service.ts';
import { type AnyCommand, defineCommand, FORMAT, type OptionSpec } from '../command.ts';
import type { Context, ServiceBundle } from '../context.ts';
import { localTime } from '../time.ts';

interface ServiceOptions {
  system?: string;
  dryRun?: boolean;
  gateway?: string | true;
}

const SYSTEM: OptionSpec = {
  flags: '--system <user>',
  about: 'a service of the system, run as this user; for root',
};

interface Parts {
  context: Context;
  bundle: ServiceBundle;
  manager: ServiceManager;
  request: ServiceRequest;
  options: ServiceOptions;
  report(step: string): void;
}

export const serviceInstall = defineCommand<ServiceOptions>({
  name: 'service install',
  summary: 'Make rasend a service, which starts at boot without a login',
  details: [
    'Under systemd it is a unit of yours, with a socket that keeps clients waiting while rasend restarts, and lingering is switched on; under launchd it is an agent of yours. PATH and umask are taken from your login shell. A supervisor that runs already is replaced; its tasks go on.',
    'With --gateway the HTTP API and the page are a second service beside it. Under systemd its sockets are there from the boot on and the first request starts it; it sees the system and your home read-only, of the state its logins alone, and no socket but that of rasend. An installed gateway is kept, and brought up to date, without the option.',
    'It can be repeated: files are brought up to date, and the service restarts only when something changed. When a step fails, the steps before it are taken back.',
  ],
  options: [
    SYSTEM,
    {
      flags: '--gateway [address:port]',
      about: 'the gateway as well; default: where it is, or 127.0.0.1:15001',
    },
    { flags: '--dry-run', about: 'show the files that would be written, and change nothing' },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen service install', about: '' },
    { command: 'sudo rasen service install --system alice', about: 'for a user who never logs in' },
    { command: 'rasen service install --gateway', about: 'with the HTTP API and the page' },
    { command: 'rasen service install --dry-run', about: 'look first' },
  ],
  async run({ options }, context) {
    const parts = await open(context, options, 'install');
    const { manager, request, report } = parts;
    const address = gatewayWanted(parts);
    if (options.dryRun) return showFiles(parts, address);
    await manager.install(request, report);
    if (address !== null) await manager.gateway.install(request, address, report);
    await tell(
      parts,
      status => `rasend is a service now: ${where(parts, status)}.\n${commandsOf(parts, status.gateway)}`,
    );
  },
});

/** Not asked for: without lingering, the user's service manager is on its way out by then. */
const GONE: ServiceStatus = {
  installed: false,
  at_boot: false,
  running: false,
  pid: null,
  state: 'not installed',
  since: null,
  said: null,
  problem: null,
  cannot_start: false,
  outdated: [],
};

export const serviceUninstall = defineCommand<ServiceOptions>({
  name: 'service uninstall',
  summary: 'Take the service away, with everything that its installation made',
  details: [
    'Tasks are stopped as by `rasen service stop`. Their state stays; `rasen resume` goes on with it. The gateway goes as well; its logins stay.',
  ],
  options: [SYSTEM, { flags: '--gateway', about: 'the gateway alone; rasend and its tasks stay' }, ...FORMAT],
  examples: [
    { command: 'rasen service uninstall', about: '' },
    { command: 'rasen service uninstall --gateway', about: '' },
  ],
  async run({ options }, context) {
    const parts = await open(context, options, 'uninstall');
    const { manager, request, report } = parts;
    const had = manager.gateway.address(request) !== null;
    if (options.gateway) {
      await manager.gateway.uninstall(request, report);
      await tell(parts, () => (had ? 'The service of the gateway is gone.' : 'The gateway was no service.'));
      return;
    }
    const { installed } = await manager.status(request);
    await manager.gateway.uninstall(request, report);
    await manager.uninstall(request, report);
    const done = installed ? 'The service is gone.' : 'There was no service.';
    await tell(parts, () => `${done} The tasks are where they were: ${request.paths.home}`, GONE);
  },
});

export const serviceStart = defineCommand<ServiceOptions>({
  name: 'service start',
  summary: 'Start the service; tasks go on where they were',
  options: [SYSTEM, ...FORMAT],
  examples: [{ command: 'rasen service start', about: '' }],
  async run({ options }, context) {
    const parts = await open(context, options, 'start');
    await parts.manager.start(parts.request, parts.report);
    await parts.manager.gateway.start(parts.request);
    await tell(parts, status => `rasend runs: ${where(parts, status)}.`);
  },
});

export const serviceStop = defineCommand<ServiceOptions>({
  name: 'service stop',
  summary: 'End rasend and everything that it runs, gracefully',
  details: [
    'It returns when nothing of a task runs any more. The state is kept. The service starts again at the next boot, or with `rasen service start`.',
  ],
  options: [SYSTEM, ...FORMAT],
  examples: [{ command: 'rasen service stop', about: '' }],
  async run({ options }, context) {
    const parts = await open(context, options, 'stop');
    // First: a request that comes meanwhile would start rasend again.
    await parts.manager.gateway.stop(parts.request);
    await parts.manager.stop(parts.request, parts.report);
    const flag = options.system === undefined ? '' : ` --system ${options.system}`;
    await tell(parts, () => `rasend and its tasks have ended. Go on with: rasen service start${flag}`);
  },
});

export const serviceRestart = defineCommand<ServiceOptions>({
  name: 'service restart',
  summary: 'Restart rasend; tasks are not touched and clients wait',
  options: [SYSTEM, ...FORMAT],
  examples: [{ command: 'rasen service restart', about: 'after an upgrade' }],
  async run({ options }, context) {
    const parts = await open(context, options, 'restart');
    await parts.manager.restart(parts.request, parts.report);
    await parts.manager.gateway.restart(parts.request);
    await tell(parts, status => `rasend runs: ${where(parts, status)}.`);
  },
});

export const serviceStatus = defineCommand<ServiceOptions>({
  name: 'service status',
  summary: 'Show whether the service is installed, runs, and comes at boot',
  details: ['Of a service that does not start it tells why. The exit status is 4 when it does not run.'],
  options: [SYSTEM, ...FORMAT],
  examples: [{ command: 'rasen service status --json', about: '' }],
  async run({ options }, context) {
    const parts = await open(context, options, 'status');
    const status = await tell(parts, (status, version) => statusText(parts, status, version));
    return status.running ? EXIT.ok : EXIT.unreachable;
  },
});

export const SERVICE_COMMANDS: readonly AnyCommand[] = [
  serviceInstall,
  serviceUninstall,
  serviceStart,
  serviceStop,
  serviceRestart,
  serviceStatus,
];

async function open(context: Context, options: ServiceOptions, verb: ServiceVerb): Promise<Parts> {
  const { env, out } = context;
  const bundle = await context.loadServiceBundle();
  const report = (step: string) => out.note(step);
  const request = await bundle.serviceRequest({
    env,
    system: options.system,
    bundle_folder: __dirname,
    verb,
    warn: text => out.note(`warning: ${text}`),
  });
  const manager = await bundle.serviceManager(env, { launcher: request.launcher });
  return { context, bundle, manager, request, options, report };
}

/** Where the gateway is to listen; null: it is no part of the installation. Throws `usage`. */
function gatewayWanted({ bundle, manager, request, options: { gateway } }: Parts): string | null {
  const there = manager.gateway.address(request);
  if (gateway === undefined) return there;
  return gateway === true ? (there ?? bundle.GATEWAY_ADDRESS) : bundle.gatewayAddress(gateway);
}

type Told = ServiceStatus & { gateway: GatewayStatus | null };

/** The answer of every verb: how things are now. */
async function tell(
  { context, bundle, manager, request }: Parts,
  text: (status: Told, version: string | null) => string,
  known?: ServiceStatus,
): Promise<Told> {
  const status: Told = known
    ? { ...known, gateway: null }
    : { ...(await manager.status(request)), gateway: await manager.gateway.status(request) };
  const version = status.running ? ((await bundle.answerOn(request.paths.socket))?.version ?? null) : null;
  const value = { manager: manager.name, mode: request.mode, user: request.user.name, ...status, version };
  context.out.reply({ ...value, home: request.paths.home }, () => text(status, version));
  return status;
}

function showFiles({ context: { out }, manager, request }: Parts, address: string | null): void {
  const all = [
    ...manager.files(request),
    ...(address === null ? [] : manager.gateway.files(request, address)),
  ];
  const files = all.map(({ path, mode, text }) => ({ path, mode: octal(mode), text }));
  out.reply({ manager: manager.name, mode: request.mode, user: request.user.name, files }, () =>
    files.map(({ path, mode, text }) => `==> ${path} (mode ${mode})\n${text}`).join('\n'),
  );
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function where({ manager, request }: Parts, { pid, at_boot }: ServiceStatus): string {
  const boot = at_boot ? 'comes at boot without a login' : 'does not come at boot';
  return `${manager.name}, user ${request.user.name}${pid === null ? '' : `, PID ${pid}`}; it ${boot}`;
}

/** What people type from now on. */
function commandsOf({ manager, request: { mode, user } }: Parts, gateway: GatewayStatus | null): string {
  const flag = mode === 'user' ? '' : ` --system ${user.name}`;
  const sudo = mode === 'user' ? '' : 'sudo ';
  const unit = mode === 'user' ? '--user -u rasend' : `-u rasend@${user.name}`;
  const log = manager.name === 'systemd' ? `  Log:     journalctl ${unit}\n` : '';
  const page = gateway === null ? '' : `  Page:    ${gateway.url}, logged in: rasen web\n`;
  return `${log}${page}  Look:    rasen service status${flag} · rasen doctor
  Stop:    ${sudo}rasen service stop${flag} (with its tasks)
  Remove:  ${sudo}rasen service uninstall${flag}`;
}

function statusText({ manager, request }: Parts, status: Told, version: string | null): string {
  const { installed, at_boot, running, pid, state, since, said, problem, gateway } = status;
  const outdated = [...status.outdated, ...(gateway?.outdated ?? [])];
  const since_text = since === null ? '' : ` since ${localTime(since)}`;
  const rows = [
    ['service', installed ? `${manager.name}, ${request.mode}, for ${request.user.name}` : 'not installed'],
    ['state', `${state}${since_text}`],
    ...(problem !== null ? [['problem', `${problem}.`]] : []),
    ...(running ? [['process', `PID ${pid ?? '?'}, rasend ${version ?? '(does not answer)'}`]] : []),
    ...(said !== null ? [['tasks', said]] : []),
    ['at boot', at_boot ? 'comes without a login' : 'does not come'],
    ...(gateway !== null ? [['gateway', `${gateway.url}, ${gateway.problem ?? gateway.state}`]] : []),
    ...(outdated.length > 0
      ? [['outdated', `${outdated.join(', ')}\n          Bring up to date: rasen service install`]]
      : []),
  ];
  return rows.map(([name, value]) => `${name!.padEnd(8)}  ${value}`).join('\n');
}
