/**
 * The unit files, as pure functions of the request and systemd's version: a newer setting does not just do nothing in
 * an older systemd, it can leave a unit that never starts. Used by the installation and by the build of packages.
 *
 * Versions: 254 and newer have everything; 253 has no growing restart delay; below, systemd opens no sockets for us and
 * knows no notify-reload, so rasend tells it through systemd-notify(1), a child, which is why all may notify.
 */
import { dirname, join } from 'node:path';
import { MARK } from '../files.ts';
import { instanceEnvironment } from '../instance-environment.ts';
import type { ServiceFile, ServiceRequest } from '../service.ts';
import { literal, word } from './escape.ts';
import { dropInPath, FOLDERS, namesOf, SLICE, type SystemdFolders } from './names.ts';

export const MODE = 0o644;
const MANUAL = 'Documentation=man:rasend(8) man:rasen(1)';

export function units(
  request: ServiceRequest,
  version: number,
  folders: SystemdFolders = FOLDERS,
): ServiceFile[] {
  return request.mode === 'user'
    ? userUnits(request, version, folders)
    : systemUnits(request, version, folders);
}

function userUnits(request: ServiceRequest, version: number, folders: SystemdFolders): ServiceFile[] {
  const { user, paths, launcher, umask } = request;
  const names = namesOf(request, folders);
  const runtime = join(folders.run_user, String(user.uid), 'rasen');
  const environment = {
    RASEN_SERVICE: 'user',
    NODE_ENV: 'production',
    ...instanceEnvironment(request, runtime),
  };
  const service = `${head('The supervisor of rasen, as a service of this user.')}
[Unit]
Description=Rasen task supervisor
${MANUAL}
Wants=rasend.socket
After=rasend.socket
${NEVER_GIVE_UP}

[Service]
${notify(version, `${folders.run_user}/${user.uid}/systemd/notify`)}
ExecStart=${word(launcher)}
${assignments(environment)}
EnvironmentFile=-${underHome(names.environment, user.home)}
UMask=${umask}

${restart(version)}

${TASKS_LIVE_ON}

${CONFINED}

[Install]
WantedBy=default.target
Also=rasend.socket
`;
  const listen = paths.runtime === runtime ? '%t/rasen/rasend.sock' : literal(paths.socket);
  const socket = `${head('The socket of rasend. It outlives every restart: clients wait in its queue, none is refused.')}
[Unit]
Description=Rasen supervisor socket
${MANUAL}

[Socket]
ListenStream=${listen}
${SOCKET}
DirectoryMode=0700

[Install]
WantedBy=sockets.target
`;
  return [
    { path: join(names.units, names.service), text: service, mode: MODE },
    { path: join(names.units, names.socket), text: socket, mode: MODE },
    { path: join(names.units, SLICE), text: SLICE_TEXT, mode: MODE },
  ];
}

function systemUnits(request: ServiceRequest, version: number, folders: SystemdFolders): ServiceFile[] {
  const { user, launcher, umask } = request;
  const { units: folder } = namesOf(request, folders);
  const environment = {
    RASEN_SERVICE: 'system',
    RASEN_RUNTIME_DIR: `${folders.run_rasen}/%i`,
    NODE_ENV: 'production',
  };
  const service = `${head('The supervisor of rasen, as a service of the system, for the user after the @.')}
[Unit]
Description=Rasen task supervisor of %i
${MANUAL}
Wants=rasend@%i.socket
After=rasend@%i.socket network.target remote-fs.target nss-user-lookup.target time-sync.target systemd-logind.service
${NEVER_GIVE_UP}

[Service]
${notify(version, '/run/systemd/notify')}
User=%i
ExecStart=${word(launcher)}
${assignments(environment, { specifiers: true })}
EnvironmentFile=-${literal(folders.etc)}/rasen/%i.env
WorkingDirectory=~
# Made for root by the socket; this gives it to the user.
RuntimeDirectory=rasen/%i
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes

${restart(version)}

${TASKS_LIVE_ON}

${CONFINED}
# The state, the projects and their worktrees are in places that only the user knows, so no home is closed.
CapabilityBoundingSet=
AmbientCapabilities=
PrivateDevices=yes
DevicePolicy=closed
ProtectSystem=full
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes

[Install]
WantedBy=multi-user.target
Also=rasend@%i.socket
`;
  const socket = `${head('The socket of rasend for the user after the @. It outlives every restart.')}
[Unit]
Description=Rasen supervisor socket of %i
${MANUAL}

[Socket]
ListenStream=${literal(folders.run_rasen)}/%i/rasend.sock
${SOCKET}
SocketUser=%i
# So that the user gets to the socket before rasend has ever run; then the folder is his and closed.
DirectoryMode=0755

[Install]
WantedBy=sockets.target
`;
  const dropIn = `${head("Tasks run in the user's own service manager, so that has to be there first.")}
[Unit]
Wants=user@${user.uid}.service
After=user@${user.uid}.service
# A home on a disk of its own may come late.
RequiresMountsFor=${word(user.home)}

[Service]
Environment=XDG_RUNTIME_DIR=${folders.run_user}/${user.uid}
UMask=${umask}
`;
  return [
    { path: join(folder, 'rasend@.service'), text: service, mode: MODE },
    { path: join(folder, 'rasend@.socket'), text: socket, mode: MODE },
    { path: dropInPath(user.name, folders), text: dropIn, mode: MODE },
    { path: join(dirname(folder), 'user', SLICE), text: SLICE_TEXT, mode: MODE },
  ];
}

