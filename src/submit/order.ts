/**
 * From what somebody wants to a complete order: the spec by value and the environment of its commands, as `task.run` and
 * `trigger.create` take them. The command line asks here, and whatever else submits tasks. Nothing of this process is
 * looked at: folder and environment are arguments. The parts that read configuration and plans are handed in, since the
 * command line loads them late.
 */
import { resolve } from 'node:path';
import type * as config from '../config/index.ts';
import { usage } from '../contract/errors.ts';
import type { SpecDraft, TaskSpec } from '../contract/spec.ts';
import { shellLine } from '../engine/shell-word.ts';
import { hasConfig } from '../host/config-files.ts';
import { ulid } from '../util/ulid.ts';
import { adviceOf } from './advice.ts';
import { askedEnv } from './asked-env.ts';
import { capturedEnv } from './captured-env.ts';
import { configFolder } from './config-folder.ts';
import { checkProgram } from './find-program.ts';
import { commandSpec, pipelineSpec } from './spec-command.ts';
import { type EachTask, eachSpec } from './spec-each.ts';

export type Parts = Pick<
  typeof config,
  'agentTaskSpec' | 'checkedSpec' | 'loadConfig' | 'noticesOf' | 'readPlanFile' | 'readPlanText'
>;

/** A command as words. */
export interface CommandWish {
  command: readonly string[];
  /** What is run in its place: the command inside another one. */
  run?: string[] | undefined;
  /** It runs at another time, when its program may be there: nobody looks for that now. */
  is_for_later?: boolean;
}

/** One command for each item, as one task. */
export type EachWish = Pick<EachTask, 'command' | 'items' | 'jobs' | 'attempts' | 'on_fail'>;

/** A file of commands that need each other. */
export interface FileWish {
  file: string;
  /** What is in it, where it is no file of the folder: `file` is how messages call it then. */
  text?: string | undefined;
}

/** One service and nothing else, with the settings that a file of subtasks has for it. */
export interface ServiceWish {
  service: string;
  command: readonly string[];
  settings: Readonly<Record<string, unknown>>;
}

/** Work for agents, by the configuration of a project. */
export interface GoalWish {
  /** The task text; may be empty where the plan has one. */
  goal: string;
  /** Without one, the first attempt is the planner's. */
  plan_file?: string | null;
  /** The plan itself, under the name that messages give it. */
  plan?: { name: string; text: string } | null;
  /** Commit or branch to start from. */
  base?: string | null;
  /** Configuration in place of rasen.yml. */
  config_file?: string | undefined;
  skip_review?: boolean | undefined;
  skip_qa?: boolean | undefined;
}

export type Wish = CommandWish | EachWish | ServiceWish | FileWish | GoalWish;

export interface Flags {
  /** Default: a new one. */
  id?: string;
  key?: string | undefined;
  name?: string | undefined;
  /** What counts in place of the configuration of the folder. */
  config?: config.LoadedConfig;
  /** Names of variables that are handed over, besides. */
  pass?: readonly string[];
  /** As `--env` takes them: NAME, NAME=VALUE or START*. */
  env?: readonly string[] | undefined;
  /** Of commands: one that runs longer is ended, and has failed. */
  timeout_seconds?: number | undefined;
  /** Of files: so many subtasks at once, whatever the file says. */
  jobs?: number | undefined;
  /** Umask and resource limits of its commands; null: those of the supervisor. */
  process?: TaskSpec['process'];
  /** Which tasks go first. */
  turn?: Partial<Pick<TaskSpec, 'after' | 'group' | 'priority'>>;
}

export interface Place {
  /** Absolute: where a command runs, where files are looked for; of work for agents the project. */
  folder: string;
  /** Of whoever asks; what of it the task gets is decided here. */
  env: NodeJS.ProcessEnv;
}

export interface Order {
  /** What has a default may be missing. */
  spec: SpecDraft;
  /** Kept beside the spec: that is in the journal for ever. */
  env: Record<string, string>;
  /** The configuration wants the task in the background. */
  background: boolean;
  /** What of a plan file was not taken over. */
  notes: string[];
  /** To be said of a task that is new. */
  advice: string[];
}

