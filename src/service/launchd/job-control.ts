/**
 * One job in launchd: where it is loaded, and the verbs on it. Each verb is repeatable and returns only when launchd is
 * done with it. Used by launchd.ts, which owns the files and the order of things.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RasenError } from '../../contract/errors.ts';
import type { ServiceRequest } from '../service.ts';
import { CODE, explained, type Launchctl, type Loaded, parseDisabled, parsePrint } from './launchctl.ts';

/** Longest wait for a job to be gone: ExitTimeOut, after which launchd kills, and some. */
const GONE_MS = 45_000;
const POLL_MS = 50;
/** Longest time for which launchd is seen to refuse a job that it has just unloaded, and how often it is asked. */
const BUSY_MS = 10_000;
const BUSY_POLL_MS = 250;

export interface LoadedIn extends Loaded {
  domain: string;
}

export class JobControl {
  readonly #launchctl: Launchctl;
  readonly #label: string;
  readonly #plist: string;
  /** Where the job can be. A user has two domains with a set of jobs each: of the desktop, and of everything else. */
  readonly #domains: readonly string[];
  /** Where it was unloaded by us. */
  readonly #unloaded = new Set<string>();

  constructor(
    launchctl: Launchctl,
    request: ServiceRequest,
    { label, plist }: { label: string; plist: string },
  ) {
    this.#launchctl = launchctl;
    this.#label = label;
    this.#plist = plist;
    const { uid } = request.user;
    this.#domains = request.mode === 'system' ? ['system'] : [`gui/${uid}`, `user/${uid}`];
  }

  /** Everywhere it is loaded: first where it runs, then in the order of places that it belongs to. */
  async loaded(): Promise<LoadedIn[]> {
    const found: LoadedIn[] = [];
    for (const domain of this.#domains) {
      const ran = await this.#launchctl('print', this.#target(domain));
      if (ran.code === 0) found.push({ domain, ...parsePrint(ran.stdout) });
    }
    return found.sort((a, b) => Number(b.pid !== null) - Number(a.pid !== null));
  }

  /** Where it belongs: the desktop's domain when there is one, since only that one may show dialogs and open keychains. */
  async home(): Promise<string> {
    const last = this.#domains.at(-1)!;
    for (const domain of this.#domains)
      if (domain === last || (await this.#launchctl('print', domain)).code === 0) return domain;
    return last;
  }

  /** Takes back a `launchctl disable`, which outlives the job and its file. */
  enable(domain: string): Promise<void> {
    return this.#done('enable', domain, ['enable', this.#target(domain)]);
  }

  /**
   * Loads the file; the job starts at once (RunAtLoad). For a while after a job was unloaded launchd refuses to load it
   * again, with error 5 or 37, although it is gone for `print`.
   */
  async bootstrap(domain: string): Promise<void> {
    const args = ['bootstrap', domain, this.#plist];
    for (const end = performance.now() + BUSY_MS; ; await sleep(BUSY_POLL_MS)) {
      const ran = await this.#launchctl(...args);
      if (ran.code === 0) return;
      const busy = ran.code === CODE.io || ran.code === CODE.already || ran.code === CODE.in_progress;
      if (!busy || !this.#unloaded.has(domain) || performance.now() > end)
        throw explained('bootstrap', ran, { target: this.#target(domain), plist: this.#plist });
    }
  }

  /** Starts a job that is loaded and was never started, as it happens where nobody has a desktop. */
  spawn(domain: string): Promise<void> {
    return this.#done('kickstart', domain, ['kickstart', this.#target(domain)]);
  }

  /** Ends what runs and starts it again; never unloads, so it cannot end without the job. */
  kickstart(domain: string): Promise<void> {
    return this.#done('kickstart', domain, ['kickstart', '-k', this.#target(domain)]);
  }

  /** Unloads the job and waits until it is gone: a bootstrap in between would be refused. */
  async bootout(domain: string): Promise<void> {
    const target = this.#target(domain);
    const fine = [CODE.no_such_process, CODE.no_service, CODE.in_progress];
    this.#unloaded.add(domain);
    await this.#done('bootout', domain, ['bootout', target], fine);
    for (const end = performance.now() + GONE_MS; ; ) {
      if ((await this.#launchctl('print', target)).code !== 0) return;
      if (performance.now() > end)
        throw new RasenError(
          'service',
          `${target} is still there ${GONE_MS / 1000} s after it was unloaded.`,
          {
            hint: `Look at: launchctl print ${target}.`,
          },
        );
      await sleep(POLL_MS);
    }
  }

  async disabled(): Promise<boolean> {
    const ran = await this.#launchctl('print-disabled', this.#domains.at(-1)!);
    return ran.code === 0 && parseDisabled(ran.stdout, this.#label);
  }

  #target(domain: string): string {
    return `${domain}/${this.#label}`;
  }

  async #done(verb: string, domain: string, args: string[], fine: readonly number[] = []): Promise<void> {
    const ran = await this.#launchctl(...args);
    if (ran.code === 0 || fine.includes(ran.code)) return;
    throw explained(verb, ran, { target: this.#target(domain), plist: this.#plist });
  }
}
