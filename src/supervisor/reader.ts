/**
 * What is told of tasks: views, lists, reports, events and logs, read from the registry and the files of attempts. One
 * for the supervisor and for whoever looks while none runs (disk.ts). Changes nothing.
 */

import { RasenError } from '../contract/errors.ts';
import type { Asked } from '../contract/methods/index.ts';
import type { Plan } from '../contract/plan.ts';
import { TRANSITIONS } from '../contract/status.ts';
import { type TaskView, UNUSABLE_STATUSES } from '../contract/view.ts';
import { asWorkedBy } from '../engine/relay.ts';
import type { RequestContext } from '../rpc/server.ts';
import { droppedIn } from '../runner/output-cap.ts';
import { lastLines, lastLinesIn, type OutputEnd } from '../runner/tail.ts';
import type { LocalStore } from '../store/store.ts';
import { damagedView } from './damaged-view.ts';
import { agentRole } from './effects/context.ts';
import { readableEndOf } from './effects/readable-tail.ts';
import { followLog } from './follow-log.ts';
import { JobNames, type JobRef, parseJob } from './job-names.ts';
import type { Masks } from './masks.ts';
import { jobInTask, type Places } from './places.ts';
import type { Entry, Registry } from './registry.ts';

export interface ReaderOptions {
  registry: Registry;
  store: LocalStore;
  places: Places;
  masks: Masks;
}

/** As `task.list` gives it. */
export type Listed = TaskView & { last_output?: string | null };

/** Tasks whose last line is looked up for a list, the newest, and bytes that are read for it. */
const LAST_OUTPUTS_MAX = 50;
/** Subtasks of all tasks of a list, which has to fit a line of the socket; what is more is in `task.get`. */
const LISTED_SUBTASKS_MAX = 5000;
const LAST_OUTPUT_BYTES = 4096;
/** The first of them may be torn. */
const LAST_OUTPUT_LINES = 3;

export class Reader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  view(ref: string): TaskView {
    const { registry } = this.#options;
    return registry.viewOf(registry.resolve(ref));
  }

  /** `only`: of these tasks. With `last_output` it takes a moment; else it is answered at once. */
  list(filter: Asked<'task.list'>, only?: ReadonlySet<string>): Listed[] | Promise<Listed[]> {
    const found = this.#list(filter, only);
    return filter.last_output ? this.#withOutput(found) : found;
  }

  #list(filter: Asked<'task.list'>, only?: ReadonlySet<string>): TaskView[] {
    const { registry } = this.#options;
    const found: TaskView[] = [];
    let subtasks = 0;
    const statuses: readonly string[] = [...Object.keys(TRANSITIONS), ...UNUSABLE_STATUSES];
    const odd = filter.status?.find(name => !statuses.includes(name));
    if (odd !== undefined) {
      throw new RasenError('usage', `"${odd}" is no status of a task`, {
        hint: `Statuses: ${statuses.join(', ')}`,
      });
    }
    const damaged = registry.damaged.map(damagedView);
    const all: (Entry | TaskView)[] = [...registry.all(), ...damaged];
    for (const one of all.sort((a, b) => (a.id < b.id ? 1 : -1))) {
      if (only && !only.has(one.id)) continue;
      if (filter.before !== undefined && one.id >= filter.before) continue;
      // What cannot be read may have lost its project: it is shown wherever somebody looks.
      if (filter.project && one.project !== '' && one.project !== filter.project) continue;
      const view = 'queue' in one ? null : one;
      const status = view?.status ?? statusOf(one as Entry);
      if (filter.status && !filter.status.includes(status)) continue;
      const shown = view ?? this.#viewOrDamage(one as Entry);
      const fits = subtasks + shown.subtasks.length <= LISTED_SUBTASKS_MAX;
      if (fits) subtasks += shown.subtasks.length;
      found.push(fits ? shown : { ...shown, subtasks: [] });
      if (found.length >= filter.limit) break;
    }
    return found;
  }

  plan(ref: string): { plan: Plan | null; rev: number; sha256: string | null } {
    const { registry } = this.#options;
    const state = registry.stateOf(registry.resolve(ref));
    return { plan: state.plan, rev: state.plan_rev, sha256: state.plan_sha256 };
  }

  async followLog(params: Asked<'log.follow'>, context: RequestContext) {
    const { registry, store, places, masks } = this.#options;
    const held = store.hold(registry.resolve(params.task).id);
    try {
      return await followLog({ registry, places: places.below(held.tasks), masks }, params, context);
    } finally {
      held.release();
    }
  }

  async #withOutput(views: readonly TaskView[]): Promise<Listed[]> {
    const listed: Listed[] = [];
    for (const [i, view] of views.entries()) {
      const last_output = i < LAST_OUTPUTS_MAX ? await this.#lastOutput(view.id) : null;
      listed.push({ ...view, last_output });
    }
    return listed;
  }

  /** The last line of the newest output; null: there is none. */
  async #lastOutput(id: string): Promise<string | null> {
    const text = await this.outputEnd(id, LAST_OUTPUT_LINES, LAST_OUTPUT_BYTES);
    return text?.split('\n').at(-1)?.trim() || null;
  }

  /** The last lines of the newest output, secrets masked; null: there are none. It fails for no output. */
  async outputEnd(id: string, lines: number, bytes: number): Promise<string | null> {
    const { registry, masks } = this.#options;
    const entry = registry.get(id);
    if (!entry) return null;
    try {
      const names = new JobNames();
      let ref: JobRef | null = null;
      for (const event of registry.eventsAfter(entry, 0)) {
        names.learn(event);
        const begun = names.started(event);
        if (begun && parseJob(begun.job)?.gate === null) ref = begun;
      }
      const state = registry.stateOf(entry);
      const step = state.steps.find(s => s.id === ref?.step);
      if (!ref || !step) return null;
      const shown = { lines, bytes, mask: await masks.of(state) };
      const { job } = ref;
      const n = [...(step.attempt ? [step.attempt] : []), ...step.history].find(
        known => known.job === ref.job,
      )?.n;
      const worked = asWorkedBy(state, step.id, n ?? null);
      const text = await readableEndOf(worked, agentRole(state, step, null), shown, (n, size) =>
        this.#endOfJob(id, job, n, size),
      );
      return text.trimEnd() || null;
    } catch {
      return null;
    }
  }

  /** Of a packed task it is read in the pack: a list lays nothing out. */
  #endOfJob(id: string, job: string, lines: number, bytes: number): OutputEnd | Promise<OutputEnd> {
    const { store, places } = this.#options;
    if (!store.isPacked(id)) return lastLines(places.job(id, job), lines, bytes);
    const folder = jobInTask(job);
    const found = new Map(store.packedFiles(id, `${folder}/`).map(({ name, data }) => [name, data]));
    const dropped = droppedIn(found.get(`${folder}/dropped`)?.toString('utf8') ?? '');
    return lastLinesIn(found.get(`${folder}/output`) ?? Buffer.alloc(0), dropped, lines, bytes);
  }

  /** One that cannot be read hides no other. */
  #viewOrDamage(entry: Entry): TaskView {
    const { registry, store } = this.#options;
    try {
      return registry.viewOf(entry);
    } catch (error) {
      const damage = store.damage.find(({ task }) => task === entry.id);
      if (!damage) throw error;
      return damagedView(damage);
    }
  }
}

export const statusOf = (entry: Entry): TaskView['status'] => entry.state?.status.name ?? entry.brief!.status;