/**
 * Throws `usage` or `config` for what cannot be a task, and `program_missing` or `program_refused` for a command that cannot
 * be run. Nothing was started or written then.
 */
export function orderOf(parts: Parts, wish: Wish, place: Place, flags: Flags = {}): Order {
  const asked = askedEnv(flags.env ?? [], place.env);
  const id = flags.id ?? ulid();
  const { spec, pass, ...rest } =
    'items' in wish
      ? ofEach(parts, wish, place, { ...flags, id }, capturedEnv(place.env, asked))
      : 'service' in wish
        ? ofService(parts, wish, place, { ...flags, id }, capturedEnv(place.env, asked))
        : 'command' in wish
          ? ofCommand(parts, wish, place, { ...flags, id }, capturedEnv(place.env, asked))
          : 'file' in wish
            ? ofFile(parts, wish, place, { ...flags, id })
            : ofGoal(parts, wish, place, { ...flags, id });
  const env = capturedEnv(place.env, { ...asked, pass: [...asked.pass, ...(flags.pass ?? []), ...pass] });
  const whole = { ...spec, ...flags.turn, process: flags.process ?? spec.process };
  return { spec: whole, env, advice: adviceOf(spec, place.env, env), ...rest };
}

/**
 * The same, with parts that are loaded only where they are needed: they take longer than all the rest, and a command where
 * nothing is configured needs none. The supervisor checks its spec then.
 */
export async function orderFrom(
  load: () => Parts | Promise<Parts>,
  wish: Wish,
  place: Place,
  flags: Flags = {},
): Promise<Order> {
  return orderOf(isPlain(wish, place, flags) ? (WITHOUT as Parts) : await load(), wish, place, flags);
}

/** Longest key and name, as the schema has them: who mistyped these hears of it before a supervisor is started. */
const TEXT_CHARS = 200;

function isPlain(wish: Wish, { folder, env }: Place, { key, name, config }: Flags): boolean {
  if (
    !('items' in wish || 'command' in wish) ||
    'service' in wish ||
    config ||
    hasConfig(configFolder(folder), env)
  )
    return false;
  return [key, name].every(text => text === undefined || (text !== '' && text.length <= TEXT_CHARS));
}

/** All that a plain command asks for: nothing is configured, and nothing is checked here. */
const WITHOUT: Partial<Parts> = {
  checkedSpec: draft => draft as TaskSpec,
  loadConfig: () => ({ settings: {} }) as config.LoadedConfig,
  noticesOf: () => ({ notify: null, secrets: {} }),
};

/** What each run of a trigger of rasen.yml is to do. */
export function orderOfTrigger(
  parts: Parts,
  { run, file, goal }: config.TriggerSetting['task'],
  config: config.LoadedConfig,
  env: NodeJS.ProcessEnv,
  flags: Pick<Flags, 'name' | 'process'>,
): Order {
  const wish: Wish = run
    ? { command: run, is_for_later: true }
    : file !== undefined
      ? { file }
      : { goal: goal! };
  const { pass_env } = config.settings;
  return orderOf(parts, wish, { folder: config.root, env }, { ...flags, config, pass: pass_env });
}

/** A command may be as long as the kernel takes; the text that stands for it is for people. */
const GOAL_CHARS = 8192;

type Named = Flags & { id: string };
type Made = Pick<Order, 'spec' | 'background' | 'notes'> & { pass: readonly string[] };

function ofCommand(
  parts: Parts,
  { command, run, is_for_later = false }: CommandWish,
  { folder, env }: Place,
  { id, key, name, timeout_seconds, config }: Named,
  captured: Record<string, string>,
): Made {
  if (command.length === 0) throw usage('There is no command.', 'For example: rasen run -- npm test');
  if (!is_for_later) checkProgram(command, { cwd: folder, env: captured, shell: env.SHELL });
  const spec = parts.checkedSpec(
    commandSpec({
      ...{ id, argv: [...command], run, cwd: folder, key, name, limits: limitsOf(timeout_seconds) },
      notices: noticesIn(parts, { folder, env }, config),
    }),
  );
  return { spec, pass: [], background: false, notes: [] };
}

