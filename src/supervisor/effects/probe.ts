/**
 * probe: look at a service until it is ready, or until it is well no more. Never fails, and ends by itself with the service or
 * when nobody asks any more; what it has found so far is of this supervisor alone, and the next one looks anew.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Effect, Result } from '../../engine/effect.ts';
import { subtaskIn } from '../../engine/gates-of.ts';
import {
  healthProbe,
  portOf,
  readyProbe,
  readySeconds,
  serviceEnv,
  serviceOf,
} from '../../engine/service.ts';
import { type Attempt, openJob, type Step, type TaskState } from '../../engine/state.ts';
import { attemptMarker } from '../../runner/attempt-dir.ts';
import { MARKER_NAME } from '../../runner/platform/host.ts';
import { type EffectContext, factsEnv } from './context.ts';
import { lifeAt } from './job.ts';
import { openEnv, recipientOfWork, secretsOf } from './job-env.ts';
import { type Look, lookerOf } from './look.ts';
import { folderOfWork } from './prepare.ts';
import { type Fence, fenceFor } from './sandboxed.ts';

/** Between two looks at what is not ready yet, and after what is gone was still asked for. */
const LOOK_MS = 150;
const GONE_MS = 250;
export async function probe(
  context: EffectContext,
  state: TaskState,
  effect: Extract<Effect, { type: 'probe' }>,
  unwanted: AbortSignal,
): Promise<Result> {
  const signal = AbortSignal.any([unwanted, context.closing]);
  const open = openJob(state, effect.job)!;
  const { step, attempt } = open;
  const service = serviceOf(state, step);
  const folder = context.places.job(state.id, effect.job);
  const lives = () => !signal.aborted && lifeAt(folder, open).alive !== false;
  const gone = async (): Promise<Result> => {
    await pause(GONE_MS, signal);
    return { type: 'probe', found: 'gone', detail: '' };
  };
  const probe = effect.what === 'ready' ? readyProbe(service) : healthProbe(service);
  if (probe === null) return lives() ? { type: 'probe', found: 'ready', detail: '' } : await gone();
  const look = lookerOf(probe, {
    ...{
      port: portOf(state, step),
      folder,
      since_ms: Date.parse(attempt.prepared_at ?? attempt.started_at!),
    },
    cwd: async () => (await folderOfWork(context, state, step)).cwd,
    env: () => envOfLook(context, state, step, attempt),
    fence: fenceOfLook(context, state, step, attempt),
    signal,
  });
  if (effect.what === 'health')
    return (await untilIll(look, lives, signal, service.health!)) ?? (await gone());
  const left =
    Date.parse(attempt.started_at!) + attempt.paused_ms + readySeconds(service) * 1000 - Date.now();
  const until = performance.now() + Math.min(left, readySeconds(service) * 1000);
  for (;;) {
    const found = await look();
    if (!lives()) return await gone();
    if (found === null) return { type: 'probe', found: 'ready', detail: '' };
    if (performance.now() >= until) return { type: 'probe', found: 'failed', detail: found };
    await pause(LOOK_MS, signal);
  }
}

async function untilIll(
  look: Look,
  lives: () => boolean,
  signal: AbortSignal,
  { every_seconds, failures }: { every_seconds: number; failures: number },
): Promise<Result | null> {
  for (let row = 0; ; ) {
    await pause(every_seconds * 1000, signal);
    if (!lives()) return null;
    const found = await look();
    if (!lives()) return null;
    row = found === null ? 0 : row + 1;
    if (row < failures) continue;
    const times = failures === 1 ? '' : `, ${failures} times in a row`;
    return { type: 'probe', found: 'failed', detail: `${found}${times}` };
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

/** That of the service, made once: only then it is sure that its folder of temporary files is not cleared away already. */
function fenceOfLook(
  context: EffectContext,
  state: TaskState,
  step: Step,
  { nonce }: Attempt,
): () => Promise<Fence> {
  const [who, root] = [recipientOfWork(state, step), context.places.root(state, step)];
  const [env, services] = [subtaskIn(state, step)?.env ?? {}, serviceEnv(state, step)];
  let made: Fence | null = null;
  return async () => {
    made ??= await fenceFor(context, state, { who, nonce, root, env, services });
    return made;
  };
}

/** As the service has it, but for its folder of temporary files. */
async function envOfLook(
  context: EffectContext,
  state: TaskState,
  step: Step,
  { n, nonce }: Attempt,
): Promise<Record<string, string>> {
  const who = recipientOfWork(state, step);
  return {
    ...openEnv(context, state, who),
    ...(await secretsOf(context, state, who)),
    ...factsEnv(state, step, n),
    ...serviceEnv(state, step),
    ...subtaskIn(state, step)?.env,
    // So that it is ended with the service, should nobody else do so.
    [MARKER_NAME]: attemptMarker({ task: state.id, subtask: step.id, attempt: n, nonce }),
  };
}
