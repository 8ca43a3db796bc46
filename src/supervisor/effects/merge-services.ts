/** Services of a project while the gates of a merge run: in its checkout, and gone with it. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RasenError } from '../../contract/errors.ts';
import type { Subtask } from '../../contract/plan.ts';
import { USUAL_SERVICE } from '../../contract/service-words.ts';
import type { Recipient } from '../../engine/recipient.ts';
import { resourceLimitsOf } from '../../engine/resource-limits.ts';
import {
  envOfService,
  portsOf,
  portWritten,
  readyProbe,
  readySeconds,
  withPort,
} from '../../engine/service.ts';
import { STEP, type TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { holderOf, isFree } from '../../host/ports.ts';
import { MARKER_NAME } from '../../runner/platform/host.ts';
import type { EffectContext } from './context.ts';
import { emptyJob, type JobAt, lifeAt, type Start, startJob, tail } from './job.ts';
import { openEnv, secretsOf } from './job-env.ts';
import { lookerOf } from './look.ts';
import { writeJob } from './prepare.ts';
import { checkReachable, fenceFor } from './sandboxed.ts';
import { clearTemporaryFolder } from './temporary-folder.ts';
import { workingFolder } from './working-folder.ts';

const LOOK_MS = 150;
const SAID = { lines: 8, bytes: 1500 };

export interface MergeRun {
  /** Folder of its jobs, and the name of what runs there by number. */
  runs: string;
  markerOf: (index: number, nonce: string) => string;
  checkout: string;
  suspended: AbortSignal;
}

/** Behind the gates. */
export const FIRST_SERVICE = 1000;

interface Up extends JobAt {
  id: string;
}

export class MergeServices {
  readonly #context: EffectContext;
  readonly #state: TaskState;
  readonly #run: MergeRun;
  readonly #up: Up[] = [];
  #env: Record<string, string> | null = null;

  constructor(context: EffectContext, state: TaskState, run: MergeRun) {
    this.#context = context;
    this.#state = state;
    this.#run = run;
  }

