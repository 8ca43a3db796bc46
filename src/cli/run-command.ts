/** `rasen run -- CMD` and `rasen run -f FILE`: tasks that need no project. */
import { removeFromInbox } from '../host/inbox.ts';
import type { TaskView } from '../index.ts';
import type { FileWish, Order } from '../submit/order.ts';
import type { Context } from './context.ts';
import { type ForegroundOptions, inForeground } from './foreground.ts';
import { keepInput, UnreadInput } from './piped-input.ts';
import { inTerminal } from './pty.ts';
import { readInput } from './read-input.ts';
import { homeOfSupervisor, orderHere, submit } from './submit.ts';
import { type TurnOptions, turnOf } from './turn-options.ts';

export interface CommandRunOptions extends TurnOptions {
  background?: boolean;
  wait?: boolean;
  key?: string;
  name?: string;
  env?: string[];
  retry?: boolean;
  stdin?: boolean;
  pty?: boolean;
  exitCode?: boolean;
  /** Subtasks of a file that run at once. */
  jobs?: number;
  /** Seconds. */
  timeout?: number;
}

/** Throws `program_missing` or `program_refused` for what cannot be run, before there is a task. */
export async function runCommand(
  context: Context,
  argv: string[],
  options: CommandRunOptions,
): Promise<number> {
  const order = await commandOrder(context, argv, options);
  if (!options.stdin) return await start(context, order, options, new UnreadInput(context));
  const { id } = order.spec;
  const home = await homeOfSupervisor(context.link);
  try {
    const stdin = await keepInput(context, home, id);
    return await start(context, { ...order, spec: { ...order.spec, stdin } }, options, null);
  } finally {
    removeFromInbox(home, id, 'input');
  }
}

/** A command, as a task or as what a run of a trigger does. Throws as `runCommand`. */
export async function commandOrder(
  context: Context,
  argv: string[],
  { pty, key, name, env, timeout, ...options }: CommandRunOptions,
): Promise<Order> {
  const turn = await turnOf(context, options);
  const { columns = 80, rows = 24 } = context.out.stdout;
  const run = pty ? await inTerminal(argv, { columns, rows }, context.env.SHELL) : undefined;
  return await orderHere(context, { command: argv, run }, { key, name, env, turn, timeout_seconds: timeout });
}

export async function runPipeline(
  context: Context,
  file: string,
  options: CommandRunOptions,
): Promise<number> {
  return await start(context, await pipelineOrder(context, file, options), options, null);
}

/** The subtasks of a file, as a task or as what a run of a trigger does. */
export async function pipelineOrder(
  context: Context,
  file: string,
  { key, name, env, timeout, jobs, ...options }: CommandRunOptions,
): Promise<Order> {
  const turn = await turnOf(context, options);
  const wish = file === '-' ? await pipedPlan(context) : { file };
  return await orderHere(context, wish, { key, name, env, turn, jobs, timeout_seconds: timeout });
}

async function pipedPlan(context: Context): Promise<FileWish> {
  const { planTextOf, PLAN_BYTES_MAX } = await context.loadConfigBundle();
  const bytes = await readInput(context, { file: '-', what: 'subtasks', bytes_max: PLAN_BYTES_MAX });
  const file = 'standard input';
  return { file, text: planTextOf(file, bytes) };
}

async function start(
  context: Context,
  order: Order,
  options: CommandRunOptions,
  unread: UnreadInput | null,
): Promise<number> {
  const task = await accept(context, order, options, () => unread?.tell());
  if (options.background) return 0;
  const foreground: ForegroundOptions = {
    through_limits: options.wait === true,
    own_exit_code: options.exitCode === true,
  };
  try {
    return await inForeground(context, task, foreground);
  } finally {
    // It may have come late.
    await unread?.tell();
  }
}

/** Hands it to the supervisor and says which task it is: with --background as the answer of this command. */
export async function accept(
  context: Context,
  order: Order,
  options: Pick<CommandRunOptions, 'background' | 'retry'>,
  before?: () => Promise<void> | undefined,
): Promise<TaskView> {
  const { out } = context;
  const { created, ...said } = await submit(context, order);
  const { task, again } = created ? { task: said.task, again: '' } : await known(context, said.task, options);
  await before?.();
  if (options.background) {
    out.reply(task, () => task.id);
    out.note(`the task runs in the background${again}; follow it with: rasen logs ${task.id} --follow`);
  } else out.note(`task ${task.id}${again}`);
  return task;
}

/** The task of an earlier order: what failed is done again where that is asked for. */
async function known(
  { link }: Context,
  task: TaskView,
  { retry }: Pick<CommandRunOptions, 'retry'>,
): Promise<{ task: TaskView; again: string }> {
  const failed = task.status === 'failed' || task.status === 'blocked';
  if (!failed) return { task, again: ', which is there already' };
  if (!retry)
    return { task, again: `, which is there already and ${task.status}; to do again what failed: --retry` };
  const params = { task: task.id, op: crypto.randomUUID() };
  const going = await link.persist(client => client.call('task.retry', params));
  return { task: going, again: ', which is there already; what failed is done again' };
}
