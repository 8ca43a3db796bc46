/**
 * The real claude, spoken with: what only a conversation can do, and sessions that are gone on with. Whole tasks, refusals
 * and the death of the supervisor are tested with all agents.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import type { EventOf } from '../../src/contract/event.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { taskFiles } from '../../src/store/file/layout.ts';
import { attemptFolder, until } from '../support/instance.ts';
import { SeedProject } from '../support/scripted-agent.ts';
import { ModelServer, type Turn } from './model-server.ts';

const installed = inject('agents').claude.newest;
if ('missing' in installed) test.skip(`claude is not installed: ${installed.missing}`, () => {});

let model: ModelServer;
let p: SeedProject;
/** Where the test says that a command may go on. */
let folder: string;
beforeEach(async () => {
  model = await ModelServer.start();
  folder = mkdtempSync(join(tmpdir(), 'rasen-go-'));
});
afterEach(async () => {
  await p.close();
  await model.close();
  rmSync(folder, { recursive: true });
});

/** @param through a program that is started with claude and its arguments. */
async function run(through: string[] = []): Promise<void> {
  const command = [...through, ...('missing' in installed ? [] : installed.command)];
  p = new SeedProject({
    config: {
      agent: { backend: 'claude', command },
      models: { coder: 'claude-sonnet-4-5' },
      pass_env: ['ANTHROPIC_API_KEY'],
    },
    env: { ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: model.url, CLAUDE_CODE_MAX_RETRIES: '1' },
  });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
}

const COMMIT = 'date +%N >> work.txt && git add -A && git commit -qm "the work"';
const RESULT = { path: '{result}', text: '{"status":"done","summary":"wrote work.txt"}' };
const works = (shell = COMMIT): Turn[] => [
  { say: 'I write the file.', shell },
  { say: 'Now the result.', write: RESULT },
  { say: 'All done.' },
];
/** Works when the test lets it. */
const waits = () => `touch begun.txt; until [ -e ${folder}/go ]; do sleep 0.1; done; ${COMMIT}`;
const begins: Turn = { say: 'I begin.', shell: 'touch begun.txt; until false; do sleep 1; done' };
const begun = () => p.seen('it works', v => v.worktree !== null && existsSync(join(v.worktree, 'begun.txt')));
const over = () => p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
const outcomes = (view: TaskView) => view.subtasks.find(s => s.id === 'a')!.history.map(h => h.outcome);
const tasks = () => join(p.instance.home, 'tasks');
const task = () => readdirSync(tasks())[0]!;
const output = (n: number) =>
  readFileSync(join(attemptFolder(join(tasks(), task()), 'a', n), 'output'), 'utf8');
const sessions = () =>
  readFileSync(taskFiles(tasks(), task()).journal, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .filter((e): e is EventOf<'attempt_ended'> => e.type === 'attempt_ended' && e.session)
    .map(e => e.session!);
/** Sessions that were begun: those have no results of tools in them. */
const first = () => model.requests.filter(request => request.turn === 0);

describe.skipIf('missing' in installed)('claude, spoken with', () => {
  test('a whole task: every event is known, and each result is counted once', async () => {
    model.turns = works();
    await run();
    const view = await over();
    expect([view.status, view.reason, view.verified]).toEqual(['completed', null, true]);
    expect(output(1)).toContain('"command_lifecycle"');
    expect(output(1)).not.toContain('rasen/');
    expect(sessions().map(s => [s.outcome, s.unknown, s.usage?.input_tokens])).toEqual([['ok', {}, 3000]]);
  });

  test('a note in the middle of its work is in the next request to the model', async () => {
    model.turns = works(waits());
    await run();
    await begun();
    expect(await p.ok('note', 'Use the blue one.')).toBe('Note 1: the session that works on a is told.\n');
    await until('it is told', () => output(1).includes('rasen/note_said'));
    await p.seen('it is recorded', v => v.notes.length === 0);
    expect(model.requests).toHaveLength(1);
    writeFileSync(join(folder, 'go'), '');
    const view = await over();
    expect([view.status, view.reason]).toEqual(['completed', null]);
    expect(model.requests[1]!.text).toContain('Use the blue one.');
    expect(output(1).match(/"type":"result"/g)).toHaveLength(1);
  });

  test('stopped in a tool and resumed: the same session, which knows what was done', async () => {
    model.turns = [begins, ...works()];
    await run();
    await begun();
    await p.ok('stop');
    await p.ok('note', 'Use the blue one.');
    await p.ok('resume', '--background');
    const view = await over();
    expect([view.status, view.reason]).toEqual(['completed', null]);
    expect(outcomes(view)).toEqual(['killed', 'ok']);
    expect(new Set(sessions().flatMap(s => s.ids)).size).toBe(1);
    expect(first()).toHaveLength(1);
    const again = model.requests[1]!;
    expect(again.turn).toBe(1);
    for (const words of ['# One subtask: a', 'I begin.', 'Attempt 1 was interrupted', 'Use the blue one.'])
      expect(again.text).toContain(words);
    // The first one has said that it read 1000 tokens; three more times that much after it.
    expect(view.total_input_tokens).toBe(4000);
  });

  test('a session whose transcript is gone: nothing is lost, and a new one is told what was done', async () => {
    model.turns = [begins, ...works()];
    await run();
    await begun();
    await p.ok('stop');
    rmSync(join(p.instance.folder, '.claude/projects'), { recursive: true });
    await p.ok('resume', '--background');
    const [, second] = await until('it begins anew', () => (first().length === 2 ? first() : null));
    expect(second!.text).toContain(
      'Attempt 1 was interrupted: it was stopped from outside. What it did is in',
    );
    // Its first command never ends by itself.
    await p.ok('stop');
    expect(outcomes(await p.view())).toEqual(['killed', 'session_lost', 'killed']);
    expect(sessions().map(s => s.outcome)[1]).toBe('session_lost');
  });

  test('what goes on in the background is waited for, and its end is another turn', async () => {
    const input = {
      command: 'for i in 1 2; do sleep 1; done; touch later.txt',
      run_in_background: true,
    };
    model.turns = [
      { say: 'In the background.', tool: { name: 'Bash', input: { description: 'slow', ...input } } },
      { say: 'I wait for it.' },
    ];
    await run();
    const view = await over();
    expect([view.status, view.reason]).toEqual(['completed', null]);
    expect(existsSync(join(view.worktree!, 'later.txt'))).toBe(true);
    expect(output(1).match(/"type":"result"/g)!.length).toBeGreaterThan(1);
    expect(output(1)).not.toContain('rasen/ended_by_force');
  });

  test('a version that cannot be spoken with takes the prompt as it is', async () => {
    const older = join(folder, 'older');
    const refuses = `case " $* " in *" --input-format "*) echo "error: unknown option '--permission-prompts'" >&2; exit 1;; esac`;
    writeFileSync(older, `#!/bin/sh\n${refuses}\nexec "$@"\n`, { mode: 0o755 });
    model.turns = works();
    await run([older]);
    const view = await over();
    expect([view.status, view.reason, view.verified]).toEqual(['completed', null, true]);
    expect(output(1)).toContain('{"type":"rasen/fallback"}\n');
    expect(sessions().map(s => [s.outcome, s.unknown])).toEqual([['ok', {}]]);
  });
});
