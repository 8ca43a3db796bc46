/**
 * Real attempts for tests of src/runner: own directories, the real runner.sh, and a check at the end that no process of
 * any of them is left.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AttemptFacts,
  type AttemptSpec,
  attemptMarker,
  readAttempt,
  writeAttempt,
} from '../../src/runner/attempt-dir.ts';
import { group, groupCage } from '../../src/runner/cage/group.ts';
import { type Identity, isAlive } from '../../src/runner/identity.ts';
import { findMembers } from '../../src/runner/members.ts';
import { type StopOptions, stopAttempt } from '../../src/runner/stop.ts';

export const RUNNER_SCRIPT = new URL('../../src/runner/runner.sh', import.meta.url).pathname;

const WAIT_MS_MAX = 30_000;

export interface Attempt {
  dir: string;
  spec: AttemptSpec;
  marker: string;
}

/** Polls until the condition gives something; fails with what was waited for. */
export async function until<T>(what: string, condition: () => T | null | undefined | false): Promise<T> {
  const end = performance.now() + WAIT_MS_MAX;
  for (;;) {
    const value = condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${WAIT_MS_MAX} ms for ${what}`);
    await sleep(5);
  }
}

/** No limit of resources. */
export const NO_LIMITS = {
  memory_max_bytes: null,
  cpu_max_percent: null,
  tasks_max: null,
  runtime_max_seconds: null,
} as const;

export class RunnerRig {
  readonly root = mkdtempSync(join(tmpdir(), 'rasen-runner-'));
  readonly cage = groupCage(RUNNER_SCRIPT);
  readonly #attempts: Attempt[] = [];

  /** An attempt that is written, not started. */
  async make(
    argv: string[],
    more: Partial<AttemptSpec> & { prompt?: string } = {},
    name = 'attempt',
  ): Promise<Attempt> {
    const number = this.#attempts.length + 1;
    const { prompt, ...over } = more;
    const spec: AttemptSpec = {
      version: 1,
      task: '01kaaaaaaaaaaaaaaaaaaaaaaa',
      subtask: name,
      attempt: number,
      epoch: 1,
      nonce: `${process.pid}-${performance.now()}`,
      argv,
      cwd: this.root,
      umask: '022',
      stdin: 'null',
      env_ref: '../../env',
      output_max_bytes: 1024 * 1024,
      ...over,
    };
    const attempt = { dir: join(this.root, name, String(number)), spec, marker: attemptMarker(spec) };
    this.#attempts.push(attempt);
    await writeAttempt(attempt.dir, spec, { prompt });
    return attempt;
  }

  start(attempt: Attempt, env: Record<string, string> = {}, onExit: () => void = () => {}): Promise<void> {
    return this.cage.start(attempt.dir, { PATH: process.env.PATH!, ...env }, { limits: NO_LIMITS, onExit });
  }

  /** Starts a new attempt and waits for its end. */
  async run(argv: string[], more: Partial<AttemptSpec> & { prompt?: string } = {}, env = {}) {
    const attempt = await this.make(argv, more);
    await this.start(attempt, env);
    return { ...attempt, facts: await this.ended(attempt) };
  }

  ended({ dir }: Attempt): Promise<AttemptFacts & { exit: NonNullable<AttemptFacts['exit']> }> {
    return until(`the end of ${dir}`, () => {
      const facts = readAttempt(dir);
      return facts.exit && { ...facts, exit: facts.exit };
    });
  }

  identity({ dir }: Attempt): Promise<Identity> {
    return until(`the runner of ${dir}`, () => readAttempt(dir).identity);
  }

  members(attempt: Attempt) {
    const { identity, exit } = readAttempt(attempt.dir);
    return group.members({ marker: attempt.marker, identity, up: exit?.up });
  }

  stop(attempt: Attempt, options: Partial<StopOptions> = {}): Promise<'empty'> {
    return stopAttempt(attempt.dir, attempt.marker, { grace_ms: 20_000, ...options });
  }

  /** Ends and removes everything; throws when the test had left something alive. */
  async close(): Promise<void> {
    const left: string[] = [];
    for (const attempt of this.#attempts) {
      const { identity } = readAttempt(attempt.dir);
      // A runner whose record is there may still be on its way out.
      if (identity)
        await until(
          `the runner of ${attempt.dir} to end`,
          () => !isAlive(identity) || this.members(attempt)[0],
        );
      const members = findMembers([{ marker: attempt.marker, identity }]).get(attempt.marker)!;
      if (members.length > 0) left.push(`${attempt.spec.argv.join(' ')}: ${members.map(m => m.pid)}`);
      if (members.length > 0 || (identity && isAlive(identity))) await this.stop(attempt, { grace_ms: 0 });
    }
    rmSync(this.root, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`processes were left alive:\n${left.join('\n')}`);
  }
}
