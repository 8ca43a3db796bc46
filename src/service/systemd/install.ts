/**
 * Makes rasend a service under systemd: files, links, lingering, and the running service. Repeatable: what is right
 * stays, and the service restarts only when its files or its version changed. What fails is taken back.
 */
import { dirname, join } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import { VERSION } from '../../version.ts';
import { answerOn, waitForAnswer } from '../answer.ts';
import { takeOver } from '../detached.ts';
import { differing, writeFiles } from '../files.ts';
import { merged, readRecord, recordFile } from '../record.ts';
import type { Report, ServiceFile } from '../service.ts';
import { Undo } from '../undo.ts';
import { refuseBoth } from '../whose.ts';
import { type Ctl, TIMEOUTS } from './ctl.ts';
import { letLinger } from './linger.ts';
import { type Names, namesOf } from './names.ts';
import { refuseOtherInstance } from './rivals.ts';
import { isDisplaced } from './socket-place.ts';
import { isActive, isUp, type UnitState, unitState } from './state.ts';

/** READY has come by then; this is for the way to us. */
const ANSWER_MS = 15_000;

export async function install(ctl: Ctl, files: readonly ServiceFile[], report: Report): Promise<void> {
  const { request, host } = ctl;
  const names = namesOf(request, host.folders);
  refuseBoth(request.mode, request.user, { folders: host.folders });
  refuseOtherInstance(request, host.folders);
  const changed = differing(files);
  const undo = new Undo();
  try {
    const linger = await letLinger(ctl, undo, report);
    const before = await unitState(ctl, names.service);
    const restarted = { value: false };
    // Taken back last, when the former files are in place again.
    undo.add(`a restart of ${names.service}`, async () => {
      if (restarted.value) await revive(ctl, names);
    });
    undo.add('what systemd has read', async () => {
      if (ctl.managerRuns()) await ctl.must(['daemon-reload']);
    });
    const folders = writeFiles(changed, undo);
    for (const { path } of changed) report(`wrote ${path}`);
    const record = merged(readRecord(names.record), { linger, folders });
    writeFiles(differing([recordFile(names.record, record)]), undo);
    await ctl.must(['daemon-reload']);
    await enable(ctl, names, before, undo);
    await run(ctl, names, { before, changed, restarted, undo, report });
    await sync(ctl, names);
  } catch (error) {
    throw await undo.because(error);
  }
}

/** Starts the service where a detached supervisor may have been until now. */
export async function startService(ctl: Ctl, report: Report): Promise<void> {
  const names = namesOf(ctl.request, ctl.host.folders);
  const before = await unitState(ctl, names.service);
  const undo = new Undo(null);
  try {
    const ended = await takeOver(ctl.request, {
      service: { pid: before.pid, unit: names.service },
      report,
      undo,
    });
    // A service that is tried again and again would keep the state from the supervisor that is started again.
    if (ended) undo.add(`the running ${names.service}`, () => stopRunning(ctl, names));
    if (isUp(before) && isDisplaced(ctl.request.paths.socket)) await stopUnits(ctl, names);
    await startUnits(ctl, names);
  } catch (error) {
    throw await undo.because(error);
  }
}

export async function restartService(ctl: Ctl): Promise<void> {
  const names = namesOf(ctl.request, ctl.host.folders);
  if (isDisplaced(ctl.request.paths.socket)) {
    await stopUnits(ctl, names);
    return await startUnits(ctl, names);
  }
  await changeService(ctl, 'restart', names);
  await answers(ctl, names);
}

async function enable(ctl: Ctl, { service, socket }: Names, before: UnitState, undo: Undo): Promise<void> {
  if (!before.enabled)
    undo.add(`links to ${service}`, async () => void (await ctl.must(['disable', service, socket])));
  await ctl.must(['enable', service, socket]);
}

interface RunOptions {
  before: UnitState;
  changed: readonly ServiceFile[];
  /** Set when a service that ran is ended or restarted. */
  restarted: { value: boolean };
  undo: Undo;
  report: Report;
}

async function run(
  ctl: Ctl,
  names: Names,
  { before, changed, restarted, undo, report }: RunOptions,
): Promise<void> {
  const socketChanged = changed.some(({ path }) => path.endsWith('.socket'));
  const runs = isActive(before);
  if (runs && socketChanged) {
    restarted.value = true;
    await stopUnits(ctl, names);
  }
  if (!runs || socketChanged) {
    await takeOver(ctl.request, { service: { pid: before.pid, unit: names.service }, report, undo });
    if (!runs) undo.add(`the running ${names.service}`, () => stopRunning(ctl, names));
    return await startUnits(ctl, names);
  }
  await ctl.must(['start', names.socket]);
  const running = (await answerOn(ctl.request.paths.socket))?.version;
  const displaced = isDisplaced(ctl.request.paths.socket);
  if (changed.length === 0 && running === VERSION && !displaced)
    return report('it runs already and is up to date');
  restarted.value = true;
  report(
    running === VERSION ? 'restarting it; tasks go on' : `replacing rasend ${running ?? ''}; tasks go on`,
  );
  await restartService(ctl);
}

/** The socket first: clients that come from now on wait in its queue. */
async function startUnits(ctl: Ctl, names: Names): Promise<void> {
  await ctl.must(['start', names.socket]);
  await changeService(ctl, 'start', names);
  await answers(ctl, names);
}

/** With the last words of a service that does not come up: systemd only says that it did not. */
async function changeService(ctl: Ctl, verb: 'start' | 'restart', { service }: Names): Promise<void> {
  const ran = await ctl.ask([verb, service], 'service', TIMEOUTS.start_ms);
  if (ran.code === 0) return;
  const words = (await ctl.lastWords(service)).map(line => `\n  ${line}`).join('');
  const { active, sub } = await unitState(ctl, service);
  throw new RasenError('service', `${service} does not start; systemd calls it ${active} (${sub}).${words}`, {
    hint: `All of it: journalctl ${ctl.request.mode === 'user' ? '--user ' : ''}-u ${service}`,
    data: { unit: service },
  });
}

async function answers(ctl: Ctl, { service }: Names): Promise<void> {
  const { pid } = await unitState(ctl, service);
  const right = (answer: { pid: number }) => pid === null || answer.pid === pid;
  await waitForAnswer(ctl.request.paths.socket, { timeout_ms: ANSWER_MS, right });
}

async function stopUnits(ctl: Ctl, { socket, service }: Names): Promise<void> {
  await ctl.must(['stop', socket, service], 'service', TIMEOUTS.stop_ms);
}

/** What never came up is not there to be stopped, and systemd calls that a failure. */
async function stopRunning(ctl: Ctl, names: Names): Promise<void> {
  const ran = await ctl.ask(['stop', names.socket, names.service], 'service', TIMEOUTS.stop_ms);
  if (ran.code !== 0 && isActive(await unitState(ctl, names.service))) await stopUnits(ctl, names);
  await ctl.ask(['reset-failed', names.socket, names.service]);
}

async function revive(ctl: Ctl, { socket, service }: Names): Promise<void> {
  await ctl.must(['start', socket]);
  await ctl.must(['restart', service], 'service', TIMEOUTS.start_ms);
}

/** The links that systemd made and logind's note are not synced by them: a power cut now would undo the installation. */
async function sync({ host }: Ctl, { units }: Names): Promise<void> {
  const lingering = join(host.folders.var_lib, 'systemd/linger');
  for (const folder of new Set([units, dirname(units), lingering])) await host.run(['sync', '-f', folder]);
}
