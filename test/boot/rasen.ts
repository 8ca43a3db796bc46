/** rasen in a machine, as one of its users has it: commands, tasks that end when they are told, and their witness. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskView } from '../../src/contract/view.ts';
import type { Ran } from './command.ts';
import { readText, until } from './host.ts';
import type { Machine, RunOptions } from './machine.ts';
import { PROBES } from './product.ts';
import type { User } from './users.ts';

/** A line that a probe wrote to /outside. */
export interface Sign {
  name: string;
  what: 'start' | 'term' | 'end';
  pid: number;
  boot: string;
  at_ms: number;
}

export class Rasen {
  readonly machine: Machine;
  readonly user: User;

  constructor(machine: Machine, user: User = 'alice') {
    this.machine = machine;
    this.user = user;
  }

  /** Any program, as this user, without a session. */
  run(command: readonly string[] | string, options: RunOptions = {}): Promise<Ran> {
    return this.machine.run(command, { user: this.user, ...options });
  }

  ok(command: readonly string[] | string, options: RunOptions = {}): Promise<string> {
    return this.machine.ok(command, { user: this.user, ...options });
  }

  rasen(...args: string[]): Promise<string> {
    return this.ok(['rasen', ...args]);
  }

  systemctl(...args: string[]): Promise<string> {
    return this.ok(['systemctl', '--user', ...args]);
  }

  /**
   * Names of the units of attempts in which something runs, sorted. With `ended` those that failed too: the manager keeps
   * them until a supervisor has asked it how they ended.
   */
  async units({ ended = false } = {}): Promise<string[]> {
    const states = ended ? '--all' : '--state=activating,active,reloading,deactivating';
    const listed = await this.systemctl('list-units', '--plain', '--no-legend', states, 'rasen-*.service');
    return listed
      .split('\n')
      .flatMap(line => line.split(' ')[0] || [])
      .sort();
  }

  /** As somebody without a session types it: the service, from nothing to an answer. */
  async install(): Promise<string> {
    return this.ok(['rasen', 'service', 'install'], { bare: true });
  }

  /** Submits work.sh (or another probe) as a task of this name, and waits until it works. */
  async works(name: string, probe = 'work.sh'): Promise<void> {
    await this.rasen('run', '--background', '--name', name, '--', `${PROBES}/${probe}`, name);
    await this.signs(name, 'start', 1);
  }

  /** Tells a task of `works` to end, with this exit status. */
  end(name: string, status: number): void {
    writeFileSync(join(this.machine.outside, `end-${name}`), `${status}\n`);
  }

  /** Waits until the witness has seen something of a task so many times, and gives all of it. */
  async signs(name: string, what: Sign['what'], times: number, timeout_ms = 180_000): Promise<Sign[]> {
    return until(
      `${name}: ${what} seen ${times} times`,
      () => {
        const signs = witness(this.machine).filter(sign => sign.name === name && sign.what === what);
        return signs.length >= times ? signs : null;
      },
      { timeout_ms },
    );
  }

  async firstStart(name: string): Promise<Sign> {
    return (await this.signs(name, 'start', 1))[0]!;
  }

  count(name: string, what: Sign['what']): number {
    return witness(this.machine).filter(sign => sign.name === name && sign.what === what).length;
  }

  async view(task: string): Promise<TaskView> {
    const answer = JSON.parse(await this.rasen('status', task, '--json'));
    // Our word; scripts get the seed's.
    return { ...answer, status: answer.state.name };
  }

  async tasks(): Promise<TaskView[]> {
    return JSON.parse(await this.rasen('list', '--json', '-n', '1000'));
  }

  /** Waits until a task is over, whatever its exit status, and gives its view. */
  async over(task: string, timeout_ms = 300_000): Promise<TaskView> {
    await this.run(['rasen', 'wait', task], { timeout_ms });
    return this.view(task);
  }

  /** Process of the supervisor, as its manager knows it. */
  async pid(): Promise<number> {
    return Number(await this.systemctl('show', '--property=MainPID', '--value', 'rasend.service'));
  }

  /** Another supervisor than `before` answers. */
  async another(before: number, timeout_ms = 180_000): Promise<number> {
    return until(
      `another supervisor than ${before}`,
      async () => {
        const now = await this.pid();
        return now > 0 && now !== before && (await this.run(['rasen', 'list'])).code === 0 ? now : null;
      },
      { timeout_ms, every_ms: 100 },
    );
  }
}

/** Everything that probes saw in a machine, in order. */
export function witness(machine: Machine): Sign[] {
  const lines = readText(join(machine.outside, 'witness')).split('\n').slice(0, -1);
  return lines.map(line => {
    const [name, what, pid, boot, at] = line.split(' ') as [string, Sign['what'], string, string, string];
    return { name, what, pid: Number(pid), boot, at_ms: Number(at) };
  });
}
