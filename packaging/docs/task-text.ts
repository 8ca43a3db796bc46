/** Texts about tasks that rasen(1) and rasen.yml(5) share: the words, the statuses, what a command finds, the result file. */
import { claimFromTags } from '../../src/agents/result-file.ts';
import type { Claim } from '../../src/contract/event.ts';
import type { TaskStatusName } from '../../src/contract/status.ts';
import { LIMIT_RETRY } from '../../src/engine/limit-policy.ts';
import { RETRY } from '../../src/engine/retry.ts';

export const WORDS: Readonly<Record<string, string>> = {
  task: 'What was asked for: a goal, a plan, a place to work, limits. It lives in the supervisor until it is removed with `rasen gc`.',
  subtask:
    'The smallest thing that is done or not done: a session of an agent, or a command. A task is a plan of subtasks.',
  attempt:
    'One try at one subtask: one tree of processes, one output, one outcome. An attempt is started once or never, and two attempts of one subtask never live at once.',
  gate: 'A check that the supervisor itself makes after an attempt, on a named commit. What an agent says is a claim; gates decide.',
  plan: 'The subtasks and their order. It is frozen by its hash before the first attempt; every change is a new revision.',
  event:
    'One numbered fact about a task, on disk before anybody is told. The state of a task is made of its events.',
  supervisor: 'The process rasend(8), the only one that decides and writes state.',
};

export const STATUSES: Readonly<Record<TaskStatusName, string>> = {
  pending: 'Accepted and durable; nothing has started.',
  running: 'Something runs or is about to.',
  waiting:
    'Nothing can run now; it goes on by itself, at the time that is shown or as soon as the machine works again. Reasons: a usage limit, an overloaded service, the network, quiet hours, the budget of the day; and trouble of the machine, `disk` (no space, no inodes, no quota, read-only, a device that fails), `lock` (somebody else holds a lock) `machine` (too many open files, no memory, no permission) or `service manager` (that of the user, which starts attempts, does not run or does not answer). Such trouble uses up no attempt, nothing is run twice for it, and what a session left stays in its worktree until it is committed.',
  interrupted:
    'Stopped by `rasen stop`, or by a restart of the machine where `auto_resume` is false; `rasen resume` goes on.',
  blocked:
    'A person has to do something first; the reason says what. `rasen resume` goes on. Where the agent is not logged in it is looked at again by itself, and goes on when it is.',
  completed:
    'Every subtask is done. It is verified when gates, or exit statuses that the supervisor saw, say so; where there was nothing to check with, every view says that it is not.',
  failed: 'It cannot be completed; the reason is shown.',
  cancelled: 'Ended for good by `rasen cancel`. Commits, logs and the worktree are kept.',
};

export interface Variable {
  name: string;
  about: string;
}

/** The environment of the commands of a task, beside what was captured when the task was accepted. */
export const COMMAND_VARIABLES: Readonly<Record<'all' | 'agent' | 'gate', readonly Variable[]>> = {
  all: [
    { name: 'RASEN_TASK', about: 'Id of the task.' },
    {
      name: 'RASEN_SUBTASK',
      about:
        'Id of the subtask, or of a step that rasen adds: `_plan`, `_setup`, `_baseline`, `_fix`, `_final`.',
    },
    { name: 'RASEN_ATTEMPT_NUMBER', about: 'Number of the attempt, from 1.' },
    {
      name: 'RASEN_PROJECT',
      about:
        'Absolute path of the project. The work is done in the current folder, which may be a worktree elsewhere.',
    },
    {
      name: 'RASEN_ATTEMPT',
      about:
        'Marks the processes of the attempt, so that all of them can be found when it is stopped. Leave it as it is.',
    },
  ],
  agent: [
    { name: 'RASEN_ROLE', about: '`initializer`, `coder`, `reviewer` or `qa`.' },
    { name: 'RASEN_RESULT_FILE', about: 'Where the result is to be left; see RESULT FILE.' },
    { name: 'RASEN_MODEL', about: 'The model that is configured for the role; not set where none is.' },
    { name: 'MAX_THINKING_TOKENS', about: 'The value of `agent.max_thinking_tokens`.' },
    { name: 'TMPDIR', about: 'A folder of the session alone; it is removed after it.' },
    { name: 'RASEN_DIFF_RANGE', about: 'Of reviewer and QA: the commits to judge, as git understands them.' },
  ],
  gate: [
    { name: 'RASEN_GATE', about: 'Name of the gate.' },
    { name: 'RASEN_COMMIT', about: 'The commit that is judged; not set where the task has no git.' },
  ],
};

/** Minutes between two looks at a limit whose end nobody stated. */
const LOOKS = LIMIT_RETRY.steps_ms.map(ms => ms / 60_000).join(', ');

/** Statuses of a result file (src/agents/result-file.ts) and what follows from each. */
export const RESULT_STATUSES: Readonly<Record<Exclude<Claim['status'], 'startup' | 'session_lost'>, string>> =
  {
    done: 'The work is done; the gates decide whether it is. The default.',
    blocked: `It cannot go on without an answer; the summary is the question. Said ${RETRY.asked_max} times, the task is blocked.`,
    limit: `A usage limit. Where \`limits.wait\` is true the task waits until \`retry_at\`, or looks again after ${LOOKS} minutes, as often and as long as \`limits.max_waits\` and \`limits.max_wait\` say; else it is blocked.`,
    overloaded: 'The service is overloaded; it is tried again, later and later.',
    network: 'The network is away; as `overloaded`.',
    auth: 'Not logged in; the task is blocked, and looked at again as `limits.login_retry` says.',
    context: 'The session is too long; the next attempt begins a new one.',
    budget:
      'The budget of the session is used up; where commands or a review look at the work they decide about what is there, else the task is blocked.',
  };

/** Fields of a result file. */
export const RESULT_FIELDS: Readonly<Record<string, string>> = {
  status: 'One of those below.',
  summary: 'What was done, or what is missing; shown to people and to later attempts.',
  followups:
    'A list of what was found that should be done and is no part of the subtask; people read it in `rasen report`.',
  memory: 'An object with the lists `decisions` and `learnings`: texts that later attempts are told.',
  retry_at: 'When a limit ends (RFC 3339).',
  retry_after_seconds: 'The same as a number of seconds from now.',
  verdict: 'Of reviewer and QA: `approved`, `changes_requested` or `rejected`.',
  issues: 'Of reviewer and QA: a list of what is wrong, each once and in the same words as before.',
  usage: 'An object with `input_tokens` and `output_tokens`, for the counts of the task.',
  plan: 'Of the planner: the plan, in the form of rasen.yml(5), section PLAN FILES, with `subtasks` and no settings.',
};

/** Topics of event tags at the end of an output, those that the reader of tags takes. */
export const TAG_TOPICS = [
  ...['init.done', 'build.done', 'build.blocked', 'review.approved', 'review.changes_requested'],
  ...['qa.approved', 'qa.rejected'],
].filter(topic => claimFromTags(`<event topic="${topic}"></event>`) !== null);

export const RESULT_EXAMPLE = `{
  "status": "done",
  "summary": "Reset tokens expire after one hour; tests added.",
  "memory": {
    "decisions": ["Tokens are stored hashed."],
    "learnings": ["The mail service needs MAIL_FROM in tests."]
  }
}`;
