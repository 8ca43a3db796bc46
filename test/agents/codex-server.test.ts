/**
 * The real codex, spoken with: what only a conversation can do. What holds for all agents is in matrix.ts; there codex is
 * spoken with, too.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { Event } from '../../src/contract/event.ts';
import { taskFiles } from '../../src/store/file/layout.ts';
import { attemptFolder, until } from '../support/instance.ts';
import { type RealOptions, RealProject, works } from './real-project.ts';
import { WAYS } from './ways.ts';

const installed = inject('agents').codex.newest;
if ('missing' in installed) test.skip(`codex is not installed: ${installed.missing}`, () => {});

const tasks = (p: RealProject) => join(p.instance.home, 'tasks');
const task = (p: RealProject) => readdirSync(tasks(p))[0]!;
const output = (p: RealProject, n: number) =>
  readFileSync(join(attemptFolder(join(tasks(p), task(p)), 'a', n), 'output'), 'utf8');
const sessions = (p: RealProject) =>
  readFileSync(taskFiles(tasks(p), task(p)).journal, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Event)
    .flatMap(event => (event.type === 'attempt_ended' && event.session ? [event.session] : []));
const threads = (p: RealProject) => new Set(sessions(p).flatMap(({ ids }) => ids)).size;
const begun = (p: RealProject) =>
  p.seen('it works', v => v.worktree !== null && existsSync(join(v.worktree, 'begun.txt')));
/** Hangs in a tool, and then works. */
const halves = () => [{ say: 'I begin.', shell: 'touch begun.txt; sleep 1000' }, ...works()];

describe.skipIf('missing' in installed)('codex app-server', () => {
  const project = async (options: RealOptions = {}): Promise<RealProject> => {
    const program = 'missing' in installed ? [] : installed.command;
    const p = await RealProject.make(WAYS.codex, program, options);
    onTestFinished(() => p.close());
    return p;
  };

  test('each call is counted, every event is known, and the commit is made in the linked worktree', async () => {
    const p = await project();
    await p.start();
    const view = await p.ends('completed');
    expect([view.verified, view.total_commits]).toEqual([true, 1]);
    expect(output(p, 1)).toContain('thread/tokenUsage/updated');
    expect(output(p, 1)).not.toContain('rasen/fallback');
    expect(sessions(p).map(s => [s.outcome, s.unknown, s.usage?.input_tokens])).toEqual([['ok', {}, 3000]]);
  });

  test('a limit ends at the second that is stated beside the answers, and the thread is gone on with', async () => {
    const resets = Math.ceil(Date.now() / 1000) + 8;
    const p = await project();
    p.model.failures = [
      {
        status: 429,
        body: { error: { type: 'usage_limit_reached', message: 'over the limit', plan_type: 'plus' } },
        headers: {
          'x-codex-primary-used-percent': '100',
          'x-codex-primary-window-minutes': '300',
          'x-codex-primary-reset-at': String(resets),
        },
      },
    ];
    await p.start();
    const waiting = await p.ends('waiting', 'limit');
    const said = Date.parse(waiting.subtasks.find(s => s.id === 'a')!.history[0]!.ended_at);
    const late = Date.parse(waiting.resume_at!) - Math.max(resets * 1000, said);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(5000);
    await p.seen('it is over', v => v.status === 'completed' || v.status === 'blocked');
    expect(await p.outcomes()).toEqual(['limit', 'ok']);
    expect(threads(p)).toBe(1);
  });

  test('stopped in a tool and resumed: the same thread, which knows what was done', async () => {
    const p = await project();
    p.model.turns = halves();
    await p.start();
    await begun(p);
    await p.ok('stop');
    expect(output(p, 1)).toContain('"interrupted"');
    await p.ok('resume', '--background');
    await p.ends('completed');
    expect(await p.outcomes()).toEqual(['killed', 'ok']);
    expect([threads(p), p.model.begun]).toEqual([1, 1]);
  });

  test('a note reaches the model in the middle of the turn', async () => {
    const p = await project();
    const [first, ...rest] = works();
    const go = p.beside('go');
    const shell = `touch begun.txt; until [ -e ${go} ]; do sleep 0.1; done; ${first!.shell}`;
    p.model.turns = [{ ...first!, shell }, ...rest];
    await p.start();
    await begun(p);
    await p.ok('note', 'Use the blue one.');
    await until('it is told', () => output(p, 1).includes('rasen/note_said'));
    writeFileSync(go, '');
    await p.ends('completed');
    const heard = p.model.requests.map(({ text }) => text.includes('Use the blue one.'));
    expect([heard[0], heard.at(-1)]).toEqual([false, true]);
    expect(output(p, 1).match(/"method":"turn\/completed"/g)).toHaveLength(1);
  });

  test('a version that cannot be spoken with is run by itself, and gone on with by itself', async () => {
    const refuses = `case " $* " in *" app-server "*) echo "error: unrecognized subcommand 'app-server'" >&2; exit 2;; esac; exec "$@"`;
    const p = await project({ through: ['sh', '-c', refuses, 'sh'] });
    p.model.turns = halves();
    await p.start();
    await begun(p);
    await p.ok('stop');
    await p.ok('resume', '--background');
    const view = await p.ends('completed');
    expect(view.verified).toBe(true);
    expect(await p.outcomes()).toEqual(['killed', 'ok']);
    for (const n of [1, 2]) expect(output(p, n)).toContain('{"type":"rasen/fallback"}\n');
    expect(threads(p)).toBe(1);
    expect(sessions(p).map(s => s.unknown)).toEqual([{}, {}]);
  });
});
