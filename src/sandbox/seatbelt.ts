/** The sandbox of macOS: a profile for sandbox-exec(1), in which the last rule that fits counts. Pure. */
import type { Rule } from './rules.ts';
import { type Inside, PROGRAM, variablesOf } from './sandbox.ts';

export const SANDBOX_EXEC = '/usr/bin/sandbox-exec';

export function seatbeltArgv(inside: Inside, argv: readonly string[]): string[] {
  const { set, unset } = variablesOf(inside);
  return [
    ...[SANDBOX_EXEC, '-p', seatbeltProfile(inside), '/usr/bin/env'],
    ...unset.flatMap(name => ['-u', name]),
    ...Object.entries(set).map(([name, value]) => `${name}=${value}`),
    ...PROGRAM,
    ...argv,
  ];
}

export function seatbeltProfile({ rules, network }: Inside): string {
  return [
    '(version 1)',
    '(allow default)',
    // A process outside would do with it what is not possible inside.
    '(deny signal)',
    '(allow signal (target same-sandbox))',
    '(deny process-info*)',
    '(allow process-info* (target same-sandbox))',
    '(deny appleevent-send)',
    '(deny job-creation)',
    '(deny file-write*)',
    '(allow file-write* (subpath "/dev"))',
    ...rules.flatMap(lines),
    ...(network === 'none'
      ? [
          '(deny network*)',
          '(allow network* (local ip "localhost:*"))',
          '(allow network* (remote ip "localhost:*"))',
        ]
      : []),
    // Sockets of a file system: those that are hidden, and those that could not be written to.
    ...rules
      .filter(({ access }) => access === 'hidden')
      .map(({ path }) => `(deny network-outbound (remote unix-socket (subpath ${text(path)})))`),
  ].join('\n');
}

function lines({ path, access, is_folder }: Rule): string[] {
  const place = `(${is_folder ? 'subpath' : 'literal'} ${text(path)})`;
  if (access === 'hidden') return [`(deny file-read* file-write* ${place})`];
  if (access === 'read') return [`(allow file-read* ${place})`, `(deny file-write* ${place})`];
  // A folder that is opened within one that is not must be reachable by name.
  return [`(allow file-read* file-write* ${place})`];
}

/** A string of the language. */
const text = (path: string) => `"${path.replace(/["\\]/g, '\\$&')}"`;
