/** The supervisor: wires registry, loop, world and readers together, from its start to its end. Decides nothing itself. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { NewEvent } from '../contract/event.ts';
import { isTerminal } from '../contract/status.ts';
import type { MergeProgress } from '../contract/view.ts';
import type { TaskState } from '../engine/state.ts';
import { FarFiles } from '../host/far-files.ts';
import { clearInbox } from '../host/inbox.ts';
import type { Log } from '../log.ts';
import type { Paths } from '../paths.ts';
import { bootId } from '../runner/identity.ts';
import { RecordKeys } from '../runner/record-key.ts';
import { Sweeper } from '../runner/sweep.ts';
import { endUnwatched } from '../runner/unwatched.ts';
import { secretPlaces } from '../secrets/places.ts';
import type { TaskCounts } from '../service/runtime/status-line.ts';
import { FileStore } from '../store/file/file-store.ts';
import { VERSION } from '../version.ts';
import { ProjectViews } from '../views/project-views.ts';
import { Askers } from './askers.ts';
import type { OpenCage } from './cage.ts';
import { systemClock, watchClock } from './clock.ts';
import { Commands } from './commands.ts';
import { today } from './day.ts';
import { doctor } from './doctor.ts';
import { confineFor } from './doors/confine.ts';
import { Doors } from './doors/doors.ts';
import { doorMethods } from './doors/methods.ts';
import { Patience } from './effects/patience.ts';
import { GivenPorts } from './given-ports.ts';
import { Guard } from './guard.ts';
import { Halt } from './halt.ts';
import { HandOvers } from './hand-overs.ts';
import type { Serving } from './handlers/define.ts';
import { Jobs } from './jobs.ts';
import { KeepAwake } from './keep-awake.ts';
import { Masks } from './masks.ts';
import { Notes } from './notes.ts';
import { Places } from './places.ts';
import { ProgramHelp } from './program-help.ts';
import { ProjectLocks } from './project-locks.ts';
import { Reader } from './reader.ts';
import { Reconciler } from './reconcile.ts';
import { type Entry, Registry } from './registry.ts';
import type { SandboxLook } from './sandbox.ts';
import type { Settings } from './settings.ts';
import { Suspension } from './suspension.ts';
import { tellLog } from './tell-log.ts';
import { isTidyTime, tidy } from './tidy.ts';
import { openTriggers } from './triggers/open.ts';
import { TriggerReader } from './triggers/reader.ts';
import type { Triggers } from './triggers/triggers.ts';
import { Upkeep } from './upkeep.ts';
import { RealWorld } from './world.ts';

/** For processes of tasks that are gone, from SIGTERM to SIGKILL: nobody hears how they end. */
const LOST_GRACE_MS = 5000;
/** A task that could not be taken over (disk full) is tried again after this. */
const CLAIM_RETRY_MS = 5000;
/** Longest wait for the locks of all projects at the start. */
const LOCK_MS_MAX = 2000;
/** Longest wait for the files of projects before an answer. */
const FLUSH_MS_MAX = 2000;

export interface SupervisorOptions {
  paths: Paths;
  settings: Settings;
  log: Log;
  cage: OpenCage;
  sandbox: SandboxLook;
  /** Command line of the session program, before its order. */
  session_program: readonly string[];
  /** Command line of the program that watches files. */
  watch_program: readonly string[];
  /** Octal umask of commands. */
  umask: string;
}

export class Supervisor {
  /** Who may ask for what. */
  readonly guard: Guard;
  /** What the handlers of requests may use. */
  readonly serving: Serving;
  readonly #options: SupervisorOptions;
  readonly #store: FileStore;
  readonly #registry: Registry;
  readonly #reconciler: Reconciler;
  readonly #askers: Askers;
  readonly #suspension: Suspension;
  readonly #halt: Halt;
  readonly #hand_overs: HandOvers;
  readonly #projects: ProjectLocks;
  readonly #jobs: Jobs;
  readonly #places: Places;
  readonly #doors: Doors;
  readonly #masks: Masks;
  readonly #awake: KeepAwake;
  readonly #views: ProjectViews;
  readonly #upkeep: Upkeep;
  readonly #triggers: Triggers;
  readonly #far = new FarFiles();
  readonly #host = { host: hostname(), incarnation: randomUUID(), boot: bootId() };
  readonly #releases: (() => void)[] = [];
  readonly #closing = new AbortController();
  #draining = false;
  /** Of performance.now(): until then the start waits for the locks of projects. */
  #locks_end: number | null = null;

