/** `rasen each`: one command for each of many items, as one task. */
import { shellLine } from '../../engine/shell-word.ts';
import { commandOf, MARKS_TEXT, markInQuotes, shellLineOf } from '../../submit/placeholders.ts';
import { shownText } from '../../util/exact-text.ts';
import { defineCommand, FORMAT } from '../command.ts';
import { type ItemsOptions, itemsOf, jobsByDefault, jobsOf, splitWords } from '../each-items.ts';
import { eachForeground, OTHER_ERROR } from '../each-run.ts';
import { ENV_OPTION } from '../env-option.ts';
import { usage } from '../errors.ts';
import { inForeground } from '../foreground.ts';
import { accept, type CommandRunOptions } from '../run-command.ts';
import { orderHere } from '../submit.ts';
import { wholeNumber } from '../time.ts';
import { seconds } from '../trigger-options.ts';
import { TURN_OPTIONS, turnOf } from '../turn-options.ts';

interface Options extends ItemsOptions, Omit<CommandRunOptions, 'stdin' | 'pty' | 'exitCode' | 'wait'> {
  jobs?: number;
  keepOrder?: boolean;
  halt?: boolean;
  retries?: number;
  shell?: boolean;
  dryRun?: boolean;
}

const RETRIES_MAX = 100;

