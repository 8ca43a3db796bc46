/**
 * Nobody is told before it is on the disk: in a trace of the calls of a real process, every file and folder of a task is
 * synced, in order, before the line that says so.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const CHILD = join(import.meta.dirname, '../../support/store-child.ts');
const STRACE = spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true']).status === 0;

/** What the child did, in order: `sync events.jsonl`, `write plan.1.json`, `rename`, `said`; a dot is a folder. */
function traced(what: string): string[] {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'rasen-trace-')));
  try {
    const trace = join(home, 'trace');
    const calls = 'trace=fsync,fdatasync,pwrite64,write,?rename,?renameat,?renameat2';
    const args = [
      '-f',
      '--seccomp-bpf',
      '-y',
      '-o',
      trace,
      '-e',
      calls,
      process.execPath,
      CHILD,
      home,
      what,
      '2',
    ];
    expect(spawnSync('strace', args, { encoding: 'utf8' }).stdout).toContain('end\n');
    return readFileSync(trace, 'utf8')
      .split('\n')
      .flatMap(line => stepOf(line, home) ?? []);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function stepOf(line: string, home: string): string | null {
  const [, call = '', first = ''] = /^\d+ +(\w+)\(([^)]*)/.exec(line) ?? [];
  // A call of another thread may be begun in one line and ended in a later one; what counts is its end.
  if (call === 'write' && first.startsWith('1<')) return 'said';
  if (call.startsWith('rename')) return first.includes(home) ? 'rename' : null;
  const path = /^\d+<(.*?)>/.exec(first)?.[1];
  if (!path?.startsWith(home)) return null;
  const name = path.slice(home.length + 1).replace(/^tasks\/(\.new-)?[0-9a-z]{26}/, 'task');
  return `${call === 'pwrite64' || call === 'write' ? 'write' : 'sync'} ${name || '.'}`;
}

test.skipIf(!STRACE)(
  'a submit and an append are said only after their syncs (skipped without strace)',
  () => {
    const steps = traced('append');
    const said = steps.flatMap((step, i) => (step === 'said' ? [i] : []));
    const submit = steps.slice(0, said[0]);
    expect(submit.slice(submit.indexOf('write task/env.json'))).toEqual([
      'write task/env.json',
      'sync task/env.json',
      'write task/spec.json',
      'sync task/spec.json',
      'write task/plan.1.json',
      'sync task/plan.1.json',
      'write task/events.jsonl',
      'sync task/events.jsonl',
      'sync task',
      'rename',
      'sync tasks',
      // The key, whose folder is new, and then the answer.
      'sync .',
      'sync keys',
      // Not synced: it may be behind, never ahead.
      'write heads',
    ]);
    const withPlan = steps.slice(said[0]! + 1, said[1]);
    expect(withPlan).toEqual([
      'write task/plan.2.json',
      'sync task/plan.2.json',
      'sync task',
      'write task/events.jsonl',
      'sync task/events.jsonl',
      'write heads',
    ]);
    expect(steps.slice(said[1]! + 1, said[2])).toEqual([
      'write task/events.jsonl',
      'sync task/events.jsonl',
      'write heads',
    ]);
    expect(submit.slice(0, 3)).toEqual(['sync tasks', 'sync .', expect.any(String)]);
  },
);

test.skipIf(!STRACE)(
  'a snapshot is synced before its rename, and its folder after (skipped without strace)',
  () => {
    const steps = traced('snapshot');
    const last = steps.slice(steps.lastIndexOf('write task/events.jsonl'));
    const snapshots = last.filter(step => step !== 'said').map(step => step.replace(/\.\d+$/, '.tmp'));
    expect(snapshots.slice(-5)).toEqual([
      // The generation before gets its name, …
      'rename',
      'write task/task.json.tmp',
      'sync task/task.json.tmp',
      'rename',
      'sync task',
    ]);
  },
);
