/**
 * rasend: the supervisor as a process. Runs in the foreground; a service manager, or `rasen run`, starts it. SIGTERM and
 * SIGINT end it: where a service manager will start it again, attempts live on; else they are ended in good order and
 * their tasks interrupted. SIGUSR2 ends it for another one that is about to take over. SIGHUP, also that of a closed terminal, only reads the settings again.
 */
import { existsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, errnoOf, isRasenError, messageOf, RasenError } from '../contract/errors.ts';
import { makeFolder } from '../host/make-folder.ts';
import { checkHome } from '../host/private.ts';
import { makeLog } from '../log.ts';
import { instancePaths } from '../paths.ts';
import { takeInstanceLock } from '../rpc/lock.ts';
import { type RpcServer, startServer } from '../rpc/server.ts';
import { type Handover, takeHandover } from '../service/runtime/handover.ts';
import { writeAll } from '../service/runtime/log-stderr.ts';
import { openLogStream } from '../service/runtime/log-stream.ts';
import { Notifier, senderOf } from '../service/runtime/notify.ts';
import { askPatience } from '../service/runtime/patience.ts';
import { CANNOT_START, StatusLine } from '../service/runtime/status-line.ts';
import { feedWatchdog } from '../service/runtime/watchdog.ts';
import { VERSION } from '../version.ts';
import { openCage } from './cage.ts';
import { handlersOf } from './dispatch.ts';
import { reload } from './reload.ts';
import { lookForSandbox } from './sandbox.ts';
import { startSettings } from './settings.ts';
import { watchState } from './state-watch.ts';
import { Supervisor } from './supervisor.ts';
import { forgetAllocator, trimWhenQuiet } from './trim.ts';

const HELP = `Usage: rasend [--help] [--version]

The supervisor of rasen. Runs in the foreground until SIGTERM or SIGINT. Under a service manager, what it
started lives on; elsewhere it is ended in good order and kept, to be resumed.
Everything of one instance is under RASEN_HOME. See rasend(8).
`;
/** Last words to the service manager must not keep the process alive. */
const LAST_WORDS_MS = 1000;

async function main(args: readonly string[]): Promise<number | null> {
  if (args.includes('--version')) return say(`rasend ${VERSION}\n`);
  if (args.includes('--help') || args.includes('-h')) return say(HELP);
  if (args.length > 0) {
    writeSync(2, `rasend: unknown argument "${args[0]}"\n${HELP}`);
    return EXIT.usage;
  }
  forgetAllocator(process.env);
  const handover = takeHandover(process.env);
  const notifier = new Notifier({
    send: senderOf(handover),
    failed: problem => complain(problem, handover),
  });
  try {
    await serve(handover, notifier);
    return null;
  } catch (thrown) {
    const error = refusalOf(thrown);
    const said = messageOf(error ?? thrown);
    notifier.status(`${CANNOT_START}${said}`);
    complain(
      error
        ? `${said}${error.hint ? `\n  ${error.hint}` : ''}`
        : `internal error: ${thrown instanceof Error ? thrown.stack : said}`,
      handover,
    );
    await notifier.flush(LAST_WORDS_MS);
    process.exit(error?.exit ?? EXIT.internal);
  }
}

/** What a start met that is no bug: our own errors, and what the system says of files. Null: it is one. */
function refusalOf(error: unknown): RasenError | null {
  if (isRasenError(error)) return error;
  if (errnoOf(error) === undefined) return null;
  const { home } = instancePaths();
  return new RasenError('storage', `The state in ${home} cannot be used: ${messageOf(error)}.`, {
    hint: 'It must be a folder that this user may write to; RASEN_HOME names another one.',
    cause: error,
  });
}

