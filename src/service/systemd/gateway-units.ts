/**
 * The units of the gateway, as pure functions of the request. Its socket is held by the manager: the first request after a
 * boot starts it, and whoever comes while it restarts waits. It is the part that talks with a network, so as a service of
 * the system it gets to see little: the system and homes read-only, of the state its own folder alone, of all sockets that
 * of rasend.
 *
 * In a user's manager that would take a user namespace, out of which nobody is let look at the descriptors of others: who
 * connects over TCP, and whether that is an agent in a task, could not be told. So there it is confined in what it may ask
 * of the kernel, and not in what it sees.
 */
import { dirname, join } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import { instanceEnvironment } from '../instance-environment.ts';
import type { ServiceFile, ServiceRequest } from '../service.ts';
import { literal, word } from './escape.ts';
import { FOLDERS, gatewayNamesOf, namesOf, type SystemdFolders } from './names.ts';
import { assignments, head, MODE, underHome } from './units.ts';

const MANUAL = 'Documentation=man:rasen-gateway(8) man:rasen(1)';

/** `address`: `127.0.0.1:15001`. Throws `usage` for folders that a unit cannot name. */
export function gatewayUnits(
  request: ServiceRequest,
  address: string,
  folders: SystemdFolders = FOLDERS,
): ServiceFile[] {
  if (request.mode === 'user') return userUnits(request, address, folders);
  refuseColons(request);
  return systemUnits(request, address, folders);
}

function userUnits(request: ServiceRequest, address: string, folders: SystemdFolders): ServiceFile[] {
  const { user, paths, umask, rasen_home } = request;
  const names = gatewayNamesOf(request, folders);
  const session = join(folders.run_user, String(user.uid));
  const at = (path: string) => quoted(underRuntime(path, session) ?? underHome(path, user.home));
  const instance = instanceEnvironment(request, paths.runtime);
  const runtime = rasen_home === null ? `\nEnvironment=${at(`RASEN_RUNTIME_DIR=${paths.runtime}`)}` : '';
  const variables = assignments(instance);
  const service = `${head('The HTTP API and page of rasen, as a service of this user.')}
[Unit]
Description=Rasen gateway
${MANUAL}
Wants=rasend.socket rasend.service
After=rasend.socket rasend.service
StartLimitIntervalSec=0

[Service]
${RUN}
ExecStart=${program(request)} gateway $RASEN_GATEWAY_FLAGS${variables === '' ? '' : `\n${variables}`}${runtime}
EnvironmentFile=-${underHome(namesOf(request, folders).environment, user.home)}
UMask=${umask}

${CONFINED}

[Install]
Also=rasen-gateway.socket
`;
  const socket = `${head('The sockets of the gateway. They outlive every restart, and start it.')}
[Unit]
Description=Rasen gateway sockets
${MANUAL}

[Socket]
ListenStream=${address}
ListenStream=${underRuntime(paths.http, session) ?? literal(paths.http)}
${SOCKET}
DirectoryMode=0700

[Install]
WantedBy=sockets.target
`;
  return [
    { path: names.service_file, text: service, mode: MODE },
    { path: names.socket_file, text: socket, mode: MODE },
  ];
}

