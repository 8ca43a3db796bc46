/** systemd as a ServiceManager: the user's own rasend.service, or rasend@USER.service of the system. */
import { RasenError } from '../../contract/errors.ts';
import { withPath } from '../environment-file.ts';
import { isFileAt, seenAt } from '../files.ts';
import type { ServiceFile, ServiceManager, ServiceRequest, ServiceStatus } from '../service.ts';
import { servicesOf } from '../whose.ts';
import { Ctl, type Host } from './ctl.ts';
import { programOf } from './escape.ts';
import { systemdGateway } from './gateway.ts';
import { healthOf } from './health.ts';
import { install, restartService, startService } from './install.ts';
import { lingers } from './linger.ts';
import { namesOf } from './names.ts';
import { outdated } from './outdated.ts';
import { refuseOtherInstance } from './rivals.ts';
import { isActive, isUp, settledState, unitState } from './state.ts';
import { stopWithTasks, uninstall } from './uninstall.ts';
import { units } from './units.ts';

export function systemd(host: Host, version: number): ServiceManager {
  const files = (request: ServiceRequest): ServiceFile[] => {
    const path = namesOf(request, host.folders).environment;
    const text = withPath(seenAt(path), request.path);
    return [...units(request, version, host.folders), { path, text, mode: 0o600, shared: true }];
  };
  /** Throws `service` when there is nothing to start or stop. */
  const installed = async (request: ServiceRequest): Promise<Ctl> => {
    refuseOtherInstance(request, host.folders);
    const ctl = new Ctl(host, request);
    const { service } = namesOf(request, host.folders);
    const state = await unitState(ctl, service);
    // A template that a package brings is loaded for every name.
    const exists =
      request.mode === 'user' || servicesOf(request.user, { folders: host.folders }).system !== null;
    if ((state.loaded && exists) || isActive(state)) return ctl;
    if (state.masked)
      throw new RasenError('service', `${service} is masked.`, {
        hint: `Allow it again: ${ctl.shown} unmask ${service}`,
      });
    const command = request.mode === 'user' ? '' : ` --system ${request.user.name}`;
    throw new RasenError(
      'service',
      `There is no ${service}${ctl.managerRuns() ? '' : ' that can be asked'}.`,
      {
        hint: `Install it: rasen service install${command}`,
      },
    );
  };
  return {
    name: 'systemd',
    gateway: systemdGateway(host),
    files,
    async install(request, report) {
      await install(new Ctl(host, request), files(request), report);
    },
    async uninstall(request, report) {
      await uninstall(new Ctl(host, request), units(request, version, host.folders), report);
    },
    async start(request, report) {
      await startService(await installed(request), report);
    },
    async stop(request, report) {
      await stopWithTasks(await installed(request), report);
    },
    async restart(request) {
      await restartService(await installed(request));
    },
    program(request) {
      const service = units(request, version, host.folders).find(({ path }) => path.endsWith('.service'))!;
      return programOf(seenAt(service.path) ?? '');
    },
    async status(request) {
      return await statusOf(new Ctl(host, request), version);
    },
  };
}

async function statusOf(ctl: Ctl, version: number): Promise<ServiceStatus> {
  const { request, host } = ctl;
  refuseOtherInstance(request, host.folders);
  const { service } = namesOf(request, host.folders);
  const state = await settledState(ctl, service);
  const ours = units(request, version, host.folders);
  const present = ours.filter(({ path }) => isFileAt(path));
  return {
    installed: present.length > 0 || (state.loaded && state.enabled),
    at_boot: state.enabled && (request.mode === 'system' || (await lingers(ctl))),
    running: isUp(state),
    ...(await healthOf(ctl, service, state)),
    pid: state.pid,
    state: `${state.active} (${state.sub}${state.masked ? ', masked' : ''})`,
    since: state.since,
    outdated: outdated(ours),
  };
}
