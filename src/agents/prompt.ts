/**
 * The template engine of the prompts: `{name}` is a placeholder, `{{` is a brace. Pure. The configuration checks
 * templates with it when a task is submitted, the supervisor fills them when an attempt starts. Values are put in as
 * they are and never read as templates again.
 */
import { RasenError } from '../contract/errors.ts';
import type { Role } from '../contract/spec.ts';
import { nearest } from '../util/nearest.ts';

/** Longest filled prompt, in characters; no agent takes a longer one. */
export const MAX_PROMPT_CHARS = 4 * 1024 * 1024;

/** Every placeholder and what stands in its place. A value may be empty, never missing. */
export const PLACEHOLDERS = {
  task: 'The task text of the user, verbatim.',
  task_name: 'The short name of the task.',
  subtask_id: 'Id of the subtask.',
  subtask_title: 'Title of the subtask.',
  subtask_description: 'Description of the subtask.',
  acceptance: 'What must be true when the subtask is done, as a list.',
  files: 'Files that the subtask is about, as a list.',
  tests: 'Test files that the subtask may add or change, as a list.',
  gates: 'Commands that rasen runs after the attempt, as a list.',
  memory: 'Decisions and learnings of earlier attempts.',
  history: 'What earlier attempts at this subtask tried and how they ended.',
  last_gate_output:
    'The end of the output of the gate that failed last; for the planner, what was wrong with its plan.',
  feedback: 'What review or QA asked for.',
  notes: 'What the user has added with `rasen note` and `rasen answer`.',
  attempt: 'Number of the attempt.',
  max_attempts: 'Most attempts of this subtask.',
  result_file: 'Path of the result file, also in $RASEN_RESULT_FILE.',
  plan_schema: 'What a plan looks like.',
  diff_range: 'Range of commits to look at, as git understands it.',
} as const;

export type Placeholder = keyof typeof PLACEHOLDERS;

const SESSION: readonly Placeholder[] = [
  ...(['task', 'task_name', 'subtask_id', 'subtask_title', 'subtask_description'] as const),
  ...(['acceptance', 'files', 'tests', 'gates', 'memory', 'history', 'last_gate_output'] as const),
  ...(['feedback', 'notes', 'attempt', 'max_attempts', 'result_file', 'diff_range'] as const),
];

/** The placeholders that have a meaning in the prompt of each role; who fills the prompt gives each of them a value. */
export const ROLE_PLACEHOLDERS: Readonly<Record<Role, readonly Placeholder[]>> = {
  initializer: [
    ...(['task', 'task_name', 'memory', 'history', 'last_gate_output', 'feedback', 'gates'] as const),
    ...(['notes', 'attempt', 'max_attempts', 'result_file', 'plan_schema'] as const),
  ],
  coder: SESSION,
  reviewer: SESSION,
  qa: SESSION,
};

/** Alternatives: `{{name}}` and `{{` are literal, `{name}` is a placeholder. Any other brace is itself. */
const TOKEN = /\{\{(?:([a-z][a-z0-9_]*)\}\})?|\{([a-z][a-z0-9_]*)\}/g;

export type PromptValues = Readonly<Partial<Record<Placeholder, string>>>;

/**
 * The template with every placeholder replaced. `file` names the template in errors.
 * Throws a RasenError of kind config for an unknown placeholder and for one that has no value here.
 */
export function fillPrompt(template: string, values: PromptValues, file = 'prompt'): string {
  const prompt = template.replaceAll(
    TOKEN,
    (all, literal: string | undefined, name: string | undefined, at: number) => {
      if (name === undefined) return literal === undefined ? '{' : `{${literal}}`;
      const value = Object.hasOwn(values, name) ? values[name as Placeholder] : undefined;
      if (value === undefined) throw bad(template, at, all, file, Object.keys(values));
      return value;
    },
  );
  if (prompt.length > MAX_PROMPT_CHARS)
    throw new RasenError(
      'config',
      `${file}: the filled prompt has ${prompt.length} characters, more than an agent takes`,
      {
        hint: 'Shorten the task text, or split the subtask.',
      },
    );
  return prompt;
}

/** Whether a template has a place for a value. */
export function hasPlaceholder(template: string, name: Placeholder): boolean {
  return [...template.matchAll(TOKEN)].some(match => match[2] === name);
}

/** Throws the error that fillPrompt would throw later: every placeholder must have a meaning for the role. */
export function checkPrompt(template: string, role: Role, file: string): void {
  const known = ROLE_PLACEHOLDERS[role];
  if (template.trim() === '')
    throw new RasenError('config', `${file}:1:1: the prompt is empty`, {
      hint: 'Write a prompt, or remove the file to use the built-in one.',
    });
  for (const match of template.matchAll(TOKEN)) {
    const name = match[2];
    if (name !== undefined && !known.includes(name as Placeholder))
      throw bad(template, match.index, match[0], file, known);
  }
}

function bad(
  template: string,
  at: number,
  token: string,
  file: string,
  known: readonly string[],
): RasenError {
  const before = template.slice(0, at).split('\n');
  const line = before.length;
  const column = before.at(-1)!.length + 1;
  const name = token.slice(1, -1);
  const meant = nearest(name, known);
  const why = Object.hasOwn(PLACEHOLDERS, name) ? 'has no value in this prompt' : 'is not a placeholder';
  const guess = meant && meant !== name ? `; did you mean {${meant}}?` : '';
  return new RasenError('config', `${file}:${line}:${column}: ${token} ${why}${guess}`, {
    hint: `Placeholders here: ${known.map(k => `{${k}}`).join(', ')}. For the literal text write {{${name}}}.`,
    data: {
      problems: [{ file, line, column, key: name, message: `${token} ${why}${guess}`, suggestion: meant }],
    },
  });
}