function ofEach(
  parts: Parts,
  wish: EachWish,
  { folder, env }: Place,
  { id, key, name, timeout_seconds, config }: Named,
  captured: Record<string, string>,
): Made {
  const programs = new Set<string>();
  for (const { run } of wish.items) {
    if (programs.has(run[0]!)) continue;
    programs.add(run[0]!);
    checkProgram(run, { cwd: folder, env: captured, shell: env.SHELL });
  }
  const spec = parts.checkedSpec(
    eachSpec({
      ...{ ...wish, id, cwd: folder, key, name, limits: limitsOf(timeout_seconds) },
      notices: noticesIn(parts, { folder, env }, config),
    }),
  );
  return { spec, pass: [], background: false, notes: [] };
}

function ofService(
  parts: Parts,
  { service, command, settings }: ServiceWish,
  place: Place,
  { id, key, config }: Named,
  captured: Record<string, string>,
): Made {
  checkProgram(command, { cwd: place.folder, env: captured, shell: place.env.SHELL });
  const subtasks = { [service]: { keep: command, ...settings } };
  const text = JSON.stringify({ goal: shellLine(command).slice(0, GOAL_CHARS), subtasks });
  const { plan, defaults } = parts.readPlanFile(service, text, { task: id, origin: 'file' });
  const spec = parts.checkedSpec(
    pipelineSpec({
      ...{ id, plan, defaults, cwd: place.folder, key, name: service },
      notices: noticesIn(parts, place, config),
    }),
  );
  return { spec, pass: [], background: true, notes: [] };
}

function ofFile(parts: Parts, { file, text: given }: FileWish, place: Place, flags: Named): Made {
  const { id, key, name, timeout_seconds, config } = flags;
  const text = given ?? parts.readPlanText(resolve(place.folder, file));
  const { plan, defaults, notes } = parts.readPlanFile(file, text, { task: id, origin: 'file' });
  const spec = parts.checkedSpec(
    pipelineSpec({
      ...{ id, plan, defaults, cwd: place.folder, file: given === undefined ? file : null, key, name },
      limits: { ...limitsOf(timeout_seconds), ...(flags.jobs === undefined ? {} : { parallel: flags.jobs }) },
      notices: noticesIn(parts, place, config),
    }),
  );
  return { spec, pass: defaults.pass_env, background: false, notes: notes.map(note => `${file}: ${note}`) };
}

function ofGoal(
  parts: Parts,
  wish: GoalWish,
  { folder, env }: Place,
  { id, key, name, config }: Named,
): Made {
  const { goal, plan_file = null, base = null, config_file, skip_review, skip_qa } = wish;
  const loaded = config ?? parts.loadConfig({ project: folder, env, file: config_file });
  const plan =
    wish.plan ??
    (plan_file === null ? null : { name: plan_file, text: parts.readPlanText(resolve(folder, plan_file)) });
  const from = plan && parts.readPlanFile(plan.name, plan.text, { task: id, goal, origin: 'file' });
  const spec = parts.agentTaskSpec({
    ...{ id, goal, key, name, base, skip_review, skip_qa },
    config: loaded,
    plan: from?.plan ?? null,
    plan_defaults: from?.defaults ?? null,
  });
  const pass = [...loaded.settings.pass_env, ...(from?.defaults.pass_env ?? [])];
  const notes = (from?.notes ?? []).map(note => `${plan?.name}: ${note}`);
  return { spec, pass, background: loaded.background, notes };
}

const limitsOf = (timeout_seconds: number | undefined) =>
  timeout_seconds === undefined ? undefined : { session_timeout_seconds: timeout_seconds };

/** Throws `config` where the configuration is wrong: nobody would hear of the end. */
function noticesIn(parts: Parts, { folder, env }: Place, known?: config.LoadedConfig) {
  const { settings } = known ?? parts.loadConfig({ project: configFolder(folder), env });
  return parts.noticesOf(settings);
}
