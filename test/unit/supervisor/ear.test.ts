/** The ear of the supervisor on outputs that grow: what is known while a session goes on, and when that matters. */
import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { ensureWorktree } from '../../../src/git/worktree.ts';
import { worktreeState } from '../../../src/git/worktree-state.ts';
import { today } from '../../../src/supervisor/day.ts';
import { Ear, LOOP_CALLS } from '../../../src/supervisor/ear.ts';
import { commitAll, makeRepo, removeFolder, write } from '../../support/git-repo.ts';

let folder: string;
let n = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-ear-'));
  n = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const output = () => join(folder, 'output');
const line = (event: object) => `${JSON.stringify(event)}\n`;
const assistant = (
  content: object[],
  id = 'm1',
  usage = { input_tokens: 100, cache_read_input_tokens: 50 },
) => line({ type: 'assistant', message: { id, content, usage } });
const call = (command: string, id = `t${++n}`) =>
  assistant([{ type: 'tool_use', id, name: 'Bash', input: { command } }], `m${n}`);
const answer = (content: string, id = `t${n}`) =>
  line({ type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: id, content }] } });
const result = line({ type: 'result', subtype: 'success', is_error: false, result: 'Done.' });

function ear(options: { metered?: boolean; tree?: () => Promise<string> } = {}): Ear {
  const conversation = AGENTS.claude(['claude']).open()!;
  const listening = { open: () => conversation, tree: null, metered: false, ...options };
  return new Ear(folder, conversation, listening);
}

it('hears what is there, and then what comes, to the half of a line', async () => {
  writeFileSync(output(), assistant([]));
  const mine = ear({ metered: true });
  expect(mine.signs).toBeNull();
  expect(await mine.listen()).toBe(true);
  expect(mine.signs).toMatchObject({ used: { tokens: 150, usd: 0 }, in_tool: false, through: false });
  expect(await mine.listen(), 'nothing new').toBe(false);
  const more = call('sleep 99');
  appendFileSync(output(), more.slice(0, 40));
  expect(await mine.listen()).toBe(false);
  appendFileSync(output(), more.slice(40));
  expect(await mine.listen()).toBe(true);
  expect(mine.signs).toMatchObject({ used: { tokens: 150, usd: 0 }, in_tool: true });
  appendFileSync(output(), answer('slept') + result);
  expect(await mine.listen()).toBe(true);
  expect(mine.signs).toMatchObject({
    in_tool: false,
    through: true,
    progress_at: statSync(output()).mtime.toISOString(),
  });
});

it('only tells of what matters: use only where somebody counts it', async () => {
  writeFileSync(output(), '');
  const [free, metered] = [ear(), ear({ metered: true })];
  expect(await free.listen(), 'the first look').toBe(true);
  await metered.listen();
  appendFileSync(output(), assistant([], 'm2'));
  expect([await free.listen(), await metered.listen()]).toEqual([false, true]);
});

it('begins behind what the cap has freed, and goes on behind what it frees', async () => {
  const first = call('one');
  writeFileSync(output(), first + call('two'));
  writeFileSync(join(folder, 'dropped'), `${first.length}\n`);
  const mine = ear({ metered: true });
  await mine.listen();
  expect(mine.signs?.used?.tokens).toBe(150);
  const size = statSync(output()).size;
  appendFileSync(output(), call('three') + call('four'));
  writeFileSync(join(folder, 'dropped'), `${size + 10}\n`);
  await mine.listen();
  expect(mine.signs?.used?.tokens, 'the torn line counts for nothing').toBe(300);
});

it('waits for an output that is not there yet, and does not mind one that is emptied', async () => {
  const mine = ear();
  expect(await mine.listen()).toBe(false);
  writeFileSync(output(), call('one'));
  expect(await mine.listen()).toBe(true);
  truncateSync(output());
  expect(await mine.listen()).toBe(false);
  expect(mine.signs).toMatchObject({ in_tool: true });
});

describe('a call that is made again and again', () => {
  let tree: string;
  const again = (times: number, command = 'npm test', said = 'red') => {
    for (let i = 0; i < times; i++) appendFileSync(output(), call(command) + answer(said));
  };
  const listening = async () => {
    const mine = ear({ tree: () => Promise.resolve(tree) });
    writeFileSync(output(), '');
    await mine.listen();
    return mine;
  };
  beforeEach(() => {
    tree = 'a';
  });

  it('with the same answer, while nothing changes, is a loop', async () => {
    const mine = await listening();
    again(2);
    await mine.listen();
    again(LOOP_CALLS - 1);
    await mine.listen();
    expect(mine.signs?.loop).toBeNull();
    again(1);
    expect(await mine.listen()).toBe(true);
    expect(mine.signs?.loop).toBe('Bash {"command":"npm test"}');
  });

  it('is none where the worktree changes meanwhile, or the answer', async () => {
    const mine = await listening();
    for (let i = 0; i < 40; i++) {
      tree = `changed ${i}`;
      again(1);
      await mine.listen();
    }
    for (let i = 0; i < 40; i++) {
      again(1, 'npm test', `red ${i}`);
      await mine.listen();
    }
    expect(mine.signs?.loop).toBeNull();
    again(LOOP_CALLS);
    await mine.listen();
    again(LOOP_CALLS);
    await mine.listen();
    expect(mine.signs?.loop).not.toBeNull();
  });

  it('is one also with other calls in between', async () => {
    const mine = await listening();
    for (let i = 0; i < 12; i++) {
      again(1);
      again(1, `echo ${i}`, `${i}`);
      await mine.listen();
    }
    expect(mine.signs?.loop).toContain('npm test');
  });

  it('is not looked for where there is no worktree to compare', async () => {
    const mine = ear();
    again(30);
    await mine.listen();
    again(30);
    await mine.listen();
    expect(mine.signs?.loop).toBeNull();
  });
});

it('a worktree has another state after a commit, a change, a change of the same length, a new file', async () => {
  const t = await makeRepo({ 'a.txt': 'one\n' });
  const request = { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' };
  const { path: repo } = await ensureWorktree(t.repo, request);
  const states = [await worktreeState(t.repo, repo), await worktreeState(t.repo, repo)];
  expect(states[0]).toBe(states[1]);
  for (const change of [
    () => write(repo, { 'a.txt': 'two\n' }),
    () => write(repo, { 'a.txt': 'six\n' }),
    () => write(repo, { 'b/c.txt': 'new\n' }),
    () => commitAll(repo),
  ]) {
    change();
    states.push(await worktreeState(t.repo, repo));
  }
  removeFolder(t.folder);
  expect(new Set(states).size).toBe(5);
});

it('a day begins and ends at midnight of this clock, also where it has 23 or 25 hours', () => {
  const since: number[] = [];
  const ended = {
    usedSince: (ms: number) => {
      since.push(ms);
      return { tokens: 100, usd: 1 };
    },
  };
  const live = { all: () => [{ used: { tokens: 20, usd: 0.5 } }, { used: null }] as never };
  const zone = process.env.TZ;
  try {
    process.env.TZ = 'Europe/Berlin';
    const hours = ['2026-03-29T10:00:00Z', '2026-10-25T10:00:00Z', '2026-11-21T23:30:00Z'].map(now => {
      const day = today(ended, live, new Date(now));
      expect(day.used).toEqual({ tokens: 120, usd: 1.5 });
      return (day.ends_at_ms - since.at(-1)!) / 3_600_000;
    });
    expect(hours).toEqual([23, 25, 24]);
    expect(new Date(since.at(-1)!).toISOString()).toBe('2026-11-21T23:00:00.000Z');
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});
