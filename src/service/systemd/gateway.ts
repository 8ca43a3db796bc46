/**
 * The gateway as units of systemd: its socket, which is there from the boot on, and its service, which the first request
 * starts. rasend is installed by then, and lingering is on.
 */
import { dirname } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import {
  differing,
  isFileAt,
  isOurs,
  isTaken,
  removeEmptyFolder,
  removeFile,
  seenAt,
  writeFiles,
} from '../files.ts';
import { gatewayAnswers, gatewayUrl } from '../gateway-address.ts';
import { PACKAGED } from '../packaged.ts';
import { lastLine } from '../run.ts';
import type { GatewayService, GatewayStatus, Report, ServiceFile, ServiceRequest } from '../service.ts';
import { Undo } from '../undo.ts';
import { Ctl, type Host, TIMEOUTS } from './ctl.ts';
import { addressIn, gatewayUnits } from './gateway-units.ts';
import { lastError } from './health.ts';
import { gatewayNamesOf, type SystemdFolders } from './names.ts';
import { outdated } from './outdated.ts';
import { refuseOtherInstance } from './rivals.ts';
import { isActive, isUp, settledState, unitState } from './state.ts';
import { othersHave } from './uninstall.ts';

const ANSWER_MS = 15_000;

export function systemdGateway(host: Host): GatewayService {
  const { folders } = host;
  const files = (request: ServiceRequest, address: string) => gatewayUnits(request, address, folders);
  const address = (request: ServiceRequest) => installedAddress(request, folders);
  const whenInstalled = async (request: ServiceRequest, verb: (ctl: Ctl) => Promise<void>) => {
    if (address(request) === null) return;
    refuseOtherInstance(request, folders);
    await verb(new Ctl(host, request));
  };
  return {
    address,
    files,
    async install(request, at, report) {
      refuseOtherInstance(request, folders);
      await install(new Ctl(host, request), { files: files(request, at), address: at, report });
    },
    uninstall: (request, report) =>
      whenInstalled(request, ctl => uninstall(ctl, files(request, address(request)!), report)),
    start: request => whenInstalled(request, startSocket),
    stop: request => whenInstalled(request, stopUnits),
    async restart(request) {
      await whenInstalled(request, async ctl => {
        await startSocket(ctl);
        await ctl.must(
          ['try-restart', gatewayNamesOf(request, folders).service],
          'service',
          TIMEOUTS.start_ms,
        );
      });
    },
    async status(request) {
      const at = address(request);
      return at === null ? null : await statusOf(new Ctl(host, request), files(request, at), at);
    },
  };
}

/** Of the unit file; of the user's drop-in where the file is a template. A unit of a package counts when it is enabled. */
export function installedAddress(
  request: Pick<ServiceRequest, 'mode' | 'user'>,
  folders: SystemdFolders,
): string | null {
  const names = gatewayNamesOf(request, folders);
  const own = names.drop_ins?.socket ?? names.socket_file;
  if (isFileAt(own)) return addressIn(seenAt(own)!);
  if (request.mode === 'system') return null;
  const wanted = [names.units, ...PACKAGED].some(folder =>
    isTaken(`${folder}/sockets.target.wants/${names.socket}`),
  );
  const packaged = PACKAGED.map(folder => `${folder}/${names.socket}`).find(isFileAt);
  return wanted && packaged !== undefined ? addressIn(seenAt(packaged)!) : null;
}

interface Installation {
  files: readonly ServiceFile[];
  address: string;
  report: Report;
}

async function install(ctl: Ctl, { files, address, report }: Installation): Promise<void> {
  const { service, socket } = gatewayNamesOf(ctl.request, ctl.host.folders);
  const changed = differing(files);
  const undo = new Undo('The gateway was not installed; rasend runs.');
  try {
    const before = await unitState(ctl, socket);
    // Taken back last: by then the files are again what they were.
    if (isActive(before)) undo.add(`the stopped ${socket}`, () => startSocket(ctl));
    undo.add('what systemd has read', async () => void (await ctl.must(['daemon-reload'])));
    writeFiles(changed, undo);
    for (const { path } of changed) report(`wrote ${path}`);
    await ctl.must(['daemon-reload']);
    if (!before.enabled)
      undo.add(`links to ${socket}`, async () => void (await ctl.must(['disable', socket])));
    await ctl.must(['enable', socket]);
    if (!isActive(before)) undo.add(`the running ${socket}`, () => stopUnits(ctl));
    // A socket that listens takes another address only when it is started anew.
    if (changed.length > 0) await stopUnits(ctl);
    await startSocket(ctl, address);
    await startService(ctl);
    if (!(await gatewayAnswers(address, ANSWER_MS))) throw silent(ctl, service, address);
    await ctl.host.run(['sync', '-f', dirname(files[0]!.path)]);
    report(`the gateway answers at ${gatewayUrl(address)}`);
  } catch (error) {
    throw await undo.because(error);
  }
}

