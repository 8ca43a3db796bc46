/**
 * Lives of tasks as they are on disk: one of each kind that a reader may meet. As a program it writes them, with the
 * views and states they lead to, to test/data/store: `node test/support/store-fixture.ts`. Journals of a released
 * format are never written again: a new life is added to them, and a new format has a folder of its own.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewEvent } from '../../src/contract/event.ts';
import { isTerminal } from '../../src/contract/status.ts';
import { viewOf } from '../../src/engine/view.ts';
import { FileStore } from '../../src/store/file/file-store.ts';
import { STATE_FORMAT } from '../../src/store/file/snapshot.ts';
import { planHash } from '../../src/store/plan-hash.ts';
import { FORMAT } from '../../src/version.ts';
import { planOf, type SubtaskDraft, specOf, TaskBuilder } from './task-builder.ts';

export const DATA = join(import.meta.dirname, '../data/store');
/** Supervisor and time of the views. */
export const VIEW_PID = 4242;
export const VIEW_NOW = Date.parse('2026-01-27T18:00:00Z');
export const ENV = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', GREETING: 'grüß dich' };

/** What an attempt of a task that is packed has left. */
export const OUTPUT = 'what it said\n';

const id = (n: number) => `01kfz3a00000000000000000${n}`.padEnd(26, '0');
const command = (name: string, argv: string[], needs: string[] = []) => ({
  id: name,
  do: { run: argv },
  needs,
});
const by = (op: string): Pick<Extract<NewEvent, { type: 'want_changed' }>, 'force' | 'op' | 'by'> => ({
  force: false,
  op,
  by: 'user',
});

function begun(n: number, over: Record<string, unknown>, subtasks: (SubtaskDraft | string)[]): TaskBuilder {
  const builder = new TaskBuilder(specOf({ id: id(n), ...over })).claimed();
  const plan = { ...planOf(subtasks), task: id(n), rev: 1 };
  return builder.add({ type: 'plan_frozen', plan, sha256: planHash(plan), rev: 1, source: 'file' }).started();
}

/** A git task that was planned, checked, worked on twice, and merged. */
export function completedGit(): TaskBuilder {
  const builder = begun(1, {}, ['login', { id: 'reset', needs: ['login'] }]).done('_baseline');
  builder.done('login', { claim: { summary: 'Login works', decisions: ['JWT'], input_tokens: 900 } });
  builder.done('reset').done('_final');
  const commit = builder.state.good.at(-1)!.commit;
  return builder
    .add({ type: 'task_completed', verified: true, commit })
    .add({ type: 'merge_requested', op: 'm1', into: null, squash: false })
    .add({ type: 'merged', op: 'm1', into: 'main', before: commit, commit, fast_forward: true, gates: [] });
}

/** A pipeline of commands that stopped at the second. */
export function failedPipeline(): TaskBuilder {
  const folder = { workspace: { kind: 'folder' }, gates: [], agents: {}, views: null, name: 'pipeline' };
  const lint = command('lint', ['npm', 'run', 'lint'], ['build']);
  const builder = begun(2, folder, [
    command('build', ['make']),
    lint,
    command('ship', ['make', 'ship'], ['lint']),
  ]);
  builder.done('build').begin('lint').end('lint', { outcome: 'failed', code: 2, message: 'exit status 2' });
  return builder
    .close('lint', 'failed', { reason: 'exit status 2' })
    .add({ type: 'step_failed', step: 'lint', reason: 'exit status 2' })
    .add({ type: 'step_skipped', step: 'ship', reason: 'lint failed' })
    .add({ type: 'task_failed', reason: 'lint: exit status 2', subtask: 'lint' });
}

/** An agent task with a refused and a lost attempt behind it, stopped by its user. One event is too long for a line. */
export function interruptedAgent(): TaskBuilder {
  const builder = begun(3, {}, ['login', 'reset']).done('_baseline').begin('login').end('login');
  builder.gate('login', 'clean').gate('login', 'diff');
  builder.gate('login', 'test', {
    passed: false,
    code: 1,
    log_tail: '\u0000é✗\n'.repeat(6000),
    reason: 'exit 1',
  });
  builder.close('login', 'gate_failed', { reason: 'test: exit 1' }).claimed();
  builder.begin('login').end('login', { outcome: 'lost', code: null, sealed: null });
  builder.close('login', 'lost', { reason: 'the runner is gone' });
  builder.add({ type: 'clock_jumped', ms: 90_000 }).begin('login');
  return builder
    .add({ type: 'want_changed', want: 'stop', ...by('s1') })
    .add({ type: 'attempt_stopping', step: 'login', n: 3, reason: 'user' })
    .end('login', { outcome: 'killed', code: null, claim: { learnings: ['use the fake clock'] } })
    .close('login', 'killed', { reason: 'stopped' })
    .add({ type: 'task_interrupted', by: 'user' });
}

/** An agent task that waits for its limit to be lifted. */
export function waitingForLimit(): TaskBuilder {
  const resume_at = '2026-01-27T21:00:00.000Z';
  const builder = begun(4, { gates: [], limits: { attempts: 2 } }, ['login']).begin('login');
  const claim = { status: 'limit' as const, retry_at: resume_at };
  builder.end('login', { outcome: 'limit', code: 1, claim });
  return builder
    .close('login', 'limit', { reason: 'usage limit', retry_at: resume_at, wait: 'limit' })
    .add({ type: 'task_waiting', why: 'limit', resume_at, message: 'usage limit reached' });
}

