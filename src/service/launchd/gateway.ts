/** The gateway as a job of launchd, beside that of rasend. rasend is installed, and the folder of its logs is there. */
import { lchownSync, lstatSync } from 'node:fs';
import { RasenError } from '../../contract/errors.ts';
import { differing, isFileAt, isOurs, isTaken, removeFile, seenAt, writeFiles } from '../files.ts';
import { gatewayAnswers, gatewayUrl } from '../gateway-address.ts';
import type { GatewayService, GatewayStatus, Report, ServiceRequest } from '../service.ts';
import { Undo } from '../undo.ts';
import { addressIn, gatewayNamesOf, gatewayPlist } from './gateway-job.ts';
import { withoutCaptured } from './job.ts';
import { JobControl } from './job-control.ts';
import { hasFailed, type Launchctl } from './launchctl.ts';

export interface GatewayOptions {
  launchctl: Launchctl;
  root: string;
  /** Longest wait for an answer. */
  answer_ms: number;
}

export function launchdGateway(options: GatewayOptions): GatewayService {
  return new LaunchdGateway(options);
}

class LaunchdGateway implements GatewayService {
  readonly #options: GatewayOptions;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  address(request: ServiceRequest): string | null {
    return addressIn(seenAt(this.#names(request).plist) ?? '');
  }

  files(request: ServiceRequest, address: string) {
    return [gatewayPlist(request, address, this.#options.root)];
  }

  async install(request: ServiceRequest, address: string, report: Report): Promise<void> {
    const file = gatewayPlist(request, address, this.#options.root);
    const changed = differing([file]);
    const job = this.#job(request);
    const undo = new Undo('The gateway was not installed; rasend runs.');
    try {
      this.#makeLogs(request);
      const unloaded: string[] = [];
      // Taken back last, when the file is again what it was.
      undo.add('the job is not loaded any more', async () => {
        for (const domain of unloaded) await job.bootstrap(domain);
      });
      writeFiles(changed, undo);
      for (const { path } of changed) report(`wrote: ${path}`);
      for (const { domain } of await job.loaded()) {
        await job.bootout(domain);
        unloaded.push(domain);
      }
      const home = await job.home();
      await job.enable(home);
      undo.add(`the loaded job in ${home}`, () => job.bootout(home));
      await job.bootstrap(home);
      if (!(await gatewayAnswers(address, this.#options.answer_ms))) throw this.#silent(request, address);
    } catch (error) {
      throw await undo.because(error);
    }
    report(`the gateway answers at ${gatewayUrl(address)}`);
  }

  async uninstall(request: ServiceRequest, report: Report): Promise<void> {
    await this.stop(request);
    const { plist, out, err } = this.#names(request);
    const theirs = isTaken(plist) && !isOurs(plist);
    if (theirs) report(`left: ${plist} was not written by rasen`);
    for (const path of [...(theirs ? [] : [plist]), out, err])
      if (removeFile(path)) report(`removed: ${path}`);
  }

  async start(request: ServiceRequest): Promise<void> {
    if (!isFileAt(this.#names(request).plist)) return;
    const job = this.#job(request);
    if ((await job.loaded()).length > 0) return;
    const home = await job.home();
    await job.enable(home);
    await job.bootstrap(home);
  }

  async stop(request: ServiceRequest): Promise<void> {
    const job = this.#job(request);
    for (const { domain } of await job.loaded()) await job.bootout(domain);
  }

  async restart(request: ServiceRequest): Promise<void> {
    const job = this.#job(request);
    const [at] = await job.loaded();
    if (at === undefined) return await this.start(request);
    await job.kickstart(at.domain);
  }

  async status(request: ServiceRequest): Promise<GatewayStatus | null> {
    const { plist, err } = this.#names(request);
    const text = seenAt(plist);
    const address = this.address(request);
    if (text === null || address === null) return null;
    const [at] = await this.#job(request).loaded();
    const failed = at !== undefined && hasFailed(at);
    const running = at !== undefined && at.pid !== null;
    const wanted = gatewayPlist(request, address, this.#options.root).text;
    const why = lastLine(err) ?? `its last exit code was ${at?.last_exit}`;
    return {
      url: gatewayUrl(address),
      unix: request.paths.http,
      answers: running,
      running,
      pid: at?.pid ?? null,
      state: at === undefined ? 'not loaded' : `${at.state} (${at.domain})`,
      problem: failed ? `the gateway does not start: ${why.replace(/\.+$/, '')}` : null,
      outdated: withoutCaptured(text) === withoutCaptured(wanted) ? [] : [plist],
    };
  }

  /** launchd opens them as the user. */
  #makeLogs(request: ServiceRequest): void {
    const { out, err } = this.#names(request);
    for (const path of [out, err]) {
      const there = lstatSync(path, { throwIfNoEntry: false });
      if (there === undefined) continue;
      if (request.mode === 'system') lchownSync(path, request.user.uid, request.user.gid);
      else if (there.uid !== process.getuid!()) removeFile(path);
    }
  }

  #silent(request: ServiceRequest, address: string): RasenError {
    const { err } = this.#names(request);
    const words = lastLine(err);
    return new RasenError(
      'service',
      `launchd has the job, but no gateway answers on ${address}${words === null ? '.' : `: ${words}`}`,
      {
        hint: `Its log: ${err}. Another program may listen there: rasen service install --gateway 127.0.0.1:PORT`,
      },
    );
  }

  #names(request: ServiceRequest) {
    return gatewayNamesOf(request, this.#options.root);
  }

  #job(request: ServiceRequest): JobControl {
    return new JobControl(this.#options.launchctl, request, this.#names(request));
  }
}

/** What it said last of why it ended; a hint in lines of its own may follow. */
const lastLine = (path: string): string | null =>
  (seenAt(path) ?? '')
    .split('\n')
    .findLast(line => line.startsWith('rasen: '))
    ?.slice('rasen: '.length) ?? null;
