/**
 * rasend: the supervisor as a process. Runs in the foreground; a service manager, or `rasen run`, starts it. SIGTERM
 * and SIGINT end it and leave attempts running; SIGHUP is ignored, so that a closed terminal ends nothing.
 */
import { existsSync, mkdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, isRasenError, messageOf, RasenError } from '../errors.ts';
import { type Log, openLog } from '../log.ts';
import { instancePaths } from '../paths.ts';
import { takeInstanceLock } from '../rpc/lock.ts';
import { startServer } from '../rpc/server.ts';
import { VERSION } from '../version.ts';
import { handlersOf } from './dispatch.ts';
import { readSettings, type Settings } from './settings.ts';
import { Supervisor } from './supervisor.ts';

const HELP = `Usage: rasend [--help] [--version]

The supervisor of rasen. Runs in the foreground until SIGTERM or SIGINT; what it started lives on.
Everything of one instance is under RASEN_HOME. See rasend(8).
`;

async function main(args: readonly string[]): Promise<number | null> {
  if (args.includes('--version')) return say(`rasend ${VERSION}\n`);
  if (args.includes('--help') || args.includes('-h')) return say(HELP);
  if (args.length > 0) {
    writeSync(2, `rasend: unknown argument "${args[0]}"\n${HELP}`);
    return EXIT.usage;
  }
  const umask = userUmask();
  const paths = instancePaths();
  mkdirSync(paths.home, { recursive: true, mode: 0o700 });
  const settings = readSettings(paths.config);
  // The state has a lock of its own: the socket may be elsewhere, and one state must never have two masters.
  const lock = takeInstanceLock(join(paths.home, 'rasend.lock'));
  const log = logAt(paths.log, settings.log_level);
  const supervisor = new Supervisor({ paths, settings, log, runner_script: runnerScript(), umask });

  let ending = false;
  const end = async (why: string, code: number) => {
    if (ending) return;
    ending = true;
    log.info({ why }, 'supervisor ends; attempts live on');
    await server.close();
    await supervisor.close();
    lock.release();
    process.exit(code);
  };
  await supervisor.start();
  const server = await startServer({
    paths,
    methods: handlersOf(supervisor),
    server: { name: 'rasend', version: VERSION },
    log,
    lost: error => void end(error.message, EXIT.temporary),
  });
  process.on('SIGTERM', () => void end('SIGTERM', EXIT.ok));
  process.on('SIGINT', () => void end('SIGINT', EXIT.ok));
  process.on('SIGHUP', () => log.info({}, 'SIGHUP ignored'));
  // A bug ends the process: the journal makes that cheap, and going on with a broken state would not be.
  process.on('uncaughtException', error => {
    log.error({ error }, `internal error: ${error.message}`);
    process.exit(EXIT.internal);
  });
  log.info({ socket: paths.socket }, 'listening');
  return null;
}

/** Throws `storage`. */
function logAt(path: string, level: Settings['log_level']): Log {
  try {
    return openLog(path, level);
  } catch (error) {
    throw new RasenError('storage', `The log ${path} cannot be opened: ${messageOf(error)}.`, {
      hint: 'It must be a plain file of yours, or nothing must be there.',
      cause: error,
    });
  }
}

/** The umask that we were started with, in octal. What is ours is in folders of mode 0700; git must write as the user does. */
function userUmask(): string {
  const umask = process.umask(0o077);
  process.umask(umask);
  return umask.toString(8).padStart(3, '0');
}

/** runner.sh: beside the bundle, or in the source tree. */
function runnerScript(): string {
  const here = import.meta.dirname;
  return (
    [join(here, 'runner.sh'), join(here, '../runner/runner.sh')].find(path => existsSync(path)) ??
    join(here, 'runner.sh')
  );
}

function say(text: string): number {
  writeSync(1, text);
  return EXIT.ok;
}

main(process.argv.slice(2)).then(
  code => {
    if (code !== null) process.exitCode = code;
  },
  error => {
    if (!isRasenError(error)) {
      writeSync(2, `rasend: internal error: ${error instanceof Error ? error.stack : messageOf(error)}\n`);
      process.exit(EXIT.internal);
    }
    writeSync(2, `rasend: ${error.message}\n${error.hint ? `  ${error.hint}\n` : ''}`);
    process.exit(error.exit);
  },
);