/** A task that is blocked on its second subtask, and was rolled back before the first, all in one event. */
export function rolledBack(): TaskBuilder {
  const builder = begun(5, { limits: { attempts: 1 } }, ['login', 'reset'])
    .done('_baseline')
    .done('login');
  builder.begin('reset').end('reset', { outcome: 'failed', code: 1, message: 'exit code 1' });
  const { base } = builder.state.workspace!;
  return builder
    .close('reset', 'failed', { reason: 'exit code 1' })
    .add({ type: 'step_failed', step: 'reset', reason: 'it failed once' })
    .add({ type: 'task_blocked', why: 'attempts', message: 'reset failed', subtask: 'reset' })
    .add({ type: 'rolled_back', commit: base, steps: ['login', '_final'] })
    .add({ type: 'want_changed', want: 'run', ...by('r1') });
}

/** An agent task that has handed over two others, of which one is over, and its agent was told. */
export function handedOver(): TaskBuilder {
  const [one, two] = [id(7), id(8)] as [string, string];
  const builder = begun(6, {}, ['login']).done('_baseline').begin('login');
  const note = { note: 1, text: 'it is over', by: 'rasen', to: null, op: `handed-over/${one}` } as const;
  return builder
    .add({ type: 'task_handed_over', task: one, tell: true })
    .add({ type: 'task_handed_over', task: two, tell: false })
    .add({ type: 'note_added', ...note })
    .add({ type: 'handed_over_ended', task: one, status: 'completed', tokens: 700, usd: 0.25 })
    .add({ type: 'note_told', note: 1, step: 'login', n: 1, how: 'live' });
}

/** A pipeline with a service that was started again, and with something that runs at the end. */
export function withService(): TaskBuilder {
  const folder = { workspace: { kind: 'folder' }, gates: [], agents: {}, views: null, name: 'served' };
  const builder = begun(9, folder, [
    { id: 'db', do: { keep: ['postgres'] }, service: { port: 'auto' } },
    { ...command('e2e', ['make', 'e2e'], ['db']), need_states: { db: 'ready' } },
    { ...command('clear', ['make', 'clean']), finally: true },
  ]);
  builder.begin('db').end('db', { outcome: 'failed', code: 1, message: 'ended with exit code 1' });
  builder.close('db', 'failed', { reason: 'ended with exit code 1', retry_at: '2026-01-27T16:31:00.000Z' });
  builder.begin('db').add({ type: 'service_ready', step: 'db', n: 2 }).done('e2e');
  builder.add({ type: 'attempt_stopping', step: 'db', n: 2, reason: 'done', why: 'nothing needs it' });
  builder.end('db').close('db').completed('db');
  builder.begin('clear').end('clear', { outcome: 'failed', code: 1, message: 'exit code 1' });
  return builder
    .close('clear', 'failed', { reason: 'exit code 1' })
    .add({ type: 'step_failed', step: 'clear', reason: 'exit code 1' })
    .add({ type: 'task_completed', verified: true, commit: null });
}

export const LIVES = {
  ...{ completedGit, failedPipeline, interruptedAgent, waitingForLimit, rolledBack },
  handedOver,
  withService,
};

/** Writes a life as a supervisor does: a submit, appends of a few events, a snapshot at the end. */
export async function writeLife(
  store: FileStore,
  { events, state }: TaskBuilder,
  env = ENV,
): Promise<number> {
  const first = 3;
  let { bytes } = store.submit(state.id, events.slice(0, first), env);
  for (let i = first; i < events.length; i += 4) {
    bytes = await store.append(state.id, bytes, events.slice(i, i + 4));
  }
  if (isTerminal(state.status)) await store.snapshot(state.id, { state });
  return bytes;
}

async function main(): Promise<void> {
  const home = join(DATA, `v${FORMAT}`);
  const paths = { home, tasks: join(home, 'tasks'), quarantine: join(home, 'quarantine') };
  await writeFormat(new FileStore(paths));
  const copy = mkdtempSync(join(tmpdir(), 'rasen-states-'));
  try {
    cpSync(paths.tasks, join(copy, 'tasks'), { recursive: true });
    const store = new FileStore({
      home: copy,
      tasks: join(copy, 'tasks'),
      quarantine: join(copy, 'quarantine'),
    });
    const states = Object.fromEntries(store.list().map(id => [id, store.load(id)!.state]));
    writeFileSync(join(DATA, `states.${STATE_FORMAT}.json`), `${JSON.stringify(states, null, 1)}\n`);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** Lives that are not there yet. */
async function writeFormat(store: FileStore): Promise<void> {
  const file = join(DATA, `v${FORMAT}`, 'views.json');
  const views: Record<string, unknown> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  for (const life of Object.values(LIVES)) {
    const built = life();
    if (built.state.id in views) continue;
    await writeLife(store, built);
    views[built.state.id] = viewOf(built.state, VIEW_PID, VIEW_NOW);
  }
  writeFileSync(file, `${JSON.stringify(views, null, 1)}\n`);
}

if (process.argv[1] === import.meta.filename) await main();
