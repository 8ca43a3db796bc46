/**
 * Takes over a `tasks.json` of Taskmaster, plain or with tags. A task with subtasks is done by these; who needs it needs
 * all of them. What is cancelled or deferred is left out, and told.
 */
import type { MapNode, Node } from './node.ts';
import { type Draft, NO_DEFAULTS } from './plan-draft.ts';
import {
  claimsOf,
  draftOf,
  mapsOf,
  otherFields,
  pathsOf,
  type Step,
  textOf,
  textsOf,
} from './plan-foreign.ts';
import type { Problems } from './problems.ts';

const KNOWN = [
  ...[
    'title',
    'description',
    'details',
    'testStrategy',
    'test_strategy',
    'dependencies',
    'subtasks',
    'files',
    'tests',
  ],
];
const DONE = /^(?:done|completed)$/i;
const LEFT_OUT = /^(?:cancell?ed|deferred)$/i;

interface Tasks {
  map: MapNode;
  list: Node;
  notes: string[];
}

/** null: not this form. */
export function taskmasterTasks(top: MapNode): Tasks | null {
  const plain = listIn(top);
  if (plain) return { map: top, list: plain, notes: [] };
  const tags = [...top.entries].flatMap(([tag, { value }]) => {
    const list = value.kind === 'map' ? value.entries.get('tasks')?.value : undefined;
    return list?.kind === 'list' ? [{ tag, map: value as MapNode, list }] : [];
  });
  const filled = tags.filter(({ map }) => listIn(map) !== null);
  const taken = filled.find(({ tag }) => tag === 'master') ?? filled[0];
  if (!taken) return null;
  const notes = filled
    .filter(tag => tag !== taken)
    .map(
      ({ tag, list }) =>
        `the tag "${tag}" (${list.items.length} tasks) is not taken, "${taken.tag}" is; a file with that tag alone is another plan`,
    );
  return { ...taken, notes };
}

function listIn(map: MapNode): Node | null {
  const list = map.entries.get('tasks')?.value;
  if (list?.kind !== 'list' || list.items.length === 0) return null;
  const isTask = (node: Node) =>
    node.kind === 'map' &&
    ['id', 'title'].every(key => node.entries.has(key)) &&
    !['run', 'do', 'agent'].some(key => node.entries.has(key));
  return list.items.every(isTask) ? list : null;
}

interface Task {
  id: string;
  step: Step;
  subtasks: Task[];
  left_out: string | null;
}

export function readTaskmasterPlan({ map: top, list, notes }: Tasks, problems: Problems): Draft {
  const all = mapsOf(list, 'tasks', problems, 'a task').map(({ map, path }) =>
    taskOf(map, path, null, problems),
  );
  const told = [...notes];
  const isIn = (task: Task) => {
    if (task.left_out !== null) told.push(`"${task.id}" is not taken: it is ${task.left_out}`);
    return task.left_out === null;
  };
  const tasks = all.filter(isIn).map(task => ({ ...task, subtasks: task.subtasks.filter(isIn) }));
  const ids = new Map<string, string[]>();
  for (const task of tasks) {
    ids.set(task.id, task.subtasks.length === 0 ? [task.id] : task.subtasks.map(({ id }) => id));
    for (const { id } of task.subtasks) ids.set(id, [id]);
  }
  for (const task of all.flatMap(task => [task, ...task.subtasks]))
    if (!ids.has(task.id)) ids.set(task.id, []);
  const resolved = (needs: Step['needs']) =>
    needs.flatMap(need => (ids.get(need.text) ?? [need.text]).map(text => ({ text, at: need.at })));
  const steps = tasks.flatMap(({ step, subtasks }) =>
    subtasks.length === 0
      ? [{ ...step, needs: resolved(step.needs) }]
      : subtasks.map(inner => ({ ...inner.step, needs: resolved([...step.needs, ...inner.step.needs]) })),
  );
  const subtasks = steps.map(draftOf);
  const meta = ['metadata', 'meta']
    .map(key => top.entries.get(key)?.value)
    .find(node => node?.kind === 'map');
  const name = meta ? textOf(meta.entries.get('projectName')?.value) : '';
  return {
    subtasks,
    goal: null,
    defaults: { ...NO_DEFAULTS, name: name.slice(0, 200) || null },
    claimed_completed: claimsOf(steps, subtasks),
    notes: told,
  };
}

function taskOf(
  map: MapNode,
  path: string,
  parent: { id: string; map: MapNode } | null,
  problems: Problems,
): Task {
  const of = (node: MapNode, key: string) => textOf(node.entries.get(key)?.value);
  const text = (key: string) => of(map, key);
  const id = parent ? `${parent.id}.${text('id').split('.').at(-1)}` : text('id');
  const status = text('status');
  const strategy = text('testStrategy') || text('test_strategy');
  const above = parent
    ? [`Part of "${of(parent.map, 'title')}": ${of(parent.map, 'description')}`, of(parent.map, 'details')]
    : [];
  const description = [text('description'), text('details'), ...above, otherFields(map, KNOWN)];
  const parentStrategy = parent ? of(parent.map, 'testStrategy') : '';
  const inner = mapsOf(map.entries.get('subtasks')?.value, `${path}.subtasks`, problems, 'a subtask');
  return {
    id,
    left_out: LEFT_OUT.test(status) ? status : null,
    subtasks: parent ? [] : inner.map(sub => taskOf(sub.map, sub.path, { id, map }, problems)),
    step: {
      id,
      at: map,
      path,
      title: text('title') || text('description').split('\n')[0]!,
      description: description.filter(part => part !== '').join('\n\n'),
      // A subtask names its siblings by their own number.
      needs: textsOf(map, 'dependencies', path, problems).map(need =>
        parent && !need.text.includes('.') ? { ...need, text: `${parent.id}.${need.text}` } : need,
      ),
      files: pathsOf(map, ['files'], path, problems),
      tests: pathsOf(map, ['tests'], path, problems),
      acceptance: [strategy, parentStrategy].filter(part => part !== ''),
      done: [status, parent ? of(parent.map, 'status') : ''].some(word => DONE.test(word)),
    },
  };
}
