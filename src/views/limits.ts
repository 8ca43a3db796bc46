/** Every limit of the views, in one place. Milliseconds, bytes, characters or counts, as the name says. */
export const VIEW_LIMITS = {
  /** Shortest time between two writes of one file. */
  gap_ms: 100,
  /** The gap grows with the cost of a pass (this many times as long), up to `gap_max_ms`. */
  gap_factor: 3,
  gap_max_ms: 5000,
  /** After a failed pass it is tried again by itself, this often; then only when the task moves. */
  retry_ms: 5000,
  retries: 60,
  /** One line of the log, without time and level. */
  line_chars: 500,
  /** Findings of one gate that the log names. */
  log_findings: 10,
  /** One text of an agent in a file (approach, memory). */
  text_chars: 500,
  /** The end of a gate's output in attempt_history.json, as RASEN keeps it. */
  error_chars: 500,
  /** Records of attempt_history.json and sessions of metrics.json; the oldest go first. */
  records: 1000,
  /** Sessions inside implementation_plan.json. */
  plan_sessions: 100,
  /** What RASEN counts as one token. */
  chars_per_token: 4,
  /** Events of a task that wait for the log in memory; more are read from the journal again. */
  queued_events: 1000,
  /** Tasks in the cursor of a log; the oldest ids go first. */
  cursor_tasks: 100,
  /** Largest cursor that is read. */
  cursor_bytes: 1024 * 1024,
  /** Files in the folder of the log; in one that has more, none are written. */
  log_files: 10_000,
  /** Numbers in a row that may be taken by what is no file of ours; then the log is not written. */
  log_numbers: 5,
  /** How much of a log is looked at for lines that were written before a crash. */
  recover_bytes: 1024 * 1024,
} as const;
