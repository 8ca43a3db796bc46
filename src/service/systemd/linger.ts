/**
 * The user's own service manager: whether it runs, and whether it does so without a login (lingering). Without it a
 * user's services end with his last session and do not come at boot.
 */
import { RasenError } from '../../contract/errors.ts';
import { lastLine, type Ran } from '../run.ts';
import type { Undo } from '../undo.ts';
import type { Ctl } from './ctl.ts';

const WAIT_MS = 10_000;
const POLL_MS = 50;

export async function lingers(ctl: Ctl): Promise<boolean> {
  return await isLingering(ctl.request.user.name, args => ctl.loginctl(args));
}

/** As `lingers`, for whoever runs loginctl himself. */
export async function isLingering(
  user: string,
  loginctl: (args: readonly string[]) => Promise<Ran>,
): Promise<boolean> {
  const { code, stdout } = await loginctl(['show-user', user, '--property=Linger', '--value']);
  // A user who is neither logged in nor lingering is not known to logind.
  return code === 0 && stdout.trim() === 'yes';
}

/** Afterwards the manager runs and comes at boot. Gives whether that was changed. Throws `service`. */
export async function letLinger(ctl: Ctl, undo: Undo, report: (step: string) => void): Promise<boolean> {
  const { name, uid } = ctl.request.user;
  const before = await lingers(ctl);
  if (!before) {
    // Always with the name: without it logind looks for a session, and there may be none.
    const ran = await ctl.loginctl(['enable-linger', name]);
    if (ran.code !== 0)
      throw new RasenError(
        'service',
        `Services of ${name} may not run while nobody is logged in: ${lastLine(ran)}.`,
        {
          hint: `Let an administrator allow it, then repeat: sudo loginctl enable-linger ${name}\n  Or make it a service of the system: sudo rasen service install --system ${name}`,
        },
      );
    undo.add(`lingering of ${name}`, () => stopLingering(ctl));
    report(`${name}'s services run without a login from now on (lingering)`);
  }
  for (const end = performance.now() + WAIT_MS; !ctl.managerRuns(); ) {
    if (performance.now() > end)
      throw new RasenError(
        'service',
        `The service manager of ${name} does not start: no ${ctl.managerSocket}.`,
        {
          hint: `Look why: systemctl status user@${uid}.service`,
        },
      );
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
  return !before;
}

export async function stopLingering(ctl: Ctl): Promise<void> {
  const { name } = ctl.request.user;
  const ran = await ctl.loginctl(['disable-linger', name]);
  if (ran.code !== 0)
    throw new RasenError('service', `${name} still lingers: ${lastLine(ran)}.`, {
      hint: `sudo loginctl disable-linger ${name}`,
    });
}
