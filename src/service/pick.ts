/** Picks the service manager of this system. */
import { existsSync } from 'node:fs';
import { RasenError } from '../contract/errors.ts';
import { launchd } from './launchd/launchd.ts';
import { type Run, runProgram } from './run.ts';
import type { ServiceManager } from './service.ts';
import { parseVersion } from './systemd/ctl.ts';
import { FOLDERS, type SystemdFolders } from './systemd/names.ts';
import { systemd } from './systemd/systemd.ts';
import { suspendTasks } from './tasks.ts';

export interface PickOptions {
  /** `bin/rasend`, for what is proposed where there is no manager. */
  launcher?: string;
  run?: Run;
  folders?: SystemdFolders;
}

/** Throws `service` where there is none that we know. */
export async function serviceManager(
  env: NodeJS.ProcessEnv,
  { launcher = 'rasend', run = runProgram, folders = FOLDERS }: PickOptions = {},
): Promise<ServiceManager> {
  if (process.platform === 'darwin')
    return launchd({ suspendTasks: ({ paths }, report) => suspendTasks(paths, report) });
  if (process.platform !== 'linux' || !existsSync(folders.booted))
    throw new RasenError(
      'service',
      `There is no service manager here that rasen knows (no ${folders.booted}).`,
      {
        hint: `\`rasen run\` and \`rasen resume\` start a supervisor without one. To have it back after a reboot, let cron start it (crontab -e):\n  @reboot ${launcher}`,
      },
    );
  const { stdout } = await run(['systemctl', '--version'], { env: { ...env, LC_ALL: 'C' } });
  const host = { run, env, uid: process.getuid!(), folders };
  return systemd(host, parseVersion(stdout));
}
