/** Live jobs: an output that grows beyond its cap where its old blocks cannot be freed, and a runner that is gone. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Jobs } from '../../../src/supervisor/jobs.ts';
import { until } from '../../support/runner-rig.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine } from '../engine/engine.ts';

const MIB = 1024 * 1024;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-jobs-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

it('an output that cannot be capped is a flood, of its own job alone, and its task is looked at', async () => {
  // As on a filesystem that has no holes: there is no fallocate that could make one.
  vi.stubEnv('PATH', folder);
  const changed: string[] = [];
  const jobs = new Jobs(task => changed.push(task), { info() {}, warn() {}, error() {} });
  try {
    const mark = { nonce: 'n', record_keys: null };
    const options = { mark, marker: 'm', max_bytes: MIB, silence: null, session: null, child: true };
    const small = mkdtempSync(join(folder, 'small-'));
    const large = mkdtempSync(join(folder, 'large-'));
    writeFileSync(join(small, 'output'), Buffer.alloc(MIB, 'x'));
    writeFileSync(join(large, 'output'), Buffer.alloc(4 * MIB, 'x'));
    jobs.watch('t1', small, options);
    jobs.watch('t2', large, options);
    await until('it is a flood', () => jobs.isFlood(large));
    expect(jobs.isFlood(small)).toBe(false);
    expect(changed).toEqual(['t2']);
    expect(readFileSync(join(large, 'output'))).toHaveLength(4 * MIB);
  } finally {
    jobs.close();
  }
});

it('a runner that ended without a record is looked for again: nothing else would tell of it', async () => {
  let looks = 0;
  const jobs = new Jobs(() => looks++, { info() {}, warn() {}, error() {} });
  try {
    const mark = { nonce: 'n', record_keys: null };
    jobs.watch('t', folder, { mark, marker: 'm', max_bytes: MIB, silence: null, session: null, child: true });
    jobs.exited(folder);
    await until('it is looked at once more', () => looks > 1);
  } finally {
    jobs.close();
  }
});

it('a flood is stopped, with that as the outcome, and the next attempt does the work', () => {
  const engine = new Engine(specOf({ gates: [], limits: { session_delay_seconds: 0 } }), planOf(['a']), {
    work: { a: [{ hangs: true, floods: true }, {}] },
  }).run();
  expect(engine.state.status.name).toBe('completed');
  expect(engine.state.steps.find(step => step.id === 'a')!.history.map(h => h.outcome)).toEqual([
    'flood',
    'ok',
  ]);
});
