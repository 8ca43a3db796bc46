/** A launchd for tests: a folder in which fake-launchctl.py keeps jobs and really runs their programs. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class FakeLaunchd {
  /** To be run in place of /bin/launchctl. */
  readonly launchctl: string;
  readonly #folder: string;

  /** `agent`: the variables that launchd itself gives to an agent. */
  constructor(folder: string, { domains, agent }: { domains: string[]; agent: Record<string, string> }) {
    this.#folder = folder;
    this.launchctl = join(folder, 'launchctl');
    mkdirSync(folder);
    // Not what `python3` on PATH may be, a chooser of versions that takes its time.
    const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
    const script = join(import.meta.dirname, 'fake-launchctl.py');
    writeFileSync(
      this.launchctl,
      `#!/bin/sh\nexec ${python.stdout.trim()} -S '${script}' '${folder}' "$@"\n`,
    );
    chmodSync(this.launchctl, 0o755);
    this.domains(domains);
    this.#write('agent.json', agent);
  }

  domains(domains: string[]): void {
    this.#write('domains.json', domains);
  }

  /** Answers to give once, in place of doing anything. */
  faults(faults: Record<string, [number, string][]>): void {
    this.#write('faults.json', faults);
  }

  /** Jobs that are loaded are not started by that, as without a desktop. */
  lazy(): void {
    this.#write('lazy.json', true);
  }

  /** Loads a job whose process is this one: another manager's, or a second one in another domain. */
  load(target: string, path: string, pid: number): void {
    this.#write('jobs.json', { ...this.jobs(), [target]: { plist: path, pid } });
  }

  disable(label: string): void {
    this.#write('disabled.json', [label]);
  }

  disabled(): string[] {
    return this.#read('disabled.json', []);
  }

  /** Loaded jobs by target. */
  jobs(): Record<string, { plist: string; pid: number }> {
    return this.#read('jobs.json', {});
  }

  /** Verbs that change something, with their arguments, since the last time this was asked. */
  changes(): string[] {
    const file = join(this.#folder, 'calls.log');
    const calls = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    rmSync(file, { force: true });
    return calls.filter(call => !/^print/.test(call));
  }

  /** Ends what runs. */
  close(): void {
    for (const target of Object.keys(this.jobs())) spawnSync(this.launchctl, ['bootout', target]);
  }

  #read<T>(name: string, without: T): T {
    const file = join(this.#folder, name);
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : without;
  }

  #write(name: string, value: unknown): void {
    writeFileSync(join(this.#folder, name), JSON.stringify(value));
  }
}
