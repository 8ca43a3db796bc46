/**
 * Looks for the program of a command before a task is made of it, as the runner will: in its folder, on its PATH. Who
 * mistyped a name, or thought that there is a shell in between, hears of it at once.
 */
import { accessSync, closeSync, constants, openSync, readSync, type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';
import { errnoOf, RasenError, usage } from '../contract/errors.ts';
import { shellLine, shellWord } from '../engine/shell-word.ts';
import { bytesOfText, shownText } from '../util/exact-text.ts';

export interface CommandPlace {
  /** Absolute. */
  cwd: string;
  /** Of the command. */
  env: Readonly<Record<string, string>>;
  /** For advice: the shell of the user. */
  shell: string | undefined;
}

/** As the supervisor has it for commands that have none. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** The kernel reads so much of a first line. */
const SHEBANG_BYTES = 256;
const BUILTINS = new Set(
  (
    '. : [[ alias bg bind break builtin case cd continue declare dirs disown eval exec exit export fc fg for function ' +
    'getopts hash if jobs let local logout popd pushd read readonly return select set shift shopt source suspend time ' +
    'times trap type typeset ulimit umask unalias unset until wait while {'
  ).split(' '),
);

/** Throws `program_missing` (exit status 127) or `program_refused` (126) with what to do instead. */
export function checkProgram(argv: readonly string[], place: CommandPlace): void {
  const name = argv[0]!;
  if (name.trim() === '')
    throw usage(
      'The name of the program is empty. Nothing was started.',
      'For example: rasen run -- npm test',
    );
  const found = name.includes('/') ? lookAt(inFolder(place.cwd, name), name) : onPath(name, place);
  if (found === 'ok') return;
  if (found === 'missing')
    throw new RasenError('program_missing', `${missing(argv, place)} Nothing was started.`, {
      hint: adviceFor(argv, place),
      data: { program: name.toWellFormed() },
    });
  throw new RasenError('program_refused', `"${shownText(name)}" ${found.problem}. Nothing was started.`, {
    ...(found.hint ? { hint: found.hint } : {}),
    data: { program: name.toWellFormed() },
  });
}

type Found = 'ok' | 'missing' | { problem: string; hint?: string };

function onPath(name: string, { cwd, env }: CommandPlace): Found {
  let refused: Found = 'missing';
  for (const folder of (env.PATH ?? DEFAULT_PATH).split(':')) {
    const path = inFolder(inFolder(cwd, folder || '.'), name);
    const found = lookAt(path, path);
    if (found === 'ok') return found;
    // A folder of that name is not what is meant.
    if (found !== 'missing' && found.problem !== IS_FOLDER) refused = found;
  }
  return refused;
}

const inFolder = (folder: string, path: string) => (path.startsWith('/') ? path : `${folder}/${path}`);
const IS_FOLDER = 'is a folder';

/** `shown`: the path as advice has it. */
function lookAt(path: string, shown: string): Found {
  const at = bytesOfText(path);
  let stat: Stats;
  try {
    stat = statSync(at);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'EACCES') return { problem: 'cannot be reached: permission is denied' };
    return 'missing';
  }
  if (stat.isDirectory()) return { problem: IS_FOLDER };
  if (!stat.isFile()) return { problem: 'is no program file' };
  try {
    accessSync(at, constants.X_OK);
  } catch {
    return { problem: 'is not executable', hint: `Make it so: chmod +x ${shellWord(shown)}` };
  }
  return interpreterOf(at, shown);
}

/** A script is run by the program of its first line. */
function interpreterOf(at: Buffer, shown: string): Found {
  const first = Buffer.alloc(SHEBANG_BYTES);
  let length: number;
  try {
    const fd = openSync(at, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      length = readSync(fd, first);
    } finally {
      closeSync(fd);
    }
  } catch {
    // It may be executable and not readable.
    return 'ok';
  }
  const [, interpreter, end] =
    /^#![ \t]*([^ \t\n\r]+)[^\n\r]*(\r?)/.exec(first.toString('utf8', 0, length)) ?? [];
  if (interpreter === undefined) return 'ok';
  if (end === '\r')
    return {
      problem: 'has Windows line ends, so its first line names no interpreter',
      hint: `Convert it: sed -i 's/\\r$//' ${shellWord(shown)}`,
    };
  if (!interpreter.startsWith('/')) return 'ok';
  try {
    accessSync(interpreter, constants.X_OK);
    return 'ok';
  } catch {
    return {
      problem: `is a script for ${interpreter}, which cannot be run`,
      hint: 'Correct its first line, or install that program.',
    };
  }
}

/** Somebody thought of a shell: blanks or its characters in the only word. */
export const isShellLine = (argv: readonly string[]) =>
  argv.length === 1 && /[\s|&;<>()$`"'*?\\]/.test(argv[0]!);

function missing(argv: readonly string[], { env }: CommandPlace): string {
  const name = argv[0]!;
  const shown = shownText(name);
  if (isShellLine(argv)) return `There is no program called "${shown}": no shell reads the command.`;
  if (BUILTINS.has(name)) return `"${name}" is a command of the shell, not a program.`;
  if (name.includes('/')) return `There is no program "${shown}".`;
  return env.PATH === ''
    ? `The program "${shown}" cannot be found: PATH is empty.`
    : `There is no program "${shown}" on PATH.`;
}

function adviceFor(argv: readonly string[], { shell, cwd }: CommandPlace): string {
  const name = argv[0]!;
  if (isShellLine(argv)) return `To have a shell read it: rasen run -- sh -c ${shellWord(name)}`;
  if (BUILTINS.has(name)) return `To have a shell run it: rasen run -- sh -c ${shellWord(shellLine(argv))}`;
  if (/^[A-Za-z_]\w*=/.test(name) && argv.length > 1)
    return `To set a variable: rasen run -- env ${shellLine(argv)}`;
  if (name.includes('/')) return name.startsWith('/') ? 'Look for the path.' : `It was looked for in ${cwd}.`;
  const own = basename(shell || 'sh');
  return `If it is an alias or a function of your shell: rasen run -- ${own} -ic ${shellWord(shellLine(argv))}`;
}
