/** Calls about one task that several commands make, with the errors that a person can do something with. */
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { CallOptions, MethodName, Params, Result, TaskView } from '../index.ts';
import type { Context } from './context.ts';
import { sayError } from './errors.ts';
import { oneLine } from './output.ts';
import { findProject, taskRef } from './project.ts';

type OnTask = Extract<MethodName, `task.${string}`>;

/** Longest wait for the end of a stop: its ladder takes 30 s, then come the cages of all attempts. */
export const STOP_TIMEOUT_MS = 120_000;

/** Calls a method on the given task, or on that of the project. */
export async function callTask<N extends OnTask>(
  context: Context,
  method: N,
  given: string | undefined,
  params: Omit<Params<N>, 'task'>,
  options?: CallOptions,
): Promise<Result<N>> {
  const task = taskRef(context, given);
  try {
    const answer = await context.link.call(method, { ...params, task } as unknown as Params<N>, options);
    tellNamesakes(context, given, viewIn(answer));
    return answer;
  } catch (error) {
    throw given === undefined ? notRunYet(context, error) : error;
  }
}

/** The same for a method that changes something; repeated after a lost answer, it is done once. */
export function changeTask<N extends OnTask>(
  context: Context,
  method: N,
  given: string | undefined,
  params: Omit<Params<N>, 'task' | 'op'>,
  options?: CallOptions,
): Promise<Result<N>> {
  return callTask(
    context,
    method,
    given,
    { ...params, op: crypto.randomUUID() } as Omit<Params<N>, 'task'>,
    options,
  );
}

const viewIn = (answer: unknown): Partial<TaskView> =>
  (answer as { task?: TaskView } | null)?.task ?? (answer as Partial<TaskView> | null) ?? {};

/** A name that was used again stands for the newest task; that is said, since it may not be the one that is meant. */
export function tellNamesakes(
  { out }: Pick<Context, 'out'>,
  given: string | undefined,
  { id, name, namesakes }: Partial<TaskView>,
): void {
  if (!namesakes || given !== name) return;
  out.note(`${namesakes + 1} tasks are called "${oneLine(name!, 60)}"; this is the newest, ${id}`);
}

/**
 * The same for several tasks at once, or for that of the project: what fails of one keeps back no other. Gives the exit
 * status of the first that failed. JSON: the answer, or a list of answers and `{error}`s where several were named.
 */
export async function callEach<T>(
  { out, env }: Context,
  given: readonly string[],
  call: (task: string | undefined) => Promise<T>,
  text: (answer: T, task: string | undefined) => string,
  json: (answer: T) => unknown = answer => answer,
): Promise<number> {
  const [only] = given;
  if (given.length < 2) {
    const answer = await call(only);
    out.reply(json(answer), () => text(answer, only));
    return 0;
  }
  const results = await Promise.allSettled(given.map(task => call(task)));
  let exit = 0;
  const answers = results.map((result, i) => {
    if (result.status === 'fulfilled') {
      if (!out.json) out.answer(text(result.value, given[i]));
      return json(result.value);
    }
    const { status, error } = sayError(result.reason, out, env);
    exit ||= status;
    return { error };
  });
  if (out.json) out.value(answers);
  return exit;
}

/** The project's own task is unknown to the supervisor when nobody ran it, or when its state is gone. */
export function notRunYet({ cwd }: Pick<Context, 'cwd'>, error: unknown): unknown {
  if (!isRasenError(error) || error.kind !== 'task_unknown') return error;
  const submitted = findProject(cwd)?.task.submitted_at;
  if (submitted)
    return new RasenError(
      'task_unknown',
      `No supervisor here knows the task of this project, which was run at ${submitted}: its state was removed, or is in another RASEN_HOME.`,
      {
        hint: `What it committed is in its branch: git branch --list 'rasen/*'. To begin anew: rasen reinit`,
      },
    );
  return new RasenError('task_unknown', 'The task of this project was not run yet.', { hint: 'rasen run' });
}

/** The status that a command ends with which waited for a task; 75: it waits for hours, and we do not. */
export function exitOf(view: TaskView): number {
  return view.exit_code ?? 75;
}
