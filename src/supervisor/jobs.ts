/**
 * Live jobs as this supervisor watches them: those it started tell by their exit event, adopted ones are looked at in
 * turns; outputs are kept under their cap. Only says "look again"; the truth is in the job's folder.
 */
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../contract/errors.ts';
import { type Place, statForeign } from '../host/foreign-file.ts';
import { troubleOf } from '../host/trouble.ts';
import type { Log } from '../log.ts';
import { processorTicks } from '../runner/activity.ts';
import { readAttempt } from '../runner/attempt-dir.ts';
import { cageOf } from '../runner/cage/attempt-cage.ts';
import { type Identity, isAlive, isStopped } from '../runner/identity.ts';
import { capOutput } from '../runner/output-cap.ts';
import type { RunnerMark } from '../runner/records.ts';
import { isThere, outputSize } from '../runner/small-file.ts';
import type { Listening } from './ear.ts';
import { Ears } from './ears.ts';
import { Pulse } from './pulse.ts';

/** How often adopted jobs are looked at, and how often every fourth time their runner too. */
const ADOPTED_POLL_MS = 250;
const ALIVE_EVERY = 4;
const CAP_POLL_MS = 1000;
/** Runners are asked whether they wait for the disk every so many of these looks: where a look is a program, rarely. */
const RECORDING_EVERY = process.platform === 'linux' ? 1 : 10;
/**
 * Silent jobs are asked for another sign of life, use of the processor, twice within the shortest silence that means
 * anything, at most and at least this often.
 */
const ACTIVITY_POLL_MS_MAX = 15_000;
const ACTIVITY_POLL_MS_MIN = 250;

export interface Watched {
  /** Of its processes. */
  marker: string;
  /** Kept output. */
  max_bytes: number;
  /** null where silence means nothing. */
  silence: {
    /** The shortest silence that means something. */
    ms: number;
    result_file: Place;
  } | null;
  /** null: it is no session of an agent. */
  session: Listening | null;
}

interface Job extends Watched {
  mark: RunnerMark;
  task: string;
  folder: string;
  /** This process is the parent and hears of the end. */
  child: boolean;
  pulse: Pulse;
  active_at_ms: number;
  result_at_ms: number | null;
  dropped_bytes: number;
  flood: boolean;
  capping: Promise<void> | null;
  /** Its runner was seen alive, and nothing was heard since that it might not be. */
  lives: boolean;
  /** Of its runner, when that was seen. */
  identity: Identity | null;
  /** Its command has ended, and the disk does not take the record. */
  recording: boolean;
}

export class Jobs {
  readonly #jobs = new Map<string, Job>();
  /** What the sessions of agents say meanwhile. */
  readonly ears: Ears;
  readonly #changed: (task: string) => void;
  readonly #log: Log;
  #adoptedTimer: NodeJS.Timeout | null = null;
  #capTimer: NodeJS.Timeout | null = null;
  #activityTimer: NodeJS.Timeout | null = null;
  #activityPollMs = Number.POSITIVE_INFINITY;
  #turn = 0;
  #looks = 0;

  constructor(changed: (task: string) => void, log: Log) {
    this.#changed = changed;
    this.#log = log;
    this.ears = new Ears(changed, log);
  }