async function startSocket(
  ctl: Ctl,
  address = installedAddress(ctl.request, ctl.host.folders),
): Promise<void> {
  const { socket } = gatewayNamesOf(ctl.request, ctl.host.folders);
  const ran = await ctl.ask(['start', socket]);
  if (ran.code === 0) return;
  const words = await ctl.lastWords(socket);
  if (words.some(line => /Address already in use/.test(line)))
    throw new RasenError('service', `Another program listens on ${address} already.`, {
      hint: 'Choose another: rasen service install --gateway 127.0.0.1:PORT',
    });
  throw new RasenError('service', `${socket} does not start: ${words.at(-1) ?? lastLine(ran)}.`);
}

async function startService(ctl: Ctl): Promise<void> {
  const { service } = gatewayNamesOf(ctl.request, ctl.host.folders);
  const ran = await ctl.ask(['restart', service], 'service', TIMEOUTS.start_ms);
  if (ran.code === 0) return;
  const words = (await ctl.lastWords(service)).map(line => `\n  ${line}`).join('');
  const { mode } = ctl.request;
  throw new RasenError('service', `${service} does not start.${words}`, {
    hint: `All of it: journalctl ${mode === 'user' ? '--user ' : ''}-u ${service}`,
    data: { unit: service },
  });
}

function silent(ctl: Ctl, service: string, address: string): RasenError {
  return new RasenError('service', `${service} was started, and does not answer on ${address}.`, {
    hint: `Look: journalctl ${ctl.request.mode === 'user' ? '--user ' : ''}-u ${service}`,
    data: { unit: service },
  });
}

async function stopUnits(ctl: Ctl): Promise<void> {
  const { service, socket } = gatewayNamesOf(ctl.request, ctl.host.folders);
  await ctl.must(['stop', socket, service], 'service', TIMEOUTS.stop_ms);
}

async function uninstall(ctl: Ctl, files: readonly ServiceFile[], report: Report): Promise<void> {
  const names = gatewayNamesOf(ctl.request, ctl.host.folders);
  const state = await unitState(ctl, names.socket);
  if (state.loaded) {
    await stopUnits(ctl);
    await ctl.ask(['disable', names.socket]);
  }
  const own = files.map(({ path }) => path);
  // The templates are the other users', too.
  const mine =
    names.drop_ins && othersHave(ctl.request.user.name, ctl.host.folders, 'rasen-gateway')
      ? own.filter(path => path.includes('.d/'))
      : own;
  removeFile(`${names.units}/sockets.target.wants/${names.socket}`);
  for (const path of mine.filter(isTaken)) {
    if (!isOurs(path)) report(`left: ${path} was not written by rasen`);
    else if (removeFile(path)) report(`removed ${path}`);
  }
  if (names.drop_ins) for (const path of Object.values(names.drop_ins)) removeEmptyFolder(dirname(path));
  await ctl.ask(['daemon-reload']);
  await ctl.ask(['reset-failed', names.service, names.socket]);
}

async function statusOf(ctl: Ctl, files: readonly ServiceFile[], address: string): Promise<GatewayStatus> {
  const names = gatewayNamesOf(ctl.request, ctl.host.folders);
  const [socket, service] = [await unitState(ctl, names.socket), await settledState(ctl, names.service)];
  const failed = service.active === 'failed' || service.sub === 'auto-restart';
  const problem = failed
    ? `the gateway does not start: ${(await lastError(ctl, names.service))?.replace(/\.+$/, '') ?? 'see its journal'}`
    : isUp(socket)
      ? null
      : `${names.socket} is ${socket.active}, so nobody reaches the gateway`;
  return {
    url: gatewayUrl(address),
    unix: ctl.request.paths.http,
    answers: problem === null,
    running: isUp(service),
    pid: service.pid,
    state:
      isUp(service) || failed
        ? `${service.active} (${service.sub})`
        : isUp(socket)
          ? 'waiting'
          : socket.active,
    problem,
    outdated: outdated(files),
  };
}
