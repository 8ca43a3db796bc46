/**
 * What happened, in sentences: the lines of rasen.log and of `log.follow`, in RASEN's words where it has them. Pure.
 * A line of a failure says the outcome, the reason and what follows. Texts of agents pass through oneLine.
 */
import type { Event, EventOf, EventType } from '../contract/event.ts';
import { isInside, originText } from '../contract/origin.ts';
import { isTrouble, isTurn, reasonText, type StopReason } from '../contract/status.ts';
import { budgetText } from '../engine/budget.ts';
import { JUMP_MS } from '../engine/clock.ts';
import { gatesOf, isAgentStep, subtaskIn } from '../engine/gates-of.ts';
import { unseenText } from '../engine/mutation.ts';
import { nameOf as serviceName } from '../engine/needs.ts';
import { kindOf } from '../engine/notices.ts';
import { backendAt } from '../engine/relay.ts';
import { exhaustionOf } from '../engine/retry.ts';
import { portWritten, serviceOf, urlOf } from '../engine/service.ts';
import type { Step, TaskState } from '../engine/state.ts';
import { duration } from '../engine/wall-time.ts';
import { VIEW_LIMITS } from './limits.ts';
import { seedTime } from './log-format.ts';
import { oneLine } from './plain-text.ts';

export type Level = 'INFO' | 'WARNING' | 'ERROR';
export interface LogLine {
  level: Level;
  text: string;
  subtask: string | null;
  attempt: number | null;
}

type Said = readonly [Level, string];
type Writers = {
  readonly [T in EventType]: ((state: TaskState, event: EventOf<T>) => Said | readonly Said[] | null) | null;
};

/** The lines of an event: mostly one, none or two; more where a gate names what it found. `state` is the state after it. */
export function linesOf(state: TaskState, event: Event): LogLine[] {
  const write = WRITERS[event.type] as
    | ((state: TaskState, event: Event) => Said | readonly Said[] | null)
    | null;
  const said = write?.(state, event) ?? [];
  const list = (typeof said[0] === 'string' ? [said] : said) as readonly Said[];
  const subtask = 'step' in event ? event.step : 'subtask' in event ? event.subtask : null;
  const attempt = 'n' in event ? event.n : null;
  return list.map(([level, text]) => ({
    level,
    text: oneLine(text, VIEW_LIMITS.line_chars),
    subtask,
    attempt,
  }));
}

/** The same as one line, an array where there are more, and null where the event is worth none. */
export function lineOf(state: TaskState, event: Event): LogLine | LogLine[] | null {
  const lines = linesOf(state, event);
  return lines.length > 1 ? lines : (lines[0] ?? null);
}

/** The level of an event: that of its gravest line; null without a line. */
export function levelOf(state: TaskState, event: Event): Level | null {
  const levels = linesOf(state, event).map(line => line.level);
  return (['ERROR', 'WARNING', 'INFO'] as const).find(level => levels.includes(level)) ?? null;
}

const QUIET: ReadonlySet<StopReason> = new Set(['user', 'cancel', 'done']);