function systemUnits(request: ServiceRequest, address: string, folders: SystemdFolders): ServiceFile[] {
  const { user, paths, umask } = request;
  const names = gatewayNamesOf(request, folders);
  const service = `${head('The HTTP API and page of rasen, as a service of the system, for the user after the @.')}
[Unit]
Description=Rasen gateway of %i
${MANUAL}
Wants=rasend@%i.socket rasend@%i.service
After=rasend@%i.socket rasend@%i.service network.target nss-user-lookup.target
StartLimitIntervalSec=0

[Service]
${RUN}
User=%i
ExecStart=${program(request)} gateway $RASEN_GATEWAY_FLAGS
Environment=RASEN_RUNTIME_DIR=${folders.run_rasen}/%i
EnvironmentFile=-${literal(folders.etc)}/rasen/%i.env
WorkingDirectory=~

${CONFINED}
${OUT_OF_SIGHT}
CapabilityBoundingSet=
AmbientCapabilities=
DevicePolicy=closed
ProtectKernelLogs=yes
${PLACES}
BindReadOnlyPaths=${literal(folders.run_rasen)}/%i

[Install]
Also=rasen-gateway@%i.socket
`;
  const socket = `${head('The sockets of the gateway of the user after the @. They outlive every restart, and start it.')}
[Unit]
Description=Rasen gateway sockets of %i
${MANUAL}

[Socket]
ListenStream=${literal(folders.run_rasen)}/%i/http.sock
${SOCKET}
SocketUser=%i
DirectoryMode=0755

[Install]
WantedBy=sockets.target
`;
  const own = `${head('What of the home of this user the gateway gets to see.')}
[Unit]
RequiresMountsFor=${word(user.home)}

[Service]
UMask=${umask}
TemporaryFileSystem=${word(paths.home)}
BindPaths=${word(paths.gateway)}
`;
  const listen = `${head('Where the gateway of this user listens.')}
[Socket]
ListenStream=${address}
`;
  return [
    { path: names.service_file, text: service, mode: MODE },
    { path: names.socket_file, text: socket, mode: MODE },
    { path: names.drop_ins!.service, text: own, mode: MODE },
    { path: names.drop_ins!.socket, text: listen, mode: MODE },
  ];
}

/** The program beside rasend. */
const program = ({ launcher }: ServiceRequest) => word(join(dirname(launcher), 'rasen'));

const RUN = `Type=exec
Restart=always
RestartSec=1
TimeoutStopSec=15`;

const SOCKET = `FileDescriptorName=http
SocketMode=0600
Backlog=512
RemoveOnStop=yes`;

/**
 * Not here: MemoryDenyWriteExecute (V8 compiles; without it node does not start), PrivateNetwork and IPAddressAllow (the
 * forges of repositories are anywhere), ProtectProc (who asks is looked up among the processes of the user).
 */
const CONFINED = `NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
# ssh gives up what it has not got, and ends when it may not.
SystemCallFilter=@setuid
SystemCallErrorNumber=EPERM
KeyringMode=private`;

const OUT_OF_SIGHT = `ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes`;

/** Of /run what names and programs need, and removable disks; no socket but that of rasend. */
const PLACES = `TemporaryFileSystem=/run:ro
BindReadOnlyPaths=-/run/systemd/resolve -/run/resolvconf -/run/NetworkManager -/run/nscd -/run/current-system -/run/wrappers -/run/media
# The state of rasen is hidden, but for the folder of the gateway.`;

const quoted = (text: string) =>
  /^[\w@%+=:,./~-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

/** With %t where possible: then the text is the same for every user. */
function underRuntime(text: string, session: string): string | null {
  const at = text.indexOf(`${session}/`);
  return at < 0 ? null : `${literal(text.slice(0, at))}%t${literal(text.slice(at + session.length))}`;
}

/** Mounts of a unit are lists with colons between their parts. */
function refuseColons({ paths }: ServiceRequest): void {
  const bad = [paths.home, paths.runtime].find(path => path.includes(':'));
  if (bad === undefined) return;
  throw new RasenError(
    'usage',
    `The path ${bad} has a colon in it, which the unit of the gateway cannot name.`,
    {
      hint: 'Use another folder for RASEN_HOME or the XDG variables; or run it yourself: rasen gateway',
    },
  );
}

/** Where the installed socket listens: the text of its unit, or of the drop-in of the system. Null: nowhere. */
export function addressIn(text: string): string | null {
  return /^ListenStream=((?:[\d.]+|\[[\da-f:]+\]):\d+)$/im.exec(text)?.[1] ?? null;
}
