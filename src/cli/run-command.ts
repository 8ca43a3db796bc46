/** `rasen run -- CMD` and `rasen run -f FILE`: tasks that need no project. */
import type { TaskSpec } from '../index.ts';
import { ulid } from '../util/ulid.ts';
import { askedEnv } from './asked-env.ts';
import type { AskedEnv } from './captured-env.ts';
import { configFolder } from './config-folder.ts';
import type { ConfigBundle, Context } from './context.ts';
import { inForeground } from './foreground.ts';
import { tellNotTaken } from './make-task.ts';
import { submit } from './submit.ts';

export interface CommandRunOptions {
  background?: boolean;
  wait?: boolean;
  key?: string;
  name?: string;
  env?: string[];
}

export async function runCommand(
  context: Context,
  argv: string[],
  options: CommandRunOptions,
): Promise<number> {
  const asked = askedEnv(options.env ?? [], context.env);
  const bundle = await context.loadConfigBundle();
  const { key, name } = options;
  // The environment goes beside the spec, into a file of its own: a spec is in the journal for ever.
  const spec = bundle.commandTaskSpec({
    ...{ id: ulid(), argv, cwd: context.cwd, key, name },
    notices: noticesHere(bundle, context),
  });
  return await start(context, spec, asked, options);
}

export async function runPipeline(
  context: Context,
  file: string,
  options: CommandRunOptions,
): Promise<number> {
  const asked = askedEnv(options.env ?? [], context.env);
  const bundle = await context.loadConfigBundle();
  const { key, name } = options;
  const id = ulid();
  const loaded = bundle.readPlanFile(file, bundle.readPlanText(file), { task: id, origin: 'file' });
  const { plan, defaults, notes } = loaded;
  tellNotTaken(context, file, notes);
  const spec = bundle.pipelineTaskSpec({
    ...{ id, plan, defaults, cwd: context.cwd, file, key, name },
    notices: noticesHere(bundle, context),
  });
  const pass = [...asked.pass, ...defaults.pass_env];
  return await start(context, spec, { ...asked, pass }, options);
}

/** Throws RasenError `config` where the configuration is wrong: nobody would hear of the end. */
function noticesHere(bundle: ConfigBundle, { cwd, env }: Context) {
  return bundle.noticesOf(bundle.loadConfig({ project: configFolder(cwd), env }).settings);
}

async function start(
  context: Context,
  spec: TaskSpec,
  asked: AskedEnv,
  options: CommandRunOptions,
): Promise<number> {
  const { out } = context;
  const { task, created } = await submit(context, spec, asked);
  const again = created ? '' : ', which is there already';
  if (!options.background) {
    out.note(`task ${task.id}${again}`);
    return await inForeground(context, task, { through_limits: options.wait === true });
  }
  out.reply(task, () => task.id);
  out.note(`the task runs in the background${again}; follow it with: rasen logs ${task.id} --follow`);
  return 0;
}