const WRITERS: Writers = {
  task_submitted: (_, { spec, origin }) => [
    'INFO',
    `Task submitted${origin && isInside(origin) ? ` ${originText(origin)}` : ''}: ${spec.name}`,
  ],
  task_claimed: state =>
    state.epoch > 1 ? ['INFO', 'The supervisor was started again and takes the task up'] : null,
  want_changed: wanted,
  plan_frozen: (_, event) => [
    'INFO',
    `${event.rev > 1 ? `Plan revised${who(event)} (rev ${event.rev})` : 'Plan ready'}: ${count(event.plan.subtasks.length, 'subtask')}`,
  ],
  repository_captured: () => [],
  workspace_ready: (_, event) => [
    'INFO',
    `Workspace ready: ${event.branch || event.path} at ${short(event.base)}`,
  ],
  attempt_created: attemptCreated,
  attempt_prepared: null,
  record_key_drawn: null,
  attempt_started: null,
  service_ready: (state, { step }) => [
    'INFO',
    `${capital(nameOf(state, step))} is ready${urlText(state, step)}`,
  ],
  attempt_stopping: (state, event) => {
    const what = `Stopping ${nameOf(state, event.step)}: ${stopping(state, event)}`;
    const is_service = stepIn(state, event.step)?.kind === 'service';
    return [
      QUIET.has(event.reason) ? 'INFO' : 'WARNING',
      is_service ? what : then(what, 'what it did so far is kept'),
    ];
  },
  attempt_ended: attemptEnded,
  attempt_sealed: attemptSealed,
  gate_started: (state, event) => {
    const kind = gateOf(state, event)?.kind;
    const again = event.try > 1 ? ` (try ${event.try})` : '';
    if (kind === 'review') return ['INFO', `Running review loop...${again}`];
    if (kind === 'qa') return ['INFO', `Running QA loop...${again}`];
    return ['INFO', `Running gate: ${gateName(state, event)}${again}`];
  },
  gate_delayed: null,
  gate_dropped: gateDropped,
  gate_ended: gateEnded,
  records_forged: (state, event) => [
    'WARNING',
    then(
      `Somebody tried to forge records during ${event.gate === null ? `attempt ${event.n} of ${nameOf(state, event.step)}` : `the ${gateName(state, { step: event.step, gate: event.gate })} gate`}: ${event.what.join('; ')}`,
      'they did not count',
    ),
  ],
  attempt_closed: attemptClosed,
  step_completed: (state, { step }) => stepCompleted(stepIn(state, step), step),
  step_failed: (state, event) => [
    'ERROR',
    then(`${capital(nameOf(state, event.step))} failed: ${event.reason}`, afterFailure(state, event.step)),
  ],
  step_skipped: (state, event) => [
    'WARNING',
    `${capital(nameOf(state, event.step))} skipped: ${event.reason}`,
  ],
  step_reset: (state, event) =>
    stepIn(state, event.step)?.kind === 'fix'
      ? ['WARNING', then(`The final gates refused the result: ${event.reason}`, 'it goes back to the agent')]
      : ['INFO', `${capital(nameOf(state, event.step))} will be done again: ${event.reason}${who(event)}`],
  rolled_back: (_, event) => [
    'WARNING',
    `Rolled back to ${short(event.commit)}${who(event)}; to be done again: ${event.steps.join(', ') || 'nothing'}`,
  ],
  rollback_requested: (_, event) => ['INFO', `Rollback to ${short(event.commit)} requested${who(event)}`],
  rollback_refused: (_, event) => ['ERROR', refusedText('Rollback', event, 'nothing was rolled back')],
  task_started: (state, event) => ['INFO', state.started_at === event.t ? 'Task started' : 'Task goes on'],
  task_waiting: (_, event) => [
    'WARNING',
    then(
      `Task waiting (${reasonText(event.why)}): ${event.message}`,
      isTrouble(event.why)
        ? 'it goes on by itself when that works again'
        : isTurn(event.why)
          ? 'it goes on by itself'
          : `it goes on by itself at ${seedTime(event.resume_at)}`,
    ),
  ],
  budget_nearly_used: (_, event) => ['WARNING', `Budget nearly used up: ${budgetText(event)}`],
  task_interrupted: ({ id }, { by }) =>
    by === 'user'
      ? ['INFO', `Task interrupted by the user; everything is kept, \`rasen resume ${id}\` goes on`]
      : by === 'shutdown'
        ? [
            'WARNING',
            `Task interrupted by the end of its supervisor; everything is kept, \`rasen resume ${id}\` goes on`,
          ]
        : ['WARNING', `Task interrupted by a restart; everything is kept, \`rasen resume ${id}\` goes on`],
  task_blocked: ({ id }, event) => {
    const again = event.retry_at ? `, or it is looked at again at ${seedTime(event.retry_at)}` : '';
    const next =
      event.why === 'question'
        ? `answer with: rasen answer ${id} "…"`
        : `a person is needed, then: rasen resume ${id}${again}`;
    return ['ERROR', then(`Task blocked (${event.why}): ${event.message}`, next)];
  },
  login_retried: state => [
    'INFO',
    `Looking whether the agent is logged in by now (look ${state.login?.tries ?? 1})`,
  ],
  task_resumed: (_, { skip = [] }) => [
    'INFO',
    `Task resumed${skip.length > 0 ? ` without ${skip.join(' and ')}` : ''}`,
  ],
  env_changed: (_, { names }) => ['INFO', `Taken from the shell that resumed it: ${names.join(', ')}`],
  task_completed: (state, { verified }) => {
    const done = `Task completed: ${progress(state)}, ${count(state.total_commits, 'commit')}`;
    const but = unseenText(state);
    if (verified && but !== null) return ['WARNING', `${done}; verified, but ${but}`];
    return verified
      ? ['INFO', done]
      : ['WARNING', `${done}; not verified: ${but ?? 'not every gate of the project checked it'}`];
  },
  task_failed: (_, event) => ['ERROR', then(`Task failed: ${event.reason}`, 'the task is over')],
  task_cancelled: () => ['WARNING', 'Task cancelled; the task is over'],
  note_added: (_, { note, by, to, text }) =>
    by === 'user'
      ? ['INFO', `Note ${note} of the user: ${text}`]
      : to === null
        ? ['INFO', `Note ${note}: ${text}`]
        : null,
  task_handed_over: (_, { task }) => ['INFO', `Task ${task} is handed over`],
  handed_over_ended: (_, { task, status }) => [
    status === 'completed' ? 'INFO' : 'WARNING',
    `Task ${task}, which was handed over, ${status === 'failed' ? 'has failed' : status === 'completed' ? 'is completed' : `was ${status}`}`,
  ],
  request_refused: (_, { reason }) => ['WARNING', `Request refused: ${reason}`],
  note_told: (state, event) => {
    const whom = `attempt ${event.n} of ${nameOf(state, event.step)}`;
    // What rasen has to say of its own is done with when it was said.
    if (!state.notes.some(({ note }) => note === event.note))
      return ['INFO', `Told ${whom} that its time is running out`];
    return [
      'INFO',
      `Note ${event.note} was told to ${whom}${event.how === 'live' ? ', which is running' : ''}`,
    ];
  },
  clock_jumped: (_, { ms, slept_ms }) => ['WARNING', `${clockText(ms, slept_ms)}; deadlines move along`],
  notified: (_, { key, ok, detail }) =>
    ok
      ? ['INFO', `A person was told (${kindOf({ key })})`]
      : ['WARNING', `A notification (${kindOf({ key })}) could not be sent: ${detail ?? 'no reason given'}`],
  merge_requested: (_, event) => [
    'INFO',
    `Merge requested${event.into ? ` into ${event.into}` : ''}${who(event)}`,
  ],
  merge_refused: (_, event) => ['ERROR', refusedText('Merge', event, 'nothing was moved')],
  merged: (_, event) => ['INFO', `Merged into ${event.into}: ${short(event.commit)}`],
};