export function head(about: string): string {
  return `# ${about}\n# Made by \`${MARK}\`; changes are for a drop-in (systemctl edit), this file is written anew.`;
}

function notify(version: number, socket: string): string {
  if (version < 253)
    return `Type=notify
NotifyAccess=all
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=60
TimeoutStartSec=120
TimeoutStopSec=30`;
  return `Type=notify-reload
NotifyAccess=main
# Opened by systemd, since node has no datagram sockets.
OpenFile=${socket}:sdnotify:graceful
OpenFile=/run/systemd/journal/socket:journal:graceful
WatchdogSec=60
TimeoutStartSec=120
TimeoutStopSec=30`;
}

const NEVER_GIVE_UP = `# The delay below stands in for a start limit: a supervisor of tasks is never given up.
StartLimitIntervalSec=0`;

function restart(version: number): string {
  const delay = version >= 254 ? 'RestartSec=500ms\nRestartSteps=8\nRestartMaxDelaySec=60' : 'RestartSec=5';
  return `Restart=always\n${delay}`;
}

const TASKS_LIVE_ON = `# Attempts are units of their own in ${SLICE}; KillMode=process spares also those that are not.
KillMode=process
OOMPolicy=continue
OOMScoreAdjust=-100
LimitNOFILE=65536`;

/**
 * Not here: MemoryDenyWriteExecute (node compiles), RestrictSUIDSGID (git sets the group bit in shared repositories),
 * ProtectHome, ProtectSystem=strict and PrivateTmp (projects are anywhere), RemoveIPC (it is the user's IPC),
 * ProtectKernelTunables and ProtectControlGroups (their mounts hide what a container has put over /proc/sys: rasend
 * would see another boot id than its runners, and take every attempt for one of an earlier boot).
 */
const CONFINED = `# rasend itself is confined; what it starts in units of their own does not inherit this.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
KeyringMode=private`;

const SOCKET = `FileDescriptorName=rpc
SocketMode=0600
Backlog=512
RemoveOnStop=no`;

const SLICE_TEXT = `${head('All attempts of rasen together; limits for all of them belong here.')}
[Unit]
Description=Rasen attempts
${MANUAL}

[Slice]
CPUAccounting=yes
MemoryAccounting=yes
TasksAccounting=yes
# Leaves the machine usable for people.
CPUWeight=50
IOWeight=50
`;

/** `specifiers`: the values hold some, like %i, that are meant. */
export function assignments(values: Record<string, string>, { specifiers = false } = {}): string {
  return Object.entries(values)
    .map(([name, value]) => `Environment=${specifiers ? `${name}=${value}` : word(`${name}=${value}`)}`)
    .join('\n');
}

/** With %h where possible: then the text is the same for every user. */
export function underHome(path: string, home: string): string {
  return path.startsWith(`${home}/`) ? `%h${literal(path.slice(home.length))}` : literal(path);
}
