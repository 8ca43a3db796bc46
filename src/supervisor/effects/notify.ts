/** notify: tell a person. Never fails: what went wrong is a part of the result, and no task waits for it. */
import { existsSync } from 'node:fs';
import { messageOf } from '../../errors.ts';
import { problemOf, sendAll } from '../../notify/index.ts';
import { messageFor } from '../../notify/message.ts';
import { lastLines } from '../../runner/tail.ts';
import type { Effect, Result } from '../../task/effect.ts';
import { kindOf } from '../../task/notices.ts';
import { type TaskState, workJob } from '../../task/state.ts';
import { readableEnd } from '../../views/session/readable-end.ts';
import { sessionText } from '../../views/session/session-text.ts';
import { agentRole, type EffectContext } from './context.ts';
import { programEnv } from './job-env.ts';

const TAIL_LINES = 20;
const TAIL_BYTES = 8192;
/** An event of a session can be a file that was read, and many are nothing that a person has to see. */
const SESSION_LINES = 200;
const SESSION_BYTES = 1024 * 1024;

export async function notify(
  context: EffectContext,
  state: TaskState,
  { notice }: Extract<Effect, { type: 'notify' }>,
): Promise<Result> {
  const detail = await problemWith(context, state, notice).catch(messageOf);
  if (detail !== null)
    context.log.warn(
      { task: state.id, notice, detail },
      `task ${state.id}: a notification could not be sent`,
    );
  return { type: 'notify', ok: detail === null, detail };
}

async function problemWith(context: EffectContext, state: TaskState, key: string): Promise<string | null> {
  const { notify: spec, project } = state.spec;
  if (spec === null) return null;
  const agents = Object.keys(state.spec.agents).length > 0;
  const env = await programEnv(context, state, { command: 'notify', agents });
  const message = messageFor(state, { key, kind: kindOf({ key }) }, await output(context, state), Date.now());
  const cwd = existsSync(project) ? project : '/';
  const facts = { RASEN_TASK: state.id, RASEN_PROJECT: project };
  return problemOf(await sendAll(spec, message, { env: { ...env, ...facts }, cwd, signal: context.closing }));
}

/** The end of what the last attempt printed. */
async function output({ places }: EffectContext, state: TaskState): Promise<string> {
  const begun = state.steps.filter(({ attempts }) => attempts > 0);
  const time = (step: (typeof begun)[number]) =>
    step.attempt?.created_at ?? step.history.at(-1)?.started_at ?? '';
  const last = begun.reduce<(typeof begun)[number] | null>(
    (latest, step) => (latest === null || time(step) >= time(latest) ? step : latest),
    null,
  );
  if (last === null) return '';
  const role = agentRole(state, last, null);
  const session = role === null ? null : sessionText(state.spec.agents[role]?.backend ?? '');
  const folder = places.job(state.id, workJob(last.id, last.attempts));
  const { offset, text } = session
    ? await lastLines(folder, SESSION_LINES, SESSION_BYTES)
    : await lastLines(folder, TAIL_LINES, TAIL_BYTES);
  return readableEnd(text.toString('utf8'), offset > 0, session);
}