const refusedText = (
  what: string,
  { kind, message, hint }: { kind: string; message: string; hint: string | null },
  so: string,
) => then(`${what} refused (${kind}): ${message}`, `${so}${hint ? `. ${oneLine(hint, 200)}` : ''}`);

/** Behind what was asked for. */
const who = ({ origin }: Event): string => (origin ? ` ${originText(origin)}` : '');

function wanted({ id }: TaskState, event: EventOf<'want_changed'>): Said {
  const how = event.force ? ' (force)' : '';
  if (event.by === 'reboot')
    return ['WARNING', `The machine was restarted; the task stops until \`rasen resume ${id}\``];
  if (event.by === 'shutdown')
    return ['WARNING', `The supervisor is told to end; the task stops until \`rasen resume ${id}\``];
  if (event.want === 'run') return ['INFO', `Resume requested${who(event)}`];
  return ['INFO', `${event.want === 'stop' ? 'Stop' : 'Cancel'} requested${who(event)}${how}`];
}

function attemptCreated(state: TaskState, event: EventOf<'attempt_created'>): Said | readonly Said[] {
  const step = stepIn(state, event.step);
  const again = event.n > 1 ? ` (attempt ${event.n})` : '';
  const same = event.resume ? ', in the session of the last one' : '';
  const begun =
    !event.work && step?.kind === 'subtask'
      ? `Checking subtask ${event.step}, which its plan calls completed`
      : beginning(step, event.step);
  const by = event.agent === undefined ? '' : `, by ${backendAt(state, event.agent)}`;
  const said: Said = ['INFO', `${begun}${again}${by}${same}`];
  return event.work && step?.kind !== 'service' && step?.kind !== 'finally'
    ? [['INFO', `Iteration ${state.iterations}/${state.spec.limits.max_iterations}`], said]
    : said;
}

