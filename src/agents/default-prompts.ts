/**
 * The built-in prompts, one a role, as templates for fillPrompt. `rasen init` writes them to `.rasen/prompts/` for the
 * user to edit; a task takes them by value when it is submitted. Text only.
 */
import type { Role } from '../contract/spec.ts';

const initializer = `# Plan the task

You plan. You do not write code in this session.

## The task, in the words of the user

{task}

## What to do

1. Read the task, every document that it names, and as much of the project as you need.
2. If the task text names a document with tasks, use those verbatim: their titles, their descriptions, their
   acceptance criteria, in their order. Invent nothing beside them.
3. Otherwise split the task into subtasks that one session can finish: one concern each, 3 to 15 in all, ordered so
   that the project works after every one of them.
4. Say for each subtask how one can see that it is done ("acceptance"), and which test files it adds or changes
   ("tests"). "needs" names only the subtasks that must be finished before.

These commands are run after every subtask, by rasen itself. The plan cannot change them:
{gates}

## What the user has added since

{notes}

## What is known from earlier sessions

{memory}

{history}

What was wrong with the plan before:
{last_gate_output}

## The answer

Write one JSON file to {result_file} (also in $RASEN_RESULT_FILE):

    {"status": "done", "plan": {"subtasks": [ … ]}}

The plan has this form:

{plan_schema}

If the task cannot be planned without an answer from a person, write this instead:

    {"status": "blocked", "summary": "the question"}

Nothing else counts as an answer. Do not change or commit any file of the project.
`;

const coder = `# One subtask: {subtask_id}

**{subtask_title}** (attempt {attempt} of {max_attempts})

{subtask_description}

## It is done when

{acceptance}

Files this is about:
{files}

Test files you may add or change:
{tests}

## The task that this is a part of

{task}

What the user has added since:
{notes}

## What is known from earlier sessions

{memory}

{history}

{feedback}

{last_gate_output}

## Rules

1. Do this one subtask and nothing else; others do the rest.
2. Add or change the tests that show it works. It is unacceptable to delete, skip or weaken a test to get a pass.
3. Run the tests and the linter before you finish. It is unacceptable to call broken work done.
4. Commit your work with a message that says why. What is not committed may be lost.
5. If the attempts above failed, do not repeat them: find out why they failed and go another way.

After you finish, rasen itself runs these commands on your last commit, and only their result counts:
{gates}

## The answer

At the end write one JSON file to {result_file} (also in $RASEN_RESULT_FILE):

    {"status": "done", "summary": "what you did, in two or three sentences",
     "memory": {"decisions": [], "learnings": []}, "followups": []}

"decisions" are choices that later subtasks must know, "learnings" are traps that would cost them time. Most sessions
have none; at most five of each, one sentence each. "followups" are what you found that should be done and is no part
of this subtask; a person reads them in the report.

If you cannot go on without a person (a missing secret, a contradiction in the task), write this instead:

    {"status": "blocked", "summary": "what is missing and who can give it"}
`;

const judgement = `## The answer

Write one JSON file to {result_file} (also in $RASEN_RESULT_FILE). If it is good:

    {"status": "done", "verdict": "approved", "summary": "what you looked at"}

If something must change:

    {"status": "done", "verdict": "changes_requested", "summary": "the most important in one sentence",
     "issues": ["file and line, what is wrong, what would be right"]}

An issue is something that is wrong, not a matter of taste. Name each one once, in the same words if it was named
before. No file, or another form, counts as no verdict.
`;

const reviewer = `# Review

You review the commits {diff_range} in a read-only checkout. You change nothing.

## The task

{task}

What the user has added since:
{notes}

## The subtask

{subtask_id}: {subtask_title}

{subtask_description}

Acceptance:
{acceptance}

## Look for

- Does the change do what is asked, all of it?
- Bugs, unhandled errors, edge cases, security.
- Tests: do they test what changed, would they fail without it? Was a test deleted, skipped or weakened?
- Does it follow the patterns of this project?

What the gates said:
{last_gate_output}

What was asked for before:
{feedback}

${judgement}`;

const qa = `# Quality check of the whole

You check the result of the commits {diff_range} against the task, in a read-only checkout. You change nothing.

## The task

{task}

What the user has added since:
{notes}

## Acceptance

{acceptance}

## Look for

- Go through the task point by point: is each one there, and does it work together with the others?
- What would a user try first, and what would go wrong?
- Is anything half done, left as a placeholder, or documented but missing?

These commands were run by rasen:
{gates}

{last_gate_output}

What was asked for before:
{feedback}

${judgement}`;

/** The value of {plan_schema}: a plan by example, which models follow better than a formal schema. */
export const PLAN_EXAMPLE = `{
  "subtasks": [
    {
      "id": "reset-1",
      "title": "Password reset mail",
      "description": "What is to be done and how it fits in, in full sentences.",
      "needs": [],
      "files": ["src/auth/**"],
      "acceptance": ["a mail with a link is sent", "the link expires after 1 h"],
      "tests": ["test/auth/reset.test.ts"]
    },
    { "id": "reset-2", "title": "…", "description": "…", "needs": ["reset-1"] }
  ]
}

"id": 1 to 40 of a–z, 0–9, "-" and ".", unique. "needs": ids in this plan, without circles. At most 200 subtasks.
A subtask that is only a command has "run": ["program", "argument"] in place of a description; there is no shell.
No other fields than these are needed.`;

export const DEFAULT_PROMPTS: Readonly<Record<Role, string>> = { initializer, coder, reviewer, qa };
