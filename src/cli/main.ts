/**
 * `rasen`: builds what a command needs, runs it, sets the exit status. The only file of the command line that may end
 * the process; loaded for every command, so everything heavy is loaded where it is used.
 */
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { EXIT, errnoOf } from '../contract/errors.ts';
import { checkHome } from '../host/private.ts';
import { clientPaths, type Paths } from '../paths.ts';
import { COMMANDS } from './commands/index.ts';
import type {
  ConfigBundle,
  Context,
  GatewayBundle,
  McpBundle,
  ReaderBundle,
  ServiceBundle,
} from './context.ts';
import { reportError } from './errors.ts';
import { currentFolder, exactWords, refuseOddWords, takesCommand } from './exact.ts';
import { type Disk, Link, type LinkOptions } from './link.ts';
import { Output } from './output.ts';
import { buildProgram, withoutHelpWord } from './program.ts';
import { startSupervisor } from './start-supervisor.ts';

const streams = {
  stdout: () => quietWhenClosed(process.stdout, () => shown?.reader_gone?.()),
  stderr: () => quietWhenClosed(process.stderr),
};
let shown: Output | undefined;

async function main(): Promise<void> {
  const { env } = process;
  const given = process.argv.slice(2);
  const out = new Output({ ...streams, env, json: wantsJson(given) });
  shown = out;
  let link: Link | undefined;
  try {
    const argv = withoutHelpWord(exactWords(given));
    refuseOddWords(argv);
    const paths = clientPaths(env);
    // A supervisor is started from the same build as this command.
    const command = [join(__dirname, '../bin/rasend')];
    const linkOptions: LinkOptions = {
      socket: paths.socket,
      // An instance that was named is one of its own, such as that of a test.
      sandboxed: Boolean(env.RASEN_SANDBOXED) && !env.RASEN_HOME,
      start: () => startSupervisor({ command, paths, env, out, loadServiceBundle }),
      disk: () => stateOnDisk(paths, env),
      adopts: env.RASEN_ATTEMPT === undefined,
      note: text => out.note(text),
      whySilent: () => loadServiceBundle().whyNotServing({ env, paths }),
      howToRestart: () => loadServiceBundle().howToRestart({ env, paths }),
    };
    link = new Link(linkOptions);
    const context: Context = {
      // Asked for when it is used: what needs none works in a folder that was removed, too.
      get cwd() {
        return currentFolder();
      },
      env,
      argv,
      commands: COMMANDS,
      paths,
      out,
      link,
      linkAs: more => new Link({ ...linkOptions, ...more }),
      loadConfigBundle,
      loadServiceBundle,
      loadGatewayBundle,
      loadMcpBundle,
    };
    const program = buildProgram({ commands: COMMANDS, argv, out }, async (spec, call) => {
      process.exitCode = (await spec.run(call, context)) ?? EXIT.ok;
    });
    await program.parseAsync(forParser(argv), { from: 'user' });
  } catch (error) {
    const status = error instanceof CommanderError ? misused(error, out) : reportError(error, out, env);
    process.exitCode = status === EXIT.ok ? status : (errorStatusOf(given) ?? status);
  } finally {
    link?.close();
  }
}

const errorStatusOf = ([first]: readonly string[]) =>
  COMMANDS.find(({ name }) => name === first)?.error_status;

/** Of a command behind `--` the first word does: the parser takes no more than some ten thousand, and changes none. */
function forParser(argv: readonly string[]): string[] {
  const end = takesCommand(argv) ? argv.indexOf('--') : -1;
  return argv.slice(0, end < 0 ? undefined : end + 2);
}

function loadConfigBundle(): ConfigBundle {
  // Not part of this bundle: it has zod and yaml in it.
  return require('./rasen-config.cjs') as ConfigBundle;
}

/** A state that cannot be read because it is somebody else's is called so. */
function stateOnDisk(paths: Paths, env: NodeJS.ProcessEnv): Disk {
  try {
    return new (loadReaderBundle().Disk)(paths, env) as unknown as Disk;
  } catch (error) {
    if (errnoOf(error) === 'EACCES') checkHome(paths.home);
    throw error;
  }
}

function loadReaderBundle(): ReaderBundle {
  return require('./rasen-reader.cjs') as ReaderBundle;
}

function loadServiceBundle(): ServiceBundle {
  return require('./rasen-service.cjs') as ServiceBundle;
}

function loadGatewayBundle(): GatewayBundle {
  return require('./rasen-gateway.cjs') as GatewayBundle;
}

function loadMcpBundle(): McpBundle {
  return require('./rasen-mcp.cjs') as McpBundle;
}

/** The parser has said it on stderr already; help and version are no mistakes. */
function misused(error: CommanderError, out: Output): number {
  if (error.exitCode === 0) return EXIT.ok;
  const message = error.message.replace(/^error: /, '');
  if (out.json) out.value({ error: { kind: 'usage', message, hint: null, data: null } });
  return EXIT.usage;
}

/** Known before the words are parsed, since what is wrong with the words has to be told in this form, too. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  return words.some(
    (word, i) =>
      word === '--json' || word === '--format=json' || (word === '--format' && words[i + 1] === 'json'),
  );
}

/** A reader that has seen enough (`rasen logs | head`) is no error; a disk that is full is one, and no task has failed. */
function quietWhenClosed(
  stream: NodeJS.WriteStream,
  gone: () => number | undefined = () => undefined,
): NodeJS.WriteStream {
  return stream.on('error', error => {
    if (errnoOf(error) === 'EPIPE') process.exit(gone() ?? process.exitCode ?? EXIT.ok);
    if (stream !== process.stderr)
      process.stderr.write(`rasen: the output could not be written: ${error.message}\n`);
    process.exit(EXIT.refused);
  });
}

/** Node itself would end with 1, which is for tasks that failed. */
process.on('uncaughtException', error => {
  process.exit(reportError(error, new Output({ ...streams, env: process.env, json: false }), process.env));
});

void main();