  constructor(options: SupervisorOptions) {
    const { paths, log } = options;
    const settings = { ...options.settings };
    this.#options = { ...options, settings };
    this.#store = new FileStore(paths);
    this.#store.place.noticeRemoval();
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
    this.#doors = new Doors({
      folder: this.#places.doors,
      log,
      methods: of => doorMethods({ serving: this.serving, guard: this.guard, confine }, of),
    });
    this.#jobs = new Jobs(task => this.#store.signal(task), log);
    this.#releases.push(this.#store.onSignal(task => this.#kick(task)));
    const secrets = secretPlaces(paths);
    this.#masks = new Masks({ store: this.#store, secrets, log, env: process.env });
    const reader = new Reader({
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
      patience: new Patience(),
      help: new ProgramHelp(),
      log,
      cage: options.cage.cage,
      sandbox: options.sandbox,
      doors: this.#doors,
      ports: new GivenPorts(() =>
        [...this.#registry.all()].flatMap(({ state }) => (state && !isTerminal(state.status) ? [state] : [])),
      ),
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
    const confine = confineFor(context, this.#registry);
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
    this.#hand_overs = new HandOvers({
      ...{ registry: this.#registry, reconciler: this.#reconciler, log },
      outputEnd: (task, lines, bytes) => reader.outputEnd(task, lines, bytes),
    });
    const commands = new Commands(
      this.#registry,
      this.#reconciler,
      this.#hand_overs,
      { ...this.#host, home: paths.home },
      { store: this.#store, places: this.#places, masks: this.#masks },
    );
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
    this.#triggers = openTriggers({
      ...{ paths, settings, log, commands, secrets, watch_program: options.watch_program },
      ...{ registry: this.#registry, store: this.#store, places: this.#places, far: this.#far },
      ...{ projects: this.#projects, closing: this.#closing.signal, assertStays: () => this.#assertStays() },
    });
    this.serving = {
      ...{ paths, settings, reader, commands, cage: options.cage, sandbox: options.sandbox },
      ...{ registry: this.#registry, store: this.#store, places: this.#places, far: this.#far },
      ...{ upkeep: this.#upkeep, projects: this.#projects, suspension: this.#suspension },
      ...{ triggers: this.#triggers, trigger_reader: new TriggerReader(this.#triggers) },
      started_at: new Date().toISOString(),
      notes: new Notes(this.#registry, this.#reconciler, this.#places),
      closing: this.#closing.signal,
      assertStays: () => this.#assertStays(),
      flushViews: tasks => this.#flushViews(tasks),
      doctor: async () =>
        await doctor({
          ...{ paths, settings, store: this.#store, registry: this.#registry, cage: options.cage.choice },
          ...{ upkeep: this.#upkeep, far: this.#far, able: this.#askers.able, triggers: this.#triggers },
          sandbox: await options.sandbox.get(),
        }),
    };
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
    this.#triggers.load();
    this.#releases.push(this.#registry.listen(entry => this.#triggers.taskChanged(entry.id)));
    for (const entry of this.#registry.all()) if (entry.state) await this.#claim(entry);
    this.#hand_overs.start();
    void this.#endLost().catch(error =>
      log.error({ error }, 'what is left of tasks that are gone could not be ended'),
    );
    this.#releases.push(
      watchClock(ms => {
        log.warn({ ms }, 'the wall clock jumped');
        this.#reconciler.kickAll();
        this.#triggers.clockJumped();
      }),
    );
    this.#triggers.start();
    const triggers = this.#triggers.all().length;
    log.info({ tasks: this.#registry.size, triggers, version: VERSION }, 'supervisor started');
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
    await this.#triggers.close();
    this.#hand_overs.close();
    this.#suspension.close();
    this.#reconciler.drain();
    this.#reconciler.close();
    for (const release of this.#releases) release();
    await Promise.all(
      [...this.#registry.all()].map(entry => this.#registry.exclusive(entry, async () => {})),
    );
    this.#jobs.close();
    await this.#doors.close();
    this.#awake.close();
    await this.#upkeep.close();
    await this.#views.close();
    this.#projects.close();
    this.#far.close();
    this.#registry.release();
    this.#store.close();
  }

  /** Why the state is not the one that this supervisor works on any more; null: it is. */
  gone(): string | null {
    return this.#store.gone();
  }

  /** Where the state was removed for good, ends all that runs, since nobody can take it over. false: it may come back. */
  async abandon(): Promise<boolean> {
    if (!this.#store.place.removed) return false;
    this.#reconciler.drain();
    const tasks = [...this.#registry.all()].map(({ id }) => id);
    const folder = this.#store.tasks;
    await endUnwatched({ folder, isLost: () => true, tasks, grace_ms: LOST_GRACE_MS });
    return true;
  }

  /** What lives of tasks that nobody can go on with. */
  async #endLost(): Promise<void> {
    const store = this.#store;
    const isLost = (task: string) => store.isGone(task);
    const tasks = store.damage.map(({ task }) => task).filter(isLost);
    const ended = await endUnwatched({ folder: store.tasks, isLost, tasks, grace_ms: LOST_GRACE_MS });
    for (const [task, processes] of ended) {
      store.noteEnded(task);
      this.#options.log.warn(
        { task, processes },
        `the state of task ${task} is gone: what still ran of it was ended`,
      );
    }
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
