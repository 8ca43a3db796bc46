/** What a subtask does, and what another one waits for of it; without a schema. */
import type { Subtask } from './plan.ts';
import type { NeedState } from './service-words.ts';

/** Program and arguments of a subtask that is a command or a service; null: a session of the agent does it. */
export function commandOf(work: Subtask['do']): string[] | null {
  if ('run' in work) return work.run;
  return 'keep' in work ? work.keep : null;
}

/** What is waited for of a subtask that another one needs. */
export function needStateOf(
  subtask: Pick<Subtask, 'need_states'>,
  needed: Pick<Subtask, 'id' | 'do'>,
): NeedState {
  return subtask.need_states?.[needed.id] ?? ('keep' in needed.do ? 'ready' : 'done');
}
