/**
 * Real attempts for tests of src/runner: own directories, the real runner.sh, and a check at the end that no process of
 * any of them is left.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
import { runnerText } from '../../src/runner/order.ts';
import { RecordKeys } from '../../src/runner/record-key.ts';
import type { RunnerMark } from '../../src/runner/records.ts';
import { type StopOptions, stopAttempt } from '../../src/runner/stop.ts';

export const SCRIPTS = new URL('../../src/runner', import.meta.url).pathname;
export const RUNNER_TEXT = runnerText(readFileSync(join(SCRIPTS, 'runner.sh'), 'utf8'));

const WAIT_MS_MAX = 90_000;

export interface Attempt {
  dir: string;
  spec: AttemptSpec;
  marker: string;
  mark: RunnerMark;
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
  readonly cage = groupCage(RUNNER_TEXT);
  readonly keys = new RecordKeys();
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
    const mark = { nonce: spec.nonce, record_keys: [this.keys.of(spec.nonce).commitment] };
    const attempt = { dir: join(this.root, name, String(number)), spec, marker: attemptMarker(spec), mark };
    this.#attempts.push(attempt);
    await writeAttempt(attempt.dir, spec, { prompt });
    return attempt;
  }

  start(attempt: Attempt, env: Record<string, string> = {}, onExit: () => void = () => {}): Promise<void> {
    const options = { ...this.order(attempt), limits: NO_LIMITS, onExit };
    return this.cage.start(attempt.dir, { PATH: process.env.PATH!, ...env }, options);
  }

  /** What its runner is told. */
  order({ spec }: Attempt, root: string | null = null) {
    return { spec, root, key: this.keys.of(spec.nonce) };
  }

  facts({ dir, mark }: Attempt): AttemptFacts {
    return readAttempt(dir, mark);
  }

  /** Starts a new attempt and waits for its end. */
  async run(argv: string[], more: Partial<AttemptSpec> & { prompt?: string } = {}, env = {}) {
    const attempt = await this.make(argv, more);
    await this.start(attempt, env);
    return { ...attempt, facts: await this.ended(attempt) };
  }

  ended(attempt: Attempt): Promise<AttemptFacts & { exit: NonNullable<AttemptFacts['exit']> }> {
    return until(`the end of ${attempt.dir}`, () => {
      const facts = this.facts(attempt);
      return facts.exit && { ...facts, exit: facts.exit };
    });
  }

  identity(attempt: Attempt): Promise<Identity> {
    return until(`the runner of ${attempt.dir}`, () => this.facts(attempt).identity);
  }

  members(attempt: Attempt) {
    const { identity, exit } = this.facts(attempt);
    return group.members({ marker: attempt.marker, identity, up: exit?.up });
  }

  stop(attempt: Attempt, options: Partial<StopOptions> = {}): Promise<'empty'> {
    return stopAttempt(attempt.dir, attempt.marker, { mark: attempt.mark, grace_ms: 20_000, ...options });
  }

  /** Ends and removes everything; throws when the test had left something alive. */
  async close(): Promise<void> {
    const left: string[] = [];
    for (const attempt of this.#attempts) {
      const { identity } = this.facts(attempt);
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