export const each = defineCommand<Options>({
  name: 'each',
  summary: 'Run a command for each of many items, as one task',
  details: [
    'Items are the words behind ":::", or else the lines of standard input (empty ones count); with --null what ends with a NUL, with --arg-file the lines of a file. All of them are one task with a subtask for each item, whose id is its number: it is durable before the first begins, survives this terminal and restarts, and what failed is done again with `rasen retry`. At most 10000 items are one task.',
    `In the command stands, by the names that parallel(1) has: ${MARKS_TEXT}. Without any of them the item is the last argument. No shell reads the command or the items; with --shell /bin/sh reads the command, in which an item is one word whatever is in it (write {} and the like without quotes), and without a command each item is a line for sh.`,
    'The output of each item is shown whole when it is over, with --keep-order in the order of the items. What a command prints on either channel goes to standard output. A command finds nothing on its own standard input.',
    'The exit status is that of parallel(1): 0 all items went well, 1 to 100 so many failed, 101 more than 100 failed, 255 another error, such as a wrong option or a program that is not there; 130 stopped. With --halt soon,fail=1 it is that of the command that failed first. With --background it is 0 when the task is accepted.',
    'Ctrl-C and signals mean what they do for `rasen run`.',
  ],
  error_status: OTHER_ERROR,
  arguments: [
    {
      name: 'command',
      about: 'behind "--": a program and its arguments, and behind ":::" the items',
      optional: true,
      many: true,
    },
  ],
  options: [
    {
      flags: '-j, --jobs <n>',
      about:
        'so many at once: 1 to 64, 0 for as many as possible, or a share of the processors such as 50% (default: 100%)',
      parse: jobsOf,
    },
    { flags: '-a, --arg-file <file>', about: 'read the items from a file; "-" is standard input' },
    { flags: '-0, --null', about: 'items that are read end with a NUL, not with a line end' },
    { flags: '-k, --keep-order', about: 'show the output in the order of the items' },
    {
      flags: '--halt <when>',
      about: 'never: go on when one fails (default); soon,fail=1: begin nothing new then',
      parse: haltOf,
    },
    {
      flags: '--retries <n>',
      about: 'try a command that fails up to n times (default: 1)',
      parse: retriesOf,
    },
    { flags: '--shell', about: 'let /bin/sh read the command' },
    { flags: '--dry-run', about: 'print the commands and start nothing' },
    { flags: '--background', about: 'return when the task is accepted' },
    { flags: '--key <key>', about: 'one task per key: the same key again is the same task' },
    { flags: '--retry', about: 'do again what failed, where the task of this key is there and failed' },
    { flags: '--name <name>', about: 'short name of the task' },
    ...TURN_OPTIONS,
    ENV_OPTION,
    {
      flags: '--timeout <duration>',
      about: 'end a command that runs longer than this; it has failed then',
      parse: seconds('--timeout'),
    },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen each -j 4 -- gzip -k {} ::: a.log b.log c.log', about: 'four at once' },
    {
      command: "find . -name '*.png' -print0 | rasen each -0 -- convert {} {.}.webp",
      about: 'any names of files',
    },
    { command: "rasen each --shell -- 'wc -l <{} >{/}.count' ::: src/*.ts", about: 'with a shell' },
    { command: 'rasen each -k -a hosts.txt -- ssh {} uptime', about: 'a line for each host, in order' },
    { command: 'rasen each --background --shell <commands.txt', about: 'each line is a command' },
  ],
  async run({ args, options }, context) {
    const { argv, out } = context;
    if (options.retry && options.key === undefined)
      throw usage(
        '--retry is for orders with a key.',
        'For example: rasen each --key nightly --retry -- make {} ::: a b',
      );
    const dashes = argv.indexOf('--');
    const words = dashes < 0 ? [] : argv.slice(dashes + 1);
    const stray = args.slice(0, args.length - Math.min(1, words.length));
    if (stray.length > 0)
      throw usage(
        `"${stray[0]}" is not expected here.`,
        `The command stands behind "--": rasen each -- ${shellLine(stray)}`,
      );
    const { shell = false, jobs = jobsByDefault(), retries = 1, halt = false } = options;
    const { command, items: given } = splitWords(words);
    if (command.length === 0 && !shell)
      throw usage(
        'There is no command behind "--".',
        'For example: rasen each -- gzip {} ::: a b. Where the items are commands: rasen each --shell',
      );
    const inside = shell ? markInQuotes(command) : null;
    if (inside !== null)
      throw usage(
        `${inside} stands inside of quotes, where an item would be no word of its own.`,
        `Write ${inside} without them: an item is quoted already, whatever is in it.`,
      );
    const items = await itemsOf(context, given, options);
    if (items.length === 0) {
      out.note('there are no items; nothing was started');
      if (out.json) out.value(null);
      return 0;
    }
    const commands = items.map((item, i) => ({
      title: titleOf(item),
      run: shell ? ['/bin/sh', '-c', shellLineOf(command, item, i + 1)] : commandOf(command, item, i + 1),
    }));
    if (options.dryRun) {
      const lines = commands.map(({ run }) => (shell ? shownText(run[2]!) : shellLine(run)));
      out.reply(
        commands.map(({ run }) => run),
        () => lines.join('\n'),
      );
      return 0;
    }
    const { key, name, env, timeout } = options;
    const order = await orderHere(
      context,
      {
        command: command.length === 0 ? 'sh -c {}' : shell ? command.join(' ') : shownCommand(command),
        items: commands,
        jobs,
        attempts: retries,
        on_fail: halt ? 'stop' : 'continue',
      },
      { key, name, env, turn: await turnOf(context, options), timeout_seconds: timeout },
    );
    const task = await accept(context, order, options);
    if (options.background) return 0;
    const shown = { keep_order: options.keepOrder === true, halts: halt };
    return await inForeground(context, task, eachForeground(context, task, shown));
  },
});

/** As it was typed, or nearly: what stands for the item needs no quotes. */
const shownCommand = (words: readonly string[]) => shellLine(words).replaceAll(/'(\{[./#]*\})'/g, '$1');

/** One line for people. */
const titleOf = (item: string) =>
  shownText(item)
    .replaceAll(/[\x00-\x1f\x7f-\x9f]+/g, ' ')
    .trim();

function haltOf(text: string): boolean {
  if (text === 'never' || text === '0') return false;
  if (text === 'soon,fail=1' || text === '1') return true;
  throw usage(
    `--halt: "${text}" is neither "never" nor "soon,fail=1".`,
    'What runs is not ended by the failure of another; to end all of it: Ctrl-C',
  );
}

function retriesOf(text: string): number {
  const n = wholeNumber('--retries', 1)(text);
  if (n > RETRIES_MAX) throw usage(`--retries: at most ${RETRIES_MAX} are possible.`);
  return n;
}
