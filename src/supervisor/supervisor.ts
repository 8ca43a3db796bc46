/**
 * The supervisor: what the methods of the control protocol may ask for. Wires registry, loop, world and readers
 * together; decides nothing itself.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { isRasenError, RasenError } from '../errors.ts';
import { FarFiles } from '../host/far-files.ts';
import { clearInbox, readInbox } from '../host/inbox.ts';
import type { Log } from '../log.ts';
import type { AskContext } from '../methods/define.ts';
import { runParams } from '../methods/task.run.ts';
import { type Sent, sendAll } from '../notify/index.ts';
import { testMessage } from '../notify/message.ts';
import type { Paths } from '../paths.ts';
import type { RequestContext } from '../rpc/server.ts';
import { bootId } from '../runner/identity.ts';
import { RecordKeys } from '../runner/record-key.ts';
import { Sweeper } from '../runner/sweep.ts';
import { secretPlaces } from '../secrets/places.ts';
import { resolveSecrets } from '../secrets/resolve.ts';
import type { TaskCounts } from '../service/runtime/status-line.ts';
import { Store } from '../store/store.ts';
import type { NewEvent } from '../task/event.ts';
import type { Judge } from '../task/fold-skip.ts';
import type { NotifySpec } from '../task/notices.ts';
import type { Plan } from '../task/plan.ts';
import { unheldLimits } from '../task/resource-limits.ts';
import type { SecretSpec, TaskSpec } from '../task/spec.ts';
import type { TaskState } from '../task/state.ts';
import { isAtRest, isTerminal } from '../task/status.ts';
import type { MergeProgress, TaskView } from '../task/view.ts';
import { VERSION } from '../version.ts';
import { ProjectViews } from '../views/project-views.ts';
import { Askers } from './askers.ts';
import type { OpenCage } from './cage.ts';
import { uncounted } from './check-budgets.ts';
import { systemClock, watchClock } from './clock.ts';
import { type Ask, Commands, type ShellEnv } from './commands.ts';
import { today } from './day.ts';
import { doctor } from './doctor.ts';
import { userEnv } from './effects/user-env.ts';
import type { LogParams } from './follow-log.ts';
import { type GcParams, gc } from './gc.ts';
import { Guard } from './guard.ts';
import { Halt } from './halt.ts';
import { Jobs } from './jobs.ts';
import { KeepAwake } from './keep-awake.ts';
import { Masks } from './masks.ts';
import { type Noted, Notes } from './notes.ts';
import { Places } from './places.ts';
import { ProgramHelp } from './program-help.ts';
import { ProjectLocks } from './project-locks.ts';
import { type Listed, type ListFilter, Reader, statusOf } from './reader.ts';
import { Reconciler } from './reconcile.ts';
import { type Entry, Registry } from './registry.ts';
import type { ReportParams } from './report.ts';
import type { SandboxLook } from './sandbox.ts';
import type { Settings } from './settings.ts';
import { Suspension } from './suspension.ts';
import { tellLog } from './tell-log.ts';
import { isTidyTime, tidy } from './tidy.ts';
import { Upkeep } from './upkeep.ts';
import { untilState, waitForTasks } from './wait.ts';
import { RealWorld } from './world.ts';

/** A task that could not be taken over (disk full) is tried again after this. */
const CLAIM_RETRY_MS = 5000;
/** Longest wait for the locks of all projects at the start. */
const LOCK_MS_MAX = 2000;
/** Longest wait for the files of projects before an answer. */
const FLUSH_MS_MAX = 2000;

interface NotifyParams {
  notify: NotifySpec;
  name: string;
  project: string;
  env: Record<string, string>;
  secrets: Record<string, SecretSpec>;
}

export interface SupervisorOptions {
  paths: Paths;
  settings: Settings;
  log: Log;
  cage: OpenCage;
  sandbox: SandboxLook;
  /** Command line of the session program, before its order. */
  session_program: readonly string[];
  /** Octal umask of commands. */
  umask: string;
}

