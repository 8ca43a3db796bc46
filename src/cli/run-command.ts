/** `rasen run -- CMD` and `rasen run -f FILE`: tasks that need no project. */
import { removeFromInbox } from '../host/inbox.ts';
import type { TaskSpec, TaskView } from '../index.ts';
import { ulid } from '../util/ulid.ts';
import { askedEnv } from './asked-env.ts';
import { type AskedEnv, capturedEnv } from './captured-env.ts';
import { configFolder } from './config-folder.ts';
import type { ConfigBundle, Context } from './context.ts';
import { exactEnv } from './exact.ts';
import { checkProgram } from './find-program.ts';
import { type ForegroundOptions, inForeground } from './foreground.ts';
import { tellNotTaken } from './make-task.ts';
import { keepInput, UnreadInput } from './piped-input.ts';
import { inTerminal } from './pty.ts';
import { homeOfSupervisor, submit } from './submit.ts';
import type { Order } from './trigger-create.ts';

export interface CommandRunOptions {
  background?: boolean;
  wait?: boolean;
  key?: string;
  name?: string;
  env?: string[];
  retry?: boolean;
  stdin?: boolean;
  pty?: boolean;
  exitCode?: boolean;
  /** Seconds. */
  timeout?: number;
}

/** Throws `program_missing` or `program_refused` for what cannot be run, before there is a task. */
export async function runCommand(
  context: Context,
  argv: string[],
  options: CommandRunOptions,
): Promise<number> {
  const { cwd, env, link, out } = context;
  const asked = askedEnv(options.env ?? [], env);
  checkProgram(argv, { cwd, env: capturedEnv(exactEnv(env), asked), shell: env.SHELL });
  const { columns = 80, rows = 24 } = out.stdout;
  const run = options.pty ? await inTerminal(argv, { columns, rows }, env.SHELL) : undefined;
  const bundle = await context.loadConfigBundle();
  const { key, name } = options;
  const id = ulid();
  const home = options.stdin ? await homeOfSupervisor(link) : null;
  try {
    const stdin = home === null ? null : await keepInput(context, home, id);
    // The environment goes beside the spec, into a file of its own: a spec is in the journal for ever.
    const spec = bundle.commandTaskSpec({
      ...{ id, argv, run, stdin, cwd, key, name, limits: limitsOf(options) },
      notices: noticesHere(bundle, context),
    });
    const unread = options.stdin ? null : new UnreadInput(context);
    return await start(context, spec, asked, options, unread);
  } finally {
    if (home !== null) removeFromInbox(home, id, 'input');
  }
}

/** What a run of a trigger does: a command. Throws as `runCommand`. */
export async function commandOrder(
  context: Context,
  argv: string[],
  options: CommandRunOptions,
): Promise<Order> {
  const { cwd, env, out } = context;
  const asked = askedEnv(options.env ?? [], env);
  checkProgram(argv, { cwd, env: capturedEnv(exactEnv(env), asked), shell: env.SHELL });
  const { columns = 80, rows = 24 } = out.stdout;
  const run = options.pty ? await inTerminal(argv, { columns, rows }, env.SHELL) : undefined;
  const bundle = await context.loadConfigBundle();
  const notices = noticesHere(bundle, context);
  return {
    spec: bundle.commandTaskSpec({
      ...{ id: ulid(), argv, run, cwd, name: options.name, notices, limits: limitsOf(options) },
    }),
    asked,
  };
}

export async function runPipeline(
  context: Context,
  file: string,
  options: CommandRunOptions,
): Promise<number> {
  const { spec, asked } = await pipelineOrder(context, file, options);
  return await start(context, spec, asked, options, null);
}

/** The subtasks of a file, as a task or as what a run of a trigger does. */
export async function pipelineOrder(
  context: Context,
  file: string,
  options: CommandRunOptions,
): Promise<Order> {
  const asked = askedEnv(options.env ?? [], context.env);
  const bundle = await context.loadConfigBundle();
  const { key, name } = options;
  const id = ulid();
  const loaded = bundle.readPlanFile(file, bundle.readPlanText(file), { task: id, origin: 'file' });
  const { plan, defaults, notes } = loaded;
  tellNotTaken(context, file, notes);
  const spec = bundle.pipelineTaskSpec({
    ...{ id, plan, defaults, cwd: context.cwd, file, key, name, limits: limitsOf(options) },
    notices: noticesHere(bundle, context),
  });
  const pass = [...asked.pass, ...defaults.pass_env];
  return { spec, asked: { ...asked, pass } };
}

/** A command that runs longer is ended, and has failed. */
const limitsOf = ({ timeout }: CommandRunOptions) =>
  timeout === undefined ? undefined : { session_timeout_seconds: timeout };

/** Throws RasenError `config` where the configuration is wrong: nobody would hear of the end. */
function noticesHere(bundle: ConfigBundle, { cwd, env }: Context) {
  return bundle.noticesOf(bundle.loadConfig({ project: configFolder(cwd), env }).settings);
}

async function start(
  context: Context,
  spec: TaskSpec,
  asked: AskedEnv,
  options: CommandRunOptions,
  unread: UnreadInput | null,
): Promise<number> {
  const { out } = context;
  const { created, ...said } = await submit(context, spec, asked);
  const { task, again } = created ? { task: said.task, again: '' } : await known(context, said.task, options);
  await unread?.tell();
  if (options.background) {
    out.reply(task, () => task.id);
    out.note(`the task runs in the background${again}; follow it with: rasen logs ${task.id} --follow`);
    return 0;
  }
  out.note(`task ${task.id}${again}`);
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

/** The task of an earlier order: what failed is done again where that is asked for. */
async function known(
  { link }: Context,
  task: TaskView,
  { retry }: CommandRunOptions,
): Promise<{ task: TaskView; again: string }> {
  const failed = task.status === 'failed' || task.status === 'blocked';
  if (!failed) return { task, again: ', which is there already' };
  if (!retry)
    return { task, again: `, which is there already and ${task.status}; to do again what failed: --retry` };
  const params = { task: task.id, op: crypto.randomUUID() };
  const going = await link.persist(client => client.call('task.retry', params));
  return { task: going, again: ', which is there already; what failed is done again' };
}
