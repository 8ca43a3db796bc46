/**
 * rasend under launchd, macOS's service manager. Used through the interface of service.ts.
 *
 * A job is loaded (bootstrap) and unloaded (bootout) when its file comes, changes or goes; every other restart is
 * `kickstart -k`, which cannot lose the job half-way. launchd has no socket that waits for us: clients retry. Tasks are
 * none of launchd's business: AbandonProcessGroup and sessions of their own keep them apart from rasend.
 */
import { chmodSync, lchownSync, lstatSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RasenError } from '../../contract/errors.ts';
import { VERSION } from '../../version.ts';
import { type Answer, answerOn } from '../answer.ts';
import { takeOver } from '../detached.ts';
import {
  differing,
  isFileAt,
  isOurs,
  isTaken,
  makeFolder,
  removeEmptyFolder,
  removeFile,
  seenAt,
  writeFiles,
} from '../files.ts';
import type { GatewayService, Report, ServiceManager, ServiceRequest, ServiceStatus } from '../service.ts';
import { Undo } from '../undo.ts';
import { refuseBoth } from '../whose.ts';
import { launchdGateway } from './gateway.ts';
import {
  HOMEBREWS_LABEL,
  homebrewPlists,
  type Names,
  namesOf,
  plistFile,
  programOf,
  withoutCaptured,
} from './job.ts';
import { JobControl, type LoadedIn } from './job-control.ts';
import { hasFailed, type Launchctl, launchctlAt } from './launchctl.ts';
import { refuseOtherInstance } from './rivals.ts';

/** Longest wait for the socket: the start of rasend after a ThrottleInterval. */
const ANSWER_MS = 30_000;
const POLL_MS = 50;
/** A job that is loaded runs by then, or has failed. */
const SPAWN_MS = 2_000;
/** Lines of the crash output that a failed start quotes. */
const TAIL_LINES = 5;

/** Who answers on a socket; null: nobody. */
export type Probe = (socket: string) => Promise<Pick<Answer, 'pid' | 'version'> | null>;

export interface LaunchdOptions {
  /**
   * Ends what runs, so that it goes on at the next start. Asked of a running supervisor before its job is unloaded:
   * launchd cannot do it, since tasks are not in its hands.
   */
  suspendTasks(request: ServiceRequest, report: Report): Promise<unknown>;
  /** The rest is other than the system's in tests only. */
  launchctl?: string;
  root?: string;
  /** Of this process. */
  uid?: number;
  probe?: Probe;
  answer_ms?: number;
  spawn_ms?: number;
}

export function launchd(options: LaunchdOptions): ServiceManager {
  return new Launchd(options);
}

interface Loading {
  /** The file has changed. */
  reload: boolean;
  /** Gets the domains in which the job was, and is not any more. */
  unloaded: string[];
  job: JobControl;
  undo: Undo;
  report: Report;
}

class Launchd implements ServiceManager {
  readonly name = 'launchd';
  readonly gateway: GatewayService;
  readonly #launchctl: Launchctl;
  readonly #options: Required<LaunchdOptions>;