  /** Resolves when all are ready, with what gates find of them. Throws `gate_failed` where one is not. */
  async start(): Promise<Record<string, string>> {
    if (this.#env) return this.#env;
    let env: Record<string, string> = {};
    for (const [i, service] of inOrder(this.#state.spec.services ?? []).entries())
      env = { ...env, ...(await this.#startOne(FIRST_SERVICE + i, service, env)) };
    this.#env = env;
    return env;
  }

  /** The last one first. One that cannot be stopped keeps no other one up; then it throws. */
  async stop(): Promise<void> {
    await endAll(this.#up.splice(0).reverse(), async job => {
      await emptyJob(this.#context, job, {});
      await clearTemporaryFolder(this.#context, this.#state, job.nonce);
    }).finally(() => this.#context.ports.release(this.#state.id));
  }

  async #startOne(
    index: number,
    subtask: Subtask,
    others: Record<string, string>,
  ): Promise<Record<string, string>> {
    const [context, state] = [this.#context, this.#state];
    const { runs, markerOf, checkout } = this.#run;
    const service = subtask.service ?? USUAL_SERVICE;
    const nonce = randomBytes(8).toString('hex');
    const folder = join(runs, `${index}-${nonce}`);
    const mark = { nonce, record_keys: [context.keys.of(nonce).commitment] };
    const job = { id: subtask.id, folder, nonce, mark, marker: markerOf(index, nonce) };
    const who: Recipient = { command: 'run', agents: Object.keys(state.spec.agents).length > 0 };
    const port = await this.#port(subtask, who);
    const own = [folderOf(state), subtask.cwd].filter(Boolean).join('/') || null;
    const { cwd, root } = await workingFolder(checkout, own, true);
    const env = {
      ...{ ...others, ...envOfService(subtask.id, service, port) },
      ...(port === null ? {} : { PORT: String(port) }),
      ...subtask.env,
    };
    const fenced = { who, nonce, root: checkout, env: subtask.env, services: others };
    const fence = await fenceFor(context, state, fenced);
    const words = 'keep' in subtask.do ? subtask.do.keep : [];
    const argv = fence.wrap(words.map(word => withPort(word, port)));
    const files = { step: STEP.merge, n: index + 1, nonce, folder, argv, cwd, prompt: null };
    const spec = await writeJob(context, state, files);
    const start: Start = { spec, root, fence, env, env_defaults: {} };
    this.#up.push(job);
    const max_bytes = state.spec.limits.output_max_bytes;
    await startJob(context, state, job, {
      ...{ who, start, limits: { ...resourceLimitsOf(state.spec, subtask), runtime_max_seconds: null } },
      facts: { RASEN_TASK: state.id, RASEN_PROJECT: state.spec.project },
      watched: { marker: job.marker, max_bytes, silence: null, session: null },
    });
    const probe = readyProbe(service);
    const since_ms = Date.now();
    const looked = { port, folder, since_ms, cwd: async () => cwd, fence: async () => fence };
    const look =
      probe &&
      lookerOf(probe, {
        ...{ ...looked, signal: this.#run.suspended },
        env: async () => ({
          ...openEnv(context, state, who),
          ...(await secretsOf(context, state, who)),
          ...env,
          // So that what leaves its group is ended with the service.
          [MARKER_NAME]: job.marker,
        }),
      });
    await this.#untilReady(job, look, readySeconds(service));
    return envOfService(subtask.id, service, port);
  }

  async #untilReady(
    { id, folder, mark }: Up,
    look: (() => Promise<string | null>) | null,
    seconds: number,
  ): Promise<void> {
    const until = performance.now() + seconds * 1000;
    for (;;) {
      const found = look && (await look());
      const { alive, exited } = lifeAt(folder, mark);
      const said = async () => (await tail(folder, SAID))?.trimEnd() ?? '';
      if (exited || alive === false) throw notUp(id, 'it has ended', await said());
      if (found === null) return;
      // What comes next says that it was cut short.
      if (this.#run.suspended.aborted) return;
      if (performance.now() > until) throw notUp(id, `not ready within ${seconds} s: ${found}`, await said());
      await sleep(LOOK_MS);
    }
  }

  async #port(subtask: Subtask, who: Recipient): Promise<number | null> {
    const service = subtask.service ?? USUAL_SERVICE;
    const written = portWritten(service);
    const port =
      service.port === 'auto'
        ? await this.#context.ports.give({
            name: `${this.#run.checkout}\n${subtask.id}`,
            ...{ task: this.#state.id, service: subtask.id, for_merge: true },
          })
        : written;
    if (portsOf(service, port).length > 0) await checkReachable(this.#context, this.#state, who, subtask.id);
    for (const wanted of portsOf(service, port)) {
      if (await isFree(wanted)) continue;
      const holder = holderOf(wanted);
      throw notUp(
        subtask.id,
        `port ${wanted} is taken by ${holder ? `process ${holder.pid}` : 'another program'}`,
        '',
      );
    }
    return port;
  }
}

/** One after the other, all of them; then throws what the first one threw that did. */
export async function endAll<T>(all: readonly T[], end: (one: T) => Promise<void>): Promise<void> {
  const problems: unknown[] = [];
  for (const one of all) await end(one).catch(problem => problems.push(problem));
  if (problems.length > 0) throw problems[0];
}

function notUp(id: string, why: string, said: string): RasenError {
  return new RasenError(
    'gate_failed',
    `the service ${id} is not up for the gates of the merge (${why}); nothing was moved`,
    {
      ...(said === '' ? {} : { hint: `Its output ends with:\n${said}` }),
      data: { service: id },
    },
  );
}

/** Each after those that it needs. */
function inOrder(services: readonly Subtask[]): Subtask[] {
  const sorted: Subtask[] = [];
  const visit = (service: Subtask) => {
    if (sorted.includes(service)) return;
    for (const id of service.needs) {
      const needed = services.find(other => other.id === id);
      if (needed) visit(needed);
    }
    sorted.push(service);
  };
  services.forEach(visit);
  return sorted;
}
