/** The real world that tasks act upon: runner, git, disk. Dispatches effects; each is one file in effects/. */
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRasenError } from '../contract/errors.ts';
import type { Day, Effect, Found, JobFacts, Result } from '../engine/effect.ts';
import { asWorkedBy } from '../engine/relay.ts';
import { openJob, type TaskState } from '../engine/state.ts';
import { CLOCK_SLACK_MS } from '../engine/stop-reason.ts';
import { type DiskLimits, type DiskPlace, DiskWatch } from '../host/disk.ts';
import { troubleOf } from '../host/trouble.ts';
import type { Paths } from '../paths.ts';
import { statOf } from '../runner/small-file.ts';
import type { Mask } from '../secrets/mask.ts';
import { acceptPlan } from './effects/accept-plan.ts';
import { good, judge, seal } from './effects/commits.ts';
import { type EffectContext, watched } from './effects/context.ts';
import { end } from './effects/end.ts';
import { lifeAt, REPORT_MS_MAX } from './effects/job.ts';
import { launch } from './effects/launch.ts';
import { endMergeJobs, merge } from './effects/merge.ts';
import { notify } from './effects/notify.ts';
import { prepare } from './effects/prepare.ts';
import { probe } from './effects/probe.ts';
import { tell } from './effects/tell.ts';
import { rollback } from './effects/workspace.ts';
import type { Jobs } from './jobs.ts';
import type { World } from './reconcile.ts';

export class RealWorld implements World {
  readonly #context: EffectContext;
  readonly #paths: Paths;
  readonly #disks: DiskWatch;
  /** When a claim without a runner was first seen, of performance.now(). The file's own time is of a clock that people set. */
  readonly #claims = new Map<string, number>();

  /** `limits` may change meanwhile. */
  constructor(context: EffectContext, paths: Paths, limits: DiskLimits) {
    this.#context = context;
    this.#paths = paths;
    this.#disks = new DiskWatch(limits, context.far.files);
  }

  nonce(): string {
    return randomBytes(8).toString('hex');
  }

  recordKey(nonce: string): string {
    return this.#context.keys.of(nonce).commitment;
  }

  job(state: TaskState, job: string): JobFacts | null {
    const { places, jobs } = this.#context;
    const folder = places.job(state.id, job);
    const mask = () => this.#context.masks.now(state);
    if (jobs.lives(folder))
      return { claimed: true, alive: true, exited: false, ...lifeOf(folder, jobs, mask) };
    const mark = openJob(state, job);
    if (!mark) return null;
    const { facts, exited, ...life } = lifeAt(folder, mark);
    if (!facts.spec && !facts.claimed) return null;
    const alive = life.alive ?? this.#mayReport(folder);
    if (facts.identity || facts.exit) this.#claims.delete(folder);
    if (alive && !facts.exit) {
      const { step, attempt, nonce } = mark;
      const how = watched(this.#context, asWorkedBy(state, step.id, attempt.n), {
        subtask: step.id,
        attempt: attempt.n,
        nonce,
      });
      jobs.watch(state.id, folder, { ...how, mark, child: false });
      void this.#context.doors.again({ task: state.id, step: step.id, n: attempt.n, nonce });
      if (facts.identity) {
        jobs.seenAlive(folder, facts.identity);
        this.#context.masks.adopt(state, facts.identity.pid);
      }
    }
    return { claimed: facts.claimed, alive, exited, ...lifeOf(folder, jobs, mask) };
  }

  /** A claim so young that its runner may not have said yet who it is; it is as old as we have known it. */
  #mayReport(folder: string): boolean {
    const now = performance.now();
    const since = this.#claims.get(folder) ?? now;
    this.#claims.set(folder, since);
    return now - since < REPORT_MS_MAX;
  }

  recording(state: TaskState): boolean {
    return this.#context.jobs.isRecordingFor(state.id);
  }

  diskLow(state: TaskState): string | null {
    return this.#disks.low(this.#disksOf(state));
  }

  /** Every disk that an attempt of the task writes to. */
  #disksOf(state: TaskState): DiskPlace[] {
    const { home, runtime } = this.#paths;
    const { project, env } = state.spec;
    const place = (path: string, what: string): DiskPlace => ({ path, what, whole: false });
    return [
      { path: home, what: 'the state folder', whole: true },
      place(runtime, 'the runtime folder'),
      place(project, 'the project'),
      ...(state.workspace ? [place(state.workspace.path, 'the worktree')] : []),
      place(env.TMPDIR ?? tmpdir(), 'temporary files'),
    ];
  }

  day(): Day {
    return this.#context.day();
  }

  /** What an effect brings in from programs is masked here, and so are the words of its failure. */
  async perform(state: TaskState, effect: Effect, force: AbortSignal): Promise<Result> {
    const { masks } = this.#context;
    const worked = 'step' in effect ? asWorkedBy(state, effect.step, null) : state;
    try {
      const result = await this.#act(worked, effect, force);
      if (!BESIDE.has(effect.type)) this.#disks.accept(this.#disksOf(state));
      return hasWords(result) ? masked(result, await masks.of(state)) : result;
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble?.why === 'disk') await this.#disks.refuse(trouble);
      throw maskedError(error, masks.now(state));
    }
  }

  async endMergeJobs(state: TaskState): Promise<void> {
    await endMergeJobs(this.#context, state);
  }

  #act(state: TaskState, effect: Effect, force: AbortSignal): Promise<Result> {
    const context = this.#context;
    switch (effect.type) {
      case 'prepare':
        return prepare(context, state, effect);
      case 'launch':
        return launch(context, state, effect);
      case 'end':
        return end(context, state, effect, force);
      case 'tell':
        return tell(context, state, effect);
      case 'probe':
        return probe(context, state, effect, force);
      case 'seal':
        return seal(context, state, effect);
      case 'judge':
        return judge(context, state, effect);
      case 'mark_good':
        return good(context, state, effect);
      case 'accept_plan':
        return acceptPlan(context, state, effect);
      case 'notify':
        return notify(context, state, effect);
      case 'rollback':
        return rollback(context, state);
      case 'merge':
        return merge(context, state, effect, force);
    }
  }
}

