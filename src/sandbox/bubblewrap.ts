/** The sandbox of Linux: the words of bwrap(1). Pure. */
import type { Rule } from './rules.ts';
import { type Inside, PROGRAM, variablesOf } from './sandbox.ts';

/** How much of it this machine allows. */
export interface Bubblewrap {
  /** Absolute: whatever is on the PATH of a task is not asked. */
  program: string;
  /**
   * A table of processes of its own. Containers often allow none; then those outside can be seen, and signalled as those
   * of the same user can be, but neither looked into nor written to.
   */
  own_processes: boolean;
}

/**
 * No --die-with-parent of its own, and no --new-session: who is told to end gets its time, and a session is what tells the members of
 * an attempt. The user namespace is made by root as well: in it nothing outside can be traced, so /proc is no way out.
 */
export function bubblewrapArgv(bwrap: Bubblewrap, inside: Inside, argv: readonly string[]): string[] {
  const { rules, network } = inside;
  const { set, unset } = variablesOf(inside);
  const hidden = rules.filter(rule => rule.access === 'hidden' && rule.is_folder);
  return [
    bwrap.program,
    ...['--unshare-user', '--unshare-ipc', '--cap-drop', 'ALL'],
    ...(bwrap.own_processes ? ['--unshare-pid'] : []),
    // Whoever hands requests on ends, and nobody is left to do so.
    ...(network === 'all' ? [] : ['--unshare-net', ...(network === 'none' ? [] : ['--die-with-parent'])]),
    ...['--ro-bind', '/', '/', '--dev', '/dev'],
    ...(bwrap.own_processes ? ['--proc', '/proc'] : []),
    ...rules.flatMap(mount),
    // Only now, since what is opened below them needs a place there.
    ...hidden.flatMap(({ path }) => ['--remount-ro', path]),
    ...Object.entries(set).flatMap(([name, value]) => ['--setenv', name, value]),
    ...unset.flatMap(name => ['--unsetenv', name]),
    '--',
    ...PROGRAM,
    ...argv,
  ];
}

function mount({ path, access, is_folder, from = path }: Rule): string[] {
  if (access === 'hidden') return is_folder ? ['--tmpfs', path] : ['--ro-bind', '/dev/null', path];
  const is_device = path.startsWith('/dev/');
  if (access === 'write') return [is_device ? '--dev-bind' : '--bind', from, path];
  return ['--ro-bind', from, path];
}
