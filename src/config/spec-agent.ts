/** The spec of an agent task: a goal, a configuration, perhaps a plan, all by value. */

import { normalize, relative } from 'node:path';
import { AGENT_PROGRAMS } from '../contract/backends.ts';
import { RasenError } from '../contract/errors.ts';
import type { GateSpec, Plan } from '../contract/plan.ts';
import { type JudgeSpec, ROLES, type Role, type TaskSpec } from '../contract/spec.ts';
import { agentOfRole, backendOfRole, mainAgent, relayOf } from './agent-choice.ts';
import { detectCommands } from './detect.ts';
import { gateName } from './gates.ts';
import { roleKey } from './keys.ts';
import type { LoadedConfig } from './load.ts';
import { notifyOf } from './notices-of.ts';
import type { PlanDefaults } from './plan-draft.ts';
import { withPrompts } from './prompts.ts';
import { slugOf } from './slug.ts';
import { checkedSpec } from './spec-check.ts';

export interface AgentTask {
  /** A new task id. */
  id: string;
  /** null: the name in the configuration, else that of the plan file, else that of the folder. */
  name?: string | null | undefined;
  /** The task text. */
  goal: string;
  key?: string | null | undefined;
  /** Absolute; null or absent: the root of the configuration. */
  project?: string | null | undefined;
  config: LoadedConfig;
  /** null: the planner makes it. */
  plan: Plan | null;
  /** What the plan file says for the whole task. */
  plan_defaults?: PlanDefaults | null | undefined;
  skip_review?: boolean | undefined;
  skip_qa?: boolean | undefined;
  /** In place of the prompts of the configuration. */
  prompts?: Partial<Record<Role, string>> | undefined;
  /** Commit or branch to start from; null: that of the plan file, else HEAD. */
  base?: string | null | undefined;
}

const servicesOf = (services: LoadedConfig['settings']['services']) => {
  const all = Object.values(services);
  return all.length > 0 ? { services: all } : {};
};

