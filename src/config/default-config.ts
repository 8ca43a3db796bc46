/**
 * The commented `.rasen/config.yaml` that `rasen init` writes. Only what was found in the project is switched on, and
 * waiting for usage limits where rasen.yml says nothing about it: this file is stronger than rasen.yml, so a default
 * written here would silence the user's rasen.yml.
 */
import { AGENT_PROGRAMS } from '../contract/backends.ts';
import { detectCommands } from './detect.ts';

export interface ProjectFacts {
  name: string;
  /** The agent that does the work, where there is only one that could. */
  backend: string | null;
  test: string[] | null;
  lint: string[] | null;
  /** Whether waiting for usage limits is switched on here: not where rasen.yml says something about it. */
  wait: boolean;
}

/** What the files of the folder tell; the rest is for the caller to know. */
export function projectFacts(folder: string, backend: string | null = null, wait = false): ProjectFacts {
  const name = folder.split('/').filter(Boolean).at(-1) ?? 'project';
  return { name, backend, wait, ...detectCommands(folder) };
}

const flow = (words: readonly string[]) => JSON.stringify(words);

/** Lines with "##" explain; lines with "# " are keys with their defaults, to be switched on. */
export function defaultConfigYaml(facts: ProjectFacts): string {
  const commands = [facts.test, facts.lint].filter(command => command !== null);
  const agent = facts.backend === null ? `# backend: ${AGENT_PROGRAMS[0]}` : `backend: ${facts.backend}`;
  const programs = AGENT_PROGRAMS.join(', ').replace(/, (?=\w+$)/, ' or ');
  const gates = commands.length > 0 ? commands : [['make', 'test']];
  const found =
    commands.length > 0
      ? '## Found in this project and used without being written here:'
      : '## Nothing was found in this project: write the commands here, or "gates: none" to check nothing.';
  return `## Configuration of the task in this folder. It is stronger than rasen.yml, weaker than RASEN_* variables.
## All keys: man rasen.yml. A key that is not known is an error, not ignored.

## Who does the work: ${programs}; one that speaks the Agent Client Protocol, as
## agent: {backend: acp, command: [program, argument]}; or any program, as agent: [program, argument], which gets the
## prompt on its standard input. It runs in the worktree, and there is nobody to ask.
${agent}

## Commands that must pass before a subtask counts as done.
${found}
# gates:
${gates.map(command => `#   - ${flow(command)}`).join('\n')}

## Readies a new worktree, such as installing dependencies.
# setup: ["npm", "ci"]

## A usage limit is waited for until its end, at most max_wait in a row, and costs no attempt; false: the task blocks.
${facts.wait ? 'limits:\n  wait: true' : '# limits:\n#   wait: true'}

## Roles: a model, a program or a prompt of their own. Prompts are in .rasen/prompts/.
# agents:
#   initializer:
#     model: null
#   coder:
#     model: null
## Review and QA run where they have a program of their own, or where enabled is written.
#   reviewer:
#     enabled: false
#     per_subtask: false
#     max_iterations: 3
#   qa:
#     enabled: false
#     per_subtask: false
#     max_iterations: 50
#     recurring_issue_threshold: 3

## One session is one attempt at a subtask. Durations are seconds or 90s, 10m, 1h30m, 2d.
# session:
#   timeout_seconds: 30m
#   max_iterations: 50

# stall:
#   max_no_commit_sessions: 3
#   max_consecutive_failures: 5

# orchestrator:
#   max_runtime_seconds: 4h
#   idle_timeout_seconds: 5m

## Variables of every program of the task. Secrets are named, not written; how: man rasen.yml.
# env:
#   NODE_ENV: test
# secrets:
#   GITHUB_TOKEN: "env:GITHUB_TOKEN"

## Subtasks that may run at once.
# parallel: 1
`;
}
