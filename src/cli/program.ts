/** Makes the parser of the command line from the table of commands. */
import { Command, Option } from 'commander';
import { nearest } from '../util/nearest.ts';
import { VERSION } from '../version.ts';
import type { AnyCommand, Call } from './command.ts';
import { GROUPS } from './commands/index.ts';
import { usage } from './errors.ts';
import type { Output } from './output.ts';

export type Run = (command: AnyCommand, call: Call<Record<string, unknown>>) => Promise<void>;

export interface ProgramOptions {
  commands: readonly AnyCommand[];
  /** The words that will be parsed. Where they name a command, only that one is made: the others would cost time. */
  argv: readonly string[];
  out: Output;
}

/** Parsing rejects with a CommanderError for whatever is not a command, after it was shown. */
export function buildProgram({ commands, argv, out }: ProgramOptions, run: Run): Command {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const words = own.filter(word => !word.startsWith('-'));
  const [wanted] = words;
  if (own.includes('--help') || own.includes('-h')) checkAsked(words, commands);
  const program = new Command('rasen')
    .description('Runs long tasks that survive closed terminals, crashes and restarts.')
    .version(VERSION, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: text => out.print(text),
      writeErr: text => out.say(text),
      outputError: (text, write) =>
        write(text.replace(/^error: /, 'rasen: ').replace(/\n\((.*)\)$/m, '\n  $1')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', '\nHelp for one command: rasen help COMMAND. Manual: man rasen.');
  const groups = new Map<string, Command>();
  // Only what may be meant: making the others costs more than everything else about a short command.
  const known = commands.filter(spec => spec.name.split(' ')[0] === wanted);
  for (const spec of known.length > 0 ? known : commands) {
    const [first, second] = spec.name.split(' ') as [string, string | undefined];
    const parent =
      second === undefined
        ? program
        : (groups.get(first) ?? program.command(first).description(GROUPS[first]!));
    if (second !== undefined) groups.set(first, parent);
    const command = parent.command(second ?? first).summary(spec.summary);
    // It may have subcommands of its own, which come behind it.
    if (second === undefined) groups.set(first, command);
    if (first === wanted) complete(command, spec, run);
  }
  return program;
}

/** `help plan edit` as `plan edit --help`, since the parser's own help takes one word and any. */
export function withoutHelpWord(argv: readonly string[]): readonly string[] {
  const [first, ...asked] = argv;
  if (first !== 'help') return argv;
  return asked.length === 0 || asked[0] === 'help' ? ['--help'] : [...asked, '--help'];
}

/** The parser shows the help of everything where the help of what is no command is asked for. */
function checkAsked([first, second]: readonly string[], commands: readonly AnyCommand[]): void {
  const names = commands.map(({ name }) => name);
  const firsts = [...new Set(names.map(name => name.split(' ')[0]!)), 'help'];
  if (first === undefined) return;
  if (!firsts.includes(first)) throw unknown(first, nearest(first, firsts));
  const seconds = names.flatMap(name => (name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []));
  if (second === undefined || seconds.length === 0 || seconds.includes(second)) return;
  const near = nearest(second, seconds);
  throw unknown(`${first} ${second}`, near && `${first} ${near}`);
}

const unknown = (name: string, near: string | null) =>
  usage(`Unknown command: ${name}.`, near ? `Did you mean: rasen help ${near}` : 'All commands: rasen help');

function complete(command: Command, spec: AnyCommand, run: Run): void {
  command.description(descriptionOf(spec));
  for (const { name: argument, about, optional, many } of spec.arguments ?? []) {
    const word = many ? `${argument}...` : argument;
    command.argument(optional ? `[${word}]` : `<${word}>`, about);
  }
  for (const { flags, about, choices, parse } of spec.options) {
    const option = new Option(flags, about);
    if (choices) option.choices(choices);
    if (parse) option.argParser(parse);
    command.addOption(option);
  }
  command.addHelpText('after', () => examplesOf(spec));
  command.action(async () => {
    await run(spec, { args: command.args, options: command.opts() });
  });
}

function descriptionOf({ summary, details = [] }: AnyCommand): string {
  return [`${summary}.`, ...details].join('\n\n');
}

function examplesOf({ examples }: AnyCommand): string {
  if (examples.length === 0) return '';
  const width = Math.max(...examples.map(e => e.command.length));
  return ['', 'Examples:', ...examples.map(e => `  ${e.command.padEnd(width)}  ${e.about}`.trimEnd())].join(
    '\n',
  );
}