/** Throws a RasenError: config where a program, a test command or a setting is missing; usage without a task text. */
export function agentTaskSpec(task: AgentTask): TaskSpec {
  const { config, id, plan } = task;
  const { settings } = config;
  const project = task.project ?? config.root;
  const goal = task.goal.trim() === '' ? (plan?.goal ?? '') : task.goal;
  if (goal.trim() === '')
    throw new RasenError('usage', 'There is no task text.', { hint: 'Give one with: rasen init --task "…"' });

  const review = judge(task, 'reviewer');
  const qa = judge(task, 'qa');
  const agents = agentsOf(task, { reviewer: review.enabled, qa: qa.enabled });
  const works = plan === null || plan.subtasks.some(subtask => 'agent' in subtask.do);
  const git = settings['worktree.enabled'];
  return checkedSpec({
    version: 1,
    id,
    name: task.name ?? settings['project.name'] ?? task.plan_defaults?.name ?? nameOf(project),
    goal,
    key: task.key ?? null,
    group: settings.group,
    priority: settings.priority,
    project,
    workspace: git
      ? {
          kind: 'git',
          slug: slugOf(goal, id),
          base: task.base ?? task.plan_defaults?.base ?? null,
          base_path: settings['worktree.base_path'],
          isolation: settings['worktree.isolation'],
          push: settings['worktree.push'],
        }
      : { kind: 'folder' },
    plan: plan && { ...plan, task: id, goal: plan.goal || goal },
    ...servicesOf(settings.services),
    agents,
    ...(relayOf(settings).length > 0
      ? { relay: { agents: relayOf(settings), after_seconds: settings['limits.relay_after'] } }
      : {}),
    models: modelsOf(config),
    fallback_models: fallbackModelsOf(config),
    max_thinking_tokens: settings['agent.max_thinking_tokens'],
    prompts: withPrompts(config, task.prompts),
    gates: [...projectGates(config, project, git && works), ...(task.plan_defaults?.gates ?? [])],
    baseline: settings.baseline,
    base_tests: settings.base_tests,
    base_config: settings.base_config,
    mutation_check: settings.mutation_check,
    protected: protectedPaths(config, project),
    setup: settings.setup,
    setup_cache: settings.setup_cache,
    limits: {
      max_iterations: settings['orchestrator.max_iterations'],
      max_runtime_seconds: settings['orchestrator.max_runtime_seconds'],
      session_delay_seconds: settings['orchestrator.session_delay_seconds'],
      session_timeout_seconds: settings['orchestrator.session_timeout_seconds'],
      idle_timeout_seconds: settings['orchestrator.idle_timeout_seconds'],
      tool_idle_timeout_seconds: settings['orchestrator.tool_idle_timeout_seconds'],
      attempts: settings['limits.attempts'],
      // The user's configuration is the stronger word; a plan file speaks where it is silent.
      parallel: config.written.has('parallel')
        ? settings.parallel
        : (task.plan_defaults?.parallel ?? settings.parallel),
      max_no_commit_sessions: settings['stall_detection.max_no_commit_sessions'],
      max_consecutive_failures: settings['stall_detection.max_consecutive_failures'],
      circular_fix_threshold: settings['stall_detection.circular_fix_threshold'],
      output_max_bytes: settings['limits.output_max'],
      wait: settings['limits.wait'],
      max_waits: settings['limits.max_waits'],
      max_wait_seconds: settings['limits.max_wait'],
      login_retry_seconds: settings['limits.login_retry'],
      quiet_hours: settings['limits.quiet_hours'],
      memory_max_bytes: settings['limits.memory'],
      cpu_max_percent: settings['limits.cpu'],
      tasks_max: settings['limits.tasks'],
      runtime_max_seconds: settings['limits.runtime'],
      tokens: settings['limits.tokens'],
      usd: settings['limits.usd'],
      subtask_tokens: settings['limits.subtask_tokens'],
      subtask_usd: settings['limits.subtask_usd'],
      attempt_tokens: settings['limits.attempt_tokens'],
      attempt_usd: settings['limits.attempt_usd'],
      tokens_per_day: settings['limits.tokens_per_day'],
      usd_per_day: settings['limits.usd_per_day'],
    },
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    env: settings.env,
    secrets: { ...task.plan_defaults?.secrets, ...settings.secrets },
    sandbox: sandboxOf(settings),
    review,
    qa,
    memory: {
      enabled: settings['memory.enabled'],
      max_decisions: settings['memory.max_decisions'],
      max_learnings: settings['memory.max_learnings'],
      max_tokens: settings['memory.max_tokens'],
    },
    notify: notifyOf(settings),
    auto_resume: settings.auto_resume,
    views: {
      status_file: settings['background.status_file'],
      pid_file: settings['background.pid_file'],
      log_file: settings['background.log_file'],
      memory_file: settings['memory.path'],
      log_max_bytes: settings['log.max_size'],
      log_keep: settings['log.keep'],
    },
  });
}

function sandboxOf(settings: LoadedConfig['settings']): TaskSpec['sandbox'] {
  const of = (role: Role) =>
    settings[roleKey.sandbox(role)] ??
    settings['sandbox.mode'] ??
    (backendOfRole(settings, role) === 'command' ? 'off' : 'on');
  return {
    roles: {
      initializer: of('initializer'),
      coder: of('coder'),
      reviewer: of('reviewer'),
      qa: of('qa'),
    },
    commands: settings['sandbox.commands'],
    gates: settings['sandbox.gates'],
    write: settings['sandbox.write'],
    read: settings['sandbox.read'],
    network: settings['sandbox.network'],
  };
}

const nameOf = (project: string) => (project.split('/').filter(Boolean).at(-1) ?? 'project').slice(0, 200);