  constructor(options: LaunchdOptions) {
    this.#options = {
      launchctl: '/bin/launchctl',
      root: '/',
      uid: process.getuid!(),
      probe: answerOn,
      answer_ms: ANSWER_MS,
      spawn_ms: SPAWN_MS,
      ...options,
    };
    this.#launchctl = launchctlAt(this.#options.launchctl);
    const { root, answer_ms } = this.#options;
    this.gateway = launchdGateway({ launchctl: this.#launchctl, root, answer_ms });
  }

  files(request: ServiceRequest) {
    return [plistFile(request, this.#options.root)];
  }

  async install(request: ServiceRequest, report: Report): Promise<void> {
    this.#checkOwner(request);
    this.#refuseHomebrews(request, 'install');
    refuseBoth(request.mode, request.user, { manager: 'launchd', root: this.#options.root });
    refuseOtherInstance(request, this.#options.root);
    const { names, job } = this.#of(request);
    const file = plistFile(request, this.#options.root);
    const [changed] = differing([file]);
    const known = isFileAt(file.path);
    const undo = new Undo();
    try {
      const unloaded: string[] = [];
      // Taken back last, when the file is again what it was.
      undo.add('the job is not loaded any more', async () => {
        for (const domain of unloaded) await job.bootstrap(domain);
      });
      this.#makeLogs(request, names, undo);
      if (changed) {
        writeFiles([changed], undo);
        report(`${known ? 'brought up to date' : 'wrote'}: ${file.path}`);
      }
      await this.#load(request, { reload: changed !== undefined, unloaded, job, undo, report });
    } catch (error) {
      throw await undo.because(error);
    }
    report(
      request.mode === 'system'
        ? 'starts at boot'
        : 'starts when you log in; to start at boot without a login: sudo rasen service install --system USER',
    );
  }

  /** Makes launchd run the file as it is now, in this version. */
  async #load(request: ServiceRequest, { reload, unloaded, job, undo, report }: Loading): Promise<void> {
    const home = await job.home();
    const loaded = await job.loaded();
    await job.enable(home);
    // Loaded for the desktop and for ssh too, two would fight for one lock.
    const [at] = loaded;
    if (at?.domain === home && loaded.length === 1 && !reload) {
      const running = await this.#options.probe(request.paths.socket);
      if (running !== null && running.pid === at.pid && running.version === VERSION)
        return report('it runs already and is up to date');
      await this.#kickstart(request, job, at);
      return report(`restarted as version ${VERSION}; tasks go on`);
    }
    for (const { domain } of loaded) {
      await job.bootout(domain);
      unloaded.push(domain);
    }
    await takeOver(request, { service: null, report, undo });
    undo.add(`the loaded job in ${home}`, () => job.bootout(home));
    await job.bootstrap(home);
    await this.#answers(request, job);
    report(`loaded in launchd, domain ${home}`);
  }

  async uninstall(request: ServiceRequest, report: Report): Promise<void> {
    this.#checkOwner(request);
    refuseOtherInstance(request, this.#options.root);
    const { names, job } = this.#of(request);
    await this.#unload(request, report, job);
    // Whoever disabled it once must not be surprised by that at the next installation.
    if (await job.disabled()) await job.enable(await job.home());
    const theirs = isTaken(names.plist) && !isOurs(names.plist);
    if (theirs) report(`left: ${names.plist} was not written by rasen`);
    for (const path of [...(theirs ? [] : [names.plist]), names.out, names.err])
      if (removeFile(path)) report(`removed: ${path}`);
    removeEmptyFolder(names.logs);
    if (request.mode === 'system') removeEmptyFolder(dirname(names.logs));
  }

  async start(request: ServiceRequest, report: Report): Promise<void> {
    this.#refuseHomebrews(request, 'start');
    const { names, job } = this.#of(request);
    if (!isFileAt(names.plist))
      throw new RasenError('service', `rasend is not installed: ${names.plist} is not there.`, {
        hint:
          request.mode === 'system'
            ? `Install it: sudo rasen service install --system ${request.user.name}`
            : 'Install it: rasen service install',
      });
    const [at] = await job.loaded();
    if (at === undefined) {
      const undo = new Undo(null);
      try {
        const ended = await takeOver(request, { service: null, report, undo });
        const home = await job.home();
        // A job that is tried again and again would keep the state from the supervisor that is started again.
        if (ended) undo.add(`the loaded job in ${home}`, () => job.bootout(home));
        await job.enable(home);
        await job.bootstrap(home);
        await this.#answers(request, job);
      } catch (error) {
        throw await undo.because(error);
      }
    } else if (at.pid === null) await this.#kickstart(request, job, at);
    report('rasend runs');
  }

  async stop(request: ServiceRequest, report: Report): Promise<void> {
    this.#refuseHomebrews(request, 'stop');
    await this.#unload(request, report, this.#of(request).job);
  }

  async restart(request: ServiceRequest, report: Report): Promise<void> {
    this.#refuseHomebrews(request, 'restart');
    const { job } = this.#of(request);
    const [at] = await job.loaded();
    if (at === undefined) return this.start(request, report);
    await this.#kickstart(request, job, at);
    report('rasend was restarted; tasks go on');
  }

  async status(request: ServiceRequest): Promise<ServiceStatus> {
    const homebrews = this.#homebrewsPlist(request);
    if (homebrews !== null) return await this.#homebrewsStatus(request, homebrews);
    const { names, job } = this.#of(request);
    const loaded = await job.loaded();
    const at = loaded[0];
    const disabled = await job.disabled();
    const text = seenAt(names.plist);
    const failed = at !== undefined && hasFailed(at);
    const why =
      tail(names.err).trim().split('\n').at(-1)?.trim() || `its last exit code was ${at?.last_exit}`;
    const wanted = plistFile(request, this.#options.root).text;
    return {
      installed: text !== null,
      // An agent waits for a login, whatever is done.
      at_boot: request.mode === 'system' && text !== null && !disabled,
      running: at !== undefined && at.pid !== null,
      said: null,
      problem: failed ? `rasend does not start: ${why.replace(/\.+$/, '')}` : null,
      cannot_start: failed,
      pid: at?.pid ?? null,
      state: [
        at === undefined ? 'not loaded' : `${at.state} (${at.domain})`,
        ...(at && at.pid === null && at.last_exit !== null ? [`last exit ${at.last_exit}`] : []),
        ...(disabled ? ['disabled'] : []),
      ].join(', '),
      // launchd does not tell.
      since: null,
      outdated: text !== null && withoutCaptured(text) !== withoutCaptured(wanted) ? [names.plist] : [],
    };
  }

  program(request: ServiceRequest): string | null {
    return programOf(seenAt(this.#of(request).names.plist) ?? '');
  }

  /** Where Homebrew has a job of its own for rasend and we have none; null: it has not. */
  #homebrewsPlist(request: ServiceRequest): string | null {
    const { root } = this.#options;
    if (isFileAt(this.#of(request).names.plist)) return null;
    return homebrewPlists(request, root).find(isFileAt) ?? null;
  }

  /** Throws `service`: two managers of one job would start and stop it against each other. */
  #refuseHomebrews(request: ServiceRequest, verb: 'install' | 'start' | 'stop' | 'restart'): void {
    const path = homebrewPlists(request, this.#options.root).find(isFileAt);
    if (path === undefined || (verb !== 'install' && this.#homebrewsPlist(request) === null)) return;
    const way = verb === 'install' ? 'Use it as it is, or remove it first: brew services stop rasen' : '';
    throw new RasenError('service', 'rasend is a service of Homebrew here.', {
      hint: way || `Let Homebrew ${verb} it: brew services ${verb} rasen`,
      data: { path },
    });
  }

  async #homebrewsStatus(request: ServiceRequest, plist: string): Promise<ServiceStatus> {
    const job = new JobControl(this.#launchctl, request, { label: HOMEBREWS_LABEL, plist });
    const [at] = await job.loaded();
    const failed = at !== undefined && hasFailed(at);
    return {
      installed: true,
      at_boot: request.mode === 'system',
      running: at !== undefined && at.pid !== null,
      said: null,
      problem: failed ? `rasend does not start: its last exit code was ${at.last_exit}` : null,
      cannot_start: failed,
      pid: at?.pid ?? null,
      state: `${at === undefined ? 'not loaded' : `${at.state} (${at.domain})`}, of Homebrew`,
      since: null,
      outdated: [],
    };
  }

  #of(request: ServiceRequest): { names: Names; job: JobControl } {
    const names = namesOf(request, this.#options.root);
    return { names, job: new JobControl(this.#launchctl, request, names) };
  }

  /** Throws `usage`. Files in a home that are written by root are a way for its owner to become root. */
  #checkOwner({ mode, user }: ServiceRequest): void {
    const { uid } = this.#options;
    if (mode === 'system' && uid !== 0)
      throw new RasenError('usage', 'A LaunchDaemon belongs to root.', {
        hint: `Use: sudo rasen service install --system ${user.name}; or without --system, for your login only.`,
      });
    if (mode === 'user' && (uid === 0 || uid !== user.uid))
      throw new RasenError('usage', `The LaunchAgent of ${user.name} is for ${user.name} alone to install.`, {
        hint: 'Use it without sudo, as that user; or for boot: sudo rasen service install --system USER.',
      });
  }

  /**
   * launchd opens its two files as the user, and starts nothing when it cannot: what `sudo` once left there is given back,
   * or put aside.
   */
  #makeLogs({ mode, user }: ServiceRequest, { logs, out, err }: Names, undo: Undo): void {
    const there = lstatSync(logs, { throwIfNoEntry: false });
    if (mode === 'user' && there && (!there.isDirectory() || there.uid !== process.getuid!()))
      renameSync(logs, `${logs}.unusable-${Date.now()}`);
    if (makeFolder(logs, undo).includes(logs)) {
      for (const file of [out, err]) undo.add(file, () => void removeFile(file));
      chmodSync(logs, 0o700);
    }
    // Never through a link: the folder is the user's.
    if (mode === 'system')
      for (const path of [logs, out, err]) if (isTaken(path)) lchownSync(path, user.uid, user.gid);
    if (mode === 'user')
      for (const path of [out, err])
        if (lstatSync(path, { throwIfNoEntry: false })?.uid !== process.getuid!()) removeFile(path);
  }

  async #unload(request: ServiceRequest, report: Report, job: JobControl): Promise<void> {
    const loaded = await job.loaded();
    if (loaded.length === 0) return;
    if ((await this.#options.probe(request.paths.socket)) !== null)
      await this.#options.suspendTasks(request, report);
    for (const { domain } of loaded) await job.bootout(domain);
    report('rasend was stopped');
  }

  async #kickstart(request: ServiceRequest, job: JobControl, at: LoadedIn): Promise<void> {
    await job.kickstart(at.domain);
    await this.#answers(request, job, at.pid);
  }

  /**
   * Waits until the job's own process answers, and not the one that it had `before`. A job that was loaded and not
   * started is started; one that ends again and again is not waited for.
   */
  async #answers(request: ServiceRequest, job: JobControl, before: number | null = null): Promise<void> {
    const { answer_ms, probe } = this.#options;
    const from = performance.now();
    for (let spawned = false, failures = 0; ; await sleep(POLL_MS)) {
      const answer = await probe(request.paths.socket);
      const [at] = await job.loaded();
      // A launchctl that prints in another form tells no pid.
      const ours = answer?.pid === at?.pid || at?.state === 'unknown';
      if (answer !== null && ours && answer.pid !== before) return;
      const waited = performance.now() - from;
      if (at && !spawned && waited > this.#options.spawn_ms && isIdle(at)) {
        spawned = true;
        await job.spawn(at.domain);
      }
      // Seen twice, so that an end which was on its way when we came does not count.
      failures = at && hasFailed(at) ? failures + 1 : 0;
      if (waited > answer_ms || (failures > 1 && waited > this.#options.spawn_ms))
        throw this.#silent(request, at, waited);
    }
  }

  #silent(request: ServiceRequest, at: LoadedIn | undefined, waited_ms: number): RasenError {
    const { socket, log } = request.paths;
    const exit = at?.last_exit ? ` Its last exit code was ${at.last_exit}.` : '';
    const words = tail(this.#of(request).names.err);
    const throttled = at && hasFailed(at) ? '; launchd tries again every 10 s' : '';
    return new RasenError(
      'service',
      `launchd has the job, but its rasend does not answer on ${socket} within ${Math.round(waited_ms / 1000)} s${throttled}.${exit}${words}`,
      { hint: `Its log: ${log}. rasen doctor looks for the usual reasons.` },
    );
  }
}

/** Loaded, and never started by launchd. */
const isIdle = ({ pid, last_exit, runs }: LoadedIn): boolean =>
  pid === null && last_exit === null && (runs ?? 0) === 0;

function tail(path: string): string {
  const lines = (seenAt(path) ?? '').trimEnd().split('\n').slice(-TAIL_LINES);
  return lines.map(line => (line === '' ? '' : `\n  ${line}`)).join('');
}
