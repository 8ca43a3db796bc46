/**
 * The unit files of the package, made by the functions that `rasen service install` uses, so that there is one text.
 *
 * The systemd of the machine is not known when the package is built, and a unit cannot choose by its version. So these
 * are the units for the oldest one: they are right in every systemd, whereas the newest ones never start below 253 (an
 * unknown Type=notify-reload becomes simple while the watchdog stays). What is missing in them is comfort: the growing
 * delay between restarts, fields in the journal, and 5 ms for each notification. `rasen service install` writes units
 * for the very machine and user, which come before these, and also PATH, umask and the order at boot.
 */

import { basename } from 'node:path';
import { instancePaths } from '../../src/paths.ts';
import { GATEWAY_ADDRESS } from '../../src/service/gateway-address.ts';
import type { ServiceMode, ServiceRequest } from '../../src/service/service.ts';
import { gatewayUnits } from '../../src/service/systemd/gateway-units.ts';
import { units } from '../../src/service/systemd/units.ts';

const OLDEST_SYSTEMD = 245;
const LAUNCHER = '/usr/bin/rasend';

/** Stands for everybody; nothing of it may be in the texts, which is checked. */
const ANYBODY = {
  name: 'nobody-in-particular',
  uid: 4_190_000_001,
  gid: 4_190_000_001,
  home: '/home/nobody-in-particular',
};

/**
 * The drop-in that ties a system service to its user's manager is for one user only; without its own, a gateway of the
 * system would see the state.
 */
const IN_PACKAGE: Record<ServiceMode, string[]> = {
  user: ['rasend.service', 'rasend.socket', 'rasen.slice', 'rasen-gateway.service', 'rasen-gateway.socket'],
  system: ['rasend@.service', 'rasend@.socket'],
};

/** Paths without the leading slash. */
export function unitFiles(): { path: string; text: string }[] {
  return [...unitsOf('user', 'usr/lib/systemd/user'), ...unitsOf('system', 'usr/lib/systemd/system')];
}

function unitsOf(mode: ServiceMode, folder: string): { path: string; text: string }[] {
  const of = request(mode);
  return [...units(of, OLDEST_SYSTEMD), ...gatewayUnits(of, GATEWAY_ADDRESS)]
    .map(({ path, text }) => ({ name: basename(path), text }))
    .filter(({ name }) => IN_PACKAGE[mode].includes(name))
    .map(({ name, text }) => ({ path: `${folder}/${name}`, text: forEverybody(text) }));
}

function request(mode: ServiceMode): ServiceRequest {
  const env = { HOME: ANYBODY.home, XDG_RUNTIME_DIR: `/run/user/${ANYBODY.uid}` };
  return {
    mode,
    user: { ...ANYBODY, shell: '/bin/sh' },
    launcher: LAUNCHER,
    path: '',
    umask: '0022',
    rasen_home: null,
    paths: instancePaths(env),
  };
}

const HEAD =
  '# Of the package rasen. What `rasen service` writes for this very machine and user comes before it.';

/** Without the umask of one user: a user manager has its user's own from PAM, and hands it down. */
function forEverybody(text: string): string {
  const general = text.replace(/^UMask=.*\n/m, '').replace(/^# Made by .*$/m, HEAD);
  const personal = [ANYBODY.name, String(ANYBODY.uid)].find(word => general.includes(word));
  if (personal) throw new Error(`a unit file for everybody names "${personal}":\n${general}`);
  return general;
}
