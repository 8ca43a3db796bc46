/** Which sandbox this machine has, found out by trying. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { type Bubblewrap, bubblewrapArgv } from './bubblewrap.ts';
import { type FenceOrder, fenceArgv, SOCKET } from './fence/order.ts';
import type { Inside, Sandbox, SandboxChoice } from './sandbox.ts';
import { SANDBOX_EXEC, seatbeltArgv } from './seatbelt.ts';

/** Looked in before PATH, which may name anything. */
const FOLDERS = ['/usr/bin', '/bin', '/usr/local/bin', '/run/current-system/sw/bin'];

/** Runs a command to its end; null: it went well, else what it said. */
export type TryCommand = (argv: readonly string[]) => Promise<string | null>;

export interface ChooseOptions {
  /** off: there is none, whatever the machine could. */
  wanted: 'on' | 'off';
  env: NodeJS.ProcessEnv;
  /** Command line of the program between a sandbox and the hosts that it may reach, before its side. */
  fence: readonly string[];
  /** Where attempts run. */
  attempt: TryCommand;
  platform?: NodeJS.Platform;
}

export async function chooseSandbox({
  wanted,
  env,
  fence,
  attempt,
  platform = process.platform,
}: ChooseOptions): Promise<SandboxChoice> {
  if (wanted === 'off')
    return {
      sandbox: null,
      why: 'turned off by the setting sandbox',
      fix: 'Set sandbox: on in rasend.yml, and restart rasend.',
    };
  if (platform === 'darwin') return await seatbelt(attempt);
  const program = onPath('bwrap', env.PATH);
  if (program === null)
    return {
      sandbox: null,
      why: 'bubblewrap is not installed',
      fix: 'Install the package bubblewrap, and restart rasend.',
    };
  const whole = { program, own_processes: true };
  // Most often it works, and then it is asked at once what else does.
  const [problem, nested] = await Promise.all([
    attempt(bubblewrapArgv(whole, NOTHING, ['true'])),
    attempt(bubblewrapArgv(whole, NOTHING, bubblewrapArgv(whole, NOTHING, ['true']))),
  ]);
  if (problem === null)
    return chosen(bubblewrap(whole, fence, { why: 'bubblewrap', nests: nested === null }));
  // Containers hide parts of /proc, and so allow nobody to mount another one.
  const without = { program, own_processes: false };
  if ((await attempt(bubblewrapArgv(without, NOTHING, ['true']))) === null)
    return chosen(
      bubblewrap(without, fence, {
        why: 'bubblewrap, without a table of processes of its own, which this container does not allow',
        nests: false,
      }),
    );
  return { sandbox: null, why: `bubblewrap does not work here: ${problem}`, fix: fixFor(problem) };
}

const NOTHING: Inside = { rules: [], network: 'all', tmp: '/tmp', outer_tmp: '/tmp', env: {} };

const chosen = (sandbox: Sandbox): SandboxChoice => ({ sandbox, why: sandbox.why });

const bubblewrap = (
  bwrap: Bubblewrap,
  fence: readonly string[],
  more: Pick<Sandbox, 'why' | 'nests'>,
): Sandbox => ({
  kind: 'bubblewrap',
  ...more,
  own_tmp: true,
  programs: fence,
  filters: true,
  wrap: (inside, argv) => {
    if (typeof inside.network === 'string') return bubblewrapArgv(bwrap, inside, argv);
    const order = (tmp: string): FenceOrder => ({ allow: [...inside.network], socket: join(tmp, SOCKET) });
    const within = bubblewrapArgv(bwrap, inside, fenceArgv(fence, 'inside', order(inside.tmp), argv));
    return fenceArgv(fence, 'outside', order(inside.outer_tmp), within);
  },
});

async function seatbelt(attempt: TryCommand): Promise<SandboxChoice> {
  const problem = await attempt(seatbeltArgv(NOTHING, ['/usr/bin/true']));
  if (problem !== null)
    return {
      sandbox: null,
      why: `${SANDBOX_EXEC} does not work here: ${problem}`,
      fix: 'Run agents that you do not trust in a container or a machine of their own.',
    };
  return chosen({
    kind: 'seatbelt',
    why: 'sandbox-exec',
    own_tmp: false,
    programs: [],
    filters: false,
    nests: false,
    wrap: seatbeltArgv,
  });
}

function fixFor(problem: string): string {
  if (/namespace|uid map|Operation not permitted|Permission denied/i.test(problem))
    return 'Allow user namespaces: in a container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined, on Ubuntu with a profile of AppArmor that allows userns to bwrap; then restart rasend.';
  return 'See what bwrap says, and restart rasend.';
}

function onPath(name: string, path = ''): string | null {
  for (const folder of [...FOLDERS, ...path.split(':')]) {
    if (!folder.startsWith('/')) continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here.
    }
  }
  return null;
}
