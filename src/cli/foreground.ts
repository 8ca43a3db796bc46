/**
 * The foreground of a task: shows it until it does not go on by itself. A task that is one plain command shows its
 * output, byte for byte; every other its progress.
 */
import { isatty } from 'node:tty';
import { RasenError } from '../contract/errors.ts';
import { nextCommand } from '../engine/next-command.ts';
import type { LogCursor, LogRecord, TaskView } from '../index.ts';
import type { Context } from './context.ts';
import { onInterrupt } from './interrupts.ts';
import { readLog } from './log-stream.ts';
import { bytesOf, LogText } from './log-text.ts';
import { oneLine } from './output.ts';
import { Progress } from './progress.ts';
import { statusText } from './status-text.ts';
import { exitOf, STOP_TIMEOUT_MS } from './task-calls.ts';
import { waitTasks } from './wait-task.ts';

/** Longest wait for a sign of the supervisor, when this command was told to end. */
const ALIVE_MS = 1500;
/** Of what was printed before somebody looked. */
const HEARD_LINES = 5;

export interface ForegroundOptions {
  /** Do not end when the task waits for a usage limit. */
  through_limits: boolean;
  /** Of a task that is one command: end with the status of that. */
  own_exit_code?: boolean;
  /** In place of what is shown of such a task. */
  show?: (asked: Asked) => Shown;
  /** In place of the status of the task. */
  exit?: (view: TaskView) => number;
  /** In place of the sentence at the end. */
  tell?: (view: TaskView) => void;
}

/** While it is asked what Ctrl-C means, output waits for this. */
export type Asked = () => Promise<void> | undefined;

export interface Shown {
  /** Never resolves. */
  failed: Promise<never>;
  /** Shows the rest, once the task is over. */
  end(): Promise<void>;
}

/** As of every program that a closed pipe ends: 128 and the number of SIGPIPE. */
const PIPE_CLOSED = 141;

/** Gives the exit status: that of the task, 75 when it waits for a usage limit, the end of quiet hours or the budget of the next day, 0 after a detach. */
export async function inForeground(
  context: Context,
  view: TaskView,
  options: ForegroundOptions,
): Promise<number> {
  const { out, link } = context;
  const raw = options.show !== undefined || isOneCommand(view);
  const show = options.show ?? (asked => streamOutput(context, view.id, asked));
  const progress = raw ? undefined : new Progress(out, out.stderr);
  const waits = tellingWaits(out);
  const detached = new AbortController();
  const listening = new AbortController();
  const gone = Promise.withResolvers<never>();
  // Nobody may be left to look at it.
  gone.promise.catch(() => {});
  /** While it is asked what Ctrl-C means, the output of a command waits. */
  let question: PromiseWithResolvers<void> | undefined;
  const come_back = `Come back with: rasen ${raw ? 'logs --follow' : 'status --watch'} ${view.id}`;
  const release = onInterrupt({
    out,
    // Only a terminal is touched: a pipe may be that of a loop around.
    stdin: isatty(0) && !process.stdin.readableEnded ? process.stdin : null,
    before_words: () => progress?.clear(),
    before_question: () => {
      progress?.hold();
      question = Promise.withResolvers<void>();
    },
    after_question: () => {
      progress?.resume();
      question?.resolve();
    },
    stop: async force => {
      const params = { task: view.id, force, op: crypto.randomUUID() };
      await link.call('task.stop', params, { timeout_ms: STOP_TIMEOUT_MS });
    },
    alive: () => link.answers(ALIVE_MS),
    detach: () => {
      detached.abort();
      gone.reject(detached.signal.reason);
    },
    leave: why =>
      gone.reject(
        new RasenError('unreachable', `Left: ${why}. Task ${view.id} and its processes go on.`, {
          hint: `${come_back}; end it with: rasen stop ${view.id}`,
        }),
      ),
  });
  out.reader_gone = () => {
    out.note(
      `nobody reads the output any more; the task goes on in the background. ${come_back}; end it with: rasen stop ${view.id}`,
    );
    return PIPE_CLOSED;
  };
  try {
    progress?.show(view);
    const output = raw ? show(() => question?.promise) : undefined;
    if (progress && out.live(out.stderr)) void listen(context, view.id, progress, listening.signal);
    const waited = waitTasks(link, {
      tasks: [view.id],
      ...options,
      changed: changed => (progress ? progress.show(changed) : waits(changed)),
      signal: detached.signal,
    });
    const views = await Promise.race([waited, output?.failed ?? never(), gone.promise]);
    await Promise.race([output?.end(), gone.promise]);
    // It is over: whatever is not read now was not cut short.
    out.reader_gone = null;
    // Before anything is written: it may be on the line of a question.
    release();
    const last = views[0]!;
    progress?.show(last);
    progress?.end();
    report(context, last, raw, options.tell);
    if (options.exit) return options.exit(last);
    return options.own_exit_code ? ownExitCode(last) : exitOf(last);
  } catch (error) {
    release();
    progress?.end();
    if (!detached.signal.aborted) throw error;
    out.note(`detached; the task goes on. ${come_back}`);
    return 0;
  } finally {
    out.reader_gone = null;
    listening.abort();
    release();
  }
}