/** Resolves when it is up; it ends by a signal. Throws what keeps it from starting. */
async function serve(handover: Handover, notifier: Notifier): Promise<void> {
  const umask = userUmask();
  const paths = instancePaths();
  makeFolder(paths.home, 0o700);
  checkHome(paths.home);
  // The unit of the gateway sees nothing else of the state, so it cannot make it.
  if (process.env.RASEN_SERVICE) makeFolder(paths.gateway, 0o700);
  const { settings, problem } = startSettings(paths.config);
  // The state has a lock of its own: the socket may be elsewhere, and one state must never have two masters.
  const lock = takeInstanceLock(join(paths.home, 'rasend.lock'));
  const stream = await openLogStream({ mode: settings.log, path: paths.log, handover });
  const log = makeLog(stream, settings.log_level);
  if (problem !== null) log.error({ path: paths.config }, problem);
  // A bug ends the process: the journal makes that cheap, and going on with a broken state would not be.
  process.on('uncaughtException', error => {
    log.error({ error }, `internal error: ${error.message}`);
    process.exit(EXIT.internal);
  });

  const started = askPatience({ extend: ms => notifier.extend(ms) });
  const cage = await openCage({
    wanted: settings.cage,
    paths,
    scripts: scriptsFolder(),
    env: process.env,
    patient: process.env.RASEN_SERVICE !== undefined,
  });
  const supervisor = new Supervisor({
    paths,
    settings,
    log,
    cage,
    sandbox: lookForSandbox({ wanted: settings.sandbox, cage: cage.choice, fence: fenceProgram() }),
    umask,
    session_program: sessionProgram(),
    watch_program: programOf('rasen-watch.cjs', '../watch/main.ts'),
  });
  const status = new StatusLine({
    counts: () => supervisor.counts(),
    say: text => notifier.status(text),
  });

  let phase: 'starting' | 'up' | 'ending' = 'starting';
  let server: RpcServer | undefined;
  let unwatch = () => {};
  /** `said`: what clients are told, where it is not just an end; `last`: what is done once nobody is answered any more. */
  const end = async (why: string, code: number, said?: string, last?: () => Promise<void>) => {
    if (phase === 'ending') return;
    phase = 'ending';
    unwatch();
    notifier.stopping();
    askPatience({ extend: ms => notifier.extend(ms) });
    log.info({ why }, `supervisor ends${supervisor.isHalted || last ? '' : '; attempts live on'}`);
    await server?.close(undefined, said);
    await last?.();
    await supervisor.close();
    cage.close();
    lock.release();
    await notifier.flush(LAST_WORDS_MS);
    process.exit(code);
  };
  let reload_owed = false;
  process.on('SIGHUP', () => {
    // A reload ends with READY=1, which must not be said before it is true; what was asked until then is done then.
    reload_owed = phase === 'starting';
    if (phase !== 'up') return;
    reload({
      path: paths.config,
      settings,
      log,
      stream,
      notifier,
      status,
      configure: next => supervisor.configure(next),
    });
  });

  const up = Promise.withResolvers<void>();
  const isManaged = process.env.RASEN_SERVICE !== undefined || isHandedOver(handover);
  process.on('SIGUSR2', async () => {
    await up.promise;
    void end('SIGUSR2', EXIT.ok);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, async () => {
      // Not before it has taken over what an earlier one has left.
      await up.promise;
      if (isManaged) return void end(signal, EXIT.ok);
      log.info({ why: signal }, 'no service manager starts this supervisor again: what runs is ended');
      await supervisor.halt();
      void end(signal, EXIT.ok);
    });
  await supervisor.start();
  server = await startServer({
    paths,
    methods: handlersOf(supervisor),
    server: { name: 'rasend', version: VERSION },
    log,
    fd: handover.rpc,
    lost: error => void end(error.message, EXIT.temporary),
    gone: () => supervisor.gone(),
  });
  unwatch = watchState({
    gone: () => supervisor.gone(),
    ensureLock: () => lock.ensure(),
    log,
    lost: why => {
      complain(why, handover);
      log.error({ home: paths.home }, `${why}; this supervisor ends`);
      void end(why, EXIT.temporary, `The supervisor ends: ${why}.`, async () => {
        const ended = await supervisor.abandon().catch(error => {
          log.error({ error }, 'what ran could not be ended');
          return false;
        });
        log.error({ home: paths.home }, ended ? 'what ran was ended' : 'attempts live on');
      });
    },
  });
  supervisor.onChange(() => status.update());
  started();
  phase = 'up';
  up.resolve();
  log.info({ socket: paths.socket }, 'listening');
  status.update();
  notifier.ready();
  if (reload_owed) process.emit('SIGHUP', 'SIGHUP');
  trimWhenQuiet();
  const { watchdog_ms } = handover;
  if (watchdog_ms !== undefined) feedWatchdog({ limit_ms: watchdog_ms, ping: () => notifier.ping() });
}

/** Whoever handed something over is a service manager, and looks after us. */
const isHandedOver = ({ rpc, sdnotify, notify_socket }: Handover): boolean =>
  rpc !== undefined || sdnotify !== undefined || notify_socket !== undefined;

/** The umask that we were started with, in octal. What is ours is in folders of mode 0700; git must write as the user does. */
function userUmask(): string {
  const umask = process.umask(0o077);
  process.umask(umask);
  return umask.toString(8).padStart(3, '0');
}

/** runner.sh and its companions: beside the bundle, or in the source tree. */
function scriptsFolder(): string {
  const here = import.meta.dirname;
  return [here, join(here, '../runner')].find(folder => existsSync(join(folder, 'runner.sh'))) ?? here;
}

const sessionProgram = () => programOf('rasen-session.cjs', '../session/main.ts');
const fenceProgram = () => programOf('rasen-fence.cjs', '../sandbox/fence/main.ts');

/** As above: a bundle, or a source file that this runtime reads. */
function programOf(name: string, source: string): string[] {
  const here = import.meta.dirname;
  const bundle = join(here, name);
  return [process.execPath, existsSync(bundle) ? bundle : join(here, source)];
}

function say(text: string): number {
  writeSync(1, text);
  return EXIT.ok;
}

/** To standard error, for what the log cannot take: it is not open, or it does not open. */
function complain(text: string, { stderr_is_journal }: Handover): void {
  const lines = `rasend: ${text}`.split('\n');
  writeAll(lines.map(line => `${stderr_is_journal ? '<3>' : ''}${line}\n`).join(''));
}

main(process.argv.slice(2)).then(code => {
  if (code !== null) process.exitCode = code;
});