/** Signs of life of a job, its result, what its session says, and whether its output is out of bounds. */
function lifeOf(
  folder: string,
  jobs: Jobs,
  mask: () => Mask,
): Omit<JobFacts, 'claimed' | 'alive' | 'exited'> {
  const flood = jobs.isFlood(folder);
  const recording = jobs.isRecording(folder);
  const said = jobs.ears.signs(folder);
  const signs = said?.loop ? { ...said, loop: mask().text(said.loop) } : said;
  const active = jobs.activeAt(folder);
  // Nobody asks where silence means nothing.
  if (active === 0) return { last_output_at: null, result_at: null, flood, recording, signs };
  const output = statOf(join(folder, 'output'));
  // What lies ahead was seen before the clock was set back, and must not hide what is seen now.
  const seen = [output?.mtimeMs ?? 0, active].filter(ms => ms <= Date.now() + CLOCK_SLACK_MS);
  const heard = Math.max(0, ...seen);
  const result = jobs.resultAt(folder);
  return {
    last_output_at: new Date(heard).toISOString(),
    result_at: result === null ? null : new Date(result).toISOString(),
    flood,
    recording,
    signs,
  };
}

/** They say nothing of the disks of the task. */
const BESIDE: ReadonlySet<Effect['type']> = new Set(['tell', 'notify', 'probe']);

/** Results with words of programs in them. A plan was masked before it was hashed. */
const hasWords = ({ type }: Result) =>
  type === 'end' || type === 'judge' || type === 'notify' || type === 'merge' || type === 'probe';

/** Names of commits, branches, sessions and files stay: something is done with them. */
function masked(result: Result, mask: Mask): Result {
  if (mask.isEmpty) return result;
  switch (result.type) {
    case 'end': {
      const { claim, claim_problem, session, log_tail } = result.facts;
      const said = session && {
        ...mask.deep(session),
        ids: session.ids,
        unknown: unknownOf(session.unknown, mask),
      };
      const words = mask.deep({ claim, claim_problem, log_tail });
      return { ...result, facts: { ...result.facts, ...words, session: said } };
    }
    case 'judge':
      return { ...result, found: maskedFound(result.found, mask) };
    case 'merge':
      return {
        ...result,
        gates: result.gates.map(gate => ({ ...gate, found: maskedFound(gate.found, mask) })),
      };
    case 'probe':
      return { ...result, detail: mask.text(result.detail) };
    case 'notify':
      return { ...result, detail: mask.deep(result.detail) };
    default:
      return result;
  }
}

/** Names that an agent gave to its events. */
const unknownOf = (unknown: Record<string, number>, mask: Mask) =>
  Object.fromEntries(Object.entries(unknown).map(([name, times]) => [mask.text(name), times]));

function maskedFound(found: Found, mask: Mask): Found {
  const { reason, findings = [], log_tail = null } = found;
  return { ...found, ...mask.deep({ reason, findings, log_tail }) };
}

/** The same error with other words, also in its stack. */
function maskedError(error: unknown, mask: Mask): unknown {
  if (mask.isEmpty || !(error instanceof Error)) return error;
  const { message, stack } = mask.deep({ message: error.message, stack: error.stack });
  const told = isRasenError(error) ? mask.deep({ hint: error.hint, data: error.data }) : {};
  return Object.assign(error, { message, stack, ...told });
}
