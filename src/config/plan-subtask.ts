/**
 * One subtask as users and planners write it: the normal form (`do: {agent|run}`, `timeout_seconds`) or the shorthand
 * (`run: [..]`, `agent: coder`, `timeout: 10m`, `limits: {..}`).
 */
import type { Subtask, SubtaskLimits } from '../contract/plan.ts';
import { asMap, either, field, join, refuseUnknown } from './fields.ts';
import { readGates } from './gates.ts';
import { NEED_STATES_TYPE, NEEDS, placesOfNeeds } from './needs-type.ts';
import { isNothing, type MapNode, type Node } from './node.ts';
import { AGENT, readAction } from './plan-action.ts';
import type { DraftSubtask } from './plan-draft.ts';
import { readId } from './plan-id.ts';
import { ATTEMPTS, NOT_YET, readEnv, readLimits, refuseNotYet, TIME } from './plan-limits.ts';
import { agentWork } from './plan-new.ts';
import { planPath } from './plan-path.ts';
import type { Place, Problems } from './problems.ts';
import { readRun } from './run.ts';
import { readService, SERVICE_FIELDS } from './service-type.ts';
import { bool, insidePath, nullable, oneOf, oneOrMore, text, type ValueType } from './types.ts';

const MAX_TEXT = 64 * 1024;

export interface SubtaskContext {
  problems: Problems;
  /** false: `shell` is not possible (a planner's plan). */
  may_shell: boolean;
  /** false: a planner's plan, which sets no limits of the machine. */
  by_user: boolean;
  /** The file says `shell: true` for all. */
  shell: boolean;
  env: Record<string, string>;
  attempts: number | null;
  timeout_seconds: number | null;
  idle_timeout_seconds: number | null;
  resources: SubtaskLimits;
}

const paths = oneOrMore(planPath, 1000, 'a list of paths');

const lines = (what: string, max: number) => oneOrMore(text(MAX_TEXT, what), max, `a list of ${what}s`);

/** Keys of a subtask with their kinds; `gates`, `env`, `run`, `do` and `limits` are read by hand. */
export const SUBTASK_FIELDS = {
  title: text(500, 'a title', 0),
  description: text(MAX_TEXT, 'text', 0),
  prompt: text(MAX_TEXT, 'text', 0),
  agent: AGENT,
  needs: NEEDS,
  files: paths,
  acceptance: lines('criterion', 200),
  tests: paths,
  attempts: ATTEMPTS,
  timeout: TIME,
  timeout_seconds: TIME,
  idle_timeout: TIME,
  idle_timeout_seconds: TIME,
  on_fail: oneOf('stop', 'continue'),
  on_lost: oneOf('rerun', 'fail'),
  allow_empty: bool(),
  cwd: nullable(insidePath('the workspace'), 'the workspace'),
  model: nullable(text(200, 'a model name'), 'the default of the task'),
  claimed_completed: bool(),
  finally: bool(),
} satisfies Record<string, ValueType<unknown>>;

const OTHER_KEYS = [
  ...['id', 'do', 'run', 'keep', 'shell', 'gates', 'env', 'limits', 'need_states', 'service'],
  ...Object.keys(SERVICE_FIELDS),
];
const KNOWN = [...Object.keys(SUBTASK_FIELDS), ...OTHER_KEYS];

/** `given`: the id when the subtasks are a map from id to subtask. */
export function readSubtask(
  node: Node,
  path: string,
  given: (Place & { text: string }) | null,
  context: SubtaskContext,
): DraftSubtask | null {
  const { problems } = context;
  // In a map of subtasks a plain command is enough: `build: [npm, run, build]`.
  const short = given !== null && node.kind !== 'map';
  const run = short ? readRun(node, problems, path, context) : undefined;
  const map = short
    ? null
    : asMap(node, problems, path, 'a subtask: a map with id and run, or id and description');
  if (map === null && run === undefined) return null;
  const id = readId(map, given, path, node, problems);
  const base = { at: place(node), id_at: id?.at ?? place(node), needs_at: [], path };
  if (map === null) return id && { ...base, subtask: { ...empty(id.text, context), do: { run: run! } } };

  refuseNotYet(map, problems, path);
  refuseUnknown(map, [...KNOWN, ...Object.keys(NOT_YET)], problems, path);
  const get = <K extends keyof typeof SUBTASK_FIELDS>(key: K) =>
    field(map, key, SUBTASK_FIELDS[key] as ValueType<unknown>, problems, path) as
      | ReturnType<(typeof SUBTASK_FIELDS)[K]['read']>
      | undefined;
  const spelled = (...keys: string[]) => keys.map(key => ({ map, key, path }));
  const description = either(spelled('description', 'prompt'), SUBTASK_FIELDS.description, problems);
  const title = get('title');
  const limits = readLimits(map, path, problems, { outer: context.resources, by_user: context.by_user });
  const gatesNode = map.entries.get('gates')?.value;
  const gates =
    gatesNode && !isNothing(gatesNode)
      ? readGates(gatesNode, problems, join(path, 'gates'), context.may_shell ? context.shell : null)
      : [];
  const action = readAction(map, path, Boolean(description?.trim() || title?.trim()), context);
  const env = readEnv(map, path, problems);
  const needsNode = map.entries.get('needs')?.value;
  const needs = get('needs');
  const states = field(map, 'need_states', NEED_STATES_TYPE, problems, path) ?? needs?.states;
  const service = readService(map, path, action !== null && 'keep' in action, context);
  const last = get('finally') ?? false;
  if (!id || !action) return null;
  return {
    ...base,
    needs_at: needsNode ? placesOfNeeds(needsNode) : [],
    subtask: {
      ...empty(id.text, context),
      do: action,
      title: title ?? '',
      description: description ?? '',
      needs: needs?.ids ?? [],
      ...(states ? { need_states: states } : {}),
      files: get('files') ?? [],
      acceptance: get('acceptance') ?? [],
      tests: get('tests') ?? [],
      gates: gates ?? [],
      attempts: limits.attempts ?? context.attempts,
      timeout_seconds: limits.timeout ?? context.timeout_seconds,
      idle_timeout_seconds: limits.idle ?? context.idle_timeout_seconds,
      on_fail: get('on_fail') ?? 'stop',
      on_lost: get('on_lost') ?? 'rerun',
      allow_empty: get('allow_empty') ?? false,
      cwd: get('cwd') ?? null,
      env: { ...context.env, ...env },
      model: get('model') ?? null,
      limits: limits.resources,
      claimed_completed: readClaim(map, path, context),
      ...(service ? { service } : {}),
      ...(last ? { finally: true as const } : {}),
    },
  };
}

const place = (at: Place): Place => ({ line: at.line, column: at.column });

function empty(id: string, context: SubtaskContext): Subtask {
  const { env, attempts, timeout_seconds, idle_timeout_seconds, resources } = context;
  return {
    ...agentWork(id),
    ...{ attempts, timeout_seconds, idle_timeout_seconds, env: { ...env }, limits: resources },
  };
}

/** A planner has nothing to claim: what the gates say before any work is known. */
function readClaim(map: MapNode, path: string, { problems, by_user }: SubtaskContext): boolean {
  const claimed = field(map, 'claimed_completed', SUBTASK_FIELDS.claimed_completed, problems, path) ?? false;
  if (claimed && !by_user)
    problems.add(
      map.entries.get('claimed_completed')!.key,
      join(path, 'claimed_completed'),
      'only a plan written by the user can set this',
    );
  return claimed;
}
