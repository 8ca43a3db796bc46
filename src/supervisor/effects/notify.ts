/** notify: tell a person. Never fails: what went wrong is a part of the result, and no task waits for it. */
import { messageOf } from '../../contract/errors.ts';
import type { Effect, Result } from '../../engine/effect.ts';
import { kindOf, stillTo } from '../../engine/notices.ts';
import { asWorkedBy } from '../../engine/relay.ts';
import type { TaskState } from '../../engine/state.ts';
import { problemOf, type Sent, sendAll } from '../../notify/index.ts';
import { messageFor } from '../../notify/message.ts';
import type { Mask } from '../../secrets/mask.ts';
import { agentRole, type EffectContext } from './context.ts';
import { openEnv, secretsOf } from './job-env.ts';
import { readableTail } from './readable-tail.ts';

const TAIL_LINES = 20;
const TAIL_BYTES = 8192;

export async function notify(
  context: EffectContext,
  state: TaskState,
  { notice }: Extract<Effect, { type: 'notify' }>,
): Promise<Result> {
  const sent = await sendNotice(context, state, notice).catch(messageOf);
  const complaint = typeof sent === 'string' ? sent : problemOf(sent);
  const detail = complaint === null ? null : context.masks.now(state).text(complaint);
  if (detail === null) return { type: 'notify', ok: true, detail };
  context.log.warn({ task: state.id, notice, detail }, `task ${state.id}: a notification could not be sent`);
  const failed = typeof sent === 'string' ? [] : sent.filter(({ ok }) => !ok).map(({ channel }) => channel);
  const final = typeof sent !== 'string' && sent.every(one => one.ok || one.final === true);
  return {
    ...{ type: 'notify', ok: false, detail },
    ...(failed.length > 0 ? { failed } : {}),
    ...(final ? { final } : {}),
  };
}

async function sendNotice(context: EffectContext, state: TaskState, key: string): Promise<Sent[]> {
  const { project } = state.spec;
  const spec = stillTo(state, key);
  if (spec === null) return [];
  const agents = Object.keys(state.spec.agents).length > 0;
  const who = { command: 'notify', agents } as const;
  const mask = await context.masks.of(state);
  const printed = await output(context, state, mask);
  // As a whole: the order has words of the user's own, and pieces of a session become one text.
  const message = mask.deep(messageFor(state, { key, kind: kindOf({ key }) }, printed, Date.now()));
  const facts = { RASEN_TASK: state.id, RASEN_PROJECT: project };
  const place = {
    env: { ...openEnv(context, state, who), ...facts },
    cwd: (await context.far.isFolder(project)) ? project : '/',
    signal: context.closing,
  };
  return sendAll(spec, message, place, () => secretsOf(context, state, who));
}

/** The end of what the last attempt printed. */
async function output({ places }: EffectContext, state: TaskState, mask: Mask): Promise<string> {
  const begun = state.steps.filter(({ attempts }) => attempts > 0);
  const time = (step: (typeof begun)[number]) =>
    step.attempt?.created_at ?? step.history.at(-1)?.started_at ?? '';
  const last = begun.reduce<(typeof begun)[number] | null>(
    (latest, step) => (latest === null || time(step) >= time(latest) ? step : latest),
    null,
  );
  if (last === null) return '';
  const folder = places.job(state.id, last.attempt?.job ?? last.history.at(-1)!.job);
  const max = { lines: TAIL_LINES, bytes: TAIL_BYTES, mask };
  const n = last.attempt?.n ?? last.history.at(-1)?.n ?? null;
  return readableTail(asWorkedBy(state, last.id, n), { role: agentRole(state, last, null), folder }, max);
}
