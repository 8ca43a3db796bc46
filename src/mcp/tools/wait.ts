/** `wait`: until tasks do not go on by themselves, or the client would give up on the answer. */
import * as z from 'zod';
import type { TaskView } from '../../index.ts';
import { brief, goesOn, progressText } from '../brief.ts';
import { defineTool } from '../tool.ts';
import { taskRef } from '../work.ts';

/** Clients give up after 60 s, and some of them sooner. */
const SECONDS_MAX = 45;
/** Of a supervisor that has not answered yet. */
const LAST_LOOK_MS = 5000;

export const wait = defineTool({
  name: 'wait',
  title: 'Wait for tasks',
  description: `Waits until tasks are over or need a person, for ${SECONDS_MAX} s at most. still_running: true means that the time is up and nothing else: call it again, or go on with other work. It costs nothing to stop waiting; the tasks go on.`,
  annotations: { readOnlyHint: true, openWorldHint: false },
  input: z.strictObject({
    tasks: z.array(taskRef).min(1).max(20).describe('All of these.'),
    seconds: z.number().min(0).max(SECONDS_MAX).default(SECONDS_MAX).describe('At most so long.'),
  }),
  async answer({ tasks, seconds }, door, { signal, progress }) {
    const enough = new AbortController();
    const views = new Map<string, TaskView>();
    const timer = setTimeout(() => enough.abort(), seconds * 1000);
    const stop = AbortSignal.any([signal, enough.signal]);
    let said = '';
    const changed = (view: TaskView) => {
      views.set(view.id, view);
      const text = progressText(view);
      if (text !== said) progress(text);
      said = text;
    };
    try {
      const over = door.wait([...new Set(tasks)], changed, stop);
      const done = await Promise.race([over, aborted(stop)]);
      if (done) return { still_running: false, tasks: done.map(brief) };
    } catch (error) {
      if (!stop.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
    signal.throwIfAborted();
    const look = (task: string) => door.call('task.get', { task }, { timeout_ms: LAST_LOOK_MS });
    const now = views.size > 0 ? [...views.values()] : await Promise.all(tasks.map(look));
    return { still_running: now.some(goesOn), tasks: now.map(brief) };
  },
});

/** Resolves when the signal is raised; a promise that loses against it is nobody's error. */
function aborted(signal: AbortSignal): Promise<null> {
  return new Promise(resolve => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}