function beginning(step: Step | undefined, id: string): string {
  switch (step?.kind) {
    case 'plan':
      return 'Planning the task';
    case 'setup':
      return 'Preparing the worktree';
    case 'baseline':
      return 'Checking that the gates pass before any change';
    case 'fix':
      return 'Repairing what the final gates refused';
    case 'final':
      return 'Running all gates on the final commit';
    case 'service':
      return `Starting service ${serviceName({ id })}`;
    case 'finally':
      return `At the end: ${id}`;
    default:
      return `Working on subtask: ${id}`;
  }
}

function stopping(state: TaskState, { reason, over, loop, why }: EventOf<'attempt_stopping'>): string {
  const { limits } = state.spec;
  switch (reason) {
    case 'user':
      return 'the user asked for it';
    case 'cancel':
      return 'the task is cancelled';
    case 'suspend':
      return 'the service is being stopped; it goes on at the next start';
    case 'timeout':
      return 'it took longer than its timeout allows';
    case 'idle':
      return 'it was silent for longer than its idle timeout allows';
    case 'result':
      return 'it has left its result and does not end';
    case 'runtime':
      return `max_runtime_seconds (${limits.max_runtime_seconds}) of active time used`;
    case 'loop':
      return `it makes the same call again and again and changes nothing: ${loop ?? 'unknown'}`;
    case 'budget':
      return over ? budgetText(over) : 'its budget is used up';
    case 'flood':
      return `its output is more than ${limits.output_max_bytes} bytes`;
    case 'unready':
      return why ?? 'it does not get ready';
    case 'unhealthy':
      return why ?? 'it is not well any more';
    case 'done':
      return 'nothing needs it any more';
  }
}

/** A session that will be sealed is reported then, with its commits; a failed one when it is closed, with what follows. */
function attemptEnded(state: TaskState, event: EventOf<'attempt_ended'>): Said | null {
  const step = stepIn(state, event.step);
  if (!step || event.outcome !== 'ok') return null;
  if (!isAgentStep(state, step))
    return ['INFO', `Command of ${nameOf(state, step.id)} completed: exit code ${event.code ?? 0}`];
  return state.spec.workspace.kind === 'git' && step.kind !== 'plan' ? null : ['INFO', 'Session completed'];
}

function attemptSealed(state: TaskState, event: EventOf<'attempt_sealed'>): readonly Said[] | null {
  const { left_out = [], pushed = [], elsewhere = [], meanwhile = [] } = event.sealed;
  const commits = sealedCommits(state, event);
  const said: Said[] = [
    ...(commits === null ? [] : [commits]),
    ...left_out.map(({ path, why }): Said => ['WARNING', `Not committed: ${path} ${why}`]),
    ...pushed.map((text): Said => ['WARNING', `Pushed: ${text}`]),
    ...elsewhere.map(
      ({ name, commit }): Said => ['INFO', `Kept as refs/rasen/${state.id}/kept/${commit}: ${name}`],
    ),
    ...meanwhile.map((text): Said => ['INFO', `Meanwhile in your repository: ${text}`]),
  ];
  return said.length === 0 ? null : said;
}

function sealedCommits(state: TaskState, event: EventOf<'attempt_sealed'>): Said | null {
  const step = stepIn(state, event.step);
  const commits = count(event.sealed.commits, 'commit');
  if (step && !isAgentStep(state, step))
    return event.sealed.commits > 0 ? ['INFO', `Commands left ${commits}`] : null;
  const outcome = step?.attempt?.outcome ?? 'ok';
  return outcome === 'ok'
    ? ['INFO', `Session completed: ${commits}`]
    : ['INFO', `Session ended (${outcome}): ${commits} kept`];
}

