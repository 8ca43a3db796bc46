/** What an agent and its program have said when a session is over: read from its result file and its output. */
import type { Agent, AgentExit, AgentReport } from '../../agents/agent.ts';
import { claimOf, type Said } from '../../agents/claim-of.ts';
import { agentOf } from '../../agents/index.ts';
import { OutputLines } from '../../agents/output-lines.ts';
import { claimFromTags, readResultFile } from '../../agents/result-file.ts';
import type { SessionFacts } from '../../contract/event.ts';
import type { Role } from '../../contract/spec.ts';
import type { TaskState } from '../../engine/state.ts';
import { streamForeign } from '../../host/foreign-file.ts';
import type { AttemptFacts } from '../../runner/attempt-dir.ts';
import { FENCE_NAME } from '../../runner/monitor.ts';
import { droppedBytes } from '../../runner/output-cap.ts';
import { placeIn } from '../../runner/small-file.ts';
import { lastLines } from '../../runner/tail.ts';
import type { Mask } from '../../secrets/mask.ts';
import { capturedEnv, type EffectContext } from './context.ts';
import type { Patient } from './patience.ts';

/** Where event tags are looked for, in an output that is no stream of events. */
const TAG_BYTES = 64 * 1024;

export interface SaidAll extends Said {
  /** null: its program says nothing about its sessions. */
  session: SessionFacts | null;
  /** Hosts that its sandbox refused, as `name:port`. */
  unreached: string[];
}

/** Of what is no agent's job. */
export const NOTHING_SAID: SaidAll = { claim: null, problem: null, session: null, unreached: [] };

/** Most hosts that are remembered of one session. */
const UNREACHED_MAX = 10;

/**
 * Reads all that is to be read of a session whose processes are gone. `after_result`: we ended it because it had left its
 * result; then its program says that it was cut off, which is our own doing and nothing against the result.
 */
export async function whatWasSaid(
  context: EffectContext,
  state: TaskState,
  job: { role: Role; nonce: string; folder: string; resumed: boolean; after_result: boolean },
  { exit, output_mtime_ms }: AttemptFacts,
  patient: Patient,
): Promise<SaidAll> {
  const agent = agentOf(state.spec, job.role);
  const time_zone = capturedEnv(context, state).TZ;
  const ended_ms = exit?.ended_at ? Date.parse(exit.ended_at) : (output_mtime_ms ?? Date.now());
  const mask = await context.masks.of(state);
  const max_bytes = state.spec.limits.output_max_bytes;
  const how = { code: exit?.code ?? null, ended_ms, time_zone };
  const report = await reportOf(job, agent, { max_bytes, exit: how, mask, patient });
  // What its program said of the session is not known, so nothing that the agent says of itself can be believed.
  if (report !== null && 'problem' in report)
    return { ...NOTHING_SAID, problem: `its output ${report.problem}` };
  const session = sessionFacts(agent, report);
  if (session && (session.unreadable > 0 || Object.keys(session.unknown).length > 0)) {
    const { backend, unknown, unreadable } = session;
    const fields = { task: state.id, folder: job.folder, backend, unknown, unreadable };
    context.log.warn(fields, 'the output of an agent has parts that are not known');
  }
  const place = context.places.resultPlace(state.id, job.nonce);
  const file = readResultFile(place, Date.now(), text => mask.text(text), patient.untroubled);
  const none = file.claim === null && file.problem === null;
  const filtered = Array.isArray(state.spec.sandbox?.network);
  const end = filtered || (none && !report) ? mask.text(await endOfOutput(job.folder, patient)) : '';
  const tags = none ? claimFromTags(report?.last_message ?? end) : null;
  const cut_off = job.after_result && file.claim !== null && report?.outcome === 'failed';
  return {
    ...claimOf(cut_off ? { ...report, outcome: 'ok' } : report, file, tags),
    session,
    unreached: unreachedIn(end),
  };
}

/**
 * null: the program says nothing. Holds one line at a time, however long the output is; of which no more is read than is
 * kept of any.
 */
async function reportOf(
  { folder, resumed }: { folder: string; resumed: boolean },
  agent: Agent,
  { max_bytes, exit, mask, patient }: { max_bytes: number; exit: AgentExit; mask: Mask; patient: Patient },
): Promise<AgentReport | { problem: string } | null> {
  const conversation = agent.open(resumed);
  if (conversation === null) return null;
  const lines = new OutputLines(line => conversation.feed(mask.text(line)));
  // What the cap has freed is gone; the line that it cut counts as torn.
  const range = { from: droppedBytes(folder), max: max_bytes };
  const place = placeIn(folder, 'output');
  const output = patient.untroubled(place, streamForeign(place, range));
  if (output.ok) {
    try {
      for await (const chunk of output.value.stream) lines.push(chunk);
    } catch (error) {
      return { problem: patient.problemOf(error) };
    }
  } else if (output.fault === 'unreadable') return { problem: `cannot be read: ${output.problem}` };
  else if (output.fault !== 'missing') return { problem: output.problem };
  lines.end();
  const report = conversation.end(exit);
  return { ...report, unreadable: report.unreadable + lines.dropped };
}

function sessionFacts(agent: Agent, report: AgentReport | null): SessionFacts | null {
  if (report === null) return null;
  const { sessions: ids, outcome, evidence, usage, heard, denied, unknown, unreadable } = report;
  const { id: backend, resumes: resumable } = agent;
  return { backend, ids, resumable, outcome, evidence, usage, heard, denied, unknown, unreadable };
}

/** What anybody could have printed, too: it is told to the next session, and nothing else hangs on it. */
function unreachedIn(output: string): string[] {
  const lines = output.matchAll(new RegExp(`^${FENCE_NAME}: refused ([\\w.:[\\]-]{1,260})$`, 'gm'));
  return [...new Set([...lines].map(([, host]) => host!))].slice(0, UNREACHED_MAX);
}

async function endOfOutput(folder: string, { problemOf }: Patient): Promise<string> {
  try {
    const { text } = await lastLines(folder, Number.MAX_SAFE_INTEGER, TAG_BYTES);
    return text.toString('utf8');
  } catch (error) {
    problemOf(error);
    return '';
  }
}
