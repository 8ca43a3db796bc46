/**
 * What Ctrl-C and its like mean while a command is in the foreground of a task. The task belongs to the supervisor, so
 * none of them ends it by itself:
 *
 *   Ctrl-C on a terminal    asks: stop the task, or detach from it? A second Ctrl-C detaches.
 *   SIGINT, SIGTERM else    stops the task, as they would stop the command itself; once more kills it.
 *   SIGHUP                  detaches: a closed terminal must not end the work.
 *
 * A command that was told to end does end: it stays for the end of the task only as long as the supervisor answers.
 */
import { messageOf } from '../contract/errors.ts';
import type { Output } from './output.ts';
import { sleep } from './time.ts';

/** How often the supervisor is asked whether it is there, while it stops the task. */
const ALIVE_EVERY_MS = 1000;
/** Signals that ask for an end; with this one it is not waited for any more. */
const PATIENCE = 3;

export interface InterruptOptions {
  out: Output;
  /** A terminal; null: there is none to ask on. */
  stdin: NodeJS.ReadStream | null;
  /** Takes a progress display away before something is said. */
  before_words(): void;
  /** The same while something is asked, until the answer is there. */
  before_question(): void;
  after_question(): void;
  stop(force: boolean): Promise<void>;
  /** Whether the supervisor answers, within a second or two. */
  alive(): Promise<boolean>;
  detach(): void;
  /** Ends this command although the task was not stopped. */
  leave(why: string): void;
}

/** Begins to listen; the result ends it, and a question that is open. */
export function onInterrupt(options: InterruptOptions): () => void {
  const { out, stdin, before_words, before_question, after_question, stop, alive, detach, leave } = options;
  const asks = stdin !== null && out.stderr.isTTY === true;
  let question: AbortController | undefined;
  let stopping = false;
  let asked = 0;
  let released = false;

  const halt = () => {
    asked++;
    before_words();
    if (asked >= PATIENCE) return leave('the task is still being stopped');
    const force = stopping;
    stopping = true;
    out.note(force ? 'killing the task' : 'stopping the task (30 s at most; once more kills it)');
    stop(force).catch(error => {
      if (!released) out.note(messageOf(error));
    });
    if (!force) void watch();
  };
  const watch = async () => {
    while (!released) {
      if (!(await alive())) return released ? undefined : leave('the supervisor does not answer');
      await sleep(ALIVE_EVERY_MS);
    }
  };
  /** Nobody answers any more; what comes next begins a line. */
  const giveUp = () => {
    question?.abort();
    out.stderr.write('\n');
  };
  const ask = async () => {
    const { createInterface } = await import('node:readline/promises');
    const abort = new AbortController();
    question = abort;
    before_question();
    const lines = createInterface({ input: stdin!, output: out.stderr });
    // While the question is open the terminal's Ctrl-C comes here.
    lines.once('SIGINT', giveUp);
    try {
      const answer = await lines.question('\nstop the task or detach? [s/d] ', { signal: abort.signal });
      if (/^s/i.test(answer.trim())) halt();
      else if (/^d/i.test(answer.trim())) detach();
      else out.note('the task goes on');
    } catch {
      detach();
    } finally {
      lines.close();
      question = undefined;
      after_question();
    }
  };
  const onInt = () => {
    if (!asks || stopping) halt();
    else if (question) giveUp();
    else void ask();
  };
  process.on('SIGINT', onInt);
  process.on('SIGTERM', halt);
  process.on('SIGHUP', detach);
  return () => {
    if (released) return;
    released = true;
    process.off('SIGINT', onInt);
    process.off('SIGTERM', halt);
    process.off('SIGHUP', detach);
    if (question) giveUp();
  };
}

/** On a signal that ends a command which only waits: says what goes on without it, and ends as the signal would have. */
export function sayOnSignal(out: Pick<Output, 'note'>, text: string): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const end = (signal: NodeJS.Signals) => {
    release();
    out.note(text);
    // Nothing listens to it any more.
    process.kill(process.pid, signal);
  };
  const release = () => {
    for (const signal of signals) process.off(signal, end);
  };
  for (const signal of signals) process.on(signal, end);
  return release;
}
