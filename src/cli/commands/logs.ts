/** `rasen logs`: what a task did and what its commands said. */
import type { LogRecord } from '../../index.ts';
import { safeText } from '../../util/terminal-text.ts';
import { defineCommand, FORMAT, TASK } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { stopped } from '../event-stream.ts';
import { isOneCommand, type ShowOutput, showOutput } from '../foreground.ts';
import { sayOnSignal } from '../interrupts.ts';
import { type LogQuestion, lastLines, SESSIONS } from '../last-lines.ts';
import { type LogEnd, readLog } from '../log-stream.ts';
import { LogText, type LogTextOptions } from '../log-text.ts';
import { tellSource } from '../source.ts';
import { callTask } from '../task-calls.ts';
import { parseSince, wholeNumber } from '../time.ts';
import { wrapLines } from '../wrap-lines.ts';

interface Options {
  follow?: boolean;
  lines?: number | 'all';
  subtask?: string;
  since?: string;
  gates?: boolean;
  raw?: boolean;
  yes?: boolean;
}

const DEFAULT_LINES = 50;

export const logs = defineCommand<Options>({
  name: 'logs',
  summary: 'Show the log of a task',
  details: [
    'A task that is one command shows its output and nothing else, byte for byte, and so does --subtask with a command. Every other shows its events, in local time, and the output of its subtasks behind their names: a line that begins with a time is of rasen, whatever a program prints.',
    'Values of secrets are masked in every spelling that is known: [masked: NAME] stands for them. On a terminal, colours are all that is left of what programs tell it; the rest is written out (\\x1b[2J), also where a log has names in front of its lines and goes to a program. With --raw everything is as it was printed.',
    'Sessions of agents are shown as people read them, one line each: what the agent said, its tools with what they were used on (>), what went wrong (!), and what is told of the session itself (=), with the time where the agent tells it. What is not known is shown as it is. With --raw, and with --format json, they come as the agent wrote them.',
    'With --follow the whole log comes first and then what happens, without gap or repetition, also over a restart of the supervisor, until the task is over.',
  ],
  arguments: [TASK],
  options: [
    {
      flags: '-n, --lines <n>',
      about: 'only the last n lines, or all (default: 50; with --follow: all)',
      parse: readLines,
    },
    { flags: '-f, --follow', about: 'go on with what comes' },
    { flags: '--subtask <id>', about: 'only the output of this subtask' },
    {
      flags: '--since <time>',
      about: 'only from a time on: 10m, 2h, 2026-01-27T18:45',
      parse: text => parseSince(text),
    },
    { flags: '--gates', about: 'the output of gates too, and what reviewer and QA did' },
    {
      flags: '--raw',
      about:
        'what was printed, as it was printed: sessions of agents as they wrote them, secrets not masked, nothing written out; not to a terminal',
    },
    { flags: '--yes', about: 'with --raw: to a terminal all the same' },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen logs -n 100', about: 'the last 100 lines' },
    { command: 'rasen logs --follow', about: 'everything, and what comes' },
    { command: 'rasen logs --subtask build > build.log', about: 'the output of one subtask' },
  ],
  async run({ args: [given], options }, context) {
    const view = await callTask(context, 'task.get', given, {});
    if (options.raw && !options.yes && context.out.stdout.isTTY && !context.out.json)
      throw usage(
        '--raw writes what programs printed as it is, and a terminal obeys what is in it.',
        `Send it to a file or a program: rasen logs ${view.id} --raw | less. To have it here all the same: --yes`,
      );
    tellSource(context);
    const { follow = false, subtask, since, gates = false } = options;
    const lines = options.lines ?? (follow || since ? 'all' : DEFAULT_LINES);
    const only = subtask === undefined ? view.subtasks : view.subtasks.filter(s => s.id === subtask);
    const sessions = !options.raw && !context.out.json && only.some(s => SESSIONS.has(s.kind));
    const bytes = !sessions && (subtask !== undefined || (isOneCommand(view) && !gates));
    const events = subtask === undefined && !bytes;
    const request = { task: view.id, subtask, since, gates, events, ...(options.raw ? { raw: true } : {}) };
    const over = ['completed', 'failed', 'cancelled'].includes(view.status);
    if (follow && !over)
      sayOnSignal(
        context.out,
        `not followed any more; the task goes on. Come back with: rasen logs --follow ${view.id}`,
      );
    if (bytes || context.out.json) {
      const show = context.out.json ? showJson(context) : showOutput(context, options);
      const end = await readLog(context.link, {
        ...request,
        follow,
        ...(lines === 'all' ? {} : { lines }),
        show: show.record,
      });
      await show.end();
      if (follow) await tellEnd(context, end, view.id);
    } else {
      const end = await showText(context, { ...request, follow }, lines, {
        raw: !sessions,
        exact: options.raw === true,
        bare: subtask !== undefined,
      });
      if (follow) await tellEnd(context, end, view.id);
    }
  },
});

/** What is followed and not over has ended because nobody is there who would see it go on. */
async function tellEnd({ link }: Context, { ended }: LogEnd, task: string): Promise<void> {
  if (!ended) throw stopped(await link.call('task.get', { task }));
}

const NOTHING = () => undefined;

const showJson = ({ out }: Context): ShowOutput => ({
  record: record => out.valueInTurn(record),
  end: NOTHING,
});

interface How extends LogTextOptions {
  /** Nothing is written out. */
  exact: boolean;
}

/** The lines of sessions come of many more lines of output: those are asked for, and the last ones shown. */
async function showText(
  { link, out }: Context,
  request: LogQuestion,
  lines: number | 'all',
  how: How,
): Promise<LogEnd> {
  const columns = out.stdout.isTTY && !how.bare ? out.stdout.columns : undefined;
  const write = (text: string) => {
    if (how.exact) return out.raw(text);
    return out.printInTurn(
      columns === undefined ? text : wrapLines(safeText(text, { colours: true }), columns),
    );
  };
  if (lines === 'all' || how.raw) {
    const text = new LogText(how);
    const some = lines === 'all' ? {} : { lines };
    const end = await readLog(link, { ...request, ...some, show: record => write(text.push(record)) });
    await write(text.end());
    return end;
  }
  const past = await lastLines(link, request, lines, how);
  await write(past.text);
  if (!request.follow || past.ended) return past;
  const show = (record: LogRecord) => write(past.log.push(record));
  const end = await readLog(link, { ...request, show }, past.cursor);
  await write(past.log.end());
  return end;
}

function readLines(text: string): number | 'all' {
  return text === 'all' ? 'all' : wholeNumber('--lines')(text);
}
