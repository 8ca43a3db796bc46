/** `rasen logs`: what a task did and what its commands said. */
import type { LogRecord } from '../../index.ts';
import { defineCommand, FORMAT, TASK } from '../command.ts';
import type { Context } from '../context.ts';
import { isOneCommand, showOutput } from '../foreground.ts';
import { readLog } from '../log-stream.ts';
import { LogText } from '../log-text.ts';
import { callTask } from '../task-calls.ts';
import { parseSince, wholeNumber } from '../time.ts';

interface Options {
  follow?: boolean;
  lines?: number | 'all';
  subtask?: string;
  since?: string;
  gates?: boolean;
}

const DEFAULT_LINES = 50;

export const logs = defineCommand<Options>({
  name: 'logs',
  summary: 'Show the log of a task',
  details: [
    'A task that is one command shows its output and nothing else, byte for byte, and so does --subtask. Every other shows its events, in local time, and the output of its subtasks behind their names.',
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
    { flags: '--gates', about: 'the output of gates too' },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen logs -n 100', about: 'the last 100 lines' },
    { command: 'rasen logs --follow', about: 'everything, and what comes' },
    { command: 'rasen logs --subtask build > build.log', about: 'the output of one subtask' },
  ],
  async run({ args: [given], options }, context) {
    const view = await callTask(context, 'task.get', given, {});
    const { follow = false, subtask, since, gates = false } = options;
    const wanted = options.lines ?? (follow || since ? 'all' : DEFAULT_LINES);
    const lines = wanted === 'all' ? undefined : wanted;
    const raw = subtask !== undefined || (isOneCommand(view) && !gates);
    const shown = shower(context, raw);
    await readLog(context.link, {
      task: view.id,
      follow,
      subtask,
      since,
      gates,
      lines,
      events: !raw,
      show: shown.show,
    });
    await shown.end?.();
  },
});

interface Shower {
  show(record: LogRecord): Promise<void> | undefined;
  end?(): Promise<void> | undefined;
}

function shower(context: Context, raw: boolean): Shower {
  const { out } = context;
  if (out.json) return { show: record => out.bytes(out.stdout, `${JSON.stringify(record)}\n`) };
  if (raw) return { show: showOutput(context) };
  const text = new LogText();
  return {
    show: record => out.bytes(out.stdout, text.push(record)),
    end: () => out.bytes(out.stdout, text.end()),
  };
}

function readLines(text: string): number | 'all' {
  return text === 'all' ? 'all' : wholeNumber('--lines')(text);
}