/** Of the command's last attempt, where it had one: 128 and the signal for one that a signal ended. */
export function ownExitCode(view: TaskView): number {
  const last = view.subtasks[0]?.history.at(-1);
  const ended = view.status === 'completed' || view.status === 'failed' || last?.outcome === 'startup';
  return (ended ? last?.code : null) ?? exitOf(view);
}

/** Of a command, whose output is all that is shown: why none comes. */
function tellingWaits(out: Context['out']): (view: TaskView) => void {
  let told: string | null = null;
  return ({ status, reason }) => {
    const text = status === 'waiting' ? reason : null;
    if (text !== null && text !== told) out.note(`waiting: ${oneLine(text)}`);
    told = text;
  };
}

/** One command and nothing around it: then its output is all there is to show. */
export function isOneCommand(view: Pick<TaskView, 'subtasks'>): boolean {
  return view.subtasks.length === 1 && view.subtasks[0]!.kind === 'run';
}

function report({ out }: Context, view: TaskView, raw: boolean, tell?: (view: TaskView) => void): void {
  if (out.json) out.value(view);
  else if (!raw) out.answer(statusText(view, { now_ms: Date.now() }));
  if (!raw || view.status === 'completed') return;
  if (tell) {
    tell(view);
    return;
  }
  const reason = view.reason ?? view.subtasks.find(s => s.reason)?.reason;
  out.note(`${view.status}${reason ? `: ${oneLine(reason)}` : ''}`);
  const halted = view.status === 'interrupted' || view.status === 'blocked';
  if (raw && halted) out.say(`  Next: ${nextCommand(view)}\n`);
}

/** The last line of each that is worked on, for the display. It is company and no more: without it the display goes on. */
async function listen(
  { link }: Context,
  task: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const texts = new Map<string, LogText>();
  const show = (record: LogRecord) => {
    const subtask = record.subtask ?? '';
    const text = texts.get(subtask) ?? new LogText({ bare: true });
    texts.set(subtask, text);
    const line = text.push(record).trimEnd().split('\n').at(-1)?.trim();
    if (line) progress.hear(task, subtask, line);
    return undefined;
  };
  await readLog(link, { task, follow: true, events: false, lines: HEARD_LINES, show, signal }).catch(
    () => {},
  );
}

/** The output while it comes. `end` gives the rest once the task is over. */
function streamOutput(context: Context, task: string, asked: Asked): Shown {
  const { link } = context;
  const following = new AbortController();
  const show = showOutput(context);
  let cursor: LogCursor | undefined;
  const followed = readLog(link, {
    task,
    follow: true,
    events: false,
    show: async record => {
      await asked();
      await show.record(record);
    },
    signal: following.signal,
  }).then(end => {
    cursor = end.cursor;
  });
  return {
    failed: followed.then(never),
    async end() {
      following.abort();
      await followed;
      await readLog(link, { task, follow: false, events: false, show: show.record }, cursor);
      await show.end();
    },
  };
}

export interface ShowOutput {
  record(record: LogRecord): Promise<void> | undefined;
  /** What waited for more. */
  end(): Promise<void> | undefined;
}

/** Writes output records to stdout (to stderr when stdout is for JSON), and tells of what is missing. */
export function showOutput({ out }: Context, { raw = false }: { raw?: boolean } = {}): ShowOutput {
  const through = out.passThrough(out.json ? out.stderr : out.stdout, { raw });
  return {
    record(record) {
      if (record.kind === 'output') return through.write(bytesOf(record));
      if (record.kind === 'gap') out.note(oneLine(record.text));
      return undefined;
    },
    end: () => through.end(),
  };
}

function never(): Promise<never> {
  return new Promise(() => {});
}
