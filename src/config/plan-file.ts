/**
 * Reads a plan, from a file of the user or from the planner: rasen's form or RASEN's in YAML or JSON, or Markdown. The
 * text is data from outside; whatever it holds, the outcome is a sound plan or a RasenError with places.
 */
import { finishDraft, type LoadedPlan, type PlanFileOptions } from './plan-draft.ts';
import { readPlanForm, topMap } from './plan-form.ts';
import { isMarkdown, readMarkdownPlan } from './plan-markdown.ts';
import { isRasenPlan, readRasenPlan } from './plan-rasen.ts';
import { Problems } from './problems.ts';
import { checkText, readText } from './read-text.ts';
import { parseYaml } from './yaml.ts';

const HINT = 'The form of a plan file: man rasen.yml, section PLAN FILES';

/** `path` names the file in messages and tells Markdown by its extension. */
export function readPlanFile(path: string, text: string, options: PlanFileOptions): LoadedPlan {
  const problems = new Problems(path);
  const draft =
    options.origin === 'file' && isMarkdown(path)
      ? readMarkdownPlan(checkText(text, problems) ?? '', problems)
      : readTree(text, options, problems);
  const plan = draft && finishDraft(draft, options, problems);
  problems.throwIfAny(HINT);
  return plan!;
}

/** The text of a plan file on disk, for readPlanFile. `path` is as the user gave it. */
export function readPlanText(path: string): string {
  const problems = new Problems(path);
  const text = readText(path, problems, 'problem');
  problems.throwIfAny(HINT);
  return text!;
}

function readTree(text: string, options: PlanFileOptions, problems: Problems) {
  const map = topMap(parseYaml(text, problems), problems);
  if (map === null) return null;
  return options.origin === 'file' && isRasenPlan(map)
    ? readRasenPlan(map, problems)
    : readPlanForm(map, options, problems);
}
