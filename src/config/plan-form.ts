/** A plan file in rasen's own form: subtasks as a list or as a map, with settings for all of them at the top. */
import { NO_SUBTASK_LIMITS } from '../engine/resource-limits.ts';
import { PASS_ENV, SECRETS } from './env-types.ts';
import { asMap, field, join, refuseUnknown } from './fields.ts';
import { readGates } from './gates.ts';
import { found, isNothing, type MapNode, type Node } from './node.ts';
import { type Draft, type DraftSubtask, NO_DEFAULTS, type PlanFileOptions } from './plan-draft.ts';
import { readEnv, readLimits, refuseNotYet } from './plan-limits.ts';
import { readSubtask, type SubtaskContext } from './plan-subtask.ts';
import type { Problems } from './problems.ts';
import { bool, int, nullable, oneOf, text, type ValueType } from './types.ts';

/** What the planner may say, too: its plan, not the rules that it is measured by. */
const PLANNER_KEYS = ['version', 'task', 'goal', 'source', 'rev', 'subtasks', '$schema'];

export const PLAN_FIELDS = {
  version: int(1, 1),
  task: text(64, 'an id'),
  goal: text(1024 * 1024, 'text', 0),
  source: oneOf('planner', 'file', 'user', 'command'),
  rev: int(1, 1_000_000),
  name: text(200, 'a name'),
  base: nullable(text(200, 'a commit or branch'), 'HEAD'),
  parallel: int(1, 64),
  sequential: bool(),
  shell: bool(),
  pass_env: PASS_ENV,
  secrets: SECRETS,
} satisfies Record<string, ValueType<unknown>>;

const KNOWN = [
  ...Object.keys(PLAN_FIELDS),
  ...[
    'subtasks',
    'finally',
    'gates',
    'env',
    'limits',
    'attempts',
    'timeout',
    'timeout_seconds',
    'idle_timeout',
  ],
  ...['idle_timeout_seconds', '$schema'],
];

export function readPlanForm(map: MapNode, options: PlanFileOptions, problems: Problems): Draft {
  const planner = options.origin === 'planner';
  if (planner) {
    for (const { key } of map.entries.values())
      if (KNOWN.includes(key.text) && !PLANNER_KEYS.includes(key.text))
        problems.add(key, key.text, 'only a plan written by the user can set this');
  }
  refuseNotYet(map, problems, '');
  refuseUnknown(map, [...KNOWN, 'usd', 'tokens'], problems, '');
  const get = <K extends keyof typeof PLAN_FIELDS>(key: K) =>
    field(map, key, PLAN_FIELDS[key] as ValueType<unknown>, problems, '') as
      | ReturnType<(typeof PLAN_FIELDS)[K]['read']>
      | undefined;
  // Fields of the normal form that rasen sets itself; read only to be checked.
  for (const key of ['version', 'task', 'source', 'rev'] as const) get(key);
  const shell = get('shell') ?? false;
  const limits = readLimits(map, '', problems, { outer: NO_SUBTASK_LIMITS, by_user: !planner });
  const context: SubtaskContext = {
    problems,
    may_shell: !planner,
    by_user: !planner,
    shell: shell && !planner,
    env: readEnv(map, '', problems),
    attempts: limits.attempts ?? null,
    timeout_seconds: limits.timeout ?? null,
    idle_timeout_seconds: limits.idle ?? null,
    resources: limits.resources,
  };
  const gatesNode = map.entries.get('gates')?.value;
  const gates = gatesNode && !isNothing(gatesNode) ? readGates(gatesNode, problems, 'gates', shell) : [];
  const subtasks = readSubtasks(map, 'subtasks', context);
  if (get('sequential')) chain(subtasks);
  if (map.entries.has('finally')) subtasks.push(...readSubtasks(map, 'finally', context).map(atTheEnd));
  return {
    subtasks,
    goal: get('goal') || null,
    defaults: {
      ...NO_DEFAULTS,
      name: get('name') ?? null,
      parallel: get('parallel') ?? null,
      gates: gates ?? [],
      base: get('base') ?? null,
      pass_env: get('pass_env') ?? [],
      secrets: get('secrets') ?? {},
    },
    claimed_completed: [],
  };
}

const atTheEnd = (draft: DraftSubtask): DraftSubtask => ({
  ...draft,
  subtask: { ...draft.subtask, finally: true },
});

function readSubtasks(map: MapNode, key: 'subtasks' | 'finally', context: SubtaskContext): DraftSubtask[] {
  const { problems } = context;
  const node: Node | undefined = map.entries.get(key)?.value;
  if (!node || isNothing(node)) {
    if (key === 'finally') return [];
    problems.add(map.entries.get(key)?.key ?? map, key, 'is missing: the list of what is to be done');
    return [];
  }
  if (node.kind === 'list')
    return node.items.flatMap((item, index) => readSubtask(item, `${key}[${index}]`, null, context) ?? []);
  if (node.kind === 'map')
    return [...node.entries].flatMap(
      ([id, entry]) => readSubtask(entry.value, join(key, id), entry.key, context) ?? [],
    );
  problems.add(node, key, `found ${found(node)}, wanted a list of subtasks, or a map from id to subtask`);
  return [];
}

/** Every subtask also needs the one before it; what runs at the end does so anyway. */
export function chain(all: readonly DraftSubtask[]): void {
  const subtasks = all.filter(({ subtask }) => !subtask.finally);
  subtasks.forEach(({ subtask }, index) => {
    const before = subtasks[index - 1]?.subtask.id;
    if (before !== undefined && !subtask.needs.includes(before)) subtask.needs.push(before);
  });
}

/** The map at the top of a plan file, or null after a report. */
export function topMap(tree: Node | null, problems: Problems): MapNode | null {
  if (tree === null || isNothing(tree)) {
    if (!problems.any) problems.add({ line: 1, column: 1 }, '', 'is empty; a plan needs "subtasks"');
    return null;
  }
  return asMap(tree, problems, '', 'a plan: a map with "subtasks"');
}
