/**
 * The statuses of tasks, steps and attempts, each with its own data, and the one table of task transitions.
 *
 *   pending ──► running ◄──► waiting (limit, …, quiet_hours, disk, …, budget: goes on by itself)
 *                  │  ◄──► interrupted (user, reboot)   ◄──► blocked (needs a person)
 *                  └──► completed | failed | cancelled   (over; a person can have a subtask of the first two done again)
 */

/**
 * disk, lock, machine, service_manager: trouble that is tried again until it is over, so its `resume_at` is the time of
 * the first try. after, group: other tasks come first, and its `resume_at` is the time when it began to wait. All others
 * end at their `resume_at`.
 */
export const WAIT_REASONS = [
  'limit',
  'overloaded',
  'network',
  'quiet_hours',
  'disk',
  'lock',
  'machine',
  'service_manager',
  'budget',
  'after',
  'group',
] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

const TROUBLES = ['disk', 'lock', 'machine', 'service_manager'] as const satisfies readonly WaitReason[];
export type TroubleReason = (typeof TROUBLES)[number];

/** Waits that end when the machine works again, and at no known time. */
export const isTrouble = (why: WaitReason): boolean => (TROUBLES as readonly WaitReason[]).includes(why);

const TURNS = ['after', 'group'] as const satisfies readonly WaitReason[];
export type TurnReason = (typeof TURNS)[number];

/** Waits for other tasks, which nobody has to be told of. */
export const isTurn = (why: WaitReason): boolean => (TURNS as readonly WaitReason[]).includes(why);

/** A reason as people read it: `waiting (service manager)`. */
export const reasonText = (why: string): string => why.replaceAll('_', ' ');

export const BLOCK_REASONS = [
  'question',
  'auth',
  'review',
  'attempts',
  'budget',
  'conflict',
  'config',
  'after',
] as const;
export type BlockReason = (typeof BLOCK_REASONS)[number];

/** Who stopped a task. `shutdown`: its supervisor was told to end, and nobody starts it again by itself. */
export const STOPPED_BY = ['user', 'reboot', 'shutdown'] as const;
export type StoppedBy = (typeof STOPPED_BY)[number];

export type TaskStatus =
  /** Accepted and durable; nothing has started. */
  | { name: 'pending' }
  /** Something runs or is about to. */
  | { name: 'running' }
  /** Nothing can run now; goes on by itself. */
  | { name: 'waiting'; why: WaitReason; resume_at: string; message: string }
  /** Stopped; state is kept; `rasen resume` goes on. */
  | { name: 'interrupted'; by: StoppedBy }
  /**
   * A person has to do something first; `message` says what. `retry_at`: when rasen looks by itself whether that is done;
   * null: never.
   */
  | {
      name: 'blocked';
      why: BlockReason;
      message: string;
      subtask: string | null;
      retry_at: string | null;
    }
  /** Every subtask is done; verified: gates of ours, or exit codes we saw, say so. */
  | { name: 'completed'; verified: boolean; commit: string | null }
  | { name: 'failed'; reason: string; subtask: string | null }
  | { name: 'cancelled' };

export type TaskStatusName = TaskStatus['name'];

/** From → to. A status without its row does not compile. */
export const TRANSITIONS: Readonly<Record<TaskStatusName, readonly TaskStatusName[]>> = {
  pending: ['running', 'waiting', 'interrupted', 'blocked', 'cancelled'],
  running: ['waiting', 'interrupted', 'blocked', 'completed', 'failed', 'cancelled'],
  waiting: ['running', 'waiting', 'interrupted', 'blocked', 'cancelled'],
  interrupted: ['pending', 'cancelled'],
  blocked: ['pending', 'cancelled'],
  completed: ['pending'],
  failed: ['pending'],
  cancelled: [],
};

/** It is over, and does not go on unless a person says so. */
export function isTerminal({ name }: TaskStatus): boolean {
  return name === 'completed' || name === 'failed' || name === 'cancelled';
}

/** Nothing of it goes on by itself: it is over, or needs somebody. */
export function isAtRest(status: TaskStatus): boolean {
  return status.name === 'interrupted' || status.name === 'blocked' || isTerminal(status);
}

/** Status of a step of the plan. */
export type StepStatus = 'pending' | 'in_progress' | 'completed' | 'failed' | 'skipped';

/** Where an attempt is. `closed` is the end; `outcome` says how. */
export type AttemptPhase = 'created' | 'prepared' | 'running' | 'stopping' | 'ended' | 'sealed' | 'closed';

export const STOP_REASONS = [
  'user',
  'cancel',
  'suspend',
  'timeout',
  'idle',
  'loop',
  'result',
  'runtime',
  'budget',
  'flood',
  'unready',
  'unhealthy',
  'done',
] as const;
/**
 * Why the supervisor stops an attempt. `suspend`: the service is being stopped; it goes on at the next start. `result`:
 * the agent has said that it is through, and its program does not end; what it said counts. `loop`: it makes the same
 * call again and again. `budget`: its tokens or dollars are used up. Of a
 * service `unready`: it did not get ready in time; `unhealthy`: it did not stay so; `done`: nothing needs it any more.
 */
export type StopReason = (typeof STOP_REASONS)[number];

export const OUTCOMES = [
  'ok',
  'failed',
  'gate_failed',
  'timeout',
  'stalled',
  'limit',
  'overloaded',
  'network',
  'auth',
  'context',
  'budget',
  'asked',
  'session_lost',
  'flood',
  'oom',
  'startup',
  'killed',
  'lost',
] as const;
/**
 * How an attempt ended. `startup`: the program or folder is not there. `session_lost`: the session that it should have
 * gone on with is not there, or another process works in it; done again at once, in a new one. `killed`: stopped on request, or by the machine
 * going down. `oom`: more memory than it may have.
 */
export type Outcome = (typeof OUTCOMES)[number];

/** Outcomes that use up one of a subtask's attempts (task-model 4). */
export const COUNTS: Readonly<Record<Outcome, boolean>> = {
  ok: true,
  failed: true,
  gate_failed: true,
  timeout: true,
  stalled: true,
  limit: false,
  overloaded: false,
  network: false,
  auth: false,
  context: true,
  budget: true,
  asked: false,
  session_lost: false,
  flood: true,
  oom: true,
  startup: false,
  killed: false,
  lost: false,
};