/** A judge works where it has a program of its own, or where the user asked for it in writing. */
function judge(task: AgentTask, role: 'reviewer' | 'qa'): JudgeSpec {
  const { settings, written } = task.config;
  const section = role === 'qa' ? 'qa' : 'review';
  const skipped = role === 'qa' ? task.skip_qa : task.skip_review;
  const own = settings[roleKey.command(role)] !== null || settings[roleKey.backend(role)] !== null;
  const wanted = own || written.has(`${section}.enabled`);
  return {
    enabled: settings[`${section}.enabled`] && wanted && !skipped,
    per_subtask: settings[`${section}.per_subtask`],
    max_loops: role === 'qa' ? settings['qa.max_iterations'] : settings['review.max_loops'],
    recurring_issue_threshold: settings['qa.recurring_issue_threshold'],
  };
}

function agentsOf(task: AgentTask, enabled: { reviewer: boolean; qa: boolean }): TaskSpec['agents'] {
  const { config, plan } = task;
  const needed: Record<Role, boolean> = {
    initializer: plan === null,
    coder: plan === null || plan.subtasks.some(subtask => 'agent' in subtask.do),
    ...enabled,
  };
  const agents: TaskSpec['agents'] = {};
  const [first, ...others] = AGENT_PROGRAMS;
  for (const role of ROLES) {
    const agent = agentOfRole(config.settings, role);
    const judges = role === 'reviewer' || role === 'qa';
    if (agent !== null && (!judges || enabled[role])) agents[role] = agent;
    else if (needed[role])
      throw new RasenError('config', `No program is configured for the ${role}.`, {
        hint: `Write which agent does the work in rasen.yml: backend: ${first} (or ${others.join(', ')}), or any program: agent: [program, argument]`,
        data: { role, key: roleKey.command(role) },
      });
  }
  return agents;
}

function modelsOf(config: LoadedConfig): Partial<Record<Role, string>> {
  const models: Partial<Record<Role, string>> = {};
  for (const role of ROLES) {
    const own = config.settings[roleKey.model(role)];
    const model = own ?? (isOfMainAgent(config, role) ? config.settings['models.default'] : null);
    if (model !== null) models[role] = model;
  }
  return models;
}

function fallbackModelsOf(config: LoadedConfig): Partial<Record<Role, string>> {
  const model = config.settings['models.fallback'];
  if (model === null) return {};
  return Object.fromEntries(ROLES.filter(role => isOfMainAgent(config, role)).map(role => [role, model]));
}

/** The names of models are those of one backend. */
function isOfMainAgent({ settings }: LoadedConfig, role: Role): boolean {
  return backendOfRole(settings, role) === mainAgent(settings)?.backend;
}

/** The gates that the user wrote, else those that the project's own files tell of. */
function projectGates(config: LoadedConfig, project: string, strict: boolean): GateSpec[] {
  const { gates } = config.settings;
  if (gates === 'none') return [];
  if (gates !== null) return gates;
  const found = detectCommands(project);
  const tests = config.settings['backpressure.require_tests'];
  const lint = config.settings['backpressure.require_lint'];
  if (tests && found.test === null && strict)
    throw new RasenError('config', `no test command found in ${project}`, {
      hint: 'Write the commands that must pass in rasen.yml, for example "gates: [[npm, test]]", or "gates: none" to check nothing.',
      data: { key: 'backpressure.require_tests', project },
    });
  const commands = [tests ? found.test : null, lint ? found.lint : null].filter(command => command !== null);
  return commands.map(run => ({ name: gateName(run), run, timeout_seconds: 600, ok: [0] }));
}

/** What was written or the default, and always the files that decide about the work. */
function protectedPaths(config: LoadedConfig, project: string): string[] {
  // One above the project may still be in its repository.
  const own = config.files.map(file => normalize(relative(project, file)));
  return [...new Set(['.rasen', 'rasen.yml', ...own, ...config.settings.protected])];
}
