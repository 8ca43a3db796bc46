/**
 * Every expected failure of rasen: one row a kind, with the code it has on the wire and the exit status the
 * command line gives it. Anything that is thrown and is not a RasenError is a bug.
 *
 * Codes of ours are positive, since JSON-RPC reserves -32768…-32000; `cancelled` has the one of LSP. Older supervisors
 * answer with negative ones, so programs look at `data.kind`, which carries the stable name.
 */

/** Exit statuses of `rasen`, from task-model 9 (sysexits where one fits). */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  blocked: 3,
  unreachable: 4,
  refused: 5,
  missing_runtime: 69,
  internal: 70,
  temporary: 75,
  not_permitted: 77,
  /** As shells give them: the program cannot be run, or is not there. */
  not_executable: 126,
  not_found: 127,
  cancelled: 130,
} as const;

interface Row {
  code: number;
  exit: number;
  /** What the kind means, in one sentence; printed in the man page. */
  about: string;
}

const rows = {
  usage: {
    code: 50,
    exit: EXIT.usage,
    about: 'The command line or a request is not one that rasen knows.',
  },
  config: {
    code: 51,
    exit: EXIT.usage,
    about: 'A configuration or plan file is wrong; file, line and column are named.',
  },
  task_unknown: { code: 52, exit: EXIT.usage, about: 'No task has this id, prefix or name.' },
  task_ambiguous: {
    code: 53,
    exit: EXIT.usage,
    about: 'More than one task matches; the matches are named.',
  },
  task_state: { code: 54, exit: EXIT.refused, about: 'The task is in a state that does not allow this.' },
  task_exists: {
    code: 55,
    exit: EXIT.refused,
    about: 'A task with this id or key exists already with another content.',
  },
  subtask_unknown: { code: 56, exit: EXIT.usage, about: 'The plan has no subtask of this id.' },
  too_deep: {
    code: 87,
    exit: EXIT.refused,
    about: 'The task was submitted from inside a task that was itself handed over twice; no task was made.',
  },
  trigger_unknown: { code: 84, exit: EXIT.usage, about: 'No trigger has this name or id.' },
  trigger_exists: { code: 85, exit: EXIT.refused, about: 'Another trigger has this name already.' },
  trigger_state: {
    code: 86,
    exit: EXIT.refused,
    about: 'The trigger is in a state that does not allow this.',
  },
  project_in_use: {
    code: 75,
    exit: EXIT.refused,
    about:
      'Another supervisor (another RASEN_HOME or user) has an unfinished task in the project; it is named.',
  },
  no_project: {
    code: 57,
    exit: EXIT.usage,
    about: 'The folder has no .rasen/ and none was made with rasen init.',
  },
  not_git: {
    code: 58,
    exit: EXIT.usage,
    about: 'The folder is not in a git repository that rasen can work in.',
  },
  git: { code: 59, exit: EXIT.refused, about: 'A git command failed; its output is quoted.' },
  merge_conflict: { code: 60, exit: EXIT.refused, about: 'The merge has conflicts; nothing was moved.' },
  gate_failed: { code: 61, exit: EXIT.refused, about: 'A gate refused the result; nothing was moved.' },
  storage: {
    code: 62,
    exit: EXIT.refused,
    about: 'State could not be written (disk full, permission); nothing was acknowledged.',
  },
  damaged: {
    code: 63,
    exit: EXIT.refused,
    about: 'A state file could not be read; it was moved aside and is named.',
  },
  spawn: { code: 64, exit: EXIT.refused, about: 'A program could not be started.' },
  program_missing: {
    code: 80,
    exit: EXIT.not_found,
    about: 'There is no program of this name; no task was made.',
  },
  program_refused: {
    code: 81,
    exit: EXIT.not_executable,
    about:
      'The program is there and cannot be run: a folder, no permission, no interpreter. No task was made.',
  },
  no_folder: {
    code: 82,
    exit: EXIT.usage,
    about: 'The current folder was removed, cannot be read, or has a name that is not UTF-8.',
  },
  version: { code: 65, exit: EXIT.refused, about: 'A state file was written by a newer rasen.' },
  unreachable: { code: 66, exit: EXIT.unreachable, about: 'No supervisor answers on the socket.' },
  already_running: {
    code: 67,
    exit: EXIT.temporary,
    about: 'Another supervisor holds the lock of this RASEN_HOME.',
  },
  socket_path: {
    code: 68,
    exit: EXIT.usage,
    about: 'The socket cannot be made at its path (too long, not ours, wrong mode).',
  },
  socket_in_use: {
    code: 69,
    exit: EXIT.temporary,
    about: 'The socket path is in use by something else.',
  },
  service: {
    code: 70,
    exit: EXIT.unreachable,
    about: 'The service manager of the system is not there or refused; its words are quoted.',
  },
  manager_away: {
    code: 71,
    exit: EXIT.temporary,
    about:
      'The service manager of the user starts nothing now (shutdown, restart of the manager); tried again.',
  },
  secret: {
    code: 72,
    exit: EXIT.refused,
    about: 'A secret could not be looked up; its name and its reference are told, never its value.',
  },
  not_private: {
    code: 74,
    exit: EXIT.not_permitted,
    about:
      'A folder or socket of rasen belongs to another user or is open to others; nothing was sent or written.',
  },
  not_permitted: {
    code: 73,
    exit: EXIT.not_permitted,
    about:
      'A person has to ask for this, and the request comes from inside an attempt or from nobody knows whom. Nothing was done; the journal of the task says who asked.',
  },
  claim_lost: {
    code: 83,
    exit: EXIT.temporary,
    about: 'Another supervisor has taken over the task; this one does nothing more for it.',
  },
  timeout: { code: 12, exit: EXIT.unreachable, about: 'The supervisor did not answer in time.' },
  incompatible: {
    code: 11,
    exit: EXIT.unreachable,
    about:
      'The supervisor is of another release and cannot do what was asked: restart it. Or client and supervisor speak no common protocol version.',
  },
  overloaded: {
    code: 13,
    exit: EXIT.temporary,
    about: 'The supervisor has too much in flight for this connection, or no place for it.',
  },
  shutting_down: { code: 14, exit: EXIT.temporary, about: 'The supervisor is shutting down.' },
  cancelled: { code: -32800, exit: EXIT.cancelled, about: 'The request was cancelled by its client.' },
  internal: { code: -32603, exit: EXIT.internal, about: 'A bug; the supervisor log has the stack.' },
} as const satisfies Record<string, Row>;

export type ErrorKind = keyof typeof rows;

/** The table, for man pages, the OpenRPC document and the test that compares them. */
export const ERRORS: Readonly<Record<ErrorKind, Row>> = rows;

/** An expected failure. `message` says what happened and to what; `hint` says what to do next. */
export class RasenError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  /** Facts for programs: ids, paths, line numbers. Never secrets. */
  readonly data: Record<string, unknown> | undefined;

  constructor(
    kind: ErrorKind,
    message: string,
    more: { hint?: string; data?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'RasenError';
    this.kind = kind;
    this.hint = more.hint;
    this.data = more.data;
  }

  get code(): number {
    return rows[this.kind].code;
  }

  get exit(): number {
    return rows[this.kind].exit;
  }
}

/** The most common one: what was asked for is not what there is. */
export function usage(message: string, hint?: string): RasenError {
  return new RasenError('usage', message, hint === undefined ? {} : { hint });
}

/** By name, since the bundles each have a class of their own. */
export function isRasenError(error: unknown): error is RasenError {
  return error instanceof Error && error.name === 'RasenError';
}

/** The text of any thrown thing, for messages that quote it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The errno name (`ENOENT`) of a system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
