/**
 * Takes over an `implementation_plan.json` of Auto-Claude (Aperant): phases with subtasks (`chunks` in older files). A
 * phase begins when those that it depends on are through; within it one follows the other unless it says `parallel_safe`.
 * A verification that is a plain command becomes a gate of its subtask, any other a criterion.
 */
import { join } from './fields.ts';
import { gateName } from './gates.ts';
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
    'name',
    'description',
    'depends_on',
    'dependencies',
    'files_to_create',
    'files_to_modify',
    'files',
  ],
  ...['verification', 'acceptance_criteria'],
];
const LISTS = ['subtasks', 'chunks', 'tasks'];

/** Older and small plans have the subtasks of one phase at the top. */
export function isPhasePlan(map: MapNode): boolean {
  const phases = map.entries.get('phases')?.value;
  if (phases?.kind === 'list' && !map.entries.has('subtasks'))
    return phases.items.some(phase => listIn(phase));
  return map.entries.has('workflow_type') && listIn(map) !== undefined;
}

const listIn = (phase: Node): Node | undefined =>
  phase.kind === 'map'
    ? LISTS.map(key => phase.entries.get(key)?.value).find(node => node?.kind === 'list')
    : undefined;

interface Phase {
  names: string[];
  depends_on: string[];
  map: MapNode;
  steps: Step[];
  parallel: boolean;
}

export function readPhasePlan(top: MapNode, problems: Problems): Draft {
  const phases = phaseMaps(top, problems).map(({ map, path }, index) => phaseOf(map, path, index, problems));
  const isOrdered = phases.every(({ map }) => !map.entries.has('depends_on'));
  for (const [index, phase] of phases.entries()) {
    const before = isOrdered
      ? phases.slice(0, index).slice(-1)
      : phase.depends_on.flatMap(name => named(name, phases, phase, problems));
    const needs = endsOf(before, phases).map(id => ({ text: id, at: phase.map }));
    for (const [i, step] of phase.steps.entries()) {
      const previous = phase.steps[i - 1];
      if (step.needs.length > 0 && i > 0) continue;
      if (phase.parallel || i === 0) step.needs.push(...needs);
      else step.needs.push({ text: previous!.id!, at: step.at });
    }
  }
  const steps = phases.flatMap(phase => phase.steps);
  const subtasks = steps.map(draftOf);
  const text = (key: string) => textOf(top.entries.get(key)?.value);
  const name = text('feature') || text('title') || text('name');
  return {
    subtasks,
    goal: text('description') || text('spec_summary') || name || null,
    defaults: { ...NO_DEFAULTS, name: name.slice(0, 200) || null },
    claimed_completed: claimsOf(steps, subtasks),
  };
}

function phaseMaps(top: MapNode, problems: Problems): { map: MapNode; path: string }[] {
  const phases = top.entries.get('phases')?.value;
  return phases ? mapsOf(phases, 'phases', problems, 'a phase') : [{ map: top, path: '' }];
}

function phaseOf(map: MapNode, path: string, index: number, problems: Problems): Phase {
  const text = (key: string) => textOf(map.entries.get(key)?.value);
  const title = text('name') || text('title');
  const key = LISTS.find(word => map.entries.get(word)?.value.kind === 'list') ?? 'subtasks';
  const parallel = map.entries.get('parallel_safe')?.value;
  const steps = mapsOf(map.entries.get(key)?.value, join(path, key), problems, 'a subtask').map((item, i) =>
    stepOf(item.map, item.path, `${index + 1}-${i + 1}`, title, problems),
  );
  return {
    names: [text('id'), text('phase'), text('name'), String(index + 1)].filter(name => name !== ''),
    depends_on: textsOf(map, 'depends_on', path, problems).map(need => need.text),
    map,
    steps,
    parallel: parallel?.kind === 'scalar' && parallel.value === true,
  };
}

/** The phase of a name: an id first, else a number. */
function named(name: string, phases: readonly Phase[], phase: Phase, problems: Problems): Phase[] {
  for (let i = 0; i < 4; i++) {
    const found = phases.find(({ names }) => names[i] === name);
    if (found) return [found];
  }
  problems.add(phase.map, 'depends_on', `"${name.slice(0, 80)}" is no phase of this plan`);
  return [];
}

/** What must be through before a phase is: its last steps, or those of the phases before an empty one. */
function endsOf(before: readonly Phase[], phases: readonly Phase[], depth = 0): string[] {
  return before.flatMap(({ steps, parallel, depends_on }) => {
    if (parallel) return steps.map(step => step.id!);
    const last = steps.at(-1);
    if (last) return [last.id!];
    const earlier = phases.filter(({ names }) => names.some(name => depends_on.includes(name)));
    return depth > phases.length ? [] : endsOf(earlier, phases, depth + 1);
  });
}

function stepOf(map: MapNode, path: string, place: string, phase: string, problems: Problems): Step {
  const text = (key: string) => textOf(map.entries.get(key)?.value);
  const title = text('title') || text('name');
  const description = text('description');
  const verification = map.entries.get('verification')?.value;
  const checks = verification?.kind === 'map' ? checksOf(verification) : { gates: [], acceptance: [] };
  if (title === '' && description === '') problems.add(map, path, 'says nothing to do');
  const own = textsOf(map, 'acceptance_criteria', path, problems).map(criterion => criterion.text);
  const more = [
    title === '' ? '' : description,
    phase === '' ? '' : `Phase: ${phase}`,
    otherFields(map, KNOWN),
  ];
  return {
    id: text('id') || `subtask-${place}`,
    at: map,
    path,
    title: title || description.split('\n')[0]!,
    description: more.filter(part => part !== '').join('\n\n'),
    needs: ['depends_on', 'dependencies'].flatMap(key => textsOf(map, key, path, problems)),
    files: pathsOf(map, ['files_to_create', 'files_to_modify', 'files'], path, problems),
    acceptance: [...own, ...checks.acceptance],
    gates: checks.gates,
    done: /^(?:completed|done)$/i.test(text('status')),
  };
}

type Checks = { gates: NonNullable<Step['gates']>; acceptance: string[] };

function checksOf(verification: MapNode): Checks {
  const text = (key: string) => textOf(verification.entries.get(key)?.value);
  const type = text('type');
  const command = text('command') || text('run');
  const expected = text('expected');
  const run = /^(?:command|test|build|)$/.test(type) ? wordsOf(command) : null;
  if (run) {
    const gates = [{ name: gateName(run), run, timeout_seconds: 600, ok: [0] }];
    return { gates, acceptance: expected === '' ? [] : [`\`${command}\` gives: ${expected}`] };
  }
  const what = otherFields(verification, ['type', 'command', 'run']);
  const parts = [command === '' ? '' : `run \`${command}\``, what.replaceAll('\n', ', ')].filter(
    part => part !== '',
  );
  return {
    gates: [],
    acceptance: parts.length === 0 ? [] : [`Verification (${type || 'any'}): ${parts.join('; ')}`],
  };
}

/** Words of a command that means the same without a shell; null: it may not. */
function wordsOf(command: string): string[] | null {
  const words = command.trim().split(/ +/);
  const isPlain = command !== '' && /^[\w@%+=:,./ -]+$/.test(command) && !words[0]!.includes('=');
  return isPlain && !/^(?:cd|source|export|set|eval|exec|\.)$/.test(words[0]!) ? words : null;
}
