/**
 * What goes wrong in the night (test/integration/night.test.ts): faults that a task gets over by itself, each with the
 * outcome that it has to have, and walls that it does not, each with the reason that it has to give. Left out: `oom`,
 * which needs the cgroup of a user's service manager, and `flood`, which needs a filesystem without holes.
 */
import { type Act, type Claim, WORKS } from './scripted-agent.ts';

export interface Fault {
  outcome: string;
  acts: Act[];
  /** Of the subtask, where the fault is one of time. */
  timeout_seconds?: number | undefined;
}

export interface Wall {
  why: string;
  sessions: Act[][];
  /** The sessions are in the stream of claude, and so are the others of its task. */
  stream?: true;
  /** A fault that would be its wall already. */
  never?: string;
  limits?: Record<string, unknown>;
}

/** Ten minutes of a night. */
const SCALED = 1;
/** Silence that means something; a healthy session on a loaded machine is not silent for so long. */
const IDLE_SECONDS = 10;
const TIMEOUT_SECONDS = 20;
const ATTEMPT_TOKENS = 1_000_000;

/** Limits of every task, over those of the rig. */
export const EXTRA = {
  attempts: 5,
  idle_timeout_seconds: IDLE_SECONDS,
  wait: true,
  login_retry_seconds: SCALED,
  attempt_tokens: ATTEMPT_TOKENS,
};

const says = (claim: Claim): Act[] => [{ claim }];
const passing = (status: string): Act[] => says({ status, summary: status, retry_after_seconds: SCALED });
const half: Act = { write: { '{subtask}.half.txt': 'half\n' } };
const broken: Act = { write: { '{subtask}.txt': 'BROKEN {nth}\n' } };

export const FAULTS: readonly Fault[] = [
  { outcome: 'failed', acts: [half, { exit: 1 }] },
  { outcome: 'gate_failed', acts: says({ status: 'done', summary: 'tests: pass' }) },
  { outcome: 'limit', acts: [half, ...passing('limit')] },
  { outcome: 'stalled', acts: [half, { hang: {} }] },
  { outcome: 'overloaded', acts: passing('overloaded') },
  { outcome: 'auth', acts: [half, ...says({ status: 'auth', summary: 'OAuth token has expired' })] },
  { outcome: 'gate_failed', acts: [broken, { claim: { status: 'done' } }] },
  { outcome: 'asked', acts: says({ status: 'blocked', summary: 'Shall I?' }) },
  { outcome: 'lost', acts: [half, { orphan: true }, { hang: {} }] },
  { outcome: 'network', acts: passing('network') },
  // Its supervisor is gone; the next one adopts it.
  { outcome: 'ok', acts: [{ kill: 'rasend' }, ...WORKS] },
  { outcome: 'context', acts: says({ status: 'context', summary: 'prompt is too long' }) },
  { outcome: 'failed', acts: [{ fork: 20 }, { flood: 20 }, { exit: 3 }] },
  // What it has reached passes, so it is done.
  { outcome: 'ok', acts: [...WORKS.slice(0, 2), { claim: { status: 'budget', summary: 'used up' } }] },
  { outcome: 'timeout', acts: [half, { chatter: true }], timeout_seconds: TIMEOUT_SECONDS },
  { outcome: 'failed', acts: [half, { index_lock: true }, { corrupt_index: true }, { exit: 1 }] },
  { outcome: 'gate_failed', acts: [{ exit: 0 }] },
  { outcome: 'failed', acts: [{ claim: 'no JSON at all' }] },
  { outcome: 'ok', acts: [...WORKS, { hang: {} }] },
];

/** A line of the stream that claude prints. */
const line = (event: object): Act => ({ say: JSON.stringify(event) });
const ends = (kind: string, words: string, status: number): Act[] => [
  line({
    type: 'assistant',
    error: kind,
    message: { model: '<synthetic>', content: [{ type: 'text', text: words }] },
  }),
  line({
    ...{ type: 'result', subtype: 'success', is_error: true, terminal_reason: 'api_error' },
    ...{ api_error_status: status, result: words },
  }),
  { exit: 1 },
];
const limited = {
  type: 'rate_limit_event',
  rate_limit_info: { status: 'rejected', resetsAt: `{epoch+${SCALED}}`, rateLimitType: 'five_hour' },
};
/** The same call with the same answer, over and over. */
const circling: Act[] = Array.from({ length: 10 }, (_, i): Act[] => [
  line({
    type: 'assistant',
    message: { content: [{ type: 'tool_use', id: `t${i}`, name: 'Bash', input: { command: 'make' } }] },
  }),
  line({
    type: 'user',
    message: { content: [{ type: 'tool_result', tool_use_id: `t${i}`, content: 'nothing to be done' }] },
  }),
]).flat();

/** What an agent does, in the stream of one that has come to its end. */
export const streamed = (acts: Act[]): Act[] => [...acts, { replay: 'claude/a-happy' }];

/** A call of the model that uses up what a session may use. */
const spends = line({
  type: 'assistant',
  message: {
    ...{ id: 'm1', content: [{ type: 'text', text: 'I read it all.' }] },
    usage: { input_tokens: ATTEMPT_TOKENS, output_tokens: 1 },
  },
});

export const STREAM_FAULTS: readonly Fault[] = [
  { outcome: 'limit', acts: [half, line(limited), ...ends('rate_limit', 'You have hit your limit', 429)] },
  { outcome: 'stalled', acts: [...circling, { hang: {} }] },
  { outcome: 'auth', acts: ends('authentication_failed', 'Please run /login', 401) },
  { outcome: 'failed', acts: [...WORKS, { say: '{"type":"system","subtype":"init"}' }, { exit: 0 }] },
  { outcome: 'overloaded', acts: ends('overloaded', 'Overloaded', 529) },
  // The supervisor ends it in the middle; what it has reached passes, so it is done.
  { outcome: 'ok', acts: [...WORKS.slice(0, 2), spends, { hang: {} }] },
];

export const WALLS: readonly Wall[] = [
  {
    why: 'auth',
    sessions: [says({ status: 'auth', summary: 'OAuth token has expired' })],
    limits: { login_retry_seconds: 30 * SCALED },
  },
  { why: 'question', sessions: [says({ status: 'blocked', summary: 'Which database?' })] },
  { why: 'review', sessions: [[{ write: { 'rasen.yml': 'gates: none\n' } }, { commit: 'easier' }]] },
  { why: 'attempts', sessions: [[broken]] },
  {
    why: 'budget',
    sessions: [
      [broken, { claim: { status: 'done', usage: { input_tokens: 90_000, output_tokens: 20_000 } } }],
    ],
    limits: { tokens: 100_000 },
  },
  // Of itself, and not of a file in the repository: who knows what it would do.
  { why: 'budget', sessions: [says({ status: 'budget', summary: 'the month is used up' })] },
  { why: 'config', sessions: [ends('model_not_found', 'There is no such model', 404)], stream: true },
  { why: 'budget', sessions: [[half, ...passing('limit')]], never: 'limit', limits: { wait: false } },
  // Ended in the middle, too, and what it left does not pass.
  { why: 'budget', sessions: [[broken, spends, { hang: {} }]], stream: true },
];
