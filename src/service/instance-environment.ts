/**
 * The variables that make a rasend of a service manager, which starts without the user's shell, compute the same paths
 * as the command that installed it (src/paths.ts). Only what is not the default anyway. Pure; used by systemd/ and
 * launchd/.
 */
import { dirname, join } from 'node:path';
import type { ServiceRequest } from './service.ts';

export function instanceEnvironment(
  { rasen_home, paths, user }: Pick<ServiceRequest, 'rasen_home' | 'paths' | 'user'>,
  default_runtime: string,
): Record<string, string> {
  if (rasen_home !== null) return { RASEN_HOME: rasen_home };
  const state = dirname(paths.home);
  const config = dirname(dirname(paths.config));
  return {
    ...(state === join(user.home, '.local', 'state') ? {} : { XDG_STATE_HOME: state }),
    ...(config === join(user.home, '.config') ? {} : { XDG_CONFIG_HOME: config }),
    ...(paths.runtime === default_runtime ? {} : { RASEN_RUNTIME_DIR: paths.runtime }),
  };
}
