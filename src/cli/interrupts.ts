/**
 * What Ctrl-C and its like mean while a command is in the foreground of a task. The task belongs to the supervisor, so
 * none of them ends it by itself:
 *
 *   Ctrl-C on a terminal    asks: stop the task, or detach from it? A second Ctrl-C detaches.
 *   SIGINT, SIGTERM else    stops the task, as they would stop the command itself; once more kills it.
 *   SIGHUP                  detaches: a closed terminal must not end the work.
 */
import { messageOf } from '../errors.ts';
import type { Output } from './output.ts';

export interface InterruptOptions {
  out: Output;
  stdin: NodeJS.ReadStream;
  /** Takes a progress display away before something is asked. */
  before_question(): void;
  stop(force: boolean): Promise<void>;
  detach(): void;
}

/** Begins to listen; the result ends it. */
export function onInterrupt(options: InterruptOptions): () => void {
  const { out, stdin, before_question, stop, detach } = options;
  const asks = stdin.isTTY === true && out.stderr.isTTY === true;
  let question: AbortController | undefined;
  let stopping = false;

  const halt = () => {
    const force = stopping;
    stopping = true;
    before_question();
    out.note(force ? 'killing the task' : 'stopping the task (30 s at most; once more kills it)');
    stop(force).catch(error => out.note(messageOf(error)));
  };
  const ask = async () => {
    const { createInterface } = await import('node:readline/promises');
    const abort = new AbortController();
    question = abort;
    before_question();
    const lines = createInterface({ input: stdin, output: out.stderr });
    // While the question is open the terminal's Ctrl-C comes here.
    lines.once('SIGINT', () => abort.abort());
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
    }
  };
  const onInt = () => {
    if (!asks || stopping) halt();
    else if (question) question.abort();
    else void ask();
  };
  process.on('SIGINT', onInt);
  process.on('SIGTERM', halt);
  process.on('SIGHUP', detach);
  return () => {
    process.off('SIGINT', onInt);
    process.off('SIGTERM', halt);
    process.off('SIGHUP', detach);
    question?.abort();
  };
}
