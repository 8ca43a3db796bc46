/**
 * Reads a plan, from a file of the user or from the planner: rasen's form in YAML, JSON or JSON lines, Markdown, or what
 * another program wrote. The text is data from outside; whatever it holds, the outcome is a sound plan or a RasenError with places.
 */
import type { Node } from './node.ts';
import { type Draft, finishDraft, type LoadedPlan, type PlanFileOptions } from './plan-draft.ts';
import { readPlanForm, topMap } from './plan-form.ts';
import { isJsonLines, readJsonLines } from './plan-lines.ts';
import { isMarkdown, readMarkdownPlan } from './plan-markdown.ts';
import { isPhasePlan, readPhasePlan } from './plan-phases.ts';
import { ralphItems, readRalphPlan } from './plan-ralph.ts';
import { isRasenPlan, readRasenPlan } from './plan-rasen.ts';
import { readTaskmasterPlan, taskmasterTasks } from './plan-taskmaster.ts';
import { Problems } from './problems.ts';
import { checkText, decode, MAX_FILE_BYTES, readText } from './read-text.ts';
import { parseYaml } from './yaml.ts';

const HINT = 'The form of a plan file: man rasen.yml, section PLAN FILES';

/** `path` names the file in messages and tells Markdown by its extension. */
export function readPlanFile(path: string, text: string, options: PlanFileOptions): LoadedPlan {
  const problems = new Problems(path);
  const draft = readDraft(path, text, options, problems);
  const plan = draft && finishDraft(draft, options, problems);
  problems.throwIfAny(HINT);
  return plan!;
}

/** The text of a plan that came from somewhere else. */
export function planTextOf(path: string, bytes: Uint8Array): string {
  const problems = new Problems(path);
  const text = decode(bytes, problems);
  problems.throwIfAny(HINT);
  return text!;
}

export const PLAN_BYTES_MAX = MAX_FILE_BYTES;

function readDraft(path: string, text: string, options: PlanFileOptions, problems: Problems): Draft | null {
  if (options.origin !== 'file') return readTree(text, options, problems);
  if (isMarkdown(path)) return readMarkdownPlan(checkText(text, problems) ?? '', problems);
  if (isJsonLines(path, text)) return readJsonLines(checkText(text, problems) ?? '', problems);
  return readTree(text, options, problems);
}

/** The text of a plan file on disk, for readPlanFile. `path` is as the user gave it. */
export function readPlanText(path: string): string {
  const problems = new Problems(path);
  const text = readText(path, problems, 'problem');
  problems.throwIfAny(HINT);
  return text!;
}

function readTree(text: string, options: PlanFileOptions, problems: Problems): Draft | null {
  const tree = parseYaml(text, problems);
  const others = options.origin === 'file' && tree !== null ? readForeign(tree, problems) : null;
  if (others) return others;
  const map = topMap(tree, problems);
  return map && readPlanForm(map, options, problems);
}

/** A plan that another program wrote, known by its keys; null: none that is known. */
function readForeign(tree: Node, problems: Problems): Draft | null {
  const items = ralphItems(tree);
  if (items) return readRalphPlan(tree, items, problems);
  if (tree.kind !== 'map') return null;
  if (isRasenPlan(tree)) return readRasenPlan(tree, problems);
  if (isPhasePlan(tree)) return readPhasePlan(tree, problems);
  const tasks = taskmasterTasks(tree);
  return tasks && readTaskmasterPlan(tasks, problems);
}
