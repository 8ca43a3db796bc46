/**
 * systemctl and loginctl for one service: in whose manager, as which user, with which environment, and what their
 * refusals mean. The other files of this folder ask through it only.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import { lastLine, type Ran, type Run, type RunOptions } from '../run.ts';
import type { ServiceRequest } from '../service.ts';
import type { SystemdFolders } from './names.ts';

export const TIMEOUTS = {
  /** TimeoutStartSec= of the unit, and some. */
  start_ms: 130_000,
  /** TimeoutStopSec= of rasend or of the attempts (90 s), and some. */
  stop_ms: 120_000,
} as const;

export interface Host {
  run: Run;
  env: NodeJS.ProcessEnv;
  /** Of this process. */
  uid: number;
  folders: SystemdFolders;
}

/** Which manager: the one that has the service, or the user's own, where attempts are. They differ with --system. */
export type Scope = 'service' | 'user';

export class Ctl {
  readonly host: Host;
  readonly request: ServiceRequest;

  constructor(host: Host, request: ServiceRequest) {
    this.host = host;
    this.request = request;
  }

  /** As a person would type it. */
  get shown(): string {
    return this.request.mode === 'user' ? 'systemctl --user' : 'systemctl';
  }

  /** The private socket of the user's manager; it is there when the manager runs. */
  get managerSocket(): string {
    return join(this.host.folders.run_user, String(this.request.user.uid), 'systemd/private');
  }

  managerRuns(): boolean {
    return existsSync(this.managerSocket);
  }

  async ask(args: readonly string[], scope: Scope = 'service', timeout_ms?: number): Promise<Ran> {
    const user = scope === 'user' || this.request.mode === 'user';
    const program = ['systemctl', ...(user ? ['--user'] : []), '--no-ask-password'];
    return await this.host.run([...program, ...args], {
      ...(user ? this.#asUser() : { env: plain(this.host.env) }),
      ...(timeout_ms ? { timeout_ms } : {}),
    });
  }

  /** Throws `service` with systemd's words. */
  async must(args: readonly string[], scope: Scope = 'service', timeout_ms?: number): Promise<string> {
    const ran = await this.ask(args, scope, timeout_ms);
    if (ran.code === 0) return ran.stdout;
    const command = [scope === 'user' ? 'systemctl --user' : this.shown, ...args].join(' ');
    throw new RasenError('service', `\`${command}\` failed: ${lastLine(ran)}.`, {
      hint: await this.#explain(ran),
      data: { command },
    });
  }

  async loginctl(args: readonly string[]): Promise<Ran> {
    return await this.host.run(['loginctl', '--no-ask-password', ...args], { env: plain(this.host.env) });
  }

  /** The last lines that the service said; empty where the journal may not be read. */
  async lastWords(unit: string, lines = 5): Promise<string[]> {
    const user = this.request.mode === 'user';
    const { code, stdout } = await this.host.run(
      [
        'journalctl',
        ...(user ? ['--user'] : []),
        '-u',
        unit,
        '-n',
        String(lines),
        '-o',
        'cat',
        '--no-pager',
        '-q',
      ],
      user ? this.#asUser() : { env: plain(this.host.env) },
    );
    return code === 0 ? stdout.split('\n').filter(line => line.trim() !== '') : [];
  }

  /** A command of the user's, with the environment of his manager. */
  async runAsUser(argv: readonly string[]): Promise<Ran> {
    return await this.host.run(argv, this.#asUser());
  }

  /**
   * XDG_RUNTIME_DIR is all that systemctl needs; cron, sudo -u and docker exec have none, su has another user's. To
   * another user nothing else of our environment goes: he can read it in /proc.
   */
  #asUser(): RunOptions {
    const { user } = this.request;
    const runtime = join(this.host.folders.run_user, String(user.uid));
    const own = this.host.uid === user.uid;
    const env = {
      ...plain(own ? this.host.env : { PATH: this.host.env.PATH }),
      HOME: user.home,
      USER: user.name,
      LOGNAME: user.name,
      XDG_RUNTIME_DIR: runtime,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus`,
    };
    return own ? { env } : { env, as: { uid: user.uid, gid: user.gid } };
  }

  async #explain(ran: Ran): Promise<string> {
    const { mode, user } = this.request;
    if (/not installed$/.test(ran.stderr)) return 'Install systemd, or use `rasen run` without a service.';
    if (/masked/i.test(ran.stderr))
      return `Allow it again: ${this.shown} unmask rasend.service rasend.socket`;
    if (/connect to .*bus|scope bus/i.test(ran.stderr))
      return mode === 'user'
        ? `Is the manager of ${user.name} running? systemctl status user@${user.uid}.service`
        : 'Is the system bus running? systemctl status dbus.service';
    return `Look: ${this.shown} status ${mode === 'user' ? 'rasend' : `rasend@${user.name}`}`;
  }
}

function plain(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, LC_ALL: 'C.UTF-8', SYSTEMD_PAGER: '', SYSTEMD_COLORS: '0', SYSTEMD_URLIFY: '0' };
}

/** 252 of `systemd 252 (252.38-1~deb12u1)`. Throws `service`. */
export function parseVersion(text: string): number {
  const version = Number(/^systemd (\d+)/.exec(text)?.[1]);
  if (version > 0) return version;
  throw new RasenError(
    'service',
    `systemctl does not tell its version: ${JSON.stringify(text.slice(0, 80))}.`,
    {
      hint: 'Try: systemctl --version',
    },
  );
}
