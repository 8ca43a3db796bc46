/** Takes an installation under systemd away, whole; and stops the service with its tasks. State is never touched. */
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../contract/errors.ts';
import { answerOn } from '../answer.ts';
import { endDetached, masterOf, otherServiceHas } from '../detached.ts';
import { isOnlyOurs } from '../environment-file.ts';
import { isOurs, isTaken, removeEmptyFolder, removeFile, seenAt } from '../files.ts';
import { readRecord } from '../record.ts';
import type { Report, ServiceFile } from '../service.ts';
import { suspendTasks } from '../tasks.ts';
import { type Ctl, TIMEOUTS } from './ctl.ts';
import { stopLingering } from './linger.ts';
import { dropInPath, type Names, namesOf, SLICE, type SystemdFolders } from './names.ts';
import { refuseOtherInstance } from './rivals.ts';
import { isActive, unitState } from './state.ts';

/**
 * The tasks through rasend, then rasend; then, by the manager, what a supervisor that did not answer left running. That
 * comes last and only then: attempts of other instances are in the same slice. A detached supervisor ends as well.
 * Throws `service` when another service has the state, whose attempts are not ours to end.
 */
export async function stopWithTasks(ctl: Ctl, report: Report): Promise<void> {
  const { service, socket } = namesOf(ctl.request, ctl.host.folders);
  const { paths } = ctl.request;
  const state = await unitState(ctl, service);
  const master = await masterOf(ctl.request);
  const other = master && master.pid !== state.pid && master.unit !== service ? master : null;
  if (other?.unit) throw otherServiceHas(other.unit, ctl.request);
  const suspended = (isActive(state) || other !== null) && (await suspendTasks(paths, report));
  await ctl.must(['stop', socket, service], 'service', TIMEOUTS.stop_ms);
  if (other) await endDetached(other.pid, ctl.request.user);
  report('rasend has ended');
  if (suspended) return;
  const slice = await ctl.ask(['is-active', SLICE], 'user');
  if (slice.code !== 0) return;
  report(`emptying ${SLICE} (90 s at most)`);
  await ctl.must(['stop', SLICE], 'user', TIMEOUTS.stop_ms);
}

export async function uninstall(ctl: Ctl, files: readonly ServiceFile[], report: Report): Promise<void> {
  const { request, host } = ctl;
  const names = namesOf(request, host.folders);
  refuseOtherInstance(request, host.folders);
  const record = readRecord(names.record);
  const state = await unitState(ctl, names.service);
  const loaded = state.loaded || isActive(state);
  if (loaded) await stopWithTasks(ctl, report);
  // Where the user's manager is not there to do it, its links are ours to remove; see below.
  if (loaded) await ctl.ask(['disable', names.service, names.socket]);
  const { ours, theirs } = doomed(names, files, request.user.name, host.folders);
  for (const path of [...linksOf(names), ...ours]) if (removeFile(path)) report(`removed ${path}`);
  for (const path of theirs) report(`left: ${path} was not written by rasen`);
  if (request.mode === 'system') {
    removeEmptyFolder(dirname(dropInPath(request.user.name, host.folders)));
    removeEmptyFolder(dirname(names.environment));
  }
  for (const folder of record.folders.toReversed()) removeEmptyFolder(folder);
  await ctl.ask(['daemon-reload']);
  await ctl.ask(['reset-failed', names.service, names.socket]);
  if (request.mode === 'system') await ctl.ask(['daemon-reload'], 'user');
  await removeRuntime(ctl);
  if (record.linger) {
    await stopLingering(ctl);
    report(`${request.user.name}'s services need a login again (lingering was off before the installation)`);
  }
  await host.run(['sync', '-f', dirname(names.units)]);
}

function linksOf({ units, service, socket }: Names): string[] {
  const wanted = ['default', 'multi-user'].map(target => join(units, `${target}.target.wants`, service));
  return [...wanted, join(units, 'sockets.target.wants', socket)];
}

/**
 * What goes: all that is ours; of a template only when nobody else has an instance of it; variables if only ours. What
 * somebody else has put under these names stays, a mask too.
 */
function doomed(
  names: Names,
  files: readonly ServiceFile[],
  user: string,
  folders: SystemdFolders,
): { ours: string[]; theirs: string[] } {
  const own = files.map(file => file.path);
  const mine = othersHave(user, folders) ? own.filter(path => path === dropInPath(user, folders)) : own;
  const there = [...mine, names.record].filter(isTaken);
  const variables = isOnlyOurs(seenAt(names.environment) ?? '') ? [names.environment] : [];
  return {
    ours: [...there.filter(isOurs), ...variables.filter(isOurs)],
    theirs: there.filter(path => !isOurs(path)),
  };
}

/** Another user's drop-in: the templates are his, too. `unit`: of the template, without `@`. */
export function othersHave(user: string, { etc }: SystemdFolders, unit = 'rasend'): boolean {
  try {
    return readdirSync(join(etc, 'systemd/system')).some(
      name =>
        name.startsWith(`${unit}@`) && /@.+\.service\.d$/.test(name) && name !== `${unit}@${user}.service.d`,
    );
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** A socket that nobody answers would send clients there; the folder of a system service is ours altogether. */
async function removeRuntime(ctl: Ctl): Promise<void> {
  const { socket, runtime } = ctl.request.paths;
  if (await answerOn(socket)) return;
  if (ctl.request.mode === 'user') return rmSync(socket, { force: true });
  // As the user: root must not walk through a folder in which the user can change what is where.
  await ctl.runAsUser(['find', runtime, '-mindepth', '1', '-delete']);
  for (const folder of [runtime, dirname(runtime)]) removeEmptyFolder(folder);
}
