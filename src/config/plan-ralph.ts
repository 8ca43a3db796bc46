/**
 * Takes over the list of a loop that does one item after the other: `prd.json` with user stories, or a bare list of
 * features with `passes`, and lists of todos (`content`, `status`). Done in the order of their priority; an item that
 * passes is a claim.
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
import { chain } from './plan-form.ts';
import type { Problems } from './problems.ts';

/** Nothing else has a list of this name. */
const STORIES = ['userStories', 'user_stories'];
const LISTS = [...STORIES, 'stories', 'features', 'items', 'todos'];
const NEEDS = ['dependsOn', 'depends_on', 'dependencies', 'blockedBy'];
const ACCEPTANCE = ['acceptanceCriteria', 'acceptance_criteria', 'acceptance', 'steps', 'criteria'];
const FILES = ['files', 'filesToModify', 'files_to_modify', 'filesToCreate', 'files_to_create'];
const TESTS = ['tests', 'testFiles', 'test_files'];
const KNOWN = [
  'title',
  'name',
  'content',
  'description',
  'completed',
  ...NEEDS,
  ...ACCEPTANCE,
  ...FILES,
  ...TESTS,
];
const DONE = /^(?:completed?|done|passed)$/i;

/** The list of items, or null: not this form. */
export function ralphItems(tree: Node): Node | null {
  const list = tree.kind === 'list' ? tree : tree.kind === 'map' ? listIn(tree) : null;
  if (list?.kind !== 'list' || list.items.length === 0) return null;
  const isItem = (node: Node) =>
    node.kind === 'map' &&
    (STORIES.some(key => hasKey(tree, key)) ||
      node.entries.has('passes') ||
      (node.entries.has('status') && (node.entries.has('content') || tree.kind === 'map')));
  return list.items.every(isItem) ? list : null;
}

const hasKey = (tree: Node, key: string) => tree.kind === 'map' && tree.entries.has(key);

const listIn = (map: MapNode): Node | null =>
  LISTS.map(key => map.entries.get(key)?.value).find(node => node?.kind === 'list') ?? null;

export function readRalphPlan(tree: Node, items: Node, problems: Problems): Draft {
  const steps = mapsOf(items, '', problems, 'an item')
    .map(({ map, path }) => ({ step: stepOf(map, path, problems), priority: priorityOf(map) }))
    // What has no priority keeps its place after those that have one.
    .toSorted((a, b) => a.priority - b.priority || 0)
    .map(({ step }) => step);
  const subtasks = steps.map(draftOf);
  if (steps.every(({ needs }) => needs.length === 0)) chain(subtasks);
  const top = tree.kind === 'map' ? tree : null;
  const text = (key: string) => textOf(top?.entries.get(key)?.value);
  const name = text('project') || text('projectName') || text('name') || text('title');
  return {
    subtasks,
    goal: text('description') || text('overview') || null,
    defaults: { ...NO_DEFAULTS, name: name.slice(0, 200) || null },
    claimed_completed: claimsOf(steps, subtasks),
  };
}

function priorityOf(map: MapNode): number {
  const node = map.entries.get('priority')?.value;
  if (node?.kind !== 'scalar') return Number.MAX_SAFE_INTEGER;
  const word = ['critical', 'high', 'medium', 'low'].indexOf(String(node.value).toLowerCase());
  if (word >= 0) return word;
  const number = Number(node.value);
  return node.value !== null && Number.isFinite(number) ? number : Number.MAX_SAFE_INTEGER;
}

function stepOf(map: MapNode, path: string, problems: Problems): Step {
  const text = (key: string) => textOf(map.entries.get(key)?.value);
  const title = text('title') || text('name') || text('content');
  const description = text('description');
  const passes = map.entries.get('passes')?.value;
  const completed = map.entries.get('completed')?.value;
  const isTrue = (node: Node | undefined) => node?.kind === 'scalar' && node.value === true;
  if (title === '' && description === '') problems.add(map, path, 'says nothing to do');
  return {
    id: text('id') || null,
    at: map,
    path,
    title: title || description.split('\n')[0]!,
    description: [title === '' ? '' : description, otherFields(map, KNOWN)]
      .filter(part => part !== '')
      .join('\n\n'),
    needs: NEEDS.flatMap(key => textsOf(map, key, path, problems)),
    files: pathsOf(map, FILES, path, problems),
    tests: pathsOf(map, TESTS, path, problems),
    acceptance: ACCEPTANCE.flatMap(key => textsOf(map, key, path, problems)).map(criterion => criterion.text),
    done: passes ? isTrue(passes) : isTrue(completed) || DONE.test(text('status')),
  };
}
