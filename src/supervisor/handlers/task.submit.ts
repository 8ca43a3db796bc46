/** Answers `task.submit`: as task.run, for an order in the inbox. */
import { RasenError } from '../../contract/errors.ts';
import { runParams } from '../../contract/methods/task.run.ts';
import { readInbox } from '../../host/inbox.ts';
import type { Handler } from './define.ts';
import { taskRun } from './task.run.ts';

export const taskSubmit: Handler<'task.submit'> = async ({ id, sha256 }, supervisor, context) => {
  const text = readInbox(supervisor.paths.home, id, 'order', sha256).toString('utf8');
  const parsed = runParams.safeParse(jsonIn(text));
  if (!parsed.success || parsed.data.spec.id !== id)
    throw new RasenError('usage', `The order of task ${id} is not what task.run takes: ${whyNot(parsed)}.`);
  return await taskRun(parsed.data, supervisor, context);
};

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The first fault, with its place. */
function whyNot({ error }: ReturnType<typeof runParams.safeParse>): string {
  const issue = error?.issues[0];
  return issue ? `${issue.path.join('.')}: ${issue.message}` : 'it is of another task';
}