  /** Watches a job until `ended` is called for its folder. */
  watch(task: string, folder: string, options: Watched & { mark: RunnerMark; child: boolean }): void {
    const known = this.#jobs.get(folder);
    if (known) {
      known.child ||= options.child;
      return;
    }
    this.#jobs.set(folder, {
      task,
      folder,
      ...options,
      pulse: new Pulse(),
      active_at_ms: Date.now(),
      result_at_ms: null,
      dropped_bytes: 0,
      flood: false,
      capping: null,
      lives: false,
      identity: null,
      recording: false,
    });
    if (options.session) this.ears.listenTo(task, folder, options.session);
    if (options.silence) this.#pollActivity(options.silence.ms / 2);
    this.#capTimer ??= setInterval(() => this.#capAll(), CAP_POLL_MS).unref();
    if (!options.child) this.#pollAdopted();
  }

  #pollAdopted(): void {
    this.#adoptedTimer ??= setInterval(
      () => this.#safely(() => this.#lookAtAdopted()),
      ADOPTED_POLL_MS,
    ).unref();
  }

  /**
   * The exit event of a child of ours. There is no other: where it left no record, or another runner had been first, the
   * job is looked at like one that was adopted.
   */
  exited(folder: string): void {
    const job = this.#jobs.get(folder);
    if (!job) return;
    job.child = false;
    this.#pollAdopted();
    this.#maybeOver(job);
  }

  /** The runner was seen alive: until something is heard, its folder need not be read again. */
  seenAlive(folder: string, identity: Identity): void {
    const job = this.#jobs.get(folder);
    if (!job) return;
    job.lives = true;
    job.identity = identity;
  }

  /** The command of the job has ended, and its runner waits until that can be written down. */
  isRecording(folder: string): boolean {
    return this.#jobs.get(folder)?.recording ?? false;
  }

  /** Whether that is so of any job of the task. */
  isRecordingFor(task: string): boolean {
    return [...this.#jobs.values()].some(job => job.task === task && job.recording);
  }

  lives(folder: string): boolean {
    return this.#jobs.get(folder)?.lives ?? false;
  }

  #maybeOver(job: Job): void {
    job.lives = false;
    this.#changed(job.task);
  }

  /** When the job last used the processor noticeably, as far as was looked; 0: never. */
  activeAt(folder: string): number {
    const job = this.#jobs.get(folder);
    return job?.silence ? job.active_at_ms : 0;
  }

  /** When the agent of the job was last seen to have written its result; null: not yet. */
  resultAt(folder: string): number | null {
    return this.#jobs.get(folder)?.result_at_ms ?? null;
  }

  isFlood(folder: string): boolean {
    return this.#jobs.get(folder)?.flood ?? false;
  }

  /** Resolves when its output has been looked at for the last time: it may have written much since the last look. */
  async ended(folder: string): Promise<void> {
    const job = this.#jobs.get(folder);
    this.#jobs.delete(folder);
    this.ears.ended(folder);
    if (this.#jobs.size === 0) this.close();
    if (!job || job.flood) return;
    await job.capping;
    await this.#cap(job);
  }

  close(): void {
    this.ears.close();
    if (this.#adoptedTimer) clearInterval(this.#adoptedTimer);
    if (this.#capTimer) clearInterval(this.#capTimer);
    if (this.#activityTimer) clearInterval(this.#activityTimer);
    this.#adoptedTimer = null;
    this.#capTimer = null;
    this.#activityTimer = null;
    this.#activityPollMs = Number.POSITIVE_INFINITY;
  }

  #pollActivity(wanted_ms: number): void {
    const ms = Math.max(ACTIVITY_POLL_MS_MIN, Math.min(ACTIVITY_POLL_MS_MAX, wanted_ms));
    if (ms >= this.#activityPollMs) return;
    if (this.#activityTimer) clearInterval(this.#activityTimer);
    this.#activityTimer = setInterval(() => this.#safely(() => this.#lookForActivity()), ms).unref();
    this.#activityPollMs = ms;
  }

  /** What cannot be seen now is looked at again the next time. */
  #safely(look: () => void): void {
    try {
      look();
    } catch (error) {
      if (troubleOf(error) === null) throw error;
      this.#log.warn({ error }, `jobs cannot be looked at now: ${messageOf(error)}`);
    }
  }

  #lookForActivity(): void {
    const jobs = [...this.#jobs.values()].flatMap(job => (job.silence ? [{ job, ...job.silence }] : []));
    if (jobs.length === 0) return;
    const ticks = processorTicks(
      jobs.map(({ job }) => ({
        marker: job.marker,
        identity: readAttempt(job.folder, job.mark).identity,
      })),
    );
    for (const { job, result_file } of jobs) {
      if (job.pulse.beats(ticks.get(job.marker) ?? null, performance.now())) job.active_at_ms = Date.now();
      const found = statForeign(result_file);
      // An empty one says nothing: it is being written, or a full disk took no more of it.
      const result = found.ok && !isEmptyFile(found.value) ? found.value.mtimeMs : null;
      if (result !== job.result_at_ms) {
        job.result_at_ms = result;
        this.#changed(job.task);
      }
    }
  }

  #lookAtAdopted(): void {
    this.#turn++;
    for (const job of this.#jobs.values()) {
      if (job.child) continue;
      const over = isThere(join(job.folder, 'exit')) || (this.#turn % ALIVE_EVERY === 0 && !this.#lives(job));
      if (over) this.#maybeOver(job);
    }
  }

  #lives(job: Job): boolean {
    const { identity } = readAttempt(job.folder, job.mark);
    return identity !== null && isAlive(identity);
  }

  /** A runner that could not write its record has stopped itself. It is let try again, and stops again where it cannot. */
  #lookAtRecording(job: Job): void {
    const { folder, marker, mark } = job;
    // Gates of a merge are no attempts, so nobody says of them that they were seen alive.
    job.identity ??= readAttempt(folder, mark).identity;
    const { identity } = job;
    if (identity === null || !isStopped(identity)) return;
    const cage = cageOf(folder, mark);
    // Stopped by somebody, with its command.
    if (cage.members({ marker, identity }).length > 0) return;
    if (!job.recording) {
      job.recording = true;
      this.#log.warn(
        { task: job.task, folder },
        'a command has ended, and the disk does not take the record of it; its runner waits for that',
      );
      this.#changed(job.task);
    }
    cage.signal(identity, 'SIGCONT');
  }

  #capAll(): void {
    const recording = this.#looks++ % RECORDING_EVERY === 0;
    for (const job of this.#jobs.values()) {
      if (recording) this.#lookAtRecording(job);
      // An exit event that was missed, for whatever reason, is made up for here.
      if (job.lives && isThere(join(job.folder, 'exit'))) this.#maybeOver(job);
      if (job.capping !== null || job.flood) continue;
      job.capping = this.#cap(job).finally(() => {
        job.capping = null;
      });
    }
  }

  async #cap(job: Job): Promise<void> {
    try {
      if (outputSize(job.folder) - job.dropped_bytes <= job.max_bytes) return;
      const { dropped_bytes, supported } = await capOutput(job.folder, job.max_bytes, job.dropped_bytes);
      job.dropped_bytes = dropped_bytes;
      if (!supported) {
        job.flood = true;
        this.#changed(job.task);
      }
    } catch (error) {
      this.#log.warn(
        { task: job.task, error },
        `output of ${job.folder} could not be capped: ${messageOf(error)}`,
      );
    }
  }
}

const isEmptyFile = (stat: Stats) => stat.isFile() && stat.size === 0;