export class Supervisor {
  /** Who may ask for what. */
  readonly guard: Guard;
  readonly #options: SupervisorOptions;
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #reader: Reader;
  readonly #reconciler: Reconciler;
  readonly #commands: Commands;
  readonly #notes: Notes;
  readonly #askers: Askers;
  readonly #suspension: Suspension;
  readonly #halt: Halt;
  readonly #projects: ProjectLocks;
  readonly #jobs: Jobs;
  readonly #places: Places;
  readonly #masks: Masks;
  readonly #awake: KeepAwake;
  readonly #views: ProjectViews;
  readonly #upkeep: Upkeep;
  readonly #far = new FarFiles();
  readonly #host = { host: hostname(), incarnation: randomUUID(), boot: bootId() };
  readonly #started_at = new Date().toISOString();
  readonly #releases: (() => void)[] = [];
  readonly #closing = new AbortController();
  #draining = false;
  /** Of performance.now(): until then the start waits for the locks of projects. */
  #locks_end: number | null = null;

  constructor(options: SupervisorOptions) {
    const { paths, log } = options;
    const settings = { ...options.settings };
    this.#options = { ...options, settings };
    this.#store = new Store(paths);
    this.#store.onMended = ({ task, message, moved_to }) =>
      log.error(
        { task, moved_to },
        `task ${task}: ${message}. Its files were written again from memory; what was there is in ${moved_to.join(', ') || 'no place: it was gone'}`,
      );
    this.#registry = new Registry(this.#store, systemClock, error =>
      log.warn({ error }, 'a snapshot could not be written'),
    );
    this.#askers = new Askers(this.#registry);
    this.guard = new Guard({ askers: this.#askers, registry: this.#registry, log });
    this.#places = new Places(paths);
    this.#jobs = new Jobs(task => this.#kick(task), log);
    const secrets = secretPlaces(paths);
    this.#masks = new Masks({ store: this.#store, secrets, log, env: process.env });
    this.#reader = new Reader({
      registry: this.#registry,
      store: this.#store,
      places: this.#places,
      masks: this.#masks,
    });
    const context = {
      store: this.#store,
      places: this.#places,
      jobs: this.#jobs,
      far: this.#far,
      sweeper: new Sweeper(),
      help: new ProgramHelp(),
      log,
      cage: options.cage.cage,
      sandbox: options.sandbox,
      worktrees: (task: string) =>
        [...this.#registry.all()].flatMap(({ id, state }) =>
          id !== task && state?.workspace ? [state.workspace.path] : [],
        ),
      keys: new RecordKeys(),
      session_program: options.session_program,
      umask: options.umask,
      closing: this.#closing.signal,
      secrets,
      masks: this.#masks,
      day: () => today(this.#registry, this.#jobs.ears, new Date()),
      merging: (task: string, now: MergeProgress | null) => this.#registry.merging(task, now),
    };
    const world = new RealWorld(context, paths, settings);
    this.#reconciler = new Reconciler({
      registry: this.#registry,
      world,
      clock: systemClock,
      log,
      settings,
    });
    this.#suspension = new Suspension({
      reconciler: this.#reconciler,
      jobs: () => this.#registry.jobs,
      log,
    });
    this.#projects = new ProjectLocks({
      home: paths.home,
      far: this.#far,
      log,
      unfinished: () => this.#unfinishedProjects(),
    });
    this.#halt = new Halt({ registry: this.#registry, reconciler: this.#reconciler, log });
    this.#commands = new Commands(
      this.#registry,
      this.#reconciler,
      { ...this.#host, home: paths.home },
      { store: this.#store, places: this.#places, masks: this.#masks },
    );
    this.#notes = new Notes(this.#registry, this.#reconciler, this.#places);
    this.#awake = new KeepAwake(settings.keep_awake, {
      platform: process.platform,
      env: process.env,
      log,
    });
    this.#views = new ProjectViews({
      pid: process.pid,
      files: this.#far.files,
      log,
      eventsAfter: (id, seq) => [...this.#store.events(id, seq)],
    });
    this.#upkeep = new Upkeep({
      registry: this.#registry,
      store: this.#store,
      places: this.#places,
      settings,
      log,
    });
  }

  /** Reads all tasks, takes them over and lets them go on. */
  async start(): Promise<void> {
    const { log } = this.#options;
    this.#registry.load();
    void this.#options.sandbox.get();
    clearInbox(this.#options.paths.home, Date.now());
    for (const damage of this.#store.damage)
      log.error(damage, `task ${damage.task} cannot be used: ${damage.message}`);
    this.#releases.push(this.#registry.listen((_entry, state, events) => this.#views.changed(state, events)));
    this.#releases.push(this.#registry.listen((_entry, state, events) => tellLog(log, state, events)));
    this.#releases.push(
      this.#registry.listen((_entry, state, events) => {
        if (isTidyTime(state, events))
          void tidy({ store: this.#store, places: this.#places }, state).catch(error =>
            log.warn({ task: state.id, error }, 'could not tidy up'),
          );
      }),
    );
    this.#releases.push(this.#registry.listen(() => this.#awake.busy(this.#registry.jobs > 0)));
    this.#releases.push(
      this.#registry.listen(entry => {
        if (entry.state === null) this.#projects.settle();
      }),
    );
    for (const entry of this.#registry.all()) if (entry.state) await this.#claim(entry);
    this.#releases.push(
      watchClock(ms => {
        log.warn({ ms }, 'the wall clock jumped');
        this.#reconciler.kickAll();
      }),
    );
    log.info({ tasks: this.#registry.size, version: VERSION }, 'supervisor started');
  }

  /** Ends what runs before the service is stopped; see suspension.ts. */
  suspend(signal: AbortSignal): Promise<{ stopped: number }> {
    return this.#suspension.begin(signal);
  }

  /** Ends what runs, for good as far as this machine goes by itself; see halt.ts. Asked once more, it kills. */
  async halt(): Promise<void> {
    await this.#halt.begin();
    await this.#flushViews([...this.#registry.all()].map(({ id }) => id));
  }

  get isHalted(): boolean {
    return this.#halt.begun;
  }

  /** Throws `shutting_down` for what would start something that nobody looks after. */
  #assertStays(): void {
    if (!this.#draining && !this.#halt.begun) return;
    throw new RasenError('shutting_down', 'The supervisor is shutting down; nothing was started.', {
      hint: 'Try again in a moment.',
    });
  }

  /** Stops deciding; attempts live on. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#closing.abort();
    this.#suspension.close();
    this.#reconciler.drain();
    this.#reconciler.close();
    for (const release of this.#releases) release();
    await Promise.all(
      [...this.#registry.all()].map(entry => this.#registry.exclusive(entry, async () => {})),
    );
    this.#jobs.close();
    this.#awake.close();
    await this.#upkeep.close();
    await this.#views.close();
    this.#projects.close();
    this.#far.close();
    this.#store.close();
  }

  /** Why the state is not the one that this supervisor works on any more; null: it is. */
  gone(): string | null {
    return this.#store.gone();
  }

  async run(
    spec: TaskSpec,
    env: Record<string, string>,
    { origin }: AskContext,
  ): Promise<{ created: boolean; task: TaskView; notes: string[] }> {
    this.#assertStays();
    const { entry, created } = await this.#projects.during(spec, () => this.#commands.run(spec, env, origin));
    const { kind, why, enforces } = this.#options.cage.choice;
    const notes = unheldLimits(spec, enforces).map(
      name => `${name} has no effect here: attempts are held by the ${kind} cage (${why})`,
    );
    return { created, task: this.#registry.viewOf(entry), notes: [...notes, ...uncounted(spec)] };
  }

  /** The same for an order in the inbox. */
  async submit(id: string, sha256: string, context: AskContext) {
    const text = readInbox(this.#options.paths.home, id, 'order', sha256).toString('utf8');
    const parsed = runParams.safeParse(jsonIn(text));
    if (!parsed.success || parsed.data.spec.id !== id)
      throw new RasenError('usage', `The order of task ${id} is not what task.run takes: ${whyNot(parsed)}.`);
    return await this.run(parsed.data.spec, parsed.data.env, context);
  }

  view(ref: string): TaskView {
    return this.#reader.view(ref);
  }

  list(filter: ListFilter): Listed[] | Promise<Listed[]> {
    return this.#reader.list(filter);
  }

  report(params: ReportParams) {
    return this.#reader.report(params);
  }

  /** The files of the project say the same as the answer, for scripts that look at both. */
  async wait(
    params: { tasks: string[]; through_limits: boolean },
    context: RequestContext,
  ): Promise<TaskView[]> {
    const views = await waitForTasks(this.#registry, params, context);
    await this.#flushViews(views.map(({ id }) => id));
    return views;
  }

  async stop(
    params: { task: string; force: boolean; op?: string | undefined },
    context: AskContext,
  ): Promise<TaskView> {
    const entry = await this.#commands.want(params.task, 'stop', params.force, askOf(params, context));
    await untilState(
      this.#registry,
      entry,
      state => isAtRest(state.status) || state.want === 'run',
      context.signal,
    );
    await this.#flushViews([entry.id]);
    return this.#registry.viewOf(entry);
  }

  async cancel(
    params: { task: string; force: boolean; op?: string | undefined },
    context: AskContext,
  ): Promise<TaskView> {
    const entry = await this.#commands.want(params.task, 'cancel', params.force, askOf(params, context));
    await untilState(this.#registry, entry, state => isTerminal(state.status), context.signal);
    await this.#flushViews([entry.id]);
    return this.#registry.viewOf(entry);
  }

  async resume(
    params: { task: string; skip: readonly Judge[]; env?: ShellEnv | undefined; op?: string | undefined },
    context: AskContext,
  ): Promise<TaskView & { env_changed: string[] }> {
    this.#assertStays();
    const { task, skip, env } = params;
    const ask = askOf(params, context);
    let env_changed: string[] = [];
    const entry = await this.#inProject(task, async () => {
      if (env) env_changed = await this.#commands.changeEnv(task, env, ask);
      return await this.#commands.resume(task, skip, ask);
    });
    return { ...this.#registry.viewOf(entry), env_changed };
  }

  async retry(
    params: { task: string; subtask?: string | string[] | undefined; op?: string | undefined },
    context: AskContext,
  ): Promise<TaskView> {
    this.#assertStays();
    const ask = askOf(params, context);
    const { task, subtask } = params;
    const subtasks = subtask === undefined ? null : [subtask].flat();
    const entry = await this.#inProject(task, () => this.#commands.retry(task, subtasks, ask));
    return this.#registry.viewOf(entry);
  }

  /** With the project locked: it may not have been when this supervisor started. */
  #inProject(ref: string, work: () => Promise<Entry>): Promise<Entry> {
    const { state } = this.#registry.resolve(ref);
    return state ? this.#projects.during(state.spec, work) : work();
  }

  async note(params: { task: string; text: string; op?: string | undefined }, context: AskContext) {
    return this.#notedOf(await this.#notes.note(params.task, params.text, askOf(params, context)));
  }

  async answer(params: { task: string; text: string; op?: string | undefined }, context: AskContext) {
    return this.#notedOf(await this.#notes.answer(params.task, params.text, askOf(params, context)));
  }

  #notedOf({ entry, note, how, step }: Noted) {
    return { task: this.#registry.viewOf(entry), note, how, subtask: step };
  }

  async rollback(
    params: { task: string; subtask?: string | undefined; op?: string | undefined },
    context: AskContext,
  ): Promise<TaskView> {
    const entry = await this.#commands.rollback(params.task, params.subtask, askOf(params, context));
    return this.#registry.viewOf(entry);
  }

  plan(ref: string) {
    return this.#reader.plan(ref);
  }

  async replan(
    params: { task: string; plan: Plan; expected_rev: number; op?: string | undefined },
    context: AskContext,
  ): Promise<TaskView> {
    const { task, plan, expected_rev } = params;
    const entry = await this.#commands.replan(task, plan, expected_rev, askOf(params, context));
    return this.#registry.viewOf(entry);
  }

  async merge(
    params: { task: string; into: string | null; squash: boolean; op?: string | undefined },
    context: AskContext,
  ): Promise<TaskView> {
    this.#assertStays();
    const { task, into, squash } = params;
    const { entry, op } = await this.#commands.merge(task, into, squash, askOf(params, context));
    const state = await untilState(this.#registry, entry, s => !s.merge, context.signal);
    await this.#flushViews([entry.id]);
    const refused = state.merge_refused;
    if (refused?.op === op) {
      const kind = refused.kind as ConstructorParameters<typeof RasenError>[0];
      throw new RasenError(kind, refused.message, {
        ...(refused.hint ? { hint: refused.hint } : {}),
        data: refused.data,
      });
    }
    return this.#registry.viewOf(entry);
  }

  async cancelMerge(params: { task: string }, context: AskContext): Promise<TaskView> {
    const entry = await this.#commands.cancelMerge(params.task);
    await untilState(this.#registry, entry, s => !s.merge, context.signal);
    return this.#registry.viewOf(entry);
  }

  followLog(params: LogParams, context: RequestContext) {
    return this.#reader.followLog(params, context);
  }

  followEvents(
    params: { task?: string | undefined; after: number; follow: boolean },
    context: RequestContext,
  ) {
    return this.#reader.followEvents(params, context);
  }

  status() {
    const { paths, settings, cage, sandbox } = this.#options;
    const tasks: Record<string, number> = {};
    for (const entry of this.#registry.all()) {
      const status = statusOf(entry);
      tasks[status] = (tasks[status] ?? 0) + 1;
    }
    return {
      version: VERSION,
      pid: process.pid,
      started_at: this.#started_at,
      home: paths.home,
      socket: paths.socket,
      cage: { kind: cage.choice.kind, why: cage.choice.why, enforces: [...cage.choice.enforces] },
      sandbox: { kind: sandbox.last.sandbox?.kind ?? null, why: sandbox.last.why },
      tasks,
      live_jobs: this.#registry.jobs,
      max_live_jobs: settings.max_live_jobs,
      rss_bytes: process.memoryUsage.rss(),
      damaged: this.#registry.damaged.length,
      stored: { ...this.#upkeep.stored() },
    };
  }

  /** Tasks that are not over, for the status line of the service. */
  counts(): TaskCounts {
    const counts: TaskCounts = { running: 0, waiting: 0, blocked: 0 };
    for (const { state } of this.#registry.all()) {
      if (!state) continue;
      const { name } = state.status;
      if (name === 'running' || name === 'pending') counts.running++;
      else if (name === 'waiting' || name === 'blocked') counts[name]++;
    }
    return counts;
  }

  /** Calls `listener` after each change of any task, until this supervisor closes. */
  onChange(listener: () => void): void {
    this.#releases.push(this.#registry.listen(listener));
  }

  /** Takes the settings that can change while it runs, and looks at every task with them. */
  configure({ log_level: _level, log: _log, cage: _cage, ...live }: Settings): void {
    Object.assign(this.#options.settings, live);
    this.#awake.enable(live.keep_awake);
    this.#reconciler.kickAll();
  }

  async doctor() {
    const { paths, settings, cage, sandbox } = this.#options;
    const parts = {
      ...{ paths, settings, store: this.#store, registry: this.#registry, cage: cage.choice },
      sandbox: await sandbox.get(),
      upkeep: this.#upkeep,
      far: this.#far,
      able: this.#askers.able,
    };
    return await doctor(parts);
  }

  /** A test notice, sent as those of tasks are. */
  async notify(params: NotifyParams): Promise<Sent[]> {
    const { notify, name, project, env, secrets } = params;
    const places = secretPlaces(this.#options.paths);
    const plain = { ...userEnv(), ...env };
    const world = { places, env: plain, platform: process.platform };
    const cwd = (await this.#far.isFolder(project)) ? project : '/';
    const place = { env: { ...plain, RASEN_PROJECT: project }, cwd, signal: this.#closing.signal };
    return sendAll(notify, testMessage(name, project, Date.now()), place, () =>
      resolveSecrets(secrets, { command: 'notify', agents: true }, world),
    );
  }

  gc(params: GcParams) {
    return gc({ registry: this.#registry, store: this.#store, places: this.#places }, params);
  }

  #unfinishedProjects(): Set<string> {
    const found = new Set<string>();
    for (const { state } of this.#registry.all()) if (state?.spec.views) found.add(state.spec.project);
    return found;
  }

  #kick(task: string): void {
    const entry = this.#registry.get(task);
    if (entry) this.#reconciler.kick(entry);
  }

  /** Bounded: a project folder that does not answer holds nobody up. */
  async #flushViews(tasks: readonly string[]): Promise<void> {
    const projects = tasks.flatMap(id => this.#registry.get(id)?.state?.spec.project ?? []);
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>(resolve => {
      timer = setTimeout(resolve, FLUSH_MS_MAX);
    });
    await Promise.race([this.#views.flush(projects).catch(() => {}), enough]);
    clearTimeout(timer);
  }

  /** Locks the project of a task; why that is impossible, where another supervisor has it. */
  async #notOurs({ spec }: TaskState): Promise<string | null> {
    if (spec.views === null) return null;
    const taken = this.#projects.take(spec.project).then(
      () => null,
      error => {
        if (!isRasenError(error) || error.kind !== 'project_in_use') throw error;
        return error.message;
      },
    );
    // Disks that do not answer must not keep the supervisor from its other tasks.
    this.#locks_end ??= performance.now() + LOCK_MS_MAX;
    const left = Math.max(0, this.#locks_end - performance.now());
    return await Promise.race([taken, pause(left, null, { ref: false })]);
  }

  /**
   * A new supervisor takes a task: the epoch moves, and a task that must not go on by itself is stopped. The claim comes
   * last: torn before it, all of this is found to do again.
   */
  async #claim(entry: Entry): Promise<void> {
    const state = entry.state!;
    const events: NewEvent[] = [];
    const going = ['pending', 'running', 'waiting'].includes(state.status.name) && state.want === 'run';
    if (going && !state.spec.auto_resume && state.boot !== null && state.boot !== this.#host.boot) {
      events.push({ type: 'want_changed', want: 'stop', force: false, op: null, by: 'reboot' });
    }
    const away = await this.#notOurs(state);
    if (going && away !== null) {
      this.#options.log.error({ task: entry.id }, `task ${entry.id} is stopped: ${away}`);
      events.push({ type: 'want_changed', want: 'stop', force: false, op: null, by: 'shutdown' });
    }
    events.push({ type: 'task_claimed', ...this.#host });
    try {
      await this.#registry.exclusive(entry, () => this.#registry.record(entry, events));
      this.#reconciler.kick(entry);
    } catch (error) {
      this.#options.log.error(
        { task: entry.id, error },
        `task ${entry.id} could not be taken over; tried again`,
      );
      if (this.#draining) return;
      const timer = setTimeout(() => void this.#claim(entry), CLAIM_RETRY_MS);
      this.#releases.push(() => clearTimeout(timer));
    }
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The first fault, with its place. */
function whyNot({ error }: ReturnType<typeof runParams.safeParse>): string {
  const issue = error?.issues[0];
  return issue ? `${issue.path.join('.')}: ${issue.message}` : 'it is of another task';
}

const askOf = ({ op }: { op?: string | undefined }, { origin }: AskContext): Ask => ({ op, origin });
