/**
 * What was tried and what came of it, in RASEN's files: attempt_history.json, metrics.json, good_commits.json. Pure.
 * An approach is what was really done, and an error what a gate or the exit code really said.
 */

import type { Outcome } from '../contract/status.ts';
import { isAgentStep } from '../engine/gates-of.ts';
import type { AttemptRecord, Step, TaskState } from '../engine/state.ts';
import { VIEW_LIMITS } from './limits.ts';
import { seedTime } from './log-format.ts';
import { lastChars, oneLine } from './plain-text.ts';

interface Past {
  step: Step;
  record: AttemptRecord;
}

/** Closed attempts that had work (checks have none), oldest first. */
function past(state: TaskState): Past[] {
  return state.steps
    .flatMap(step => step.history.filter(record => record.work).map(record => ({ step, record })))
    .sort((a, b) => Date.parse(a.record.ended_at) - Date.parse(b.record.ended_at));
}

export function attemptHistory(state: TaskState) {
  const records = past(state).map(({ step, record }) => ({
    subtask_id: step.id,
    session: record.n,
    success: record.outcome === 'ok',
    approach: approachOf(record),
    commit_hash: record.commit,
    error_message: errorOf(record),
    timestamp: seedTime(record.ended_at),
  }));
  return { records: records.slice(-VIEW_LIMITS.records) };
}

/** What the attempt did: in its own words where it has some, else what it left. */
export function approachOf(record: AttemptRecord): string {
  const said = record.summary ? oneLine(record.summary, VIEW_LIMITS.text_chars) : '';
  if (said) return said;
  if (record.commit && record.changed) return `changed the tree: commit ${record.commit}`;
  if (record.commit) return 'changed nothing';
  return record.code === null ? 'ended without an exit code' : `ran to exit code ${record.code}`;
}

/** The end of the refusing gate's output, else the reason, else the exit code; null after a success. */
function errorOf(record: AttemptRecord): string | null {
  if (record.outcome === 'ok') return null;
  const code = record.code === null ? record.outcome : `${record.outcome}: exit code ${record.code}`;
  return lastChars(record.gate_tail || record.reason || code, VIEW_LIMITS.error_chars);
}

export function goodCommits(state: TaskState) {
  return {
    commits: state.good.map(({ commit, step, t }) => ({
      hash: commit,
      subtask_id: step,
      timestamp: seedTime(t),
    })),
  };
}

export type Session = ReturnType<typeof sessionsOf>[number];

export function sessionsOf(state: TaskState) {
  return past(state).map(({ step, record }) => ({
    session_id: `${step.id}/${record.n}`,
    agent_type: agentOf(state, step),
    subtask_id: step.id,
    duration_seconds: Math.max(0, (Date.parse(record.ended_at) - Date.parse(record.started_at)) / 1000),
    input_tokens: record.input_tokens,
    output_tokens: record.output_tokens,
    total_tokens: record.input_tokens + record.output_tokens,
    started_at: seedTime(record.started_at),
    completed_at: seedTime(record.ended_at),
    status: SESSION_STATUS[record.outcome],
  }));
}

/** RASEN's role, or `command` for what is no session of an agent. */
function agentOf(state: TaskState, step: Step): string {
  if (step.kind === 'plan') return 'initializer';
  return isAgentStep(state, step) ? 'coder' : 'command';
}

/** RASEN's words for the end of a session. */
const SESSION_STATUS: Readonly<Record<Outcome, 'continue' | 'complete' | 'blocked' | 'failed' | 'timeout'>> =
  {
    ok: 'complete',
    failed: 'failed',
    gate_failed: 'failed',
    timeout: 'timeout',
    stalled: 'timeout',
    limit: 'continue',
    overloaded: 'continue',
    network: 'continue',
    auth: 'blocked',
    context: 'continue',
    budget: 'continue',
    oom: 'failed',
    asked: 'blocked',
    flood: 'failed',
    startup: 'failed',
    killed: 'continue',
    session_lost: 'continue',
    lost: 'continue',
  };

export function metrics(state: TaskState) {
  const sessions = sessionsOf(state);
  return { sessions: sessions.slice(-VIEW_LIMITS.records), aggregate: aggregateOf(state, sessions) };
}

export function aggregateOf(state: TaskState, sessions: readonly Session[]) {
  const by = (amount: (session: Session) => number) => {
    const sums: Record<string, number> = {};
    for (const s of sessions) sums[s.agent_type] = (sums[s.agent_type] ?? 0) + amount(s);
    return sums;
  };
  return {
    total_sessions: sessions.length,
    total_duration_seconds: sessions.reduce((sum, s) => sum + s.duration_seconds, 0),
    total_input_tokens: state.input_tokens,
    total_output_tokens: state.output_tokens,
    total_tokens: state.input_tokens + state.output_tokens,
    sessions_by_agent: by(() => 1),
    tokens_by_agent: by(s => s.total_tokens),
  };
}