function gateEnded(state: TaskState, event: EventOf<'gate_ended'>): Said | readonly Said[] | null {
  const { evidence } = event;
  const step = stepIn(state, event.step);
  const place = step ? gatesOf(state, step)[event.gate]?.place : undefined;
  if (place === 'mutation') return mutationLine(evidence);
  const judge = evidence.kind === 'review' ? 'Review' : evidence.kind === 'qa' ? 'QA' : null;
  if (evidence.passed) {
    if (judge) return ['INFO', `${judge} approved`];
    return evidence.kind === 'run' ? ['INFO', `Gate ${evidence.name} passed`] : null;
  }
  const reason = evidence.reason ?? 'refused';
  if (evidence.tolerated)
    return [
      'WARNING',
      then(
        `Gate ${evidence.name} failed: ${reason}`,
        evidence.needs_person
          ? 'tolerated, for a person has accepted it'
          : 'tolerated, for it failed before any change',
      ),
    ];
  const what = judge ? `${judge} refused: ${reason}` : `Gate ${evidence.name} failed: ${reason}`;
  const said: Said = [
    'WARNING',
    then(what, `attempt ${event.n} of ${nameOf(state, event.step)} does not count as done`),
  ];
  const found = findingLines(evidence.findings, judge ?? `Gate ${evidence.name}`, reason);
  return found.length > 0 ? [said, ...found] : said;
}

function mutationLine({ name, kind, passed, reason }: EventOf<'gate_ended'>['evidence']): Said | null {
  if (passed)
    return kind === 'setup' ? null : ['INFO', `Gate ${name} fails without the change, as it should`];
  return ['INFO', `Gate ${name} does not see the change: ${reason ?? 'nobody knows why'}`];
}

/** Where exactly, and what; without what the reason says already. */
function findingLines(
  findings: EventOf<'gate_ended'>['evidence']['findings'],
  who: string,
  reason: string,
): Said[] {
  const told = findings.filter(({ path, text }) => path !== null || !reason.includes(text));
  const lines = told.slice(0, VIEW_LIMITS.log_findings).map(({ path, line, text }): Said => {
    const place = path === null ? '' : `${path}${line === null ? '' : `:${line}`}: `;
    return ['WARNING', `${who}: ${place}${text}`];
  });
  const more = told.length - lines.length;
  return more > 0 ? [...lines, ['WARNING', `${who}: … and ${more} more`]] : lines;
}

function gateDropped(state: TaskState, event: EventOf<'gate_dropped'>): Said {
  const what = `Gate ${gateName(state, event)}`;
  const { hold, outcome } = event;
  if (outcome === 'killed') return ['INFO', `${what} was stopped; it is run again when the task goes on`];
  if (!hold) return ['WARNING', `${what} ended (${outcome}) without a judgement; it is run again`];
  const reason = hold.reason ? ` (${hold.reason})` : '';
  const next = hold.retry_at ? `asked again at ${seedTime(hold.retry_at)}` : 'a person is needed';
  const level = hold.block ? 'ERROR' : 'WARNING';
  return [level, then(`${what} could not judge: ${outcome}${reason}`, `the work is kept, ${next}`)];
}

function attemptClosed(state: TaskState, event: EventOf<'attempt_closed'>): Said | null {
  if (event.outcome === 'ok') return null;
  if (stepIn(state, event.step)?.kind === 'service') return serviceClosed(state, event);
  const what = `Attempt ${event.n} of ${nameOf(state, event.step)}`;
  if (event.outcome === 'killed')
    return ['INFO', then(`${what} was stopped: ${event.reason ?? 'on request'}`, 'what it did is kept')];
  const [level, next] = afterAttempt(state, event);
  const reason = event.reason ? ` (${event.reason})` : '';
  // Nothing is waited for: another agent takes over.
  const relayed = event.away && !event.block && event.wait === null ? 'the next agent takes over' : null;
  return [level, then(`${what}: ${event.outcome}${reason}`, relayed ?? next)];
}

function serviceClosed(state: TaskState, event: EventOf<'attempt_closed'>): Said {
  const what = capital(nameOf(state, event.step));
  const reason = event.reason ?? event.outcome;
  if (event.outcome === 'killed') return ['INFO', `${what} was stopped`];
  if (event.block) return ['ERROR', then(`${what}: ${reason}`, 'a person is needed')];
  return [
    'WARNING',
    `${what}: ${reason}${event.retry_at ? `; started again at ${seedTime(event.retry_at)}` : ''}`,
  ];
}

/** Where it is reached. */
function urlText(state: TaskState, id: string): string {
  const step = stepIn(state, id);
  const service = step && serviceOf(state, step);
  const url = service && urlOf(service, step.service?.port ?? portWritten(service));
  return url ? ` at ${url}` : '';
}

function afterAttempt(state: TaskState, event: EventOf<'attempt_closed'>): Said {
  const step = stepIn(state, event.step);
  if (event.block) return ['ERROR', 'a person is needed'];
  if (event.retry_at && event.wait)
    return ['WARNING', `waiting for ${event.wait}, tried again at ${seedTime(event.retry_at)}`];
  if (step && exhaustionOf(state, step) !== null) return ['ERROR', 'no attempt is left'];
  const { max_consecutive_failures } = state.spec.limits;
  if (state.consecutive_failures >= max_consecutive_failures) {
    return ['ERROR', `${state.consecutive_failures} attempts failed in a row, a person is needed`];
  }
  if (state.want !== 'run') return ['WARNING', 'tried again when the task goes on'];
  return ['WARNING', event.retry_at ? `tried again at ${seedTime(event.retry_at)}` : 'tried again'];
}

function stepCompleted(step: Step | undefined, id: string): Said | null {
  switch (step?.kind) {
    case 'plan':
      return null;
    case 'setup':
      return ['INFO', 'Worktree prepared'];
    case 'baseline':
      return ['INFO', 'Baseline checked'];
    case 'fix':
      return ['INFO', 'Repair completed'];
    case 'final':
      return ['INFO', 'Final gates passed'];
    case 'service':
      return null;
    default:
      return ['INFO', `Subtask ${id} completed`];
  }
}

function afterFailure(state: TaskState, id: string): string {
  const step = stepIn(state, id);
  if (step?.kind === 'finally') return 'that changes nothing about the outcome';
  const subtask = step && subtaskIn(state, step);
  return subtask?.on_fail === 'continue' ? 'subtasks that do not need it go on' : 'nothing new starts';
}

const stepIn = (state: TaskState, id: string) => state.steps.find(s => s.id === id);

function nameOf(state: TaskState, id: string): string {
  switch (stepIn(state, id)?.kind) {
    case 'plan':
      return 'the planning';
    case 'setup':
      return 'the setup';
    case 'baseline':
      return 'the baseline check';
    case 'fix':
      return 'the repair';
    case 'final':
      return 'the final check';
    case 'service':
      return `service ${serviceName({ id })}`;
    case 'finally':
      return `what runs at the end (${id})`;
    default:
      return `subtask ${id}`;
  }
}

function gateOf(state: TaskState, event: { step: string; gate: number }) {
  const step = stepIn(state, event.step);
  return step ? gatesOf(state, step)[event.gate] : undefined;
}
const gateName = (state: TaskState, event: { step: string; gate: number }) =>
  gateOf(state, event)?.name ?? `${event.gate}`;

function progress(state: TaskState): string {
  const subtasks = state.steps.filter(s => s.kind === 'subtask');
  return `${subtasks.filter(s => s.status === 'completed').length}/${count(subtasks.length, 'subtask')}`;
}

/** A reason may be long; what follows from it must not be what is cut. */
function then(what: string, next: string): string {
  return `${oneLine(what, VIEW_LIMITS.line_chars - next.length - 2)}; ${next}`;
}

/** What a clock did, in words. */
export function clockText(ms: number, slept_ms: number | undefined): string {
  if (slept_ms === undefined) return `The clock jumped by ${Math.round(ms / 1000)} s (sleep, or it was set)`;
  const set_ms = ms - slept_ms;
  const slept = slept_ms > 0 ? [`the machine slept for ${duration(slept_ms)}`] : [];
  const set =
    Math.abs(set_ms) < JUMP_MS
      ? []
      : [`the clock was set ${set_ms < 0 ? 'back' : 'ahead'} by ${duration(Math.abs(set_ms))}`];
  return capital([...slept, ...set].join(', and '));
}

const count = (n: number, thing: string) => `${n} ${thing}${n === 1 ? '' : 's'}`;
const short = (commit: string) => commit.slice(0, 10) || 'no commit';
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
